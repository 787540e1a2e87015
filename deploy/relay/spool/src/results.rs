//! Result files: one per start of the relay, written by workers that outlive it.

use std::os::fd::OwnedFd;

use proto::orphan::{self, OrphanRecord};
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::SpoolError;
use crate::folder::{Folder, check_owner};
use crate::message;

/// This start's number and result file.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    fd: OwnedFd,
}

impl Generation {
    /// Makes the next result file, shared-locked so that a later relay sees whether anybody can still write to it.
    pub(crate) fn begin(results: &Folder) -> Result<Self, SpoolError> {
        let number = numbers(results)?.into_iter().max().unwrap_or(0).saturating_add(1).max(clock_floor());
        let name = file_name(number);
        let fail = |doing| {
            let path = results.path().join(&name);
            move |error: Errno| SpoolError::io(doing, path, error)
        };
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let fd = results.open(&name, flags).map_err(fail("make"))?;
        rustix::fs::flock(&fd, FlockOperation::NonBlockingLockShared).map_err(fail("lock"))?;
        results.sync()?;
        Ok(Self { number, fd })
    }

    /// A copy of the descriptor: the same open file description, the same lock.
    pub(crate) fn share(&self, results: &Folder) -> Result<OwnedFd, SpoolError> {
        let path = || results.path().join(file_name(self.number));
        self.fd.try_clone().map_err(|error| SpoolError::io("copy the descriptor of", path(), error))
    }
}

/// Old result files are removed, so the highest number alone would start again at 1; the clock keeps it growing.
fn clock_floor() -> u64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since_epoch.map_or(1, |elapsed| u64::try_from(elapsed.as_micros()).unwrap_or(1))
}

/// An earlier start's result file.
#[derive(Debug)]
pub(crate) struct OldResults {
    name: String,
    fd: OwnedFd,
    /// Octets read so far, up to the end of a whole record.
    read: u64,
}

/// Whether somebody can still write to a result file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writers {
    Left,
    Gone,
}

impl OldResults {
    /// All result files but the current one.
    pub(crate) fn all(results: &Folder, current: u64) -> Result<Vec<Self>, SpoolError> {
        let mut found = Vec::new();
        for number in numbers(results)?.into_iter().filter(|&number| number != current) {
            let name = file_name(number);
            let path = results.path().join(&name);
            let fd = results.open(&name, OFlags::RDONLY | OFlags::NONBLOCK);
            let fd = fd.map_err(|error| SpoolError::io("open", &path, error))?;
            let stat = rustix::fs::fstat(&fd).map_err(|error| SpoolError::io("look at", &path, error))?;
            check_owner(&stat, &path)?;
            found.push(Self { name, fd, read: 0 });
        }
        Ok(found)
    }

    /// The records added since the last call. What is unfinished may still grow and is looked at again.
    pub(crate) fn news(&mut self, results: &Folder) -> Result<Vec<OrphanRecord>, SpoolError> {
        let fail = |error| SpoolError::io("read", results.path().join(&self.name), error);
        let length = rustix::fs::fstat(&self.fd).map_err(fail)?.st_size;
        let length = u64::try_from(length).unwrap_or(0);
        if length <= self.read {
            return Ok(Vec::new());
        }
        if length - self.read > MAX_UNREAD {
            return Err(fail(Errno::FBIG));
        }
        let bytes = message::read_at(&self.fd, self.read, length - self.read).map_err(fail)?;
        let (records, consumed) = whole_records(&bytes);
        self.read += u64::try_from(consumed).unwrap_or(0);
        Ok(records)
    }

    /// Whether any process still has the file open for writing. Once gone they do not come back.
    pub(crate) fn writers(&self, results: &Folder) -> Result<Writers, SpoolError> {
        match rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Writers::Gone),
            Err(Errno::WOULDBLOCK) => Ok(Writers::Left),
            Err(error) => Err(SpoolError::io("lock", results.path().join(&self.name), error)),
        }
    }

    /// Removes the file.
    pub(crate) fn remove(&self, results: &Folder) -> Result<(), SpoolError> {
        results
            .unlink(&self.name)
            .map_err(|error| SpoolError::io("remove", results.path().join(&self.name), error))
    }
}

/// Every whole record, and how many octets there are up to the end of the last.
///
/// A write that stopped early (disk full) may have others behind it: the next whole record is looked for octet by octet.
/// What such a write leaves unsaid is delivered again.
fn whole_records(bytes: &[u8]) -> (Vec<OrphanRecord>, usize) {
    let (mut records, mut position, mut consumed) = (Vec::new(), 0, 0);
    while let Some(rest) = bytes.get(position..) {
        match orphan::decode(rest) {
            Ok(Some((record, behind))) => {
                position = bytes.len() - behind.len();
                consumed = position;
                records.push(record);
            }
            Ok(None) => break,
            Err(_) => position += 1,
        }
    }
    (records, consumed)
}

/// The numbers of all result files; other names are left alone.
fn numbers(results: &Folder) -> Result<Vec<u64>, SpoolError> {
    let names = results.names(".")?;
    Ok(names
        .iter()
        .filter_map(|name| name.parse().ok().filter(|&number| file_name(number) == *name))
        .collect())
}

/// Twenty digits hold any number and sort as text.
fn file_name(number: u64) -> String {
    format!("{number:020}")
}

/// Every record comes from one delivery of one worker: more than this is not a result file of ours.
const MAX_UNREAD: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proto::job::Fate;

    use super::*;
    use crate::testing::orphan_record;

    fn record(id: &str, recipients: u32) -> OrphanRecord {
        let fates: Vec<_> = (0..recipients).map(|index| (index, Fate::Sent)).collect();
        orphan_record(id, 5, &fates)
    }

    #[test]
    fn every_cut_and_every_flip_loses_only_the_record_it_hits() {
        let (first, second) = (record("first", 2), record("second", 2));
        let start = orphan::encode(&first).unwrap();
        let both = [start.clone(), orphan::encode(&second).unwrap()].concat();
        assert_eq!(whole_records(&both), (vec![first.clone(), second.clone()], both.len()));
        for cut in 0..both.len() {
            let want = if cut < start.len() { (vec![], 0) } else { (vec![first.clone()], start.len()) };
            assert_eq!(whole_records(&both[..cut]), want, "cut at {cut}");
        }
        for bit in 0..both.len() * 8 {
            let mut bad = both.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let survivor = if bit / 8 < start.len() { &second } else { &first };
            assert_eq!(whole_records(&bad).0, std::slice::from_ref(survivor), "bit {bit}");
        }
    }

    #[test]
    fn an_unfinished_record_does_not_hide_the_next() {
        let (first, second) = (record("first", 3), record("second", 1));
        let torn = orphan::encode(&first).unwrap();
        for cut in 1..torn.len() {
            let bytes = [&torn[..cut], &orphan::encode(&second).unwrap()].concat();
            assert_eq!(whole_records(&bytes), (vec![second.clone()], bytes.len()), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(bytes in vec(prop_oneof![Just(0), any::<u8>()], 0..300)) {
            let _ = whole_records(&bytes);
        }
    }
}
