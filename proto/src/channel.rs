//! One end of a `SOCK_SEQPACKET` pair: messages and descriptors in, messages and descriptors out.
//!
//! Descriptors are close-on-exec from the moment they arrive and owned at once; a packet that was cut short,
//! does not decode or has the wrong number of descriptors closes what came with it.

mod under_tokio;

pub use under_tokio::AsyncChannel;

use crate::packet::{self, MAX_DESCRIPTORS, MAX_PACKET, Packet, PacketError};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendFlags, SocketFlags,
    SocketType,
};
use sendfd::SendWithFd;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

/// Why a message did not get out or in.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The peer has gone: end of file, or nobody to send to.
    #[error("the other side has gone")]
    Closed,
    /// Nothing there, or no room, on a channel that does not wait (or waited long enough).
    #[error("not ready")]
    NotReady,
    /// The peer broke the protocol.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// A message came, but this process had no room for its descriptors (RLIMIT_NOFILE). What did fit is
    /// closed, the message is gone, the peer did nothing wrong.
    #[error("no room for the descriptors of a message")]
    DescriptorsLost,
    /// The kernel's word.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for ChannelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::NotReady,
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected => {
                Self::Closed
            }
            _ => Self::Io(error),
        }
    }
}

impl From<Errno> for ChannelError {
    fn from(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

/// The descriptors that came with a message: as many as its variant carries, in order.
#[derive(Debug, Default)]
pub struct Descriptors(Vec<OwnedFd>);

impl Descriptors {
    /// The first one, for a message that carries exactly one.
    #[must_use]
    pub fn only(mut self) -> Option<OwnedFd> {
        if self.0.len() == 1 { self.0.pop() } else { None }
    }
}

/// The bytes of one packet in each direction. A process with many channels that it serves one at a time
/// shares one between them: [`Channel::send_through`], [`Channel::receive_through`].
#[derive(Debug, Default)]
pub struct Buffers {
    outbox: Vec<u8>,
    /// Allocated at the first receive, so that an end that only sends stays small.
    inbox: Vec<u8>,
}

impl Buffers {
    fn send<T: Packet, S: SendWithFd + AsFd>(
        &mut self,
        socket: &S,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        if message.descriptors() != descriptors.len() {
            let want = message.descriptors();
            return Err(PacketError::Descriptors { want, got: descriptors.len() }.into());
        }
        packet::encode(message, &mut self.outbox)?;
        if descriptors.is_empty() {
            rustix::net::send(socket, &self.outbox, SendFlags::NOSIGNAL)?;
        } else {
            let raw: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
            socket.send_with_fd(&self.outbox, &raw)?;
        }
        Ok(())
    }

    fn receive<T: Packet>(&mut self, socket: impl AsFd) -> Result<(T, Descriptors), ChannelError> {
        if self.inbox.is_empty() {
            self.inbox = vec![0; MAX_PACKET + 1];
        }
        // One more than any message carries, so that too many show as too many and not as truncation.
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS + 1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let buffer = &mut [IoSliceMut::new(&mut self.inbox)];
        let received = rustix::net::recvmsg(socket, buffer, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        let mut came = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                came.extend(descriptors);
            }
        }
        if received.bytes == 0 && came.is_empty() {
            return Err(ChannelError::Closed);
        }
        if received.flags.contains(ReturnFlags::CTRUNC) && came.len() <= MAX_DESCRIPTORS {
            return Err(ChannelError::DescriptorsLost); // there was space for more: the process was full
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(PacketError::Truncated.into());
        }
        let bytes = self.inbox.get(..received.bytes).unwrap_or_default();
        let message = packet::decode(bytes, came.len())?;
        Ok((message, Descriptors(came)))
    }
}

/// One end. Whether it waits is the descriptor's own O_NONBLOCK; see [`Channel::set_waiting`].
#[derive(Debug)]
pub struct Channel {
    // The type is what `sendfd` knows how to send on; send and receive are the same calls for SEQPACKET.
    socket: UnixDatagram,
    buffers: Buffers,
}

/// How long an operation on a channel may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Not at all: [`ChannelError::NotReady`].
    Never,
    /// So long, then [`ChannelError::NotReady`].
    AtMost(Duration),
}

