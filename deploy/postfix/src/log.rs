//! Log lines to where Postfix's go: the system's log, or postlogd. Whoever listens there may be slow, but not for long.

use jiff::tz::TimeZone;
use maincf::value::SyslogFacility;
use std::env;
use std::fmt::{self, Write};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Octets of text that one line has at most.
const LONGEST: usize = 2000;

/// Octets that few lines exceed.
const USUAL: usize = 512;

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The system's log.
    Syslog {
        /// Its socket.
        path: PathBuf,
        /// Under which heading lines go there.
        facility: SyslogFacility,
    },
    /// postlogd, which writes `maillog_file`.
    Postlog {
        /// Its socket.
        path: PathBuf,
        /// How it calls this machine.
        hostname: String,
    },
}

impl Target {
    fn path(&self) -> &Path {
        match self {
            Self::Syslog { path, .. } | Self::Postlog { path, .. } => path,
        }
    }

    /// What master says by way of the environment; the facility is for the system's log.
    #[must_use]
    pub fn inherited(facility: SyslogFacility) -> Self {
        let Some(path) = env::var_os("POSTLOG_SERVICE").map(PathBuf::from) else {
            return Self::Syslog { path: "/dev/log".into(), facility };
        };
        let hostname = env::var("POSTLOG_HOSTNAME")
            .unwrap_or_else(|_| rustix::system::uname().nodename().to_string_lossy().into_owned());
        let hostname = hostname.split('.').next().unwrap_or_default().to_owned();
        Self::Postlog { path, hostname }
    }
}

/// The log of this process. Its socket is connected before a chroot.
#[derive(Debug)]
pub struct Log {
    socket: Option<UnixDatagram>,
    target: Target,
    zone: TimeZone,
    /// `tag[pid]: `
    origin: String,
    level: Level,
    /// Milliseconds that a full queue is still waited for, in all until it takes a line again.
    patience: AtomicU64,
}

/// Agents that start at once fill the queue of postlogd, which has ten places, for moments. One that does not move at all
/// must not hold mail up, nor master, which may be the one that waits.
const PATIENCE: u64 = 1000;
/// After so long a full queue is tried again. It is not asked to tell when there is a place: master waits for one in the
/// kernel, and all that were told at the same moment would take it. A master that cannot log does not read what postlogd
/// tells it with each line; some 140 lines later postlogd cannot write to it either, and each waits for the other until
/// postlogd's own watchdog ends it. After that there is no log and no reload. (With 3.7.11.)
const NAP: Duration = Duration::from_millis(20);

