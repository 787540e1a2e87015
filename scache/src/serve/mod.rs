//! The loop: wait, let whoever is ready have one message served, do what is due.
//!
//! Level-triggered and one message per turn: no call that only finds out that nothing is there, and no client
//! can keep others waiting. Nothing here blocks but the wait.

mod steward;

use crate::cache::Cache;
use crate::client::{Client, Fault};
use crate::limits::{self, Limits};
use crate::log::Log;
use crate::statistics::Interval;
use crate::watch::{Token, Watch};
use jiff::Timestamp;
use nix::sys::signalfd::SignalFd;
use proto::channel::{Buffers, Channel, Waiting};
use proto::clock::Boottime;
use proto::steward::Caps;
use rustix::net::SocketType;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use steward::Steward;
pub use steward::StewardError;

/// What the daemon was started with.
#[derive(Debug)]
pub struct Start {
    /// The supervisor's channel.
    pub steward: Channel,
    /// Readable when the process is to end.
    pub stop: SignalFd,
    /// How many descriptors this process may have.
    pub nofile: u64,
    /// Where log lines go.
    pub log: Log,
}

/// Why the daemon ended other than as it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The supervisor and this process do not agree on what is said.
    #[error("supervisor: {0}")]
    Steward(#[from] StewardError),
    /// Waiting for events failed.
    #[error("cannot wait for events: {0}")]
    Wait(#[from] io::Error),
}

/// Serves until the supervisor goes or SIGTERM comes; says farewell to all sessions in any case.
///
/// # Errors
/// [`ServeError`], after the farewells.
pub fn run(start: Start) -> Result<(), ServeError> {
    let mut server = Server::new(start)?;
    let ended = server.serve();
    server.close();
    ended
}

/// Whether the loop goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Next,
    Last,
}

struct Server {
    watch: Rc<Watch>,
    stop: SignalFd,
    steward: Steward,
    clients: HashMap<u32, Client>,
    next_client: u32,
    dropped_clients: u64,
    cache: Cache,
    caps: Caps,
    nofile: u64,
    buffers: Buffers,
    log: Log,
    interval: Interval,
    report_at: Option<Boottime>,
}

impl Server {
    fn new(start: Start) -> io::Result<Self> {
        let Start { steward, stop, nofile, log } = start;
        steward.set_waiting(Waiting::Never)?;
        let watch = Rc::new(Watch::new()?);
        watch.add_reader(&steward, Token::Steward)?;
        watch.add_reader(&stop, Token::Stop)?;
        // Until the supervisor has said what the caps are nothing can be parked.
        let caps = Caps { idle_ms: 0, sessions: 0, per_endpoint: 0, status_update_s: 0 };
        let cache = Cache::new(Limits::new(&caps, nofile, 0), Rc::clone(&watch));
        let interval = Interval::new(log.time(Timestamp::now()), cache.store.statistics());
        Ok(Self {
            watch,
            stop,
            steward: Steward::new(steward),
            clients: HashMap::new(),
            next_client: 0,
            dropped_clients: 0,
            cache,
            caps,
            nofile,
            buffers: Buffers::default(),
            log,
            interval,
            report_at: None,
        })
    }

    fn serve(&mut self) -> Result<(), ServeError> {
        let mut events = Vec::new();
        loop {
            self.watch.wait(self.patience(), &mut events)?;
            let now = Boottime::now();
            for &token in &events {
                if self.on_event(token, now)? == Turn::Last {
                    return Ok(());
                }
            }
            self.cache.turn(now);
            if self.report_at.is_some_and(|at| at <= now) {
                self.report(now);
            }
        }
    }

    fn on_event(&mut self, token: Token, now: Boottime) -> Result<Turn, ServeError> {
        match token {
            Token::Steward => return Ok(self.on_steward(now)?),
            Token::Stop => return Ok(if self.stopped() { Turn::Last } else { Turn::Next }),
            Token::Parked(ticket) => self.cache.hang_up(ticket),
            Token::Client(number) => self.on_client(number, now),
        }
        // What a message displaced goes now, so that arriving and leaving descriptors do not add up.
        self.cache.send_off();
        Ok(Turn::Next)
    }

    fn on_client(&mut self, number: u32, now: Boottime) {
        let Some(client) = self.clients.get_mut(&number) else { return };
        if let Err(fault) = client.serve(&mut self.cache, &mut self.buffers, now) {
            self.drop_client(number, &fault, now);
        }
    }

    /// Takes a new worker in, if there is room.
    fn admit(&mut self, descriptor: OwnedFd, now: Boottime) {
        let channel = match self.admissible(descriptor) {
            Ok(channel) => channel,
            Err(reason) => {
                self.dropped_clients += 1;
                return self.log.warn(&format!("new client refused: {reason}"), now);
            }
        };
        let number = self.next_client;
        self.next_client = number.wrapping_add(1);
        if let Err(error) = self.watch.add_reader(&channel, Token::Client(number)) {
            self.dropped_clients += 1;
            return self.log.warn(&format!("new client refused: cannot watch it: {error}"), now);
        }
        self.clients.insert(number, Client::new(channel));
        self.apply_limits(now);
    }

    fn admissible(&self, descriptor: OwnedFd) -> Result<Channel, String> {
        if limits::room(self.nofile, self.clients.len() + 1) == 0 {
            return Err(format!("{} are connected, RLIMIT_NOFILE is {}", self.clients.len(), self.nofile));
        }
        match rustix::net::sockopt::socket_type(&descriptor) {
            Ok(SocketType::SEQPACKET) => {}
            _ => return Err("not a SOCK_SEQPACKET socket".to_owned()),
        }
        let channel = Channel::from(descriptor);
        channel.set_waiting(Waiting::Never).map_err(|error| error.to_string())?;
        Ok(channel)
    }

    fn drop_client(&mut self, number: u32, fault: &Fault, now: Boottime) {
        let Some(client) = self.clients.remove(&number) else { return };
        self.watch.remove(&client);
        if !matches!(fault, Fault::Left) {
            self.dropped_clients += 1;
            let name = client.pid().map_or_else(|| "without greeting".to_owned(), |pid| format!("[{pid}]"));
            self.log.warn(&format!("client {name} dropped: {fault}"), now);
        }
        self.apply_limits(now);
    }

    /// Clients and sessions share one number of descriptors.
    fn apply_limits(&mut self, now: Boottime) -> u32 {
        self.cache.store.set_limits(self.limits(), now)
    }

    fn limits(&self) -> Limits {
        Limits::new(&self.caps, self.nofile, self.clients.len())
    }

    /// Logs the statistics of the interval that ends now, and begins the next.
    fn report(&mut self, now: Boottime) {
        let counters = self.cache.store.statistics();
        for line in self.interval.lines(&counters, self.cache.store.take_peaks()) {
            self.log.info(&line);
        }
        self.interval = Interval::new(self.log.time(Timestamp::now()), counters);
        self.schedule_report(now);
    }

    fn schedule_report(&mut self, now: Boottime) {
        let every = Duration::from_secs(u64::from(self.caps.status_update_s));
        self.report_at = (!every.is_zero()).then(|| now.after(every));
    }

    /// How long nothing is due.
    fn patience(&self) -> Option<Duration> {
        let due = [self.cache.due(), self.report_at].into_iter().flatten().min();
        due.map(|due| due.until(Boottime::now()))
    }

    fn stopped(&self) -> bool {
        self.stop.read_signal().is_ok_and(|signal| signal.is_some())
    }

    fn close(&mut self) {
        self.cache.close();
        self.report(Boottime::now());
    }
}
