//! Log lines to where Postfix's go: the system's log, or postlogd. Whoever listens there may be slow, but not for long.

use jiff::tz::TimeZone;
use maincf::value::SyslogFacility;
use rustix::event::{PollFd, PollFlags, poll};
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
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.has_room_soon(socket) => {}
                Err(error) => return Err(error),
                Ok(octets) => {
                    self.patience.store(PATIENCE, Ordering::Relaxed);
                    return Ok(octets);
                }
            }
        }
    }

    /// Waits for a place in the queue, as long as there is patience.
    fn has_room_soon(&self, socket: &UnixDatagram) -> bool {
        let left = self.patience.load(Ordering::Relaxed);
        let began = Instant::now();
        let mut ready = [PollFd::new(socket, PollFlags::OUT)];
        let limit = Duration::from_millis(left).try_into().ok();
        let room = left > 0 && poll(&mut ready, limit.as_ref()).is_ok_and(|ready| ready > 0);
        // Several may wait for one place: whoever does not get it has waited all the same.
        let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(left).max(1);
        self.patience.store(left.saturating_sub(waited), Ordering::Relaxed);
        room
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
mod tests {
    use super::*;

    fn log(target: Target) -> Log {
        Log {
            socket: None,
            target,
            zone: TimeZone::UTC,
            origin: "postfix/smtp[7]: ".into(),
            level: Level::INFO,
            patience: AtomicU64::new(0),
        }
    }

    fn syslog(path: &Path) -> Target {
        Target::Syslog { path: path.to_owned(), facility: SyslogFacility::Mail }
    }

    #[test]
    fn lines_have_the_shape_of_their_target() {
        let now = jiff::Timestamp::from_second(1_795_348_800).unwrap();
        let to = |facility| log(Target::Syslog { path: "/dev/log".into(), facility });
        let line = to(SyslogFacility::Local6).datagram(Severity::Info, "x", now);
        assert!(line.starts_with("<182>"), "{line}");
        let line = to(SyslogFacility::Mail).datagram(Severity::Warning, "a\r\nb\u{1b}", now);
        assert!(line.starts_with("<20>") && line.ends_with(" postfix/smtp[7]: warning: a? b?"), "{line}");
        let postlog = log(Target::Postlog { path: "x".into(), hostname: "mx".into() });
        let line = postlog.datagram(Severity::Info, &"x".repeat(3000), now);
        assert!(line.contains(" mx postfix/smtp[7]: xxx"), "{line}");
        assert_eq!(line.matches('x').count(), LONGEST + 2, "and those of mx and postfix");
    }

    #[test]
    fn a_log_daemon_that_was_started_again_gets_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let first = UnixDatagram::bind(&path).unwrap();
        let log = Log::new(syslog(&path), "postfix/smtp", 0);
        drop(first);
        std::fs::remove_file(&path).unwrap();
        tracing::subscriber::with_default(log, || {
            tracing::info!("lost");
            let second = UnixDatagram::bind(&path).unwrap();
            for _ in 0..2 {
                tracing::info!("found");
                let mut line = [0; 200];
                let length = second.recv(&mut line).unwrap();
                assert!(line[..length].ends_with(b": found"));
            }
        });
    }

    #[test]
    fn a_log_daemon_that_came_later_gets_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::new(syslog(&path), "postfix/smtp", 0);
        tracing::subscriber::with_default(log, || {
            tracing::info!("lost");
            let reader = UnixDatagram::bind(&path).unwrap();
            tracing::error!(target: PANIC, "found");
            let mut line = [0; 200];
            let length = reader.recv(&mut line).unwrap();
            assert!(line[..length].ends_with(b": panic: found"));
        });
    }

    #[test]
    fn a_log_that_is_read_slowly_loses_nothing() {
        let path = env::temp_dir().join(format!("baton-slow-log-{}", std::process::id()));
        let reader = UnixDatagram::bind(&path).unwrap();
        let target = Target::Syslog { path: path.clone(), facility: SyslogFacility::Mail };
        let log = Log::new(target, "postfix/smtp", 0);
        let all = std::thread::spawn(move || (0..500).filter(|_| reader.recv(&mut [0; 100]).is_ok()).count());
        tracing::subscriber::with_default(log, || (0..500).for_each(|number| tracing::info!("{number}")));
        assert_eq!(all.join().unwrap(), 500);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nothing_up() {
        let folder = env::temp_dir().join(format!("baton-log-{}", std::process::id()));
        let reader = UnixDatagram::bind(&folder).unwrap();
        let log = Log::new(syslog(&folder), "postfix/smtp", 0);
        tracing::subscriber::with_default(log, || {
            for _ in 0..2000 {
                tracing::info!("{}", "y".repeat(1500));
            }
        });
        std::fs::remove_file(folder).unwrap();
        drop(reader);
    }
}
