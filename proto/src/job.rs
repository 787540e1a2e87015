//! The supervisor and a worker: one request, one report.

use crate::deposit::DepositKeys;
use crate::packet::Packet;
use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// How many bytes of recipients, or of results, go into one packet at most. Longer lists go in chunks.
pub const CHUNK: usize = 32 * 1024;

/// What the supervisor says to a worker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// The first message; with it the file that takes results once the supervisor is gone (one descriptor).
    Hello {
        /// [`crate::VERSION`].
        version: u16,
        /// The key of cache keys and sealed state, known to workers only.
        secret: Secret,
        /// The keys of deposits in scache, as they are now.
        deposit: DepositKeys,
    },
    /// A new channel to scache (one descriptor): the first, or after scache was started again.
    Cache,
    /// Recipients of the request that follows, in order, where one packet does not hold them all.
    Recipients(Vec<Recipient>),
    /// Deliver this message (one descriptor, opened for this request, read with pread only).
    Deliver(Request),
    /// Finish what is being delivered, then end.
    Drain,
    /// The last report of a worker that leaves was recorded.
    Recorded,
    /// The keys of deposits have changed: these are the valid ones from now on.
    DepositKeys(DepositKeys),
}

/// What a worker says to the supervisor.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The first message: configuration is read, requests are welcome.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
    },
    /// Results of the running request, where one packet does not hold them all; `Report` follows.
    Results(Vec<RecipientResult>),
    /// The running request is done.
    Report(Report),
    /// scache did not answer in time and its channel was closed: another one is welcome.
    CacheLost,
    /// The worker wants to end. It waits for `Recorded`, so that no report is lost between the two.
    Leaving,
}

/// One message for one next hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Chosen by the supervisor, repeated in the report.
    pub job: u64,
    /// What is asked.
    pub purpose: Purpose,
    /// The queue's word for the message, for the log.
    pub queue_id: String,
    /// Where to: a next hop, or several separated by comma and blank.
    pub nexthop: String,
    /// The envelope sender; empty for the null sender.
    pub sender: String,
    /// RFC 3461 §4.4, xtext not applied.
    pub envid: Option<String>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// What the sender declared about the content.
    pub body: Body,
    /// RFC 6531.
    pub smtputf8: SmtpUtf8,
    /// Who handed the message in.
    pub client: Box<Client>,
    /// Where the content begins in the descriptor, in bytes.
    pub content_offset: u64,
    /// How long the content is, in bytes.
    pub content_length: u64,
    /// What the scheduler knows about the backlog.
    pub cache: CacheUse,
    /// The times that the log line's `delays=` come from.
    pub times: Times,
    /// How many recipients there are in all.
    pub recipient_count: u32,
    /// The last of them; the others came in `Recipients` before this.
    pub recipients: Vec<Recipient>,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// Deliver the message.
    #[default]
    Delivery,
    /// Find out whether servers would take it, and send nothing. Results are [`Fate::Deliverable`] and [`Fate::Undeliverable`].
    Probe,
}

/// Who handed the message in, for servers that want to know (XFORWARD). What is empty is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Host name, or `unknown`.
    pub name: String,
    /// IP address.
    pub address: String,
    /// TCP port.
    pub port: String,
    /// Argument of HELO or EHLO.
    pub helo: String,
    /// `SMTP`, `ESMTP`, …
    pub protocol: String,
    /// What the first queue of this site called the message.
    pub ident: String,
    /// Where it was.
    pub source: ClientSource,
}

/// Whether a client was part of this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientSource {
    /// It was, or the message was made here.
    #[default]
    Local,
    /// It was not.
    Remote,
}

/// RFC 3461 §4.3: how much of the message a bounce returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ret {
    /// All of it.
    Full,
    /// The header.
    Hdrs,
}