impl Log {
    /// Lines of `tag`, which is `postfix/smtp` or the like.
    #[must_use]
    pub fn new(target: Target, tag: &str, verbose: u32) -> Self {
        let connect = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?;
            // Nobody may be there yet: then each line looks anew.
            let _nobody = socket.connect(target.path());
            io::Result::Ok(socket)
        };
        let origin = format!("{tag}[{}]: ", std::process::id());
        let level = if verbose > 0 { Level::DEBUG } else { Level::INFO };
        let patience = AtomicU64::new(PATIENCE);
        Self { socket: connect().ok(), target, zone: TimeZone::system(), origin, level, patience }
    }

    /// Takes all events of this process from now on.
    pub fn install(self) {
        // Only the first call of a process has an effect.
        let _already_set = tracing::subscriber::set_global_default(self);
        // Master's children have no standard error that anybody reads.
        std::panic::set_hook(Box::new(|panic| tracing::error!(target: PANIC, "{panic}")));
    }

    /// Sends it, and waits a little where the queue is full.
    fn send(&self, socket: &UnixDatagram, line: &[u8]) -> io::Result<usize> {
        loop {
            let sent = self.try_send(socket, line);
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.may_try_again() => {}
                Err(error) => return Err(error),
                Ok(octets) => {
                    self.patience.store(PATIENCE, Ordering::Relaxed);
                    return Ok(octets);
                }
            }
        }
    }

    /// Lets others go first, as long as there is patience.
    fn may_try_again(&self) -> bool {
        let left = self.patience.load(Ordering::Relaxed);
        if left == 0 {
            return false;
        }
        let began = Instant::now();
        std::thread::sleep(NAP);
        let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(left).max(1);
        self.patience.store(left.saturating_sub(waited), Ordering::Relaxed);
        true
    }

    fn try_send(&self, socket: &UnixDatagram, line: &[u8]) -> io::Result<usize> {
        match socket.send(line) {
            // Who listened there has gone; another may be at the same place. It is found unless that is outside a chroot.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected) =>
            {
                socket.send_to(line, self.target.path())
            }
            done => done,
        }
    }

    fn datagram(&self, severity: Severity, text: &str, now: jiff::Timestamp) -> String {
        let now = now.to_zoned(self.zone.clone());
        let (origin, label, text) = (&self.origin, severity.label(), Line(text));
        let mut line = String::with_capacity(USUAL);
        // Writing into a String cannot fail.
        let _never = match &self.target {
            Target::Syslog { facility, .. } => {
                let number = facility.number() << 3 | severity.number();
                write!(line, "<{number}>{} {origin}{label}{text}", now.strftime("%b %e %H:%M:%S"))
            }
            Target::Postlog { hostname, .. } => {
                write!(line, "{} {hostname} {origin}{label}{text}", now.strftime("%b %d %H:%M:%S"))
            }
        };
        line
    }
}

/// Events with this target are the last of their process.
const FATAL: &str = "fatal";
/// The same, where a bug is the reason.
const PANIC: &str = "panic";

/// The process, which calls itself so, ends for this. It may be that nobody has set up a log yet: then as master says.
pub fn fatal(process: &str, why: &str) {
    if !tracing::dispatcher::has_been_set() {
        let name = env::var("MAIL_LOGTAG").unwrap_or_else(|_| "postfix".into());
        let target = Target::inherited(SyslogFacility::Mail);
        Log::new(target, &format!("{name}/{process}"), 0).install();
    }
    tracing::error!(target: FATAL, "{why}");
}

/// As syslog(3) numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Panic,
    Fatal,
    Error,
    Warning,
    Info,
}

impl Severity {
    fn of(metadata: &Metadata<'_>) -> Self {
        match *metadata.level() {
            Level::ERROR if metadata.target() == PANIC => Self::Panic,
            Level::ERROR if metadata.target() == FATAL => Self::Fatal,
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            _ => Self::Info,
        }
    }

    const fn number(self) -> u32 {
        match self {
            Self::Panic | Self::Fatal => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Info => 6,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Panic => "panic: ",
            Self::Fatal => "fatal: ",
            Self::Error => "error: ",
            Self::Warning => "warning: ",
            Self::Info => "",
        }
    }
}

/// One line, however the text looks.
struct Line<'a>(&'a str);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most lines are fit to be seen.
        if self.0.len() <= LONGEST && self.0.bytes().all(|octet| matches!(octet, b' '..=b'~')) {
            return f.write_str(self.0);
        }
        let mut left = LONGEST;
        for character in self.0.chars() {
            let Some(rest) = left.checked_sub(character.len_utf8()) else { break };
            left = rest;
            let shown = match character {
                '\n' => ' ',
                other if other.is_control() => '?',
                other => other,
            };
            f.write_char(shown)?;
        }
        Ok(())
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::with_capacity(USUAL));
        event.record(&mut text);
        let severity = Severity::of(event.metadata());
        let datagram = self.datagram(severity, &text.0, jiff::Timestamp::now());
        if let Some(socket) = &self.socket {
            // A queue that stays full loses the line: a process that waits for it would hold mail up.
            let _lost = self.send(socket, datagram.as_bytes());
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message of an event; other fields are for other subscribers.
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing into a String cannot fail.
            let _never = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests;
