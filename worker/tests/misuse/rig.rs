//! The real program, with the test as its supervisor and as its connection cache.

use crate::server::{PATIENCE, Server};
use proto::cache::{FromCache, ToCache};
use proto::channel::{Channel, Waiting};
use proto::clock::Boottime;
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::{Body, CacheUse, Fate, FromWorker, Recipient, Report, Request, Times, ToWorker};
use proto::key::DestinationKey;
use proto::parked::{Parked, Taken};
use proto::secret::Secret;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use std::fs::File;
use std::io::{IoSlice, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, Command, Stdio};

/// What all workers of a test are told, before what is said of one.
const OPTIONS: [&str; 6] = [
    "myhostname=client.test",
    "maillog_file=",
    "smtp_tls_security_level=encrypt",
    "smtp_tls_connection_reuse=yes",
    "smtp_tls_loglevel=1",
    "connection_cache_protocol_timeout=20s",
];

/// The key of cache keys and routes.
pub(crate) fn secret() -> Secret {
    Secret::new([7; 32])
}

/// The keys of a relay that has rotated them so many times.
pub(crate) fn keys(rotations: u8) -> DepositKeys {
    let first = DepositKey { epoch: 1, key: Secret::new([1; 32]) };
    let first = DepositKeys { current: first, previous: None };
    (0..rotations).fold(first, |keys, rotation| keys.rotated(Secret::new([2 + rotation; 32])))
}

/// A worker's process.
pub(crate) struct Worker {
    process: Child,
    supervisor: Channel,
    cache: Channel,
    log: File,
}

/// A session as the cache has it. Unlike the real one, this may be copied.
pub(crate) struct Session {
    pub(crate) parked: Parked,
    pub(crate) descriptor: OwnedFd,
}

impl Session {
    pub(crate) fn taken(&self) -> Taken {
        let Parked { endpoint, retire_at, uses_left, pace_us, ref sealed, .. } = self.parked;
        Taken { endpoint, route: None, retire_at, uses_left, pace_us, sealed: sealed.clone() }
    }

    pub(crate) fn socket(&self) -> OwnedFd {
        self.descriptor.try_clone().unwrap()
    }
}

