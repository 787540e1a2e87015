//! The `baton` command and the relay: look at the queue and change it.

use crate::packet::Packet;
use crate::steward::{Listed, Statistics};
use serde::{Deserialize, Serialize};

/// What the command asks. Each has one answer; lists come in pages.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToRelay {
    /// The first message.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
    },
    /// A page of the queue after this queue id; empty begins.
    QueueList {
        /// The last id of the page before.
        after: String,
    },
    /// One message in full.
    QueueShow(String),
    /// Try again now: everything, or one message.
    QueueFlush(Option<String>),
    /// Take these messages out of the queue without delivery or bounce.
    QueueRemove(String),
    /// Find out whether mail for these recipients would be taken, and mail a report to the sender.
    Verify {
        /// Who asks; empty for nobody, who gets no report.
        sender: String,
        /// Whom to ask about.
        recipients: Vec<String>,
    },
    /// Stop handing out deliveries.
    Pause,
    /// Go on with them.
    Resume,
    /// A page of parked sessions from this cursor; 0 begins.
    Sessions(u64),
    /// Counters of the relay and of scache.
    Statistics,
}

/// What the relay answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromRelay {
    /// The first message.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
    },
    /// A page of the queue, and whether more follows.
    Queue {
        /// In order of queue id.
        messages: Vec<QueuedMessage>,
        /// The page is not the last.
        more: bool,
    },
    /// One message in full.
    Message(Box<QueuedMessage>),
    /// How many messages were touched.
    Done(u64),
    /// A page of parked sessions.
    Sessions {
        /// As scache lists them.
        sessions: Vec<Listed>,
        /// The cursor of the next page.
        next: Option<u64>,
    },
    /// The counters.
    Statistics(Box<RelayStatistics>),
    /// It could not be done; the text is for people.
    Refused(String),
}

/// One queued message, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedMessage {
    /// The queue's word for it.
    pub id: String,
    /// The queue it is in: `active`, `deferred`, `hold`.
    pub state: String,
    /// Envelope sender; empty for the null sender.
    pub sender: String,
    /// Bytes of content.
    pub size: u64,
    /// Seconds since the epoch.
    pub arrival: u64,
    /// Seconds since the epoch; 0 when it is due now.
    pub next_attempt: u64,
    /// Those that are not done. A list page may hold only the first few of them.
    pub recipients: Vec<QueuedRecipient>,
    /// How many are not done.
    pub recipients_left: u32,
}

/// One recipient that is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRecipient {
    /// Its address.
    pub address: String,
    /// Why it was deferred, one line; empty when it was not tried.
    pub reason: String,
}

/// Counters since the relay started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayStatistics {
    /// Messages accepted.
    pub accepted: u64,
    /// Recipients delivered.
    pub delivered: u64,
    /// Recipients bounced.
    pub bounced: u64,
    /// Deferrals, one recipient may count several times.
    pub deferred: u64,
    /// Messages in the queue.
    pub queued: u64,
    /// Deliveries that used a session another process had parked.
    pub handovers: u64,
    /// Distinct worker processes that delivered.
    pub workers: u64,
    /// The most processes any one session has passed through.
    pub longest_chain: u64,
    /// The most messages that one session carried.
    pub most_uses: u64,
    /// Worker processes running.
    pub workers_running: u64,
    /// Delivery is paused.
    pub paused: bool,
    /// What scache counted, if it is there.
    pub cache: Option<Statistics>,
}

impl Packet for ToRelay {
    fn descriptors(&self) -> usize {
        0
    }
}

impl Packet for FromRelay {
    fn descriptors(&self) -> usize {
        0
    }
}
