//! A stream socket that may not be known to the event loop yet.
//!
//! A session that was just taken is written to at once; it is registered only when there is something to wait for. Whether
//! its calls wait (O_NONBLOCK) is up to all who ever had the descriptor, and scache may have kept one: so each call says
//! for itself that it does not.

use rustix::io::ioctl_fionbio;
use rustix::net::{RecvFlags, SendFlags};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// The connection.
#[derive(Debug)]
pub enum Socket {
    /// TCP, registered.
    Tcp(TcpStream),
    /// A Unix socket, registered.
    Unix(UnixStream),
    /// Not registered.
    Idle {
        /// The connection.
        descriptor: Option<OwnedFd>,
        /// What it is.
        family: Family,
    },
}

/// What kind of socket a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// TCP.
    Tcp,
    /// A Unix stream.
    Unix,
}

impl Socket {
    /// A connection that another process had.
    #[must_use]
    pub fn received(descriptor: OwnedFd, family: Family) -> Self {
        Self::Idle { descriptor: Some(descriptor), family }
    }

    /// None at all: what a connection leaves behind that was given away.
    pub(super) fn gone(family: Family) -> Self {
        Self::Idle { descriptor: None, family }
    }

    /// Makes close(2) return at once. A socket that lingers waits there for a server that reads no more, and that, too, is
    /// up to all who ever had the descriptor.
    pub(super) fn do_not_linger(&self) {
        if let Ok(descriptor) = self.descriptor() {
            let _best_effort = rustix::net::sockopt::set_socket_linger(descriptor, None);
        }
    }

    /// What it is.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::Tcp(_) => Family::Tcp,
            Self::Unix(_) => Family::Unix,
            Self::Idle { family, .. } => *family,
        }
    }

    /// Writes without waiting.
    ///
    /// # Errors
    /// As send(2).
    pub fn try_write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_io(Interest::WRITABLE, || send(stream.as_fd(), octets)),
            Self::Unix(stream) => stream.try_io(Interest::WRITABLE, || send(stream.as_fd(), octets)),
            Self::Idle { descriptor: Some(descriptor), .. } => send(descriptor.as_fd(), octets),
            Self::Idle { descriptor: None, .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads without waiting.
    ///
    /// # Errors
    /// As recv(2).
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.registered()? {
            Self::Tcp(stream) => {
                all_there_is(buffer, |read| stream.try_io(Interest::READABLE, || read(stream.as_fd())))
            }
            Self::Unix(stream) => {
                all_there_is(buffer, |read| stream.try_io(Interest::READABLE, || read(stream.as_fd())))
            }
            Self::Idle { .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what is there at this moment. The event loop may not have heard of it yet, so the system is asked.
    ///
    /// # Errors
    /// As recv(2).
    pub fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer, RecvFlags::DONTWAIT)
    }

    fn receive(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        Ok(rustix::net::recv(self.descriptor()?, buffer, flags)?.0)
    }

    /// The descriptor, to ask the system about it.
    ///
    /// # Errors
    /// It was lost when it could not be registered.
    pub fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Self::Tcp(stream) => Ok(stream.as_fd()),
            Self::Unix(stream) => Ok(stream.as_fd()),
            Self::Idle { descriptor: Some(descriptor), .. } => Ok(descriptor.as_fd()),
            Self::Idle { descriptor: None, .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Whether the server has neither said anything nor closed the connection, as far as the system knows.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.receive(&mut [0], RecvFlags::DONTWAIT | RecvFlags::PEEK)
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Waits until there is something to read.
    ///
    /// # Errors
    /// The connection cannot be watched.
    pub async fn ready_to_read(&mut self) -> io::Result<()> {
        self.ready(Interest::READABLE).await
    }

    /// Waits until there is room to write.
    ///
    /// # Errors
    /// The connection cannot be watched.
    pub async fn ready_to_write(&mut self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await
    }

    /// Waits until there is room to write, or something to read.
    ///
    /// # Errors
    /// The connection cannot be watched.
    pub async fn ready_to_write_or_read(&mut self) -> io::Result<()> {
        self.ready(Interest::READABLE | Interest::WRITABLE).await
    }

    async fn ready(&mut self, interest: Interest) -> io::Result<()> {
        match self.registered()? {
            Self::Tcp(stream) => stream.ready(interest).await.map(drop),
            Self::Unix(stream) => stream.ready(interest).await.map(drop),
            Self::Idle { .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn registered(&mut self) -> io::Result<&mut Self> {
        if let Self::Idle { descriptor, family } = self {
            let descriptor = descriptor.take().ok_or(io::ErrorKind::NotConnected)?;
            // tokio insists on it; a debug build panics without.
            ioctl_fionbio(&descriptor, true)?;
            *self = match family {
                Family::Tcp => Self::Tcp(TcpStream::from_std(descriptor.into())?),
                Family::Unix => Self::Unix(UnixStream::from_std(descriptor.into())?),
            };
        }
        Ok(self)
    }

    /// The descriptor, forgotten by the event loop, which would otherwise go on watching it in another process.
    ///
    /// # Errors
    /// It cannot be deregistered; it is closed.
    pub fn into_descriptor(self) -> io::Result<OwnedFd> {
        match self {
            Self::Tcp(stream) => Ok(stream.into_std()?.into()),
            Self::Unix(stream) => Ok(stream.into_std()?.into()),
            Self::Idle { descriptor, .. } => descriptor.ok_or(io::ErrorKind::NotConnected.into()),
        }
    }
}

fn send(socket: BorrowedFd<'_>, octets: &[u8]) -> io::Result<usize> {
    Ok(rustix::net::send(socket, octets, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
}

/// Reads by way of the event loop. What does not fill the buffer was all there is: the event loop hears of it as if nothing
/// had been there, so that it waits for more, and does not send us to look once again.
fn all_there_is(
    buffer: &mut [u8],
    by: impl FnOnce(&mut dyn FnMut(BorrowedFd<'_>) -> io::Result<usize>) -> io::Result<usize>,
) -> io::Result<usize> {
    let room = buffer.len();
    let mut all = None;
    let result = by(&mut |socket| match receive(socket, buffer) {
        Ok(count) if count > 0 && count < room => {
            all = Some(count);
            Err(io::ErrorKind::WouldBlock.into())
        }
        other => other,
    });
    all.map_or(result, Ok)
}

fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(rustix::net::recv(socket, buffer, RecvFlags::DONTWAIT)?.0)
}