impl Worker {
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::with_keys(options, keys(0))
    }

    pub(crate) fn with_keys(options: &[&str], deposit: DepositKeys) -> Self {
        Self::speaking("smtp", options, deposit)
    }

    /// SMTP or LMTP.
    pub(crate) fn speaking(protocol: &str, options: &[&str], deposit: DepositKeys) -> Self {
        let (mut supervisor, theirs) = Channel::pair().unwrap();
        let (mut cache, for_cache) = Channel::pair().unwrap();
        supervisor.set_waiting(Waiting::AtMost(PATIENCE)).unwrap();
        cache.set_waiting(Waiting::AtMost(PATIENCE)).unwrap();
        let log = tempfile::tempfile().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton-worker"));
        command.args(["--service", protocol, "--protocol", protocol]).env_clear();
        command.args(OPTIONS.iter().chain(options).flat_map(|option| ["-o", option]));
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::from(OwnedFd::from(for_cache)));
        let process = command.stderr(log.try_clone().unwrap()).spawn().unwrap();
        let results: OwnedFd = tempfile::tempfile().unwrap().into();
        let hello = ToWorker::Hello { version: proto::VERSION, secret: secret(), deposit };
        supervisor.send(&hello, &[results.as_fd()]).unwrap();
        cache.send(&FromCache::Hello { version: proto::VERSION }, &[]).unwrap();
        Self { process, supervisor, cache, log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// One message for a server.
    pub(crate) fn deliver(&mut self, server: &Server) {
        self.deliver_text(server.nexthop(), b"Subject: x\r\n\r\nbody\r\n");
    }

    pub(crate) fn deliver_text(&mut self, nexthop: String, text: &[u8]) {
        let mut message = tempfile::tempfile().unwrap();
        message.write_all(text).unwrap();
        let request = request(nexthop, text.len() as u64);
        self.supervisor.send(&ToWorker::Deliver(request), &[message.as_fd()]).unwrap();
    }

    /// The next question to the cache.
    pub(crate) fn asked(&mut self) -> ToCache {
        match self.cache.receive::<ToCache>().unwrap().0 {
            ToCache::Hello { .. } => self.asked(),
            other => other,
        }
    }

    /// The destination that is asked for.
    pub(crate) fn destination(&mut self) -> DestinationKey {
        match self.asked() {
            ToCache::TakeByDestination(key) => key,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn answer(&mut self, answer: &FromCache, descriptors: &[BorrowedFd<'_>]) {
        self.cache.send(answer, descriptors).unwrap();
    }

    /// Both questions of a delivery: the first is a miss, the second is answered with this.
    pub(crate) fn give(&mut self, taken: Taken, descriptor: BorrowedFd<'_>) {
        self.miss();
        assert!(matches!(self.asked(), ToCache::TakeByEndpoint(_)));
        self.cache.send(&FromCache::Hit(taken), &[descriptor]).unwrap();
    }

    /// The same with as many descriptors as one likes.
    pub(crate) fn give_raw(&mut self, taken: Taken, descriptors: &[BorrowedFd<'_>]) {
        self.miss();
        assert!(matches!(self.asked(), ToCache::TakeByEndpoint(_)));
        let packet = postcard::to_stdvec(&FromCache::Hit(taken)).unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(descriptors)));
        }
        rustix::net::sendmsg(&self.cache, &[IoSlice::new(&packet)], &mut ancillary, SendFlags::NOSIGNAL)
            .unwrap();
    }

    pub(crate) fn miss(&mut self) {
        assert!(matches!(self.asked(), ToCache::TakeByDestination(_) | ToCache::TakeByEndpoint(_)));
        self.cache.send(&FromCache::Miss, &[]).unwrap();
    }

    /// What the worker parks.
    pub(crate) fn parks(&mut self) -> Session {
        loop {
            match self.cache.receive::<ToCache>().unwrap() {
                (ToCache::Park(parked), descriptors) => {
                    return Session { parked, descriptor: descriptors.only().unwrap() };
                }
                (ToCache::Hello { .. }, _) => {}
                (other, _) => panic!("{other:?}"),
            }
        }
    }

    /// Sends an answer before the question, so that the worker has it when it asks, and its descriptor is held by nobody else.
    pub(crate) fn answer_beforehand(&mut self, answer: &FromCache, descriptor: Option<OwnedFd>) {
        let descriptors: Vec<_> = descriptor.iter().map(AsFd::as_fd).collect();
        self.cache.send(answer, &descriptors).unwrap();
    }

    /// Whether it has said such a thing to the cache, and nothing that was not read yet.
    pub(crate) fn has_said(&mut self, such: impl Fn(&ToCache) -> bool) -> bool {
        self.cache.set_waiting(Waiting::Never).unwrap();
        std::iter::from_fn(|| self.cache.receive::<ToCache>().ok()).any(|(said, _)| such(&said))
    }

    pub(crate) fn keys_are(&mut self, keys: DepositKeys) {
        self.supervisor.send(&ToWorker::DepositKeys(keys), &[]).unwrap();
    }

    pub(crate) fn report(&mut self) -> Report {
        loop {
            let received = self.supervisor.receive::<FromWorker>();
            match received.unwrap_or_else(|error| panic!("{error}: {}", logged(&mut self.log))).0 {
                FromWorker::Hello { .. } | FromWorker::CacheLost => {}
                FromWorker::Report(report) => return report,
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) fn fate(&mut self) -> Fate {
        let report = self.report();
        assert_eq!(report.results.len(), 1, "{report:?}");
        report.results[0].fate
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it end, and gives what it logged.
    pub(crate) fn end(mut self) -> String {
        drop((self.supervisor, self.cache));
        let status = self.process.wait().unwrap();
        let text = logged(&mut self.log);
        assert!(status.success(), "{text}");
        text
    }
}

fn logged(log: &mut File) -> String {
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    text
}

fn request(nexthop: String, content_length: u64) -> Request {
    let recipient = Recipient {
        index: 0,
        address: "a@d.test".into(),
        original: String::new(),
        orcpt: None,
        notify: None,
    };
    Request {
        job: 1,
        purpose: proto::job::Purpose::Delivery,
        queue_id: "4Xyz".into(),
        nexthop,
        sender: "s@client.test".into(),
        envid: None,
        ret: None,
        body: Body::Unset,
        smtputf8: proto::job::SmtpUtf8::NotAsked,
        client: Box::default(),
        content_offset: 0,
        content_length,
        cache: CacheUse { load: true, store: true },
        times: Times::default(),
        recipient_count: 1,
        recipients: vec![recipient],
    }
}

/// One delivery by a worker of its own over a new connection, parked.
pub(crate) fn session_to(server: &Server, options: &[&str]) -> Session {
    let mut worker = Worker::start(options);
    let session = fresh(&mut worker, server);
    worker.end();
    session
}

/// One delivery over a new connection, parked.
pub(crate) fn fresh(worker: &mut Worker, server: &Server) -> Session {
    worker.deliver(server);
    worker.miss();
    worker.miss();
    let session = worker.parks();
    assert_eq!(worker.fate(), Fate::Sent);
    assert!(session.parked.retire_at > Boottime::now());
    session
}
