//! A stream socket that may not be known to the event loop yet.
//!
//! A session that was just taken is written to at once; it is registered only when there is something to wait for.

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
        /// The connection, non-blocking.
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
    ///
    /// # Errors
    /// It cannot be made non-blocking.
    pub fn received(descriptor: OwnedFd, family: Family) -> io::Result<Self> {
        ioctl_fionbio(&descriptor, true)?;
        Ok(Self::Idle { descriptor: Some(descriptor), family })
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
            Self::Tcp(stream) => stream.try_write(octets),
            Self::Unix(stream) => stream.try_write(octets),
            Self::Idle { descriptor: Some(descriptor), .. } => {
                Ok(rustix::net::send(descriptor.as_fd(), octets, SendFlags::NOSIGNAL)?)
            }
            Self::Idle { descriptor: None, .. } => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads without waiting.
    ///
    /// # Errors
    /// As recv(2).
    pub fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.registered()? {
            Self::Tcp(stream) => stream.try_read(buffer),
            Self::Unix(stream) => stream.try_read(buffer),
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
        let descriptor = self.descriptor().ok_or(io::ErrorKind::NotConnected)?;
        let (count, _) = rustix::net::recv(descriptor, buffer, flags)?;
        Ok(count)
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
            *self = match family {
                Family::Tcp => Self::Tcp(TcpStream::from_std(descriptor.into())?),
                Family::Unix => Self::Unix(UnixStream::from_std(descriptor.into())?),
            };
        }
        Ok(self)
    }

    /// The descriptor, for questions to the system.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(stream) => Some(stream.as_fd()),
            Self::Unix(stream) => Some(stream.as_fd()),
            Self::Idle { descriptor, .. } => descriptor.as_ref().map(AsFd::as_fd),
        }
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
