//! One worker: what it says, in which order it may say it, and what it is answered.

use crate::cache::{Cache, Wanted};
use crate::store::{Handed, Origin};
use proto::cache::{FromCache, MAX_ENDPOINTS, ToCache};
use proto::channel::{Buffers, Channel, ChannelError, Descriptors};
use proto::clock::Boottime;
use proto::key::EndpointKey;
use proto::packet::PacketError;
use proto::parked::{MAX_PARKED_BYTES, Parked};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Why a worker is no longer served. Only [`Fault::Left`] is no fault of its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("left")]
    Left,
    #[error(transparent)]
    Packet(PacketError),
    #[error("said {0}")]
    OutOfOrder(&'static str),
    #[error("speaks version {0}, not {ours}", ours = proto::VERSION)]
    Version(u16),
    #[error("named {0} endpoints where {MAX_ENDPOINTS} are allowed")]
    Endpoints(usize),
    #[error("parked a session of {0} bytes where {MAX_PARKED_BYTES} are allowed")]
    TooLarge(usize),
    #[error("does not read its answers")]
    NotReading,
    #[error(transparent)]
    Io(io::Error),
}

impl From<ChannelError> for Fault {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::Closed => Self::Left,
            ChannelError::NotReady => Self::NotReading,
            ChannelError::Packet(error) => Self::Packet(error),
            ChannelError::DescriptorsLost => Self::Io(Errno::MFILE.into()),
            ChannelError::Io(error) => Self::Io(error),
        }
    }
}

/// A worker that has said who it is.
#[derive(Debug)]
struct Worker {
    pid: u32,
    /// The session it was handed last, until it takes or parks another.
    lent: Option<Origin>,
}

/// One worker's channel.
#[derive(Debug)]
pub(crate) struct Client {
    channel: Channel,
    /// `None` before its greeting.
    worker: Option<Worker>,
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

impl Client {
    pub(crate) fn new(channel: Channel) -> Self {
        Self { channel, worker: None }
    }

    /// Its process number, once it has told it.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.worker.as_ref().map(|worker| worker.pid)
    }

    /// Takes one message from the channel, which is readable, and does what it says.
    pub(crate) fn serve(
        &mut self,
        cache: &mut Cache,
        buffers: &mut Buffers,
        now: Boottime,
    ) -> Result<(), Fault> {
        let (message, descriptors) = match self.channel.receive_through::<ToCache>(buffers) {
            // Not its fault, and nothing waits for an answer: the session is closed.
            Err(ChannelError::NotReady | ChannelError::DescriptorsLost) => return Ok(()),
            other => other?,
        };
        let reply = Reply { channel: &self.channel, buffers };
        match (&mut self.worker, message) {
            (worker @ None, ToCache::Hello { version, pid }) => {
                *worker = Some(Worker { pid, lent: None });
                reply.greet(version)
            }
            (None, _) => Err(Fault::OutOfOrder("something before its greeting")),
            (Some(_), ToCache::Hello { .. }) => Err(Fault::OutOfOrder("its greeting twice")),
            (Some(worker), ToCache::Park(parked)) => {
                let (parked, descriptor) = checked(parked, descriptors)?;
                worker.lent = None;
                cache.park(parked, descriptor, worker.pid, now);
                Ok(())
            }
            (Some(worker), ToCache::PutBack(parked)) => {
                let (parked, descriptor) = checked(parked, descriptors)?;
                cache.put_back(parked, descriptor, worker.lent.take(), worker.pid, now);
                Ok(())
            }
            (Some(worker), ToCache::TakeByDestination(destination)) => {
                let handed = cache.take(Wanted::Destination(&destination), worker.pid, now);
                let way = if handed.is_none() { cache.way(&destination, now) } else { None };
                worker.lent = match way {
                    Some((endpoint, sealed)) => reply.show(endpoint, sealed)?,
                    None => reply.hand_over(handed)?,
                };
                Ok(())
            }
            (Some(_), ToCache::TakeByEndpoint(endpoints)) if endpoints.len() > MAX_ENDPOINTS => {
                Err(Fault::Endpoints(endpoints.len()))
            }
            (Some(worker), ToCache::TakeByEndpoint(endpoints)) => {
                worker.lent = reply.hand_over(cache.take(Wanted::Endpoint(&endpoints), worker.pid, now))?;
                Ok(())
            }
        }
    }
}

/// A session that may be parked.
fn checked(parked: Parked, descriptors: Descriptors) -> Result<(Parked, OwnedFd), Fault> {
    if parked.bytes() > MAX_PARKED_BYTES {
        return Err(Fault::TooLarge(parked.bytes()));
    }
    let descriptor = descriptors.only().ok_or(PacketError::Descriptors { want: 1, got: 0 });
    Ok((parked, descriptor.map_err(Fault::Packet)?))
}

/// Where the answer goes. Nothing waits for a worker: one that has no room for its answer is dropped.
struct Reply<'a> {
    channel: &'a Channel,
    buffers: &'a mut Buffers,
}

impl Reply<'_> {
    fn greet(mut self, version: u16) -> Result<(), Fault> {
        self.send(&FromCache::Hello { version: proto::VERSION }, &[])?;
        if version == proto::VERSION { Ok(()) } else { Err(Fault::Version(version)) }
    }

    /// Sends a session off, or says that there is none. Its descriptor is closed here in any case: once it is
    /// sent the worker has it, and if it could not be sent nobody shall.
    fn hand_over(mut self, handed: Option<Handed<OwnedFd>>) -> Result<Option<Origin>, Fault> {
        let Some(Handed { descriptor, taken, origin }) = handed else {
            return self.send(&FromCache::Miss, &[]).map(|()| None);
        };
        match self.send(&FromCache::Hit(taken), &[descriptor.as_fd()]) {
            Ok(()) => Ok(Some(origin)),
            Err(Fault::Io(error)) if is_shortage(&error) => self.send(&FromCache::Miss, &[]).map(|()| None),
            Err(fault) => Err(fault),
        }
    }

    /// Tells the way instead of a session.
    fn show(mut self, endpoint: EndpointKey, sealed: Vec<u8>) -> Result<Option<Origin>, Fault> {
        self.send(&FromCache::Way { endpoint, sealed }, &[]).map(|()| None)
    }

    fn send(&mut self, answer: &FromCache, descriptors: &[BorrowedFd<'_>]) -> Result<(), Fault> {
        Ok(self.channel.send_through(self.buffers, answer, descriptors)?)
    }
}

/// The kernel could not pass a descriptor now (too many are on their way, or no memory): not the worker's fault.
fn is_shortage(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM))
}
