//! Whose a socket is: a POSIX record lock on it.
//!
//! Such a lock belongs to the process, not to the open file description that a passed descriptor shares. So it keeps another
//! process out that was given the same socket, and it ends with its process. It also ends when the process closes *any*
//! descriptor of the socket: do not duplicate one.

use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use std::io;
use std::os::fd::BorrowedFd;
use thiserror::Error;

/// The socket is not ours. It must not be written to, not even an alert.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// Another process has it.
    #[error("another process holds the connection")]
    Held,
    /// What the system says.
    #[error("cannot claim the connection: {0}")]
    System(#[from] io::Error),
}

/// Makes the socket this process's own, without waiting. What it has already, it may claim again.
///
/// # Errors
/// `Held`; what the system says.
pub fn claim(socket: BorrowedFd<'_>) -> Result<(), ClaimError> {
    match fcntl_lock(socket, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(Errno::AGAIN | Errno::ACCESS) => Err(ClaimError::Held),
        Err(error) => Err(ClaimError::System(error.into())),
    }
}

/// Gives it up: before it is sent to another process, else that one may ask too early.
pub fn release(socket: BorrowedFd<'_>) {
    // It fails only where there was nothing to claim; the lock ends with the descriptor in any case.
    let _ = fcntl_lock(socket, FlockOperation::NonBlockingUnlock);
}
