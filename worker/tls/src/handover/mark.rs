//! By which facts of the kernel a state and a socket belong together.

use super::counters;
use rustix::net::sockopt;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::BorrowedFd;

/// How often the counters are read until two readings agree.
const READINGS: usize = 16;

/// A socket and how far its two streams have come. Taken when a session is deposited and again when it is taken up: if they
/// differ, the state is of another socket, or somebody has used the socket since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketMark {
    /// `SO_COOKIE`: no two sockets have the same while the system is up.
    pub cookie: u64,
    /// Octets that processes wrote, acknowledged or not; one more where the kernel counts the SYN.
    pub written: u64,
    /// Octets that processes read. What waits in the kernel does not count.
    pub consumed: u64,
}

impl SocketMark {
    /// The mark of a TCP socket now.
    ///
    /// # Errors
    /// What the system says; `WouldBlock` if the counters do not come to rest, which they do on a quiet session.
    pub fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let mut last = Self::once(socket)?;
        // An acknowledgement or a segment may come between two of the calls.
        for _ in 0..READINGS {
            let again = Self::once(socket)?;
            if again == last {
                return Ok(last);
            }
            last = again;
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn once(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let cookie = sockopt::socket_cookie(socket)?;
        let info = counters::tcp_info(socket)?;
        let unsent = counters::unsent(socket)?;
        let unread = rustix::io::ioctl_fionread(socket)?;
        Ok(Self {
            cookie,
            written: info.acknowledged.wrapping_add(unsent),
            consumed: info.received.wrapping_sub(unread),
        })
    }
}
