//! `baton-scache`: the connection cache as a service of master(8), which introduces agents to it.
//!
//! The cache itself is scache's loop, in a thread; this one is its supervisor. Master takes the place of the relay: when it
//! hangs up, the cache says farewell to all sessions and the process ends.

use crate::command_line::CommandLine;
use crate::inherited::Inherited;
use crate::introduction;
use crate::setup::{self, StartError};
use crate::skeleton::{accept, tell};
use crate::watchdog::Watchdog;
use maincf::params::UnderPostfix;
use maincf::{DeliveryConfig, Protocol};
use nix::sys::signalfd::SignalFd;
use postfix_wire::master::{Child, State};
use proto::channel::{Channel, ChannelError, Waiting};
use proto::steward::{Caps, FromSteward, Statistics, ToSteward};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use scache::confinement::{self, ConfinementError};
use scache::log::{Lines, Log};
use scache::process;
use scache::serve::{self, ServeError};
use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// As agents' logs have `smtp`.
pub const PROCESS: &str = "scache";
/// How long the cache may take to answer its supervisor before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nobody is let in once the system has no descriptor for that. Agents wait so long, or go on without the cache.
const RESPITE: Duration = Duration::from_secs(1);
/// How often that is in the log at most.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(60);
/// The process shows that often within `daemon_timeout` that it lives.
const SIGNS_OF_LIFE: u32 = 3;

/// Everything that the daemon was given.
#[derive(Debug)]
pub struct Daemon {
    inherited: Inherited,
    child: Child,
    stop: SignalFd,
    nofile: u64,
    caps: Caps,
    max_idle: Duration,
    daemon_timeout: Duration,
    log: Log,
}

