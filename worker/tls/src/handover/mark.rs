//! By which facts of the kernel a state and a socket belong together.

use super::counters;
use rustix::net::sockopt;
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::BorrowedFd;

/// A socket and how far its two streams have come. Taken when a session is deposited and again when it is taken up: if they
/// differ, the state is of another socket, or somebody has used the socket since, or the server has spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketMark {
    /// [`cookie`].
    pub cookie: u64,
    /// Octets that processes wrote, sent or not, each once.
    pub written: u64,
    /// Octets that came, read or not. A quiet session has none unread, and whoever takes one up makes sure of it.
    pub received: u64,
}

/// `SO_COOKIE`: no two sockets have the same while the system is up. Whoever may call connect(2) can give a socket another
/// connection, though; that is why the connection cache cannot.
///
/// # Errors
/// What the system says.
pub fn cookie(socket: BorrowedFd<'_>) -> io::Result<u64> {
    Ok(sockopt::socket_cookie(socket)?)
}

impl SocketMark {
    /// The mark of a TCP socket now.
    ///
    /// # Errors
    /// What the system says; `Unsupported` before Linux 4.19.
    pub fn of(socket: BorrowedFd<'_>) -> io::Result<Self> {
        Self::beside(cookie(socket)?, socket)
    }

    /// The same where the socket's [`cookie`] was just read. Its counters are read in one call: none can change between two
    /// of them.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn beside(cookie: u64, socket: BorrowedFd<'_>) -> io::Result<Self> {
        let counters::TcpInfo { received, unsent, sent, repeated } = counters::tcp_info(socket)?;
        let written = sent.wrapping_sub(repeated).wrapping_add(u64::from(unsent));
        Ok(Self { cookie, written, received })
    }
}
