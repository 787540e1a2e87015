//! Pages of an LMDB file, data version 1, as a machine with 64 bits writes them in its own order of octets.

use std::cmp::Ordering;

use crate::tables::indexed::NoAnswer;

/// How long the head of every page is, in octets.
pub(super) const HEADER: usize = 16;
/// How long what is read of a meta page is.
pub(super) const META: usize = 152;

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;
/// Bits of a page's kind.
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const OVERFLOW: u16 = 0x04;
const META_PAGE: u16 = 0x08;
/// Leaves that hold keys only; postmap makes none.
const LEAF2: u16 = 0x20;
/// Bits of an entry's kind: its value has pages of its own; it is a table, or several values.
const BIG: u16 = 0x01;
const NOT_PLAIN: u16 = 0x06;
/// How long the head of an entry is.
const NODE: usize = 8;
/// The root of an empty tree.
const NO_PAGE: u64 = u64::MAX;

fn number<const N: usize>(octets: &[u8], at: usize) -> Option<[u8; N]> {
    octets.get(at..)?.first_chunk().copied()
}

fn short(octets: &[u8], at: usize) -> Option<u16> {
    number(octets, at).map(u16::from_ne_bytes)
}

fn word(octets: &[u8], at: usize) -> Option<u32> {
    number(octets, at).map(u32::from_ne_bytes)
}

fn long(octets: &[u8], at: usize) -> Option<u64> {
    number(octets, at).map(u64::from_ne_bytes)
}

/// Where the tree begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) page_size: u64,
    /// `None` when the tree is empty.
    pub(super) root: Option<u64>,
    /// Counts what was written.
    pub(super) transaction: u64,
}

impl Meta {
    /// The first octets of a meta page; `None` if it is none, or of a tree whose keys are ordered otherwise.
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let is_meta = short(octets, 10)? & META_PAGE != 0;
        if !is_meta || word(octets, 16)? != MAGIC || word(octets, 20)? != VERSION {
            return None;
        }
        // Two tables are described from octet 40 on, 48 octets each: free pages, whose first field is the size of a
        // page, and the entries.
        let page_size =
            word(octets, 40).filter(|size| size.is_power_of_two() && (512..=65536).contains(size))?;
        let (flags, root) = (short(octets, 92)?, long(octets, 128)?);
        let transaction = long(octets, 144)?;
        (flags == 0).then_some(Self {
            page_size: page_size.into(),
            root: Some(root).filter(|root| *root != NO_PAGE),
            transaction,
        })
    }
}

/// What a leaf has for a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'p> {
    Here(&'p [u8]),
    /// In pages of its own, from this one on.
    Pages {
        first: u64,
        length: u32,
    },
}

/// A page of the tree.
#[derive(Debug)]
pub(super) struct Page {
    octets: Vec<u8>,
    kind: u16,
    entries: usize,
}

/// An entry of a page.
struct Node<'p> {
    /// In a leaf the value's length, in a branch a part of a page's number.
    low: u32,
    /// In a leaf the kind, in a branch the rest of the number.
    flags: u16,
    key: &'p [u8],
    /// What follows the key.
    rest: &'p [u8],
}

impl Page {
    pub(super) fn read(octets: Vec<u8>, own_number: u64) -> Result<Self, NoAnswer> {
        let head = || Some((long(&octets, 0)?, short(&octets, 10)?, short(&octets, 12)?));
        let (number, kind, lower) = head().ok_or(NoAnswer::Damaged("half a page"))?;
        if number != own_number || kind & (BRANCH | LEAF) == 0 || kind & LEAF2 != 0 {
            return Err(NoAnswer::Damaged("a page of the tree is not where it should be"));
        }
        let entries = usize::from(lower).saturating_sub(HEADER) / 2;
        Ok(Self { octets, kind, entries })
    }

    pub(super) fn is_overflow(octets: &[u8], own_number: u64) -> bool {
        long(octets, 0) == Some(own_number) && short(octets, 10).is_some_and(|kind| kind & OVERFLOW != 0)
    }

    pub(super) fn is_branch(&self) -> bool {
        self.kind & BRANCH != 0
    }

    fn node(&self, entry: usize) -> Result<Node<'_>, NoAnswer> {
        let read = || {
            let octets = self.octets.get(usize::from(short(&self.octets, HEADER + 2 * entry)?)..)?;
            let (low, high) = (short(octets, 0)?, short(octets, 2)?);
            let key_length = usize::from(short(octets, 6)?);
            let (key, rest) = octets.get(NODE..)?.split_at_checked(key_length)?;
            Some(Node { low: u32::from(low) | u32::from(high) << 16, flags: short(octets, 4)?, key, rest })
        };
        read().ok_or(NoAnswer::Damaged("an entry lies outside of its page"))
    }

    /// The page below in which the key would be. The first entry stands for all that is less than the second.
    pub(super) fn child(&self, key: &[u8]) -> Result<u64, NoAnswer> {
        let (mut from, mut to) = (1, self.entries);
        while from < to {
            let middle = from.midpoint(to);
            if self.node(middle)?.key <= key { from = middle + 1 } else { to = middle }
        }
        let node = self.node(from - 1)?;
        Ok(u64::from(node.low) | u64::from(node.flags) << 32)
    }

    /// What a leaf has for the key.
    pub(super) fn find(&self, key: &[u8]) -> Result<Option<Value<'_>>, NoAnswer> {
        let (mut from, mut to) = (0, self.entries);
        while from < to {
            let middle = from.midpoint(to);
            let node = self.node(middle)?;
            match node.key.cmp(key) {
                Ordering::Less => from = middle + 1,
                Ordering::Greater => to = middle,
                Ordering::Equal => return node.value().map(Some),
            }
        }
        Ok(None)
    }
}

impl<'p> Node<'p> {
    fn value(&self) -> Result<Value<'p>, NoAnswer> {
        if self.flags & NOT_PLAIN != 0 {
            return Err(NoAnswer::Damaged("an entry that is not a plain value"));
        }
        let value = if self.flags & BIG != 0 {
            long(self.rest, 0).map(|first| Value::Pages { first, length: self.low })
        } else {
            usize::try_from(self.low).ok().and_then(|length| self.rest.get(..length)).map(Value::Here)
        };
        value.ok_or(NoAnswer::Damaged("a value lies outside of its page"))
    }
}