/// The daemon ends with a failure.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The system's word.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Its own thread.
    #[error("the cache's own thread: {0}")]
    Thread(#[from] ChannelError),
    /// It said something else.
    #[error("the cache's own thread does not do as it is told")]
    Confused,
    /// It could do what it must not.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
    /// Its loop.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<Errno> for DaemonError {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// Everything, in order; what comes back is ready to run.
///
/// # Errors
/// [`StartError`].
pub fn start() -> Result<Daemon, StartError> {
    let inherited = Inherited::take().map_err(|_| StartError::NotUnderMaster("descriptors 5 and 6"))?;
    let line = CommandLine::parse(env::args_os())?;
    let cf = setup::configuration(&line, PROCESS, &setup::folder())?;
    let config = DeliveryConfig::load(&cf, Protocol::Smtp)?;
    let names = UnderPostfix::of(&cf)?;
    setup::log(&line, PROCESS, &cf, &config).install();
    let child = setup::child()?;
    if !line.alone {
        return Err(StartError::NotAlone);
    }
    let log = Log::through(Lines {
        info: |text| tracing::info!("{text}"),
        warning: |text| tracing::warn!("{text}"),
    });
    let failed = |error: process::StartError| StartError::System("start", io::Error::other(error));
    let stop = process::stop_signal().map_err(failed)?;
    let nofile = process::raise_descriptor_limit();
    setup::give_up_privileges(&line, &cf)?;
    process::give_up_privileges().map_err(failed)?;
    let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
    let cache = &config.cache;
    let caps = Caps {
        idle_ms: u32::try_from(cache.ttl_limit.get().as_millis()).unwrap_or(u32::MAX),
        sessions: u32::MAX,
        per_endpoint: cache.endpoint_session_limit.map_or(u32::MAX, |limit| limit.get()),
        status_update_s: seconds(cache.status_update_time.get()),
    };
    let (max_idle, daemon_timeout) = (config.process.max_idle.get(), names.daemon_timeout.get());
    Ok(Daemon { inherited, child, stop, nofile, caps, max_idle, daemon_timeout, log })
}

impl Daemon {
    /// Serves until master hangs up, SIGTERM comes, or nobody has needed the cache for a while.
    ///
    /// # Errors
    /// [`DaemonError`].
    pub fn run(self) -> Result<(), DaemonError> {
        let Self { inherited, child, stop, nofile, caps, max_idle, daemon_timeout, log } = self;
        let (steward, theirs) = Channel::pair()?;
        steward.set_waiting(Waiting::AtMost(PATIENCE))?;
        let start = serve::Start { steward: theirs, stop, nofile, log };
        let thread = std::thread::Builder::new().name(PROCESS.into()).spawn(|| serve::run(start))?;
        let watchdog = Watchdog::start(daemon_timeout, PROCESS)?;
        let signs_of_life = daemon_timeout / SIGNS_OF_LIFE;
        let mut front = Front {
            inherited,
            child,
            steward,
            caps,
            max_idle,
            watchdog,
            signs_of_life,
            closed_until: None,
            warned: None,
        };
        front.greet()?;
        // All threads, and before the first agent is let in.
        confinement::confine()?;
        front.serve()?;
        // The cache hears that its supervisor has gone: farewells, statistics.
        drop(front);
        thread.join().map_err(|_| DaemonError::Confused)??;
        Ok(())
    }
}

/// What happened while the process waited.
enum Event {
    /// With the channel that will be the agent's.
    Connection(UnixStream, (Channel, Channel)),
    Nothing,
    /// Somebody wants to be let in, and the system has no descriptor for that.
    Shortage(io::Error),
    /// Nobody came for as long as the process may be idle.
    Quiet,
    End,
}

/// Between master, the agents and the cache's thread.
struct Front {
    inherited: Inherited,
    child: Child,
    steward: Channel,
    caps: Caps,
    max_idle: Duration,
    watchdog: Watchdog,
    signs_of_life: Duration,
    /// Until then nobody is let in.
    closed_until: Option<Instant>,
    /// When a shortage was in the log last.
    warned: Option<Instant>,
}

impl Front {
    fn greet(&mut self) -> Result<(), DaemonError> {
        self.steward.send(&ToSteward::Hello { version: proto::VERSION, caps: self.caps }, &[])?;
        match self.steward.receive()?.0 {
            FromSteward::Hello { .. } => Ok(()),
            _ => Err(DaemonError::Confused),
        }
    }

    fn serve(&mut self) -> Result<(), DaemonError> {
        let mut quiet_since = Instant::now();
        let mut last = None;
        loop {
            self.watchdog.begin();
            match self.wait(quiet_since)? {
                Event::Nothing => {}
                Event::End => return Ok(()),
                Event::Shortage(error) => self.make_room(&error)?,
                Event::Connection(stream, channel) => {
                    // Master counts a process as one that works once it was busy and free again.
                    let _ignored = tell(&self.inherited.status, self.child, State::Taken);
                    self.introduce(&stream, channel)?;
                    if tell(&self.inherited.status, self.child, State::Available).is_err() {
                        return Ok(());
                    }
                    quiet_since = Instant::now();
                }
                Event::Quiet => {
                    let counted = self.statistics()?;
                    if counted.held == 0 && last == Some(counted) {
                        return Ok(());
                    }
                    last = Some(counted);
                    quiet_since = Instant::now();
                }
            }
        }
    }

    fn wait(&self, quiet_since: Instant) -> Result<Event, DaemonError> {
        let Inherited { status, listener } = &self.inherited;
        let idle = self.max_idle.saturating_sub(quiet_since.elapsed());
        let closed = self.closed_until.map(|until| until.saturating_duration_since(Instant::now()));
        let closed = closed.filter(|left| !left.is_zero());
        let patience = idle.min(self.signs_of_life).min(closed.unwrap_or(Duration::MAX));
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        let readable = |of| PollFd::from_borrowed_fd(of, PollFlags::IN);
        let agents = if closed.is_none() { PollFlags::IN } else { PollFlags::empty() };
        let mut ready =
            [readable(status.as_fd()), readable(self.steward.as_fd()), PollFd::new(listener, agents)];
        match poll(&mut ready, Some(&patience)) {
            Ok(0) if quiet_since.elapsed() >= self.max_idle => return Ok(Event::Quiet),
            Ok(0) | Err(Errno::INTR) => return Ok(Event::Nothing),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let [master, cache, agent] = ready.map(|one| !one.revents().is_empty());
        // The cache says nothing unasked: it has ended, by SIGTERM or a failure.
        if master || cache {
            return Ok(Event::End);
        }
        if agent { self.let_in() } else { Ok(Event::Nothing) }
    }

    /// The channel comes first: an agent for which there is none stays where it waits.
    fn let_in(&self) -> Result<Event, DaemonError> {
        let taken = Channel::pair().and_then(|channel| Ok((accept(&self.inherited.listener)?, channel)));
        match taken {
            Ok((Some(stream), channel)) => Ok(Event::Connection(stream, channel)),
            Ok((None, _)) => Ok(Event::Nothing),
            Err(error) if is_shortage(&error) => Ok(Event::Shortage(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives back what this process can do without, and lets nobody in for a moment. Agents deliver without the cache, but
    /// not without descriptors.
    fn make_room(&mut self, error: &io::Error) -> Result<(), DaemonError> {
        let ended = self.end_older_half()?;
        let now = Instant::now();
        self.closed_until = Some(now + RESPITE);
        if self.warned.is_none_or(|at| now - at >= BETWEEN_WARNINGS) {
            self.warned = Some(now);
            tracing::warn!("agents have to wait: {error}; {ended} parked connections were ended");
        }
        Ok(())
    }

    fn end_older_half(&mut self) -> Result<u32, DaemonError> {
        let half = Caps { sessions: self.statistics()?.held / 2, ..self.caps };
        let ended = self.reconfigure(half)?;
        self.reconfigure(self.caps)?;
        Ok(ended)
    }

    /// How many sessions that ended.
    fn reconfigure(&mut self, caps: Caps) -> Result<u32, DaemonError> {
        self.steward.send(&ToSteward::Reconfigure(caps), &[])?;
        match self.steward.receive()?.0 {
            FromSteward::Done(ended) => Ok(ended),
            _ => Err(DaemonError::Confused),
        }
    }

    /// One end of a new channel to the cache, the other to the agent. An agent that has gone again is no failure.
    fn introduce(&mut self, stream: &UnixStream, channel: (Channel, Channel)) -> Result<(), DaemonError> {
        let peer = rustix::net::sockopt::socket_peercred(stream)?;
        if !(peer.uid.is_root() || peer.uid == rustix::process::geteuid()) {
            tracing::warn!("a process of user {} is not let in", peer.uid.as_raw());
            return Ok(());
        }
        let (agents, caches) = channel;
        if let Err(error) = introduction::give(stream, &agents) {
            tracing::debug!("agent: {error}");
            return Ok(());
        }
        match self.steward.send(&ToSteward::Client, &[caches.as_fd()]) {
            // Too many descriptors are on their way between processes: this agent goes on without the cache.
            Err(ChannelError::Io(error)) if is_shortage(&error) => self.make_room(&error),
            sent => Ok(sent?),
        }
    }

    fn statistics(&mut self) -> Result<Statistics, DaemonError> {
        self.steward.send(&ToSteward::Statistics, &[])?;
        match self.steward.receive()?.0 {
            FromSteward::Statistics(statistics) => Ok(statistics),
            _ => Err(DaemonError::Confused),
        }
    }
}

/// Whether this process, or the system, has run out of descriptors or of memory for them.
fn is_shortage(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::TOOMANYREFS)
    )
}
