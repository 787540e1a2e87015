//! A channel in a tokio runtime.
//!
//! It is watched for packets only. Watched for room as well, every packet that the other side takes would wake this
//! one: two context switches a delivery, for nothing.

use super::{Channel, ChannelError, Descriptors, Waiting};
use crate::packet::Packet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A [`Channel`] in a tokio runtime. Every operation is cancel-safe: a packet is sent or taken whole.
#[derive(Debug)]
pub struct AsyncChannel(AsyncFd<Watched>);

/// What tokio watches: a channel whose descriptor stays the same as long as it is watched.
#[derive(Debug)]
struct Watched(Channel);

impl AsRawFd for Watched {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Channel {
    /// A channel driven by tokio.
    ///
    /// # Errors
    /// What registering with the runtime says.
    pub fn into_async(self) -> io::Result<AsyncChannel> {
        self.set_waiting(Waiting::Never)?;
        Ok(AsyncChannel(watch(Watched(self), Interest::READABLE)?))
    }
}

impl AsyncChannel {
    /// As [`Channel::send`], waiting for room.
    ///
    /// # Errors
    /// As [`Channel::send`], never `NotReady`.
    pub async fn send<T: Packet>(
        &mut self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        loop {
            match self.try_send(message, descriptors) {
                Err(ChannelError::NotReady) => self.room().await?,
                done => return done,
            }
        }
    }

    /// As [`Channel::send`], without waiting.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn try_send<T: Packet>(
        &mut self,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), ChannelError> {
        self.0.get_mut().0.send(message, descriptors)
    }

    /// As [`Channel::receive`], waiting for a packet.
    ///
    /// # Errors
    /// As [`Channel::receive`], never `NotReady`.
    pub async fn receive<T: Packet>(&mut self) -> Result<(T, Descriptors), ChannelError> {
        loop {
            let mut ready = self.0.readable_mut().await?;
            match ready.get_inner_mut().0.receive() {
                Err(ChannelError::NotReady) => ready.clear_ready(),
                done => return done,
            }
        }
    }

    /// Waits until there is room. Rare, so it pays for a second registration.
    async fn room(&self) -> io::Result<()> {
        let second = Channel::from(self.0.get_ref().0.as_fd().try_clone_to_owned()?);
        let second = watch(Watched(second), Interest::WRITABLE)?;
        second.writable().await?.retain_ready();
        Ok(())
    }
}

impl From<AsyncChannel> for OwnedFd {
    fn from(channel: AsyncChannel) -> Self {
        channel.0.into_inner().0.into()
    }
}

#[expect(unsafe_code, reason = "the safe constructors watch for room too, or are deprecated")]
fn watch(channel: Watched, interest: Interest) -> io::Result<AsyncFd<Watched>> {
    // SAFETY: a `Watched` gives the same open descriptor as long as it lives. It owns its channel, nothing in this module
    // replaces or takes the channel while it is watched, and a channel never replaces its socket.
    Ok(unsafe { AsyncFd::register_with_interest(channel, interest) }?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::{FromCache, ToCache};

    #[tokio::test]
    async fn both_directions_under_tokio() {
        let (a, b) = Channel::pair().unwrap();
        let (mut a, mut b) = (a.into_async().unwrap(), b.into_async().unwrap());
        a.send(&ToCache::Hello { version: crate::VERSION, pid: 1 }, &[]).await.unwrap();
        let (hello, _) = b.receive::<ToCache>().await.unwrap();
        assert_eq!(hello, ToCache::Hello { version: crate::VERSION, pid: 1 });
        drop(a);
        assert!(matches!(b.receive::<ToCache>().await, Err(ChannelError::Closed)));
    }

    #[tokio::test]
    async fn a_full_channel_goes_on_when_there_is_room() {
        let (a, mut b) = Channel::pair().unwrap();
        let mut a = a.into_async().unwrap();
        let mut sent = 0;
        while a.try_send(&FromCache::Miss, &[]).is_ok() {
            sent += 1;
        }
        let (sending, ()) = tokio::join!(a.send(&FromCache::Miss, &[]), async {
            tokio::task::yield_now().await;
            for _ in 0..sent {
                b.receive::<FromCache>().unwrap();
            }
        });
        sending.unwrap();
        assert!(b.receive::<FromCache>().is_ok());
    }
}
