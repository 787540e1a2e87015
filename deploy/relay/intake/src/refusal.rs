//! Why a message is not taken, and with which reply the client hears of it.

use crate::line::Bare;
use crate::reply::Reply;

/// What keeps the shell from taking a message. The client learns whether to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Longer than the spool takes: 552 5.3.4.
    TooBig,
    /// Not enough free disk: 452 4.3.1.
    NoSpace,
    /// As many messages as may be held or written at once: 452 4.3.1.
    TooManyMessages,
    /// The spool could not be written or synced: 451 4.3.0.
    IoError,
    /// The relay is going down: 451 4.3.2.
    ShuttingDown,
}

impl Refusal {
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::TooBig => Reply::new(552, "5.3.4", "Error: message is too big for this queue"),
            Self::NoSpace => Reply::new(452, "4.3.1", "Insufficient system storage"),
            Self::TooManyMessages => Reply::new(452, "4.3.1", "Queue is full, try again later"),
            Self::IoError => Reply::new(451, "4.3.0", "Error: queue file write error"),
            Self::ShuttingDown => Reply::new(451, "4.3.2", "Service is shutting down, try again later"),
        }
    }
}

/// Whether a new message may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    #[default]
    Available,
    /// No: `MAIL` is answered with this.
    Full(Refusal),
}

/// What is wrong with the text of a message. The order decides which of several is told to the client:
/// what makes every retry useless comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentFault {
    /// A bare CR or LF: what one server takes for the end of the message another does not
    /// (CVE-2023-51764 and its family).
    Bare(Bare),
    /// Over `message_size_limit`.
    TooBig {
        /// Octets that are allowed.
        limit: u64,
    },
    /// `hopcount_limit` reached.
    Loop,
    /// One header field over `header_size_limit`.
    LongHeader {
        /// Octets that are allowed.
        limit: usize,
    },
    /// The shell gave up while the text was still coming.
    Shell(Refusal),
}

impl ContentFault {
    pub(crate) fn reply(self) -> Reply {
        match self {
            Self::Bare(bare) => Reply::new(
                550,
                "5.6.0",
                format!("Error: bare {bare} received; lines of a message must end with <CR><LF>"),
            ),
            Self::TooBig { limit } => {
                Reply::new(552, "5.3.4", format!("Error: message is longer than {limit} octets"))
            }
            Self::Loop => Reply::new(554, "5.4.0", "Error: too many hops"),
            Self::LongHeader { limit } => {
                Reply::new(554, "5.6.0", format!("Error: a header field is longer than {limit} octets"))
            }
            Self::Shell(refusal) => refusal.reply(),
        }
    }
}

impl std::fmt::Display for ContentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.reply().fmt(f)
    }
}
