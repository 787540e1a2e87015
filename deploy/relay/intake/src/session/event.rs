//! What a session tells the shell, and what the shell must answer.

use crate::address::{Alphabet, ReversePath};
use crate::dsn::{Recipient, Ret};
use crate::header_watch::HeaderFacts;
use crate::line::Bare;
use crate::param::Body;
use crate::refusal::ContentFault;

/// What the shell does next. Slices are parts of the input given to `feed`.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Event<'i> {
    /// `DATA` came: open a message, then [`begin`](super::Session::begin) or
    /// [`refuse`](super::Session::refuse).
    Open(Envelope, Opening),
    /// Text of the open message: CRLF line ends, transparency dots removed. Never empty.
    Content(&'i [u8]),
    /// The message is complete: make it durable, then [`accepted`](super::Session::accepted) or
    /// [`refuse`](super::Session::refuse).
    EndOfContent(ContentFacts, Committing),
    /// Drop the open message; nothing is answered. More `Content` of it does not come.
    Abort(AbortReason),
    /// Write the output, close the connection. The last event.
    Close(CloseReason),
}

/// Stands for a `DATA` that waits for its answer.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the client waits for the reply to DATA"]
pub struct Opening(pub(super) ());

/// Stands for a complete message that waits for its answer.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the client waits for the reply to its message"]
pub struct Committing(pub(super) ());

/// A question of the session that can be answered with a refusal.
pub trait Question: sealed::Sealed {}

impl Question for Opening {}
impl Question for Committing {}

pub(super) mod sealed {
    /// Keeps `Question` to the two of this module.
    pub trait Sealed {}
    impl Sealed for super::Opening {}
    impl Sealed for super::Committing {}
}

/// What the client called itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// With which command.
    pub kind: HelloKind,
    /// Printable ASCII without blanks, as the client wrote it; proves nothing.
    pub name: String,
}

/// The dialect a client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloKind {
    /// `HELO`: SMTP.
    Helo,
    /// `EHLO`: ESMTP.
    Ehlo,
}

/// Everything known of a message before its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the client called itself.
    pub hello: Hello,
    /// Who gets the failure notice.
    pub sender: ReversePath,
    /// At least one; each mailbox once, in the order of the first `RCPT` for it.
    pub recipients: Vec<Recipient>,
    /// `BODY=`.
    pub body: Body,
    /// `SIZE=`: octets the client expects, not more than `message_size_limit`. A hint.
    pub size: Option<u64>,
    /// [`Alphabet::Utf8`] where the client asked for SMTPUTF8, needed or not.
    pub alphabet: Alphabet,
    /// `RET=`.
    pub ret: Option<Ret>,
    /// `ENVID=`, decoded; printable ASCII.
    pub envid: Option<String>,
}

/// Everything known of a message after its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFacts {
    /// Octets handed out as `Content`.
    pub size: u64,
    /// An octet above 127 was in it, whatever `BODY` said.
    pub has_8bit: bool,
    /// What the header said.
    pub header: HeaderFacts,
}

/// Why an open message is to be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortReason {
    /// The connection ended before the final dot.
    Disconnected,
    /// No more text came in time.
    TimedOut,
    /// The text cannot be accepted; what still comes of it is skipped, and the client is told at its end.
    /// With several faults this is the one noticed first.
    Fault(ContentFault),
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// `QUIT`.
    Quit,
    /// The client is gone.
    Disconnected,
    /// [`timed_out`](super::Session::timed_out) was called.
    TimedOut,
    /// [`drain`](super::Session::drain) was called.
    Draining,
    /// `smtpd_hard_error_limit`.
    TooManyErrors,
    /// What came cannot be taken for SMTP any more.
    Protocol(Misuse),
}

/// What a client did that ends the session at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A bare CR or LF among the commands: the remains of a smuggled message, or no SMTP client.
    Bare(Bare),
    /// `BDAT` without CHUNKING: what follows it cannot be told from commands.
    Chunk,
    /// A command of HTTP or the like.
    Foreign,
    /// A command line without end.
    EndlessLine,
}

/// For the log: `lost connection`, `timeout` and so on, in Postfix's words where it has them.
impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Quit => f.write_str("quit"),
            Self::Disconnected => f.write_str("lost connection"),
            Self::TimedOut => f.write_str("timeout"),
            Self::Draining => f.write_str("service shutting down"),
            Self::TooManyErrors => f.write_str("too many errors"),
            Self::Protocol(Misuse::Bare(bare)) => write!(f, "bare {bare} in a command"),
            Self::Protocol(Misuse::Chunk) => f.write_str("BDAT without CHUNKING"),
            Self::Protocol(Misuse::Foreign) => f.write_str("non-SMTP command"),
            Self::Protocol(Misuse::EndlessLine) => f.write_str("command line without end"),
        }
    }
}
