//! Reading a file under the lock that postmap(1) takes to write it.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::io::Errno;

use super::indexed::NoAnswer;

/// How long a lookup waits for a process that writes the file, in seconds.
const PATIENCE: u64 = 10;
/// How often it tries.
const AGAIN: Duration = Duration::from_millis(20);

/// Which lock postmap takes; it differs by the type of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// flock(2).
    Flock,
    /// fcntl(2), of the whole file.
    Record,
}

impl Lock {
    fn operate(self, file: &File, operation: FlockOperation) -> rustix::io::Result<()> {
        match self {
            Self::Flock => flock(file, operation),
            Self::Record => fcntl_lock(file, operation),
        }
    }
}

/// Reads while nobody writes. One thread at a time may do so with a file: its lock belongs to all of them, and the first to
/// be done gives it up.
pub(super) fn locked<T>(
    file: &File,
    lock: Lock,
    read: impl FnOnce() -> Result<T, NoAnswer>,
) -> Result<T, NoAnswer> {
    let started = Instant::now();
    loop {
        match lock.operate(file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => break,
            Err(Errno::AGAIN | Errno::ACCESS | Errno::INTR) => {}
            Err(error) => return Err(NoAnswer::Io(error.into())),
        }
        if started.elapsed() >= Duration::from_secs(PATIENCE) {
            return Err(NoAnswer::Locked(PATIENCE));
        }
        std::thread::sleep(AGAIN);
    }
    let result = read();
    lock.operate(file, FlockOperation::Unlock).map_err(|error| NoAnswer::Io(error.into()))?;
    result
}
