//! For the tests of this crate: a spool in a folder that goes away, messages in it, facts about them.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use proto::job::{Fate, RecipientResult};
use proto::orphan::OrphanRecord;
use tempfile::TempDir;

use crate::envelope::tests::sample;
use crate::{Cause, Diagnosis, Fact, Mark, Message, Options, Spool};

/// A spool folder for one test.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A start of the relay. The one before must be gone.
    pub(crate) fn start(&self) -> Spool {
        Spool::open(&self.path(), Options::default()).unwrap()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    /// Names in a folder of the spool, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The file of a message in the queue.
    pub(crate) fn file(&self, message: &Message) -> PathBuf {
        let id = message.id();
        self.path().join("queue").join(id.shard()).join(id.as_str())
    }
}

/// Takes a message in.
pub(crate) fn deposit(spool: &Spool, recipients: &[&str], content: &[u8]) -> Message {
    let mut incoming = spool.receive(None).unwrap();
    incoming.write(content).unwrap();
    incoming.commit(sample(recipients)).unwrap()
}

/// Seconds after some day in 2023.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

pub(crate) fn diagnosis(status: &str, reason: &str) -> Diagnosis {
    Diagnosis { status: status.into(), reason: reason.into(), remote_mta: None, reply: None }
}

pub(crate) fn deferred(recipient: u32, attempts: u32, seconds: u64) -> Mark {
    let fact = Fact::Deferred {
        attempts,
        next_attempt: Some(at(seconds + 300)),
        diagnosis: diagnosis("4.4.1", "connect to mx.example[192.0.2.1]:25: Connection timed out"),
    };
    Mark::one(recipient, at(seconds), fact)
}

pub(crate) fn refused(recipient: u32, seconds: u64) -> Mark {
    let mut diagnosis = diagnosis("5.1.1", "host mx.example[192.0.2.1] said: 550 5.1.1 no such user");
    diagnosis.remote_mta = Some("mx.example".into());
    diagnosis.reply = Some("550 5.1.1 no such user".into());
    Mark::one(recipient, at(seconds), Fact::Failed { cause: Cause::Refused, diagnosis })
}

pub(crate) fn delivered(recipient: u32, seconds: u64) -> Mark {
    Mark::one(recipient, at(seconds), Fact::Delivered)
}

/// What an orphaned worker writes about a message: index and fate of each recipient.
pub(crate) fn orphan_record(id: &str, seconds: u64, fates: &[(u32, Fate)]) -> OrphanRecord {
    let result = |&(index, fate): &(u32, Fate)| RecipientResult {
        index,
        fate,
        status: "4.2.0".into(),
        reason: "try later".into(),
        remote_mta: None,
        diagnostic: None,
    };
    let time = at(seconds).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    let results = fates.iter().map(result).collect();
    OrphanRecord { queue_id: id.into(), time: u64::try_from(time).unwrap(), results }
}
