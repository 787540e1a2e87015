//! `cdb:/file`: Bernstein's constant database, `/file.cdb`, made by postmap(1).

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::indexed::{Files, Index, Indexed, LONGEST_VALUE, NoAnswer, first};
use super::opener::{IndexFile, Rewriting};
use super::{OpenError, Table, TableSpec};

/// Tables of slots, and so pairs of numbers at the beginning of the file.
const TABLES: usize = 256;
/// How many slots are looked at for one key. A sound file leaves half of them free, so that few are.
const MOST_SLOTS: u64 = 100_000;

#[derive(Debug)]
struct Cdb {
    file: Arc<IndexFile>,
    length: u64,
    /// Where each table of slots begins, and how many it has.
    tables: Vec<(u64, u64)>,
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let files = Files::of(spec, ".cdb")?;
    let file = files.open(Rewriting::Wholly)?;
    let wrong = |reason| OpenError::Damaged { path: files.database.clone(), reason };
    let mut head = [0; TABLES * 8];
    file.read_exact_at(&mut head, 0).map_err(|_| wrong("it ends before its table of tables"))?;
    let tables: Vec<_> = head.chunks_exact(8).filter_map(pair).collect();
    let about = file.metadata().map_err(|source| OpenError::Io { path: files.database.clone(), source })?;
    let length = about.len();
    if tables.iter().any(|(at, slots)| at + slots * 8 > length) {
        return Err(wrong("a table of slots lies outside of it"));
    }
    let index = Cdb { file: Arc::clone(&file), length, tables };
    Ok(Indexed::table(spec, index, file, &files))
}

/// Two numbers of four octets, the lowest first.
fn pair(octets: &[u8]) -> Option<(u64, u64)> {
    let (first, second) = octets.split_first_chunk::<4>()?;
    let second = second.first_chunk::<4>()?;
    Some((u32::from_le_bytes(*first).into(), u32::from_le_bytes(*second).into()))
}

fn hash(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, &octet| hash.wrapping_mul(33) ^ u32::from(octet))
}

impl Index for Cdb {
    fn get(&self, keys: [&[u8]; 2]) -> Result<Option<Vec<u8>>, NoAnswer> {
        first(keys, |key| self.search(key))
    }
}

impl Cdb {
    fn search(&self, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        let hash = u64::from(hash(key));
        let table = usize::try_from(hash % 256).ok().and_then(|table| self.tables.get(table));
        let &(at, slots) = table.ok_or(NoAnswer::Damaged("no table of slots"))?;
        if slots == 0 {
            return Ok(None);
        }
        let first = hash / 256 % slots;
        for step in 0..slots {
            if step == MOST_SLOTS {
                return Err(NoAnswer::Damaged("a table of slots with hardly a free one"));
            }
            let (slot_hash, record) = self.pair_at(at + (first + step) % slots * 8)?;
            if record == 0 {
                return Ok(None);
            }
            if slot_hash == hash
                && let Some(value) = self.record(record, key)?
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn pair_at(&self, at: u64) -> Result<(u64, u64), NoAnswer> {
        let mut octets = [0; 8];
        self.file.read_exact_at(&mut octets, at)?;
        pair(&octets).ok_or(NoAnswer::Damaged("half a pair"))
    }

    /// The record's value, if it is the key's.
    fn record(&self, at: u64, key: &[u8]) -> Result<Option<Vec<u8>>, NoAnswer> {
        let (key_length, length) = self.pair_at(at)?;
        if at + 8 + key_length + length > self.length {
            return Err(NoAnswer::Damaged("a record ends behind it"));
        }
        if usize::try_from(key_length) != Ok(key.len()) {
            return Ok(None);
        }
        let mut own = vec![0; key.len()];
        self.file.read_exact_at(&mut own, at + 8)?;
        if own != key {
            return Ok(None);
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= LONGEST_VALUE);
        let mut value = vec![0; length.ok_or(NoAnswer::LongValue)?];
        self.file.read_exact_at(&mut value, at + 8 + key_length)?;
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests;
