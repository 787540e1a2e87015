//! A process that is about to be killed: frozen, so that what it has done and not done can be seen.

use crate::farm::{Farm, Kind};
use crate::postfix::open_recipients;
use crate::process::Process;
use crate::sink;
use crate::wait;
use rustix::process::Signal;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Where a process was when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is the connection cache.
    Cache,
    /// An agent without a message.
    Idle,
    /// It has a message and no connection.
    Unconnected,
    /// It talks to the server, which does not have the message yet.
    Talking,
    /// The server has the message and has not answered.
    Dot,
    /// The server has answered, and a recipient has no mark.
    Answered,
    /// All recipients that it may serve are marked.
    Marked,
}

/// In this order.
pub(super) const PHASES: [Phase; 7] = [
    Phase::Cache,
    Phase::Idle,
    Phase::Unconnected,
    Phase::Talking,
    Phase::Dot,
    Phase::Answered,
    Phase::Marked,
];

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cache => "cache",
            Self::Idle => "agent, idle",
            Self::Unconnected => "agent with a message, not connected",
            Self::Talking => "agent in a session, before the server had the message",
            Self::Dot => "agent after the final dot, before the reply",
            Self::Answered => "agent after the reply, before the mark",
            Self::Marked => "agent after the mark",
        })
    }
}

/// Who was killed, and which copies it may have made without a mark.
#[derive(Debug, Clone)]
pub(super) struct Kill {
    pub(super) phase: Phase,
    pub(super) at: Instant,
    /// The Message-ID of its message.
    pub(super) message_id: String,
    /// The recipients of that message at the host it was connected to who had no mark.
    pub(super) open: Vec<String>,
}

/// A stopped process.
pub(super) struct Frozen<'a> {
    process: &'a Process,
}

/// The message of an agent.
pub(super) struct Load {
    pub(super) message_id: String,
    open: Vec<String>,
}

impl<'a> Frozen<'a> {
    /// Stops it; `None` if it ended before.
    pub(super) fn new(process: &'a Process) -> Option<Self> {
        process.signal(Signal::STOP);
        let stopped = || match fs::read_to_string(format!("/proc/{}/stat", process.pid)) {
            Ok(stat) => stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')).then_some(true),
            Err(_) => Some(false),
        };
        wait::until(Duration::from_secs(5), stopped)?.then_some(Self { process })
    }

    /// Kills it.
    pub(super) fn kill(self) -> Instant {
        let now = Instant::now();
        self.process.signal(Signal::KILL);
        now
    }

    /// The message in the queue file that it has open.
    pub(super) fn load(&self) -> Option<Load> {
        let (entry, _) = queue_file(self.process)?;
        let file = fs::read(entry).ok()?;
        Some(Load { message_id: message_id(&file)?, open: open_recipients(&file) })
    }

    /// Those open recipients of the message that it can be serving now.
    pub(super) fn reachable(&self, load: &Load) -> Option<Vec<String>> {
        let hosts = remote_hosts(self.process);
        let lmtp = self.process.name.contains("lmtp");
        if hosts.is_empty() && !lmtp {
            return None;
        }
        let served = |to: &&String| match Farm::host_of(to) {
            Some(address) => hosts.contains(&address),
            None => lmtp && hosts.is_empty() && Kind::of(to) == Some(Kind::LmtpUnix),
        };
        Some(load.open.iter().filter(served).cloned().collect())
    }
}

/// It has a queue file open.
pub(super) fn is_busy(process: &Process) -> bool {
    queue_file(process).is_some()
}

/// The entry of its descriptor, and the path.
fn queue_file(process: &Process) -> Option<(PathBuf, PathBuf)> {
    let entries = fs::read_dir(format!("/proc/{}/fd", process.pid)).ok()?.flatten();
    let linked = entries.filter_map(|entry| Some((entry.path(), fs::read_link(entry.path()).ok()?)));
    let queued = |path: &PathBuf| {
        ["active", "incoming", "deferred"]
            .iter()
            .any(|queue| path.to_string_lossy().contains(&format!("/spool/{queue}/")))
    };
    linked.into_iter().find(|(_, path)| queued(path))
}

/// Of the header inside a queue file, whose lines are records.
fn message_id(file: &[u8]) -> Option<String> {
    let at = memchr::memmem::find(file, b"Message-ID: ")?;
    let text = file.get(at..at + 200.min(file.len() - at))?;
    let end = memchr::memchr(b'>', text)?;
    // As the sink parses it.
    let header = [text.get(..=end)?, b"\r\n\r\n"].concat();
    Some(sink::parse(&header).message_id)
}

/// Where its TCP sockets are connected to.
fn remote_hosts(process: &Process) -> Vec<Ipv4Addr> {
    let entries = fs::read_dir(format!("/proc/{}/fd", process.pid)).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    let inodes: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
    let remote = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (remote, inode) = (fields.get(2)?, fields.get(9)?);
        let address = u32::from_str_radix(remote.split(':').next()?, 16).ok()?;
        inodes.iter().any(|own| own == inode).then(|| Ipv4Addr::from(address.to_le_bytes()))
    };
    table.lines().skip(1).filter_map(remote).collect()
}
