//! Pages of a Berkeley DB file, and what stands in them.

use super::meta::Order;
use crate::tables::indexed::NoAnswer;

/// How long the head of every page is, in octets.
const HEAD: usize = 26;

/// What is in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing yet: the file was made longer than it needs to be.
    Unused,
    /// Keys and values with one bucket of hashes, in no order that matters here.
    Bucket,
    /// Keys, and where those are that are not less.
    Branch,
    /// Keys in order and their values.
    Leaf,
    /// A part of a long key or value.
    Long,
}

/// A key or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'p> {
    Here(&'p [u8]),
    /// In pages of its own, from this one on.
    Pages {
        first: u32,
        length: u32,
    },
}

#[derive(Debug)]
pub(super) struct Page {
    octets: Vec<u8>,
    order: Order,
    pub(super) kind: Kind,
    /// Keys and values count one each.
    entries: u16,
    /// The page that goes on where this one ends; 0 if none does.
    pub(super) next: u32,
    /// Of a part of something long.
    free: u16,
}

/// A bit in the kind of a tree's entry.
const REMOVED: u8 = 0x80;
const OUTSIDE: NoAnswer = NoAnswer::Damaged("an entry lies outside of its page");
const NOT_PLAIN: NoAnswer = NoAnswer::Damaged("an entry that is not a plain key or value");

impl Page {
    pub(super) fn read(octets: Vec<u8>, order: Order, own_number: u32) -> Result<Self, NoAnswer> {
        let head = || {
            let (number, next) = (order.word(&octets, 8)?, order.word(&octets, 16)?);
            Some((number, next, order.short(&octets, 20)?, order.short(&octets, 22)?, *octets.get(25)?))
        };
        let (number, next, entries, free, kind) = head().ok_or(NoAnswer::Damaged("half a page"))?;
        let kind = match kind {
            0 if entries == 0 && next == 0 => Kind::Unused,
            2 | 13 => Kind::Bucket,
            3 => Kind::Branch,
            5 => Kind::Leaf,
            7 => Kind::Long,
            _ => return Err(NoAnswer::Damaged("a page of no kind that belongs there")),
        };
        if number != own_number && !(kind == Kind::Unused && number == 0) {
            return Err(NoAnswer::Damaged("a page is not where it should be"));
        }
        Ok(Self { octets, order, kind, entries, next, free })
    }

    /// How many keys have a value in it.
    pub(super) fn pairs(&self) -> usize {
        usize::from(self.entries / 2)
    }

    /// Of a branch, whose entries are keys only.
    pub(super) fn branches(&self) -> usize {
        usize::from(self.entries)
    }

    /// Where an entry begins.
    fn place(&self, entry: usize) -> Result<usize, NoAnswer> {
        self.order.short(&self.octets, HEAD + 2 * entry).map(usize::from).ok_or(OUTSIDE)
    }

    /// An entry of a bucket. Each ends where the one before begins.
    pub(super) fn in_bucket(&self, entry: usize) -> Result<Item<'_>, NoAnswer> {
        let end = match entry.checked_sub(1) {
            Some(before) => self.place(before)?,
            None => self.octets.len(),
        };
        let octets = self.octets.get(self.place(entry)?..end).ok_or(OUTSIDE)?;
        match octets.split_first() {
            Some((1, item)) => Ok(Item::Here(item)),
            Some((3, _)) => self.pages(octets),
            Some(_) => Err(NOT_PLAIN),
            None => Err(OUTSIDE),
        }
    }

    /// An entry of a leaf, of one that was removed too.
    pub(super) fn in_leaf(&self, entry: usize) -> Result<Item<'_>, NoAnswer> {
        let octets = self.octets.get(self.place(entry)?..).ok_or(OUTSIDE)?;
        self.item(octets, 3)
    }

    /// Whether an entry of a leaf was removed, and its place is not used again yet.
    pub(super) fn is_removed(&self, entry: usize) -> Result<bool, NoAnswer> {
        let kind = self.octets.get(self.place(entry)? + 2).ok_or(OUTSIDE)?;
        Ok(kind & REMOVED != 0)
    }

    /// An entry of a branch: a key, and the page with those that are not less.
    pub(super) fn in_branch(&self, entry: usize) -> Result<(Item<'_>, u32), NoAnswer> {
        let octets = self.octets.get(self.place(entry)?..).ok_or(OUTSIDE)?;
        let page = self.order.word(octets, 4).ok_or(OUTSIDE)?;
        Ok((self.item(octets, 12)?, page))
    }

    /// What a tree's entry has behind a head of this length. In the head its length comes first and then its kind.
    fn item<'p>(&self, octets: &'p [u8], head: usize) -> Result<Item<'p>, NoAnswer> {
        let length = usize::from(self.order.short(octets, 0).ok_or(OUTSIDE)?);
        match (octets.get(2).ok_or(OUTSIDE)? & !REMOVED, head) {
            (1, _) => octets.get(head..head + length).map(Item::Here).ok_or(OUTSIDE),
            // In a leaf the whole entry.
            (3, 3) => self.pages(octets),
            (3, _) => self.pages(octets.get(head..).ok_or(OUTSIDE)?),
            _ => Err(NOT_PLAIN),
        }
    }

    fn pages<'p>(&self, octets: &[u8]) -> Result<Item<'p>, NoAnswer> {
        let (first, length) = (self.order.word(octets, 4), self.order.word(octets, 8));
        Ok(Item::Pages { first: first.ok_or(OUTSIDE)?, length: length.ok_or(OUTSIDE)? })
    }

    /// A part of something long, which is never empty.
    pub(super) fn part(&self) -> Result<&[u8], NoAnswer> {
        let part = self.octets.get(HEAD..).and_then(|rest| rest.get(..usize::from(self.free)));
        part.filter(|part| !part.is_empty()).ok_or(OUTSIDE)
    }
}
