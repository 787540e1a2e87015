//! The spool: one open folder, locked, shared by all tasks of a relay.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::SpoolError;
use crate::folder::{Folder, Made};
use crate::id::QueueId;
use crate::incoming::Incoming;
use crate::message::{self, InFlight, Message, Place};
use crate::recovery::Recovery;
use crate::results::Generation;
use crate::walk::{Ids, Messages, Walk};

/// An open spool; clones are the same spool. The lock goes when the last clone goes.
#[derive(Debug, Clone)]
pub struct Spool(Arc<Inner>);

/// What the operator decides about the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `queue_minfree`: octets that must stay free on the file system; 0 for no limit.
    pub minfree: u64,
    /// Whether marks wait for the disk.
    pub marks: MarkDurability,
}

/// Whether a mark is on stable storage when [`Message::mark`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MarkDurability {
    /// The kernel writes it when it likes. A crash of the relay loses nothing; a power failure may lose the last
    /// seconds of marks: their recipients are served again (never left out). As Postfix does.
    #[default]
    Lazy,
    /// fdatasync after each write.
    Synced,
}

impl Default for Options {
    fn default() -> Self {
        Self { minfree: 0, marks: MarkDurability::Lazy }
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) root: Folder,
    pub(crate) tmp: Folder,
    pub(crate) queue: Folder,
    pub(crate) hold: Folder,
    pub(crate) corrupt: Folder,
    pub(crate) results: Folder,
    pub(crate) generation: Generation,
    /// Microseconds of the newest id; ids of one process never repeat a time.
    newest: AtomicU64,
    temporary: AtomicU64,
    /// Held until the spool is dropped.
    _lock: File,
}

