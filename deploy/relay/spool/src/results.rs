//! Result files: one per start of the relay, written by workers that outlive it.

use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::SpoolError;
use crate::folder::{Folder, check_owner};
use crate::message;
use crate::record::{self, ResultRecord};

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
    pub(crate) fn news(&mut self, results: &Folder) -> Result<Vec<ResultRecord>, SpoolError> {
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
        let decoded = record::decode(&bytes);
        self.read += u64::try_from(decoded.consumed).unwrap_or(0);
        Ok(decoded.records)
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
const MAX_UNREAD: u64 = 256 << 20;
