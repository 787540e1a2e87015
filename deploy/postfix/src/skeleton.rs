//! The contract with master(8): who takes a connection, what master is told, and when the process ends.

use crate::conversation::Agent;
use crate::inherited::Inherited;
use postfix_wire::master::{Child, State};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::net::SocketFlags;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// What the process lives by.
#[derive(Debug)]
pub struct Contract {
    /// From master.
    pub inherited: Inherited,
    /// How this process names itself to master.
    pub child: Child,
    /// Held while waiting for a connection; `None` where there is no other process.
    pub lock: Option<OwnedFd>,
    /// `max_use`; `None`: without limit.
    pub max_use: Option<u32>,
    /// `max_idle`; `None`: without limit.
    pub max_idle: Option<Duration>,
    /// `daemon_timeout`, in seconds.
    pub watchdog: u32,
}

/// What happened while the process waited.
enum Event {
    Connection(UnixStream),
    /// Another process took it.
    Nothing,
    /// Idle for too long, or master is gone or has been reloaded.
    End,
}

impl Contract {
    /// Serves connections until the process has done its share. Then it is to exit with status 0.
    ///
    /// # Errors
    /// The lock or the socket failed: the process is to exit with another status.
    pub fn run(&self, agent: &mut Agent) -> io::Result<()> {
        let mut left = self.max_use;
        let mut idle_since = Instant::now();
        while left != Some(0) {
            let stream = match self.wait(idle_since)? {
                Event::Connection(stream) => stream,
                Event::Nothing => continue,
                Event::End => break,
            };
            // Master that does not hear it will not hear the other either.
            let _ignored = self.tell(State::Taken);
            if let Err(error) = agent.serve(stream) {
                tracing::debug!("queue manager: {error}");
            }
            agent.part();
            if self.tell(State::Available).is_err() {
                break;
            }
            left = left.map(|left| left.saturating_sub(1));
            idle_since = Instant::now();
        }
        Ok(())
    }

    fn wait(&self, idle_since: Instant) -> io::Result<Event> {
        if let Some(lock) = &self.lock {
            // Others may hold it for as long as they like.
            let _was = nix::unistd::alarm::cancel();
            rustix::io::retry_on_intr(|| rustix::fs::flock(lock, FlockOperation::LockExclusive))?;
        }
        let _was = nix::unistd::alarm::set(self.watchdog);
        let event = self.next_event(idle_since);
        if let Some(lock) = &self.lock {
            rustix::fs::flock(lock, FlockOperation::Unlock)?;
        }
        event
    }

    fn next_event(&self, idle_since: Instant) -> io::Result<Event> {
        let Inherited { status, listener } = &self.inherited;
        let patience = self.max_idle.map(|limit| limit.saturating_sub(idle_since.elapsed()));
        let patience = patience.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        let mut ready = [PollFd::new(status, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        match poll(&mut ready, patience.as_ref()) {
            Ok(0) => return Ok(Event::End),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Event::Nothing),
            Err(error) => return Err(error.into()),
        }
        let [master, connection] = ready.map(|one| !one.revents().is_empty());
        // Before a connection: one that waits is for a child that master still knows.
        if master {
            return Ok(Event::End);
        }
        if connection { accept(listener) } else { Ok(Event::Nothing) }
    }

    /// One write of one message: master reads them by their length.
    fn tell(&self, state: State) -> io::Result<()> {
        let message = self.child.message(state);
        let written =
            rustix::io::retry_on_intr(|| rustix::io::write(self.inherited.status.as_fd(), &message))?;
        if written == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }
}

fn accept(listener: &OwnedFd) -> io::Result<Event> {
    match rustix::net::accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(stream) => Ok(Event::Connection(UnixStream::from(stream))),
        // A sibling was faster, or the other end left.
        Err(
            Errno::AGAIN
            | Errno::INTR
            | Errno::CONNABORTED
            | Errno::NOBUFS
            | Errno::NETDOWN
            | Errno::NETUNREACH
            | Errno::HOSTUNREACH
            | Errno::PROTO,
        ) => Ok(Event::Nothing),
        Err(error) => Err(error.into()),
    }
}
