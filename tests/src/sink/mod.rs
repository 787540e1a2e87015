//! A receiving SMTP or LMTP server that records what it got, and misbehaves as told.
//!
//! It runs inside the test, on its own thread. Everything it sees is in its [`Record`], which a test reads or
//! waits on.

mod content;
mod identity;
mod listen;
mod record;
mod report;
mod rules;
mod session;
mod settings;
mod stream;
mod tls;

pub use content::{Digest, Parsed, hex, parse};
pub use identity::{Identity, IdentityError, KeyKind};
pub use record::{Connection, Received, Record};
pub use report::json;
pub use rules::{Act, Rule, Stage};
pub use settings::{Dialect, FinalReply, Listen, Settings};
pub use tls::{Begins, ClientCertificate, Secured, Tls, TlsError, TlsServer, Version};

use crate::wait;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// What the sessions share with the test.
#[derive(Debug)]
pub(crate) struct Shared {
    settings: Settings,
    record: Mutex<Record>,
    changed: Condvar,
    /// Held final replies may go.
    released: watch::Sender<bool>,
}

impl Shared {
    /// Changes the record and wakes those who wait on it.
    fn note<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        let result = change(&mut self.record.lock().expect("record"));
        self.changed.notify_all();
        result
    }
}

/// A running sink. Dropping it closes its sockets.
#[derive(Debug)]
pub struct Sink {
    shared: Arc<Shared>,
    addresses: Vec<SocketAddr>,
    paths: Vec<PathBuf>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sink {
    /// Starts listening; ends the test when an address cannot be had.
    pub fn start(settings: Settings) -> Self {
        let sockets = listen::open(&settings.listen);
        let (addresses, paths) = (sockets.addresses(), sockets.paths());
        let shared = Arc::new(Shared {
            settings,
            record: Mutex::default(),
            changed: Condvar::new(),
            released: watch::Sender::new(false),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sink".into())
            .spawn(move || listen::run(sockets, theirs, stopped))
            .expect("a thread");
        Self { shared, addresses, paths, stop: Some(stop), thread: Some(thread) }
    }

    /// The first TCP address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// All TCP addresses, in the order of the settings.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The first listener as a next hop in main.cf: `[127.0.0.1]:port` or `unix:path`.
    pub fn nexthop(&self) -> String {
        match (self.addresses.first(), self.paths.first()) {
            (Some(address), _) => format!("[{}]:{}", address.ip(), address.port()),
            (None, Some(path)) => format!("unix:{}", path.display()),
            (None, None) => panic!("a sink without a listener"),
        }
    }

    /// The record as it is now. Sessions wait while the guard is held.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.shared.record.lock().expect("record")
    }

    /// A copy of the messages so far.
    pub fn messages(&self) -> Vec<Received> {
        self.record().messages.clone()
    }

    /// Lets all final replies go that [`FinalReply::Held`] holds back, and all later ones.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Waits until the record meets `condition`; says whether it did within `limit`.
    pub fn wait(&self, limit: Duration, mut condition: impl FnMut(&Record) -> bool) -> bool {
        let deadline = Instant::now() + limit;
        let mut record = self.record();
        while !condition(&record) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            record = self.shared.changed.wait_timeout(record, left).expect("record").0;
        }
        true
    }

    /// As [`Sink::wait`]; ends the test with `what` and the state of things when it does not come about.
    pub fn expect(&self, what: &str, limit: Duration, condition: impl FnMut(&Record) -> bool) {
        assert!(
            self.wait(limit, condition),
            "the sink waited {limit:?} in vain for {what}: {}",
            self.record()
        );
    }

    /// Waits for this many accepted messages, with [`wait::PATIENCE`].
    pub fn expect_messages(&self, number: usize) {
        self.expect(&format!("{number} messages"), wait::PATIENCE, |record| record.messages.len() >= number);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        for path in &self.paths {
            let _ = std::fs::remove_file(path);
        }
    }
}
