//! The program itself under test: started with a supervisor's channel, given workers, watched from outside.

use proto::cache::{FromCache, ToCache};
use proto::channel::{Channel, ChannelError, Waiting};
use proto::clock::Boottime;
use proto::key::{DestinationKey, DestinationScope, EndpointKey, EndpointScope, Needs};
use proto::packet::Packet;
use proto::parked::{Label, Parked, Route, Taken};
use proto::secret::Secret;
use proto::steward::{Caps, FromSteward, Listed, Statistics, ToSteward};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Nothing that is expected takes this long; what takes longer has failed.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) const CAPS: Caps =
    Caps { idle_ms: 3_600_000, sessions: 1000, per_endpoint: 1000, status_update_s: 0 };

/// A running scache. Killed when dropped.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) steward: Channel,
    /// The session cap it said is in force.
    pub(crate) sessions: u32,
}

impl Daemon {
    pub(crate) fn start(caps: Caps) -> Self {
        let (mut daemon, sessions) = Self::start_as(&mut Command::new(program()), proto::VERSION, caps);
        daemon.sessions = sessions.expect("a greeting");
        daemon
    }

    /// Started by `command`, with a greeting of `version`; and what the greeting brought.
    pub(crate) fn start_as(command: &mut Command, version: u16, caps: Caps) -> (Self, Option<u32>) {
        let (steward, theirs) = Channel::pair().unwrap();
        let stdin = Stdio::from(OwnedFd::from(theirs));
        let child = command.stdin(stdin).stderr(Stdio::piped()).spawn().unwrap();
        // The command would keep the other end open, and end of file would not come.
        command.stdin(Stdio::null());
        steward.set_waiting(Waiting::AtMost(LIMIT)).unwrap();
        let mut daemon = Self { child, steward, sessions: 0 };
        daemon.steward.send(&ToSteward::Hello { version, caps }, &[]).unwrap();
        let sessions = match daemon.steward.receive() {
            Ok((FromSteward::Hello { version: proto::VERSION, sessions }, _)) => Some(sessions),
            _ => None,
        };
        (daemon, sessions)
    }

    /// A new worker that has said who it is.
    pub(crate) fn worker(&mut self, pid: u32) -> Worker {
        let mut worker = self.stranger();
        worker.say(&ToCache::Hello { version: proto::VERSION, pid });
        assert_eq!(worker.hear(), FromCache::Hello { version: proto::VERSION });
        worker
    }

    /// A new worker that has said nothing.
    pub(crate) fn stranger(&mut self) -> Worker {
        let (ours, theirs) = Channel::pair().unwrap();
        self.steward.send(&ToSteward::Client, &[theirs.as_fd()]).unwrap();
        ours.set_waiting(Waiting::AtMost(LIMIT)).unwrap();
        Worker { channel: ours }
    }

    pub(crate) fn ask(&mut self, question: &ToSteward) -> FromSteward {
        self.steward.send(question, &[]).unwrap();
        self.steward.receive().unwrap().0
    }

