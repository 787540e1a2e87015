//! Looks a key up in the file of a Berkeley DB database, with pread(2), and reads no more pages than lead to it.

use std::cmp::Ordering;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::meta::{Buckets, Format, META, Meta, Start};
use super::page::{Item, Kind, Page};
use crate::tables::indexed::{Index, LONGEST_VALUE, NoAnswer, first};
use crate::tables::locked::{Lock, locked};
use crate::tables::opener::IndexFile;

/// How many pages are read for one key: the longest value has 2200 of the shortest. Pages that lead back to each other
/// come to their end with it.
const MOST_PAGES: u32 = 10_000;

/// A database. Nothing of it is kept: postmap writes the same file again.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) file: Arc<IndexFile>,
    pub(super) format: Format,
}

impl Database {
    /// Whether it can be read. Errors other than of reading and locking: it is not understood.
    pub(super) fn check(&self) -> Result<(), NoAnswer> {
        locked(&self.file, Lock::Flock, || self.meta()).map(drop)
    }

    fn meta(&self) -> Result<Meta, NoAnswer> {
        let mut octets = [0; META];
        read(&self.file, &mut octets, 0)?;
        let meta = Meta::read(&octets, self.format).map_err(NoAnswer::Damaged)?;
        if self.file.metadata()?.len() < meta.length() {
            return Err(NoAnswer::Damaged("it is cut off"));
        }
        Ok(meta)
    }
}

impl Index for Database {
    fn get(&self, keys: [&[u8]; 2]) -> Result<Option<Vec<u8>>, NoAnswer> {
        locked(&self.file, Lock::Flock, || {
            let meta = self.meta()?;
            first(keys, |key| {
                let mut search = Search { file: &self.file, meta: &meta, left: MOST_PAGES };
                match &meta.start {
                    Start::Buckets(buckets) => search.buckets(buckets, key),
                    Start::Root(root) => search.tree(*root, key),
                }
            })
        })
    }
}

fn read(file: &File, octets: &mut [u8], at: u64) -> Result<(), NoAnswer> {
    file.read_exact_at(octets, at).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => NoAnswer::Damaged("it is cut off"),
        _ => error.into(),
    })
}

/// For one key.
struct Search<'d> {
    file: &'d File,
    meta: &'d Meta,
    /// How many pages may still be read.
    left: u32,
}

impl Search<'_> {
    fn buckets(&mut self, buckets: &Buckets, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        let number = buckets.page(key).ok_or(NoAnswer::Damaged("a bucket without a page"))?;
        let mut page = self.page(number)?;
        if page.kind == Kind::Unused {
            return Ok(None);
        }
        loop {
            page = of_kind(page, Kind::Bucket)?;
            for pair in 0..page.pairs() {
                if self.is_key(page.in_bucket(2 * pair)?, key)? {
                    return self.value(page.in_bucket(2 * pair + 1)?).map(Some);
                }
            }
            if page.next == 0 {
                return Ok(None);
            }
            page = self.page(page.next)?;
        }
    }

    fn tree(&mut self, root: u32, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        let mut page = self.page(root)?;
        while page.kind == Kind::Branch {
            let below = self.child(&page, key)?;
            page = self.page(below)?;
        }
        let page = of_kind(page, Kind::Leaf)?;
        let (mut from, mut to) = (0, page.pairs());
        while from < to {
            let middle = from.midpoint(to);
            match self.compare(page.in_leaf(2 * middle)?, key)? {
                Ordering::Less => from = middle + 1,
                Ordering::Greater => to = middle,
                Ordering::Equal if page.is_removed(2 * middle + 1)? => return Ok(None),
                Ordering::Equal => return self.value(page.in_leaf(2 * middle + 1)?).map(Some),
            }
        }
        Ok(None)
    }

    /// The page below in which the key would be. The first entry stands for all that is less than the second.
    fn child(&mut self, page: &Page, key: &[u8]) -> Result<u32, NoAnswer> {
        let (mut from, mut to) = (1, page.branches());
        while from < to {
            let middle = from.midpoint(to);
            if self.compare(page.in_branch(middle)?.0, key)?.is_le() {
                from = middle + 1
            } else {
                to = middle
            }
        }
        page.in_branch(from - 1).map(|(_, child)| child)
    }

    /// Sooner than by comparing them: most are not even as long.
    fn is_key(&mut self, item: Item<'_>, key: &[u8]) -> Result<bool, NoAnswer> {
        match item {
            Item::Here(octets) => Ok(octets == key),
            Item::Pages { length, .. } if usize::try_from(length) != Ok(key.len()) => Ok(false),
            Item::Pages { first, .. } => Ok(self.long(first, key.len())? == key),
        }
    }

    fn compare(&mut self, item: Item<'_>, key: &[u8]) -> Result<Ordering, NoAnswer> {
        match item {
            Item::Here(octets) => Ok(octets.cmp(key)),
            Item::Pages { first, length } => {
                // What comes behind does not change the order.
                let enough = usize::try_from(length).unwrap_or(usize::MAX).min(key.len() + 1);
                Ok(self.long(first, enough)?.as_slice().cmp(key))
            }
        }
    }

    fn value(&mut self, item: Item<'_>) -> Result<Vec<u8>, NoAnswer> {
        match item {
            Item::Here(octets) => Ok(octets.to_vec()),
            Item::Pages { first, length } => {
                let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_VALUE);
                self.long(first, length.ok_or(NoAnswer::LongValue)?)
            }
        }
    }

    /// The first octets of what has pages of its own.
    fn long(&mut self, first: u32, length: usize) -> Result<Vec<u8>, NoAnswer> {
        let (mut octets, mut number) = (Vec::with_capacity(length), first);
        while octets.len() < length {
            let page = of_kind(self.page(number)?, Kind::Long)?;
            octets.extend_from_slice(page.part()?);
            number = page.next;
        }
        octets.truncate(length);
        Ok(octets)
    }

    fn page(&mut self, number: u32) -> Result<Page, NoAnswer> {
        self.left = self.left.checked_sub(1).ok_or(NoAnswer::Damaged("too many pages for one key"))?;
        if number > self.meta.last {
            return Err(NoAnswer::Damaged("a page lies outside of it"));
        }
        let size = self.meta.page_size;
        let mut octets = vec![0; usize::try_from(size).unwrap_or(0)];
        read(self.file, &mut octets, u64::from(number) * u64::from(size))?;
        Page::read(octets, self.meta.order, number)
    }
}

fn of_kind(page: Page, kind: Kind) -> Result<Page, NoAnswer> {
    if page.kind == kind { Ok(page) } else { Err(NoAnswer::Damaged("a page of another kind")) }
}

#[cfg(test)]
mod tests;
