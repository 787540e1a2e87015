//! The descriptors that master(8) leaves open for its child. Unsafe, because nothing but the numbers says what they are:
//! this takes each of them once, at the start, before anything else can have opened one.
#![allow(unsafe_code, reason = "a descriptor known by number only has no safe form")]

use rustix::io::FdFlags;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// The ends of a pipe by which queue managers hold back receivers.
const FLOW: [RawFd; 2] = [3, 4];
const STATUS: RawFd = 5;
const LISTENER: RawFd = 6;

/// What a child of master has.
#[derive(Debug)]
pub struct Inherited {
    /// To master.
    pub status: OwnedFd,
    /// The service's socket, shared with other children; it does not block.
    pub listener: OwnedFd,
}

impl Inherited {
    /// Takes them, and keeps them from programs that this process might start. Call it once, first.
    ///
    /// # Errors
    /// They are not open: master did not start this process.
    pub fn take() -> io::Result<Self> {
        for number in FLOW {
            // Delivery agents have no use for them.
            drop(owned(number));
        }
        Ok(Self { status: owned(STATUS)?, listener: owned(LISTENER)? })
    }
}

fn owned(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number is used for this one call, which finds out whether it is open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    rustix::io::fcntl_setfd(borrowed, FdFlags::CLOEXEC)?;
    // SAFETY: it is open, and nobody else in this process has it: it was opened before the process began.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