    pub(crate) fn statistics(&mut self) -> Statistics {
        match self.ask(&ToSteward::Statistics) {
            FromSteward::Statistics(statistics) => statistics,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for statistics until they are as wanted.
    pub(crate) fn await_statistics(&mut self, wanted: impl Fn(&Statistics) -> bool) -> Statistics {
        let start = Instant::now();
        loop {
            let statistics = self.statistics();
            if wanted(&statistics) {
                return statistics;
            }
            assert!(start.elapsed() < LIMIT, "it never came to that: {statistics:?}");
            std::thread::yield_now();
        }
    }

    /// Everything that is parked, and in how many pages it came.
    pub(crate) fn list(&mut self) -> (Vec<Listed>, usize) {
        let (mut all, mut cursor, mut pages) = (Vec::new(), 0, 0);
        loop {
            let FromSteward::Page { sessions, next } = self.ask(&ToSteward::List(cursor)) else {
                panic!("not a page");
            };
            all.extend(sessions);
            pages += 1;
            match next {
                Some(next) => cursor = next,
                None => return (all, pages),
            }
        }
    }

    /// Lets go of the supervisor's channel, waits for the end, and gives the log.
    pub(crate) fn leave(mut self) -> (ExitStatus, String) {
        let (gone, _) = Channel::pair().unwrap();
        drop(std::mem::replace(&mut self.steward, gone));
        self.wait()
    }

    /// Waits for the end, and gives the log.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap(), log)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A worker's end of its channel.
pub(crate) struct Worker {
    pub(crate) channel: Channel,
}

impl Worker {
    pub(crate) fn say(&mut self, message: &ToCache) {
        self.channel.send(message, &[]).unwrap();
    }

    pub(crate) fn hear(&mut self) -> FromCache {
        self.channel.receive().unwrap().0
    }

    /// Parks one end of a new pair and gives the server's end.
    pub(crate) fn park(&mut self, parked: Parked) -> Server {
        let (session, server) = pair();
        self.channel.send(&ToCache::Park(parked), &[session.as_fd()]).unwrap();
        server
    }

    pub(crate) fn park_again(&mut self, parked: Parked, session: &OwnedFd) {
        self.channel.send(&ToCache::Park(parked), &[session.as_fd()]).unwrap();
    }

    pub(crate) fn take(&mut self, number: u16) -> Option<(Taken, OwnedFd)> {
        self.ask(&ToCache::TakeByEndpoint(vec![endpoint(number)]))
    }

    pub(crate) fn ask(&mut self, question: &ToCache) -> Option<(Taken, OwnedFd)> {
        self.say(question);
        match self.channel.receive().unwrap() {
            (FromCache::Hit(taken), descriptors) => Some((taken, descriptors.only().unwrap())),
            (FromCache::Miss | FromCache::Way { .. }, _) => None,
            (other, _) => panic!("{other:?}"),
        }
    }

    /// The route that is told where no session is free.
    pub(crate) fn way(&mut self, destination: DestinationKey) -> Option<EndpointKey> {
        self.say(&ToCache::TakeByDestination(destination));
        match self.channel.receive::<FromCache>().unwrap() {
            (FromCache::Way { endpoint, .. }, _) => Some(endpoint),
            (FromCache::Miss, _) => None,
            (other, _) => panic!("{other:?}"),
        }
    }

    /// Sends bytes that no encoder made, with any number of descriptors.
    pub(crate) fn send_raw(&mut self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) {
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = rustix::net::SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(ancillary.push(rustix::net::SendAncillaryMessage::ScmRights(descriptors)));
        }
        let bytes = [std::io::IoSlice::new(bytes)];
        let flags = rustix::net::SendFlags::NOSIGNAL;
        rustix::net::sendmsg(&self.channel, &bytes, &mut ancillary, flags).unwrap();
    }

    /// Waits until scache has closed this channel.
    pub(crate) fn expect_dropped(mut self) {
        loop {
            match self.channel.receive::<FromCache>() {
                Ok(_) => {}
                Err(ChannelError::Closed) => return,
                Err(other) => panic!("still connected: {other}"),
            }
        }
    }
}

/// The server's end of a session.
pub(crate) struct Server(pub(crate) UnixStream);

impl Server {
    /// Everything the client says until it closes.
    pub(crate) fn last_words(mut self) -> String {
        let mut words = String::new();
        self.0.read_to_string(&mut words).unwrap();
        words
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }
}

/// A session and its server.
pub(crate) fn pair() -> (OwnedFd, Server) {
    let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::STREAM);
    let (session, server) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None).unwrap();
    let server = UnixStream::from(server);
    server.set_read_timeout(Some(LIMIT)).unwrap();
    (session, Server(server))
}

pub(crate) fn program() -> &'static str {
    env!("CARGO_BIN_EXE_scache")
}

pub(crate) fn encoded(message: &impl Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    proto::packet::encode(message, &mut bytes).unwrap();
    bytes
}

pub(crate) fn endpoint(number: u16) -> EndpointKey {
    let scope = EndpointScope {
        service: "smtp",
        protocol: "smtp",
        address: "192.0.2.1",
        port: number,
        bind: None,
        helo: "h",
        introduction: "",
        sender: None,
        credential: None,
        proxy: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    EndpointKey::new(&Secret::new([0; 32]), &scope)
}

pub(crate) fn destination(nexthop: &str) -> DestinationKey {
    let scope = DestinationScope {
        service: "smtp",
        nexthop,
        sender: None,
        credential: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    DestinationKey::new(&Secret::new([0; 32]), &scope)
}

/// A session to endpoint `number`, parked by a delivery to `nexthop`.
pub(crate) fn parked(number: u16, nexthop: &str) -> Parked {
    let hour = Boottime::now().after(Duration::from_secs(3600));
    Parked {
        endpoint: endpoint(number),
        route: Some(Route {
            destination: destination(nexthop),
            fresh_until: hour,
            sealed: b"route".to_vec(),
        }),
        label: Label { service: "smtp".into(), nexthop: nexthop.into(), relay: format!("mx{number}:25") },
        farewell: b"QUIT\r\n".to_vec(),
        idle_ms: 3_600_000,
        retire_at: hour,
        uses_left: 10,
        pace_us: 1000,
        sealed: b"sealed".to_vec(),
    }
}
