//! `lmdb:/file`: OpenLDAP's memory-mapped database, `/file.lmdb`, made by postmap(1). lmdb_table(5).
//!
//! Only what a lookup needs is read, with pread(2). The library itself maps the file, so that a truncated or damaged
//! one ends the process instead of failing the lookup.

mod page;

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::indexed::{Files, Index, Indexed, LONGEST_VALUE, NoAnswer, first};
use super::locked::{Lock, locked};
use super::opener::{IndexFile, Rewriting};
use super::{OpenError, Table, TableSpec};
use page::{Meta, Page, Value};

/// No tree is deeper: 2 to the 32nd leaves.
const DEEPEST: usize = 32;
/// The library stores no longer keys.
const LONGEST_KEY: usize = 511;

#[derive(Debug)]
struct Lmdb(Arc<IndexFile>);

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let files = Files::of(spec, ".lmdb")?;
    let file = files.open(Rewriting::InPlace)?;
    let lmdb = Lmdb(Arc::clone(&file));
    match lmdb.locked(Lmdb::meta) {
        Ok(_) => Ok(Indexed::table(spec, lmdb, file, &files)),
        Err(NoAnswer::Io(source)) => Err(OpenError::Io { path: files.database, source }),
        Err(NoAnswer::Damaged(reason)) => Err(OpenError::Damaged { path: files.database, reason }),
        // Somebody writes; that it can be read will turn out at the first lookup.
        Err(_) => Ok(Indexed::table(spec, lmdb, file, &files)),
    }
}

impl Index for Lmdb {
    fn get(&self, keys: [&[u8]; 2]) -> Result<Option<Vec<u8>>, NoAnswer> {
        self.locked(|file| {
            let meta = file.meta()?;
            first(keys, |key| file.search(&meta, key))
        })
    }
}

impl Lmdb {
    /// Postfix does not use the library's own lock file.
    fn locked<T>(&self, read: impl FnOnce(&Self) -> Result<T, NoAnswer>) -> Result<T, NoAnswer> {
        locked(&self.0, Lock::Record, || read(self))
    }

    /// Of the two pages that say where the tree begins, the one written last.
    fn meta(&self) -> Result<Meta, NoAnswer> {
        let mut octets = [0; page::META];
        self.0
            .read_exact_at(&mut octets, 0)
            .map_err(|_| NoAnswer::Damaged("it ends within its first page"))?;
        let first = Meta::read(&octets).ok_or(NoAnswer::Damaged("not an LMDB file of version 1"))?;
        self.0
            .read_exact_at(&mut octets, first.page_size)
            .map_err(|_| NoAnswer::Damaged("it ends within its second page"))?;
        let second = Meta::read(&octets).ok_or(NoAnswer::Damaged("the second page is not one of LMDB"))?;
        if second.page_size != first.page_size {
            return Err(NoAnswer::Damaged("two sizes of pages"));
        }
        Ok(if second.transaction > first.transaction { second } else { first })
    }

    fn search(&self, meta: &Meta, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Ok(None);
        }
        let Some(mut number) = meta.root else { return Ok(None) };
        for _ in 0..DEEPEST {
            let page = self.page(meta, number)?;
            if page.is_branch() {
                number = page.child(key)?;
                continue;
            }
            return match page.find(key)? {
                None => Ok(None),
                Some(Value::Here(value)) => Ok(Some(value.to_vec())),
                Some(Value::Pages { first, length }) => self.overflow(meta, first, length).map(Some),
            };
        }
        Err(NoAnswer::Damaged("the tree is too deep"))
    }

    fn page(&self, meta: &Meta, number: u64) -> Result<Page, NoAnswer> {
        let octets = self.read(meta, number, 0, usize::try_from(meta.page_size).unwrap_or(0))?;
        Page::read(octets, number)
    }

    /// A value that has pages of its own.
    fn overflow(&self, meta: &Meta, first: u64, length: u32) -> Result<Vec<u8>, NoAnswer> {
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_VALUE);
        let length = length.ok_or(NoAnswer::LongValue)?;
        if !Page::is_overflow(&self.read(meta, first, 0, page::HEADER)?, first) {
            return Err(NoAnswer::Damaged("a long value is not where it should be"));
        }
        self.read(meta, first, page::HEADER, length)
    }

    fn read(&self, meta: &Meta, number: u64, offset: usize, length: usize) -> Result<Vec<u8>, NoAnswer> {
        let at =
            number.checked_mul(meta.page_size).and_then(|at| at.checked_add(u64::try_from(offset).ok()?));
        let at = at.ok_or(NoAnswer::Damaged("a page lies outside of it"))?;
        let mut octets = vec![0; length];
        match self.0.read_exact_at(&mut octets, at) {
            Ok(()) => Ok(octets),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(NoAnswer::Damaged("a page lies outside of it"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
