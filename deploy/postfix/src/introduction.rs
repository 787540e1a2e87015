//! How an agent gets its channel to the cache: it connects to the service's socket, and is sent one end of a pair.

use proto::channel::Channel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use worker::cache::{Cache, Loss};

/// What comes with the channel, so that no other daemon is taken for the cache.
const WORD: &[u8] = b"baton-scache\n";
/// How long the cache is let alone after it failed.
const PAUSE: Duration = Duration::from_secs(60);

/// There is no channel.
#[derive(Debug, thiserror::Error)]
pub enum IntroductionError {
    /// The system's word.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Nobody takes the connection, or nothing comes.
    #[error("does not answer")]
    Silent,
    /// More wait for it than its socket lets wait.
    #[error("has too many others waiting")]
    Crowded,
    /// Something else came, or nothing and the end.
    #[error("is not baton-scache")]
    Stranger,
}

impl From<Errno> for IntroductionError {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// The cache's side: a channel for whoever connected. Does not wait.
///
/// # Errors
/// The kernel's word.
pub fn give(stream: &UnixStream, channel: &Channel) -> io::Result<()> {
    let descriptors = [channel.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    let sent = rustix::net::sendmsg(stream, &[IoSlice::new(WORD)], &mut ancillary, flags)?;
    if sent == WORD.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// The agent's side.
///
/// # Errors
/// [`IntroductionError`], after at most `patience`.
pub fn ask(path: &Path, patience: Duration) -> Result<Channel, IntroductionError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) => {}
        Err(Errno::AGAIN) => return Err(IntroductionError::Crowded),
        Err(error) => return Err(error.into()),
    }
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut ready = [PollFd::new(&socket, PollFlags::IN)];
    if poll(&mut ready, Some(&patience))? == 0 {
        return Err(IntroductionError::Silent);
    }
    receive(&socket)
}

fn receive(socket: &OwnedFd) -> Result<Channel, IntroductionError> {
    let mut text = [0; WORD.len() + 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let buffer = &mut [IoSliceMut::new(&mut text)];
    let received = rustix::net::recvmsg(socket, buffer, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut came: Vec<OwnedFd> = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            came.extend(descriptors);
        }
    }
    let known = text.get(..received.bytes) == Some(WORD);
    match (known, <[OwnedFd; 1]>::try_from(came)) {
        (true, Ok([channel])) if rustix::net::sockopt::socket_type(&channel) == Ok(SocketType::SEQPACKET) => {
            Ok(Channel::from(channel))
        }
        _ => Err(IntroductionError::Stranger),
    }
}

/// An agent's way to the cache, as often as it is needed.
#[derive(Debug)]
pub struct Way {
    path: PathBuf,
    patience: Duration,
    not_before: Option<Instant>,
    said: bool,
}

impl Way {
    /// To the service with this socket.
    #[must_use]
    pub fn new(path: PathBuf, patience: Duration) -> Self {
        Self { path, patience, not_before: None, said: false }
    }

    /// Sees to it that the cache is connected, if it can be. One that failed is let alone for a while, so that it costs
    /// mail one timeout; one that ended has a successor.
    pub fn find(&mut self, cache: &mut Cache) {
        if cache.take_loss() == Some(Loss::Failed) {
            self.pause();
        }
        if cache.is_connected() || self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        match ask(&self.path, self.patience) {
            Ok(channel) => cache.connect(channel),
            // While master starts the cache again, all agents come at once. It costs nothing to come again.
            Err(error @ IntroductionError::Crowded) => tracing::debug!("without a connection cache: {error}"),
            Err(error) => {
                self.pause();
                if !std::mem::replace(&mut self.said, true) {
                    self.say(&error);
                }
            }
        }
    }

    fn say(&self, error: &IntroductionError) {
        let path = self.path.display();
        match error {
            // Nobody has named ours: the default is that of Postfix.
            IntroductionError::Stranger => tracing::info!("without a connection cache: {path}: {error}"),
            _ => tracing::warn!("going on without the connection cache: {path}: {error}"),
        }
    }

    fn pause(&mut self) {
        self.not_before = Some(Instant::now() + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::cache::{FromCache, ToCache};
    use std::io::Write;
    use std::os::unix::net::UnixListener;

    fn listening() -> (tempfile::TempDir, PathBuf, UnixListener) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        (folder, path, listener)
    }

    /// What an agent gets from a daemon that does this.
    fn asked(daemon: impl FnOnce(UnixStream) + Send + 'static) -> Result<Channel, IntroductionError> {
        let (_folder, path, listener) = listening();
        let daemon = std::thread::spawn(move || daemon(listener.accept().unwrap().0));
        let got = ask(&path, Duration::from_secs(20));
        daemon.join().unwrap();
        got
    }

    #[test]
    fn the_channel_that_was_given_is_the_one_that_came() {
        let (mut caches, agents) = Channel::pair().unwrap();
        let mut got = asked(move |stream| give(&stream, &agents).unwrap()).unwrap();
        got.send(&ToCache::Hello { version: 1, pid: 2 }, &[]).unwrap();
        assert_eq!(caches.receive::<ToCache>().unwrap().0, ToCache::Hello { version: 1, pid: 2 });
        caches.send(&FromCache::Miss, &[]).unwrap();
        assert!(got.receive::<FromCache>().is_ok());
    }

    #[test]
    fn another_daemon_is_not_taken_for_the_cache() {
        let greeting = asked(|mut stream| stream.write_all(b"protocol\0scache\0\0").unwrap());
        assert!(matches!(greeting, Err(IntroductionError::Stranger)));
        assert!(matches!(asked(drop), Err(IntroductionError::Stranger)));
        let word_alone = asked(|mut stream| stream.write_all(WORD).unwrap());
        assert!(matches!(word_alone, Err(IntroductionError::Stranger)));
    }

    #[test]
    fn a_cache_that_others_wait_for_is_asked_again_with_the_next_delivery() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let kind = SocketType::STREAM;
        let listener = rustix::net::socket(AddressFamily::UNIX, kind, None).unwrap();
        rustix::net::bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let _waiting = UnixStream::connect(&path).unwrap();
        assert!(matches!(ask(&path, Duration::from_secs(20)), Err(IntroductionError::Crowded)));
        let mut cache = Cache::absent(Duration::from_millis(5));
        let mut way = Way::new(path, Duration::from_millis(5));
        way.find(&mut cache);
        assert_eq!((way.not_before, way.said), (None, false));
    }

    #[test]
    fn a_cache_that_says_nothing_costs_one_timeout() {
        let (_folder, path, listener) = listening();
        let mut cache = Cache::absent(Duration::from_millis(5));
        let mut way = Way::new(path, Duration::from_millis(5));
        for _ in 0..3 {
            way.find(&mut cache);
            assert!(!cache.is_connected());
        }
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_ok());
        assert!(listener.accept().is_err(), "asked once");
    }
}
