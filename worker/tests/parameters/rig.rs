//! One delivery by the real worker, with the test as supervisor and cache; all that was seen of it as text.

use proto::cache::{FromCache, ToCache};
use proto::channel::{Channel, ChannelError, Waiting};
use proto::clock::Boottime;
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::{Body, CacheUse, FromWorker, Recipient, Report, Request, Times, ToWorker};
use proto::secret::Secret;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::wait::PATIENCE;

/// A worker's process, and the cache that keeps nothing for it.
pub(crate) struct Worker {
    process: Child,
    supervisor: Channel,
    cache: JoinHandle<Vec<String>>,
    log: File,
}

impl Worker {
    pub(crate) fn start(protocol: &str, options: &[String]) -> Self {
        let (mut supervisor, theirs) = Channel::pair().unwrap();
        let (cache, for_cache) = Channel::pair().unwrap();
        supervisor.set_waiting(Waiting::AtMost(PATIENCE)).unwrap();
        cache.set_waiting(Waiting::AtMost(PATIENCE * 2)).unwrap();
        let log = tempfile::tempfile().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton-worker"));
        command.args(["--service", protocol, "--protocol", protocol]).env_clear();
        command.args(options.iter().flat_map(|option| ["-o", option]));
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::from(OwnedFd::from(for_cache)));
        let process = command.stderr(log.try_clone().unwrap()).spawn().unwrap();
        let results: OwnedFd = tempfile::tempfile().unwrap().into();
        let deposit =
            DepositKeys { current: DepositKey { epoch: 1, key: Secret::new([1; 32]) }, previous: None };
        let hello = ToWorker::Hello { version: proto::VERSION, secret: Secret::new([7; 32]), deposit };
        supervisor.send(&hello, &[results.as_fd()]).unwrap();
        Self { process, supervisor, cache: std::thread::spawn(|| keep_nothing(cache)), log }
    }

    pub(crate) fn deliver(&mut self, request: Request, text: &[u8]) {
        let mut message = tempfile::tempfile().unwrap();
        message.write_all(text).unwrap();
        self.supervisor.send(&ToWorker::Deliver(request), &[message.as_fd()]).unwrap();
    }

    /// The report of the delivery; `None` when the worker leaves instead.
    pub(crate) fn report(&mut self) -> Option<Report> {
        loop {
            match self.supervisor.receive::<FromWorker>() {
                Ok((FromWorker::Report(report), _)) => return Some(report),
                Ok((FromWorker::Leaving, _)) | Err(ChannelError::Closed) => return None,
                Ok(_) => {}
                Err(error) => panic!("{error}: {}", logged(&mut self.log)),
            }
        }
    }

    /// Lets it end; what it gave to the cache, and what it logged.
    pub(crate) fn end(mut self) -> (Vec<String>, String) {
        drop(self.supervisor);
        self.process.wait().unwrap();
        (self.cache.join().unwrap(), logged(&mut self.log))
    }
}

fn logged(log: &mut File) -> String {
    let mut text = String::new();
    log.rewind().unwrap();
    log.read_to_string(&mut text).unwrap();
    text
}

/// A cache that has nothing, writes down what it is given, and lets it go.
fn keep_nothing(mut cache: Channel) -> Vec<String> {
    let mut seen = Vec::new();
    // The worker may have ended already: what it sent before is there all the same.
    let _nobody_hears = cache.send(&FromCache::Hello { version: proto::VERSION }, &[]);
    while let Ok((said, _)) = cache.receive::<ToCache>() {
        match said {
            ToCache::Park(parked) => {
                let soon = parked.retire_at.until(Boottime::now()) < Duration::from_secs(100);
                let (idle, uses) = (parked.idle_ms, parked.uses_left);
                seen.push(format!(
                    "parked idle={idle} uses={uses} retires={}",
                    if soon { "soon" } else { "late" }
                ));
            }
            ToCache::TakeByDestination(_) | ToCache::TakeByEndpoint(_) => {
                let _nobody_hears = cache.send(&FromCache::Miss, &[]);
            }
            _ => {}
        }
    }
    seen
}

/// One message of this length for one recipient.
pub(crate) fn request(nexthop: String, content_length: u64) -> Request {
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
        cache: CacheUse::default(),
        times: Times::default(),
        recipient_count: 1,
        recipients: vec![recipient],
    }
}
