//! What can go wrong with the spool, by who or what is to blame.

use std::io;
use std::path::PathBuf;

use crate::envelope::EnvelopeError;
use crate::id::QueueId;

/// Something about the spool or one of its files is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// No room, by the file system or by `queue_minfree`: the client hears 452 4.3.1 and comes back.
    #[error("{path}: no space left ({detail})")]
    Full {
        /// File or folder.
        path: PathBuf,
        /// How much there is and how much is needed, or which limit said no.
        detail: String,
    },
    /// The system refused an operation: the client hears 451 4.3.0.
    #[error("cannot {doing} {path}: {source}")]
    Io {
        /// The operation, as in "cannot write".
        doing: &'static str,
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another relay has this spool.
    #[error("another relay{} uses the spool {path}; stop it first, or give this one another spool folder",
            pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    InUse {
        /// The spool folder.
        path: PathBuf,
        /// The process that has it, if the lock file tells.
        pid: Option<u32>,
    },
    /// A file or folder of the spool belongs to somebody else or others may write it.
    #[error("{path}: {why}")]
    NotOurs {
        /// File or folder.
        path: PathBuf,
        /// What is wrong and how to mend it.
        why: String,
    },
    /// There is no such message: delivered, removed or never there.
    #[error("{0}: no such message in the queue")]
    Missing(QueueId),
    /// The file cannot be trusted; it was moved out of the queue as it is.
    #[error("{id}: {damage}; the file was set aside as {kept}, nothing of it was delivered since")]
    Damaged {
        /// The message.
        id: QueueId,
        /// What is wrong with it.
        damage: Damage,
        /// Where the file is now.
        kept: PathBuf,
    },
    /// The file was written by another version of Baton; it stays where it is.
    #[error(
        "{id}: written in format {found}, this Baton knows format {known}; the message waits until a Baton that knows it runs"
    )]
    UnknownVersion {
        /// The message.
        id: QueueId,
        /// The file's format.
        found: u8,
        /// Ours.
        known: u8,
    },
    /// A name in the queue that is not a queue id, or in the wrong folder; left alone.
    #[error(
        "{path}: not the name or the place of a queue file; it is left alone. To queue a restored file, put it \
             into hold/ and release it"
    )]
    ForeignFile {
        /// The file.
        path: PathBuf,
    },
    /// A mark names a recipient that the message does not have. Nothing was written.
    #[error("{id}: no recipient number {recipient}, the message has {count}")]
    NoSuchRecipient {
        /// The message.
        id: QueueId,
        /// The index given.
        recipient: u32,
        /// How many recipients there are.
        count: usize,
    },
    /// The envelope cannot be queued.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
}

/// What is wrong with a message file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not even the first octets are right.
    #[error("it does not begin as a queue file")]
    NotAQueueFile,
    /// Not a plain file with one name.
    #[error("it is not a plain file with exactly one name")]
    NotPlain,
    /// The first 64 octets do not match their checksum.
    #[error("its preamble does not match its checksum")]
    Preamble,
    /// Part of the file is gone.
    #[error("it has {found} octets where at least {expected} belong")]
    Truncated {
        /// What the preamble promises.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// The envelope does not match its checksum or cannot be read.
    #[error("its envelope does not match its checksum or cannot be read")]
    Envelope,
    /// The content does not match its checksum.
    #[error("its content does not match its checksum")]
    Content,
    /// A mark other than the last is not whole.
    #[error("its mark at octet {0} is not whole although more follows")]
    Mark(u64),
    /// A whole mark names a recipient that is not there.
    #[error("its mark at octet {0} names a recipient that is not there")]
    MarkRecipient(u64),
    /// More marks than any message can have.
    #[error("it has {0} octets of marks")]
    TooManyMarks(u64),
}

impl SpoolError {
    /// For want of space: 452 4.3.1 rather than 451 4.3.0.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Worth another try without anybody's help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Io { .. })
    }

    /// The error of an operation of the system on `path`.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.into(), source.into());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { path, detail: source.to_string() }
            }
            _ => Self::Io { doing, path, source },
        }
    }
}