impl Spool {
    /// Opens and locks the spool; makes what is missing, removes what was never accepted (`tmp/`).
    ///
    /// Errors: [`SpoolError::InUse`] if another relay has it, [`SpoolError::NotOurs`] if owner or mode are wrong.
    pub fn open(path: &Path, options: Options) -> Result<Self, SpoolError> {
        let root = Folder::root(path)?;
        let lock = lock(&root)?;
        let (tmp, _) = root.inner("tmp")?;
        let (queue, _) = root.inner("queue")?;
        let (hold, _) = root.inner("hold")?;
        let (corrupt, _) = root.inner("corrupt")?;
        let (results, _) = root.inner("results")?;
        root.sync()?;
        make_shards(&queue)?;
        for name in tmp.names(".")? {
            tmp.unlink(&name).map_err(|error| SpoolError::io("remove", tmp.path().join(&name), error))?;
        }
        let generation = Generation::begin(&results)?;
        let (newest, temporary) = (AtomicU64::new(0), AtomicU64::new(0));
        let inner = Inner {
            options,
            root,
            tmp,
            queue,
            hold,
            corrupt,
            results,
            generation,
            newest,
            temporary,
            _lock: lock,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Begins to receive a message. `declared` is the SIZE parameter of MAIL FROM (RFC 1870).
    ///
    /// Errors: [`SpoolError::Full`] if there is not room enough ([`Spool::check_space`]).
    pub fn receive(&self, declared: Option<u64>) -> Result<Incoming, SpoolError> {
        self.check_space(declared)?;
        Incoming::create(self)
    }

    /// Whether a message of this size may be taken in: `queue_minfree` stays free, and one and a half times the
    /// declared size is there.
    pub fn check_space(&self, declared: Option<u64>) -> Result<(), SpoolError> {
        let declared = declared.unwrap_or(0);
        let needed = self.0.options.minfree.max(declared.saturating_add(declared / 2));
        let free = self.0.root.free()?;
        if needed > 0 && free < needed {
            let detail = format!("{free} octets free, {needed} needed");
            return Err(SpoolError::Full { path: self.0.root.path().to_owned(), detail });
        }
        Ok(())
    }

    /// Reads one message's envelope and marks, wherever it is.
    pub fn get(&self, id: &QueueId) -> Result<Message, SpoolError> {
        match message::load(self, id, Place::Queue) {
            Err(SpoolError::Missing(_)) => message::load(self, id, Place::Hold),
            result => result,
        }
    }

    /// Every message in the queue and on hold, one after the other; memory does not grow with their number.
    ///
    /// For listings. At start use [`Spool::recover`].
    pub fn messages(&self) -> Messages {
        Messages::new(self.clone(), Walk::default())
    }

    /// The names of all messages in the queue and on hold, in no order; no file is opened.
    pub fn ids(&self) -> Ids {
        Ids::new(self.clone())
    }

    /// What earlier relays left: every message taken in before this start, with late verdicts applied.
    pub fn recover(&self) -> Result<Recovery, SpoolError> {
        Recovery::begin(self.clone())
    }

    /// Whether a delivery of the message is under way in any process.
    ///
    /// Takes the exclusive lock for an instant: do not ask about a message that this relay may be opening for
    /// delivery at the same time.
    pub fn in_flight(&self, id: &QueueId) -> Result<InFlight, SpoolError> {
        match message::in_flight(self, id, Place::Queue) {
            Err(SpoolError::Missing(_)) => message::in_flight(self, id, Place::Hold),
            result => result,
        }
    }

    /// Takes the message out of the spool for good.
    pub fn remove(&self, id: &QueueId) -> Result<(), SpoolError> {
        match message::unlink(self, id, Place::Queue) {
            Err(SpoolError::Missing(_)) => message::unlink(self, id, Place::Hold),
            result => result,
        }
    }

    /// This start's result file, to be passed to each worker at spawn.
    ///
    /// All copies share one open file description that is locked: as long as a worker has one, the next relay
    /// keeps reading the file. A worker appends records of [`proto::orphan`], each in
    /// one write, synced, *before* it closes the message: a message that nobody holds may be delivered again.
    pub fn result_file(&self) -> Result<OwnedFd, SpoolError> {
        self.0.generation.share(&self.0.results)
    }

    /// Number of this start; no two starts have the same.
    pub fn generation(&self) -> u64 {
        self.0.generation.number
    }

    /// The spool folder.
    pub fn path(&self) -> &Path {
        self.0.root.path()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// An id that was never given before; the inode is that of the message's file.
    pub(crate) fn new_id(&self, now: SystemTime, inode: u64) -> QueueId {
        let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
        let step = |newest: u64| Some(now.max(newest.saturating_add(1)));
        let before = self.0.newest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(0);
        QueueId::mint(step(before).unwrap_or(now), inode)
    }

    /// A name in `tmp/` that nothing else has.
    pub(crate) fn temporary_name(&self) -> String {
        self.0.temporary.fetch_add(1, Ordering::Relaxed).to_string()
    }
}

/// One relay per spool. The file keeps the process id for the error message; only the lock counts.
fn lock(root: &Folder) -> Result<File, SpoolError> {
    let path = root.path().join("lock");
    let fail = |doing| {
        let path = path.clone();
        move |error: Errno| SpoolError::io(doing, path, error)
    };
    let mut file = File::from(root.open("lock", OFlags::RDWR | OFlags::CREATE).map_err(fail("open"))?);
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut text = String::new();
            let _ = file.take(20).read_to_string(&mut text);
            return Err(SpoolError::InUse { path: root.path().to_owned(), pid: text.trim().parse().ok() });
        }
        Err(error) => return Err(fail("lock")(error)),
    }
    rustix::fs::ftruncate(&file, 0).map_err(fail("write"))?;
    writeln!(file, "{}", std::process::id()).map_err(|error| SpoolError::io("write", &path, error))?;
    Ok(file)
}

/// The 256 folders of the queue; their names are synced before anything is put into them.
fn make_shards(queue: &Folder) -> Result<(), SpoolError> {
    let mut any = Made::Before;
    for shard in 0..=u8::MAX {
        if queue.inner(&format!("{shard:02x}"))?.1 == Made::Now {
            any = Made::Now;
        }
    }
    if any == Made::Now { queue.sync() } else { Ok(()) }
}