impl Channel {
    /// Both ends of a new channel, close-on-exec and non-blocking.
    ///
    /// # Errors
    /// What socketpair(2) says.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self::from(a), Self::from(b)))
    }

    /// Chooses between a channel that never waits and one whose calls block for a bounded time.
    ///
    /// # Errors
    /// What fcntl(2) and setsockopt(2) say.
    pub fn set_waiting(&self, waiting: Waiting) -> io::Result<()> {
        match waiting {
            Waiting::Never => self.socket.set_nonblocking(true),
            Waiting::AtMost(limit) => {
                let limit = Some(limit.max(Duration::from_millis(1)));
                self.socket.set_read_timeout(limit)?;
                self.socket.set_write_timeout(limit)?;
                self.socket.set_nonblocking(false)
            }
        }
    }

    /// Sends one message with its descriptors; they stay the caller's, who closes them.
    ///
    /// # Errors
    /// [`ChannelError`]; on any of them nothing was sent.
    pub fn send<T: Packet>(
        &mut self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        self.buffers.send(&self.socket, message, descriptors)
    }

    /// Receives one message with exactly the descriptors its variant carries.
    ///
    /// # Errors
    /// [`ChannelError`]; after [`ChannelError::Packet`] the peer is no longer to be trusted.
    pub fn receive<T: Packet>(&mut self) -> Result<(T, Descriptors), ChannelError> {
        self.buffers.receive(&self.socket)
    }

    /// As [`Channel::send`], through buffers that are not this channel's own.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn send_through<T: Packet>(
        &self,
        buffers: &mut Buffers,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        buffers.send(&self.socket, message, descriptors)
    }

    /// As [`Channel::receive`], through buffers that are not this channel's own.
    ///
    /// # Errors
    /// As [`Channel::receive`].
    pub fn receive_through<T: Packet>(
        &self,
        buffers: &mut Buffers,
    ) -> Result<(T, Descriptors), ChannelError> {
        buffers.receive(&self.socket)
    }
}

impl From<OwnedFd> for Channel {
    fn from(descriptor: OwnedFd) -> Self {
        Self { socket: descriptor.into(), buffers: Buffers::default() }
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.socket.into()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::FromCache;
    use crate::steward::ToSteward;

    #[test]
    fn a_message_arrives_with_its_descriptor_close_on_exec() {
        let (mut a, mut b) = Channel::pair().unwrap();
        let (passed, _) = Channel::pair().unwrap();
        a.send(&ToSteward::Client, &[passed.as_fd()]).unwrap();
        let (message, descriptors) = b.receive::<ToSteward>().unwrap();
        assert_eq!(message, ToSteward::Client);
        let flags = rustix::io::fcntl_getfd(descriptors.only().unwrap()).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn too_many_descriptors_are_refused_and_closed() {
        let (a, mut b) = Channel::pair().unwrap();
        let (passed, other_end) = Channel::pair().unwrap();
        let mut bytes = Vec::new();
        packet::encode(&ToSteward::Client, &mut bytes).unwrap();
        let raw = passed.as_fd().as_raw_fd();
        a.socket.send_with_fd(&bytes, &[raw, raw]).unwrap();
        drop(passed);
        let error = b.receive::<ToSteward>().unwrap_err();
        assert!(matches!(error, ChannelError::Packet(PacketError::Descriptors { want: 1, got: 2 })));
        let mut other_end = other_end;
        assert!(matches!(other_end.receive::<ToSteward>(), Err(ChannelError::Closed)), "what came is closed");
    }

    #[test]
    fn end_of_file_garbage_and_silence_are_told_apart() {
        let (mut a, mut b) = Channel::pair().unwrap();
        assert!(matches!(b.receive::<FromCache>(), Err(ChannelError::NotReady)));
        rustix::net::send(&a, &[0xff; 40], SendFlags::empty()).unwrap();
        assert!(matches!(b.receive::<FromCache>(), Err(ChannelError::Packet(_))));
        a.send(&FromCache::Miss, &[]).unwrap();
        drop(a);
        assert!(b.receive::<FromCache>().is_ok());
        assert!(matches!(b.receive::<FromCache>(), Err(ChannelError::Closed)));
        assert!(matches!(b.send(&FromCache::Miss, &[]), Err(ChannelError::Closed)));
    }

    #[test]
    fn a_waiting_channel_gives_up_in_time() {
        let (_a, mut b) = Channel::pair().unwrap();
        b.set_waiting(Waiting::AtMost(Duration::from_millis(5))).unwrap();
        assert!(matches!(b.receive::<FromCache>(), Err(ChannelError::NotReady)));
    }
}
