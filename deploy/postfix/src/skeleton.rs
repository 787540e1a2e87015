//! The contract with master(8): who takes a connection, what master is told, and when the process ends.

use crate::conversation::Agent;
use crate::inherited::Inherited;
use crate::tables::Watch;
use crate::watchdog::Watchdog;
use postfix_wire::master::{Child, State};
use proto::clock::Boottime;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::net::SocketFlags;
use std::io;
use std::os::fd::OwnedFd;
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
    /// `max_use`
    pub max_use: u32,
    /// `max_idle`
    pub max_idle: Duration,
    /// `daemon_timeout` of one connection. Waiting for one is bounded by `max_idle`, or by others.
    pub watchdog: Watchdog,
    /// When the key of parked sessions is too old, so that another process is to go on with a new one.
    pub key_until: Option<Boottime>,
    /// Files of tables; a process that has read one of them as it was before takes no more connections.
    pub tables: Watch,
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
        while goes_on(left, self.key_until, Boottime::now()) {
            let stream = match self.wait(idle_since)? {
                Event::Connection(stream) => stream,
                Event::Nothing => continue,
                Event::End => break,
            };
            // Master that does not hear it will not hear the other either.
            let _ignored = self.tell(State::Taken);
            self.watchdog.begin();
            if let Err(error) = agent.serve(stream) {
                tracing::debug!("queue manager: {error}");
            }
            agent.part();
            self.watchdog.rest();
            if self.tell(State::Available).is_err() {
                break;
            }
            left -= 1;
            idle_since = Instant::now();
        }
        Ok(())
    }

    fn wait(&self, idle_since: Instant) -> io::Result<Event> {
        if let Some(lock) = &self.lock {
            // Others may hold it for as long as they like.
            rustix::io::retry_on_intr(|| rustix::fs::flock(lock, FlockOperation::LockExclusive))?;
        }
        let event = self.next_event(idle_since);
        if let Some(lock) = &self.lock {
            rustix::fs::flock(lock, FlockOperation::Unlock)?;
        }
        event
    }

    fn next_event(&self, idle_since: Instant) -> io::Result<Event> {
        let Inherited { status, listener } = &self.inherited;
        let patience = self.max_idle.saturating_sub(idle_since.elapsed());
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(status, PollFlags::IN), PollFd::new(listener, PollFlags::IN)];
        match poll(&mut ready, Some(&patience)) {
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
        if !connection {
            return Ok(Event::Nothing);
        }
        // The next process, which master starts for the connection that waits, reads it anew.
        if let Some(table) = self.tables.changed() {
            tracing::info!("table {table} has changed -- restarting");
            return Ok(Event::End);
        }
        let accepted = accept(listener)?;
        Ok(accepted.map_or(Event::Nothing, Event::Connection))
    }

    fn tell(&self, state: State) -> io::Result<()> {
        tell(&self.inherited.status, self.child, state)
    }
}

/// Whether a process that may serve so many more takes another connection. One whose key is too old would park sessions that
/// nobody can take.
fn goes_on(left: u32, key_until: Option<Boottime>, now: Boottime) -> bool {
    left > 0 && key_until.is_none_or(|until| now < until)
}

/// One write of one message: master reads them by their length.
pub(crate) fn tell(status: &OwnedFd, child: Child, state: State) -> io::Result<()> {
    let message = child.message(state);
    let written = rustix::io::retry_on_intr(|| rustix::io::write(status, &message))?;
    if written == message.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// A connection, if nobody else took it.
pub(crate) fn accept(listener: &OwnedFd) -> io::Result<Option<UnixStream>> {
    match rustix::net::accept_with(listener, SocketFlags::CLOEXEC) {
        Ok(stream) => Ok(Some(UnixStream::from(stream))),
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
        ) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::LIFE;

    #[test]
    fn a_process_ends_with_its_share_or_its_key() {
        let drawn = Boottime(10_000_000);
        let until = Some(drawn.after(LIFE));
        assert!(goes_on(1, until, drawn));
        assert!(goes_on(1, until, drawn.after(LIFE - Duration::from_secs(1))));
        assert!(!goes_on(1, until, drawn.after(LIFE)), "an hour has passed");
        assert!(goes_on(1, None, drawn.after(LIFE * 100)), "it shares nothing");
        assert!(!goes_on(0, until, drawn) && !goes_on(0, None, drawn));
    }
}