/// Whether the sender asked for SMTPUTF8 (RFC 6531 §3.4), and whether envelope or header really have UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmtpUtf8 {
    /// Not asked.
    #[default]
    NotAsked,
    /// Asked, and there is UTF-8: only a server with SMTPUTF8 can take it.
    Needed,
    /// Asked, but all is ASCII: any server will do.
    Asked,
}

/// RFC 6152: what the sender declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Nothing was said.
    Unset,
    /// `BODY=7BIT`.
    SevenBit,
    /// `BODY=8BITMIME`.
    EightBitMime,
}

/// On-demand caching as the scheduler sees it; permanent caching is the worker's own parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheUse {
    /// A parked session of this destination may exist: ask for it.
    pub load: bool,
    /// More mail for this destination waits: park the session afterwards.
    pub store: bool,
}

/// Microseconds since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The message was accepted.
    pub arrival: u64,
    /// It entered the active queue.
    pub active: u64,
    /// It was handed to the worker.
    pub handed: u64,
}

/// One recipient of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The queue's number for it within the message.
    pub index: u32,
    /// Where to deliver.
    pub address: String,
    /// The address before rewriting, for the log; empty when the same.
    pub original: String,
    /// RFC 3461 §4.2, `type;value`, decoded.
    pub orcpt: Option<String>,
    /// RFC 3461 §4.1; `None` when the sender said nothing.
    pub notify: Option<Notify>,
}

/// RFC 3461 §4.1. All false is NEVER.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}

/// What became of one recipient. Every recipient of a request is named in exactly one result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientResult {
    /// [`Recipient::index`].
    pub index: u32,
    /// What the queue does now.
    pub fate: Fate,
    /// RFC 3463, for example `4.4.1`.
    pub status: String,
    /// The reason as it stands in the log line, one line.
    pub reason: String,
    /// The server that answered, `host` without address, for the bounce.
    pub remote_mta: Option<String>,
    /// Its reply, one line, for the bounce.
    pub diagnostic: Option<String>,
}

/// The ends of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// The server took responsibility.
    Sent,
    /// Try again later.
    Deferred,
    /// Failed for good: tell the sender.
    Bounced,
    /// The server took responsibility and does not know DSN, and the sender wants to hear of success (RFC 3461 §5.2.2):
    /// tell the sender that it was relayed.
    Relayed,
    /// The same over LMTP, where it means that the message was delivered.
    Delivered,
    /// The mail would come back to us: it goes to `best_mx_transport` instead. Nothing was decided.
    Passed,
    /// A probe: the server would take it.
    Deliverable,
    /// A probe: it would not, or cannot be asked now.
    Undeliverable,
}

/// The end of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`Request::job`].
    pub job: u64,
    /// The last results; the others came in `Results` before this.
    pub results: Vec<RecipientResult>,
    /// Whether the destination answered, for the scheduler's window.
    pub site: Site,
    /// The last session used, if there was one.
    pub session: Option<SessionUse>,
    /// The worker takes no further request. It ends once `Recorded` says that this report was written down.
    pub leaving: bool,
}

/// What the request says about its destination as a whole ("hop status").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Site {
    /// Some server of it had a conversation with us to its end.
    Reached,
    /// None did, and recipients were deferred: stop sending for a while.
    Dead {
        /// RFC 3463.
        status: String,
        /// As in the log.
        reason: String,
    },
}

/// How a session was used, for statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUse {
    /// Names the session among all of this machine.
    pub serial: u64,
    /// How many messages it has carried, this one included.
    pub uses: u32,
    /// How many times it passed from one process to another.
    pub handovers: u32,
    /// Another process parked it before this request took it.
    pub handed_over: bool,
}

impl Packet for ToWorker {
    fn descriptors(&self) -> usize {
        match self {
            Self::Hello { .. } | Self::Cache | Self::Deliver(_) => 1,
            Self::Recipients(_) | Self::Drain | Self::Recorded | Self::DepositKeys(_) => 0,
        }
    }
}

impl Packet for FromWorker {
    fn descriptors(&self) -> usize {
        0
    }
}
