//! What goes in and out of the scheduler: the delivery asked for, the assignment handed out, its outcome, what is deferred.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::gate::Class;
use crate::ring::Slot;
use crate::transport::TransportId;

/// Recipients of one message for one next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery<'a, M> {
    /// From [`Scheduler::add_transport`](crate::Scheduler::add_transport).
    pub transport: TransportId,
    /// Destination as text; compared byte for byte, so the caller brings it to lower case first.
    pub nexthop: &'a str,
    /// Which message.
    pub message: M,
    /// Indexes into the message's recipients. The scheduler never looks at them; each may be queued once at a time.
    pub recipients: Vec<u32>,
    /// Octets of the message, for statistics.
    pub size: u64,
}

/// Where [`Scheduler::enqueue`](crate::Scheduler::enqueue) left the recipients.
#[must_use = "recipients of a suspended site are the caller's again"]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission<M> {
    /// In the destination's queue.
    Queued,
    /// Not taken: the site or the transport is suspended.
    Suspended(Deferred<M>),
}

/// One entry, handed out: deliver it, then give it back to [`Scheduler::finished`](crate::Scheduler::finished).
///
/// Not `Clone`: an entry exists once. Dropping one loses the entry and its place in the window.
#[must_use = "an assignment that is not finished holds a worker for ever"]
#[derive(Debug)]
pub struct Assignment<M> {
    pub(crate) slot: Slot,
    pub(crate) class: Class,
    pub(crate) transport: TransportId,
    pub(crate) nexthop: Arc<str>,
    pub(crate) entry: Entry<M>,
    pub(crate) cache: CacheFlags,
}

impl<M> Assignment<M> {
    /// Which transport's worker.
    pub fn transport(&self) -> TransportId {
        self.transport
    }

    /// The destination.
    pub fn nexthop(&self) -> &Arc<str> {
        &self.nexthop
    }

    /// The message.
    pub fn message(&self) -> &M {
        &self.entry.message
    }

    /// Indexes of the recipients to deliver to; never empty when handed out.
    pub fn recipients(&self) -> &[u32] {
        &self.entry.recipients
    }

    /// Whether to look for a kept session, and to keep the one used.
    pub fn cache(&self) -> CacheFlags {
        self.cache
    }

    /// Keep only the recipients for which `unfinished` holds; for a worker that died with part of its results recorded.
    pub fn keep_recipients(&mut self, mut unfinished: impl FnMut(u32) -> bool) {
        self.entry.recipients.retain(|recipient| unfinished(*recipient));
    }
}

/// An entry of a queue: at most `destination_recipient_limit` recipients of one message.
#[derive(Debug)]
pub(crate) struct Entry<M> {
    pub(crate) message: M,
    pub(crate) recipients: Vec<u32>,
    pub(crate) size: u64,
    /// Workers that died of it.
    pub(crate) deaths: u32,
}

/// What a request tells the worker about session caching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheFlags {
    /// Look for a session before connecting.
    pub load: bool,
    /// Keep the session afterwards.
    pub store: bool,
}

/// How a delivery ended, as far as the destination is concerned. What became of each recipient is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The report names no hop failure: the site can be reached, even if recipients were refused or deferred.
    Completed,
    /// The report names a hop failure and recipients were deferred by it.
    SiteFailed(SiteFailure),
    /// A hop failure, but nobody was deferred (all bounced, for example): counts neither way.
    Inconclusive,
    /// The worker ended before it reported. The recipients left in the assignment go to the head of the queue, or are
    /// deferred when this entry did that `worker_death_limit` times.
    WorkerDied,
    /// The request never reached a worker. The entry goes to the head of the queue and would be handed out at once: a
    /// caller that cannot start workers at all also reports [`transport_failed`](crate::Scheduler::transport_failed).
    NotStarted,
}

/// Why a whole site could not be used: the hop status of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteFailure {
    dsn: String,
    text: String,
}

impl SiteFailure {
    /// From enhanced status code and text. What would be suspended is deferred, so 5.x.x becomes 4.x.x;
    /// an unusable code is 4.0.0 and an empty text "unknown error".
    pub fn new(dsn: &str, text: &str) -> Self {
        let text = if text.is_empty() { "unknown error" } else { text };
        Self { dsn: temporary(dsn).unwrap_or_else(|| "4.0.0".to_owned()), text: text.to_owned() }
    }

    /// RFC 3463 code of class 4.
    pub fn dsn(&self) -> &str {
        &self.dsn
    }

    /// The reason as the worker gave it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `dsn` with class 4. RFC 3463 section 2: subject and detail of one to three digits.
fn temporary(dsn: &str) -> Option<String> {
    let mut parts = dsn.split('.');
    let class = parts.next()?;
    let number =
        |part: &&str| (1..=3).contains(&part.len()) && part.bytes().all(|octet| octet.is_ascii_digit());
    let subject = parts.next().filter(number)?;
    let detail = parts.next().filter(number)?;
    (matches!(class, "2" | "4" | "5") && parts.next().is_none()).then(|| format!("4.{subject}.{detail}"))
}

/// Recipients that leave the scheduler untried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred<M> {
    /// Whose they were.
    pub transport: TransportId,
    /// The destination.
    pub nexthop: Arc<str>,
    /// The message.
    pub message: M,
    /// Indexes of the recipients.
    pub recipients: Vec<u32>,
    /// Why; its text and code belong into the log line.
    pub cause: Cause,
}

/// Why recipients were deferred without being tried (again). `Display` is the text for the log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The destination is dead until its retry time.
    Suspended(Arc<SiteFailure>),
    /// The transport's workers cannot be used.
    TransportUnavailable,
    /// This entry ended as many workers as it may.
    WorkersDied(NonZeroU32),
}

impl Cause {
    /// RFC 3463 code for the recipients.
    pub fn dsn(&self) -> &str {
        match self {
            Self::Suspended(failure) => failure.dsn(),
            Self::TransportUnavailable | Self::WorkersDied(_) => "4.3.0",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suspended(failure) => write!(f, "delivery temporarily suspended: {}", failure.text()),
            Self::TransportUnavailable => f.write_str("mail transport unavailable"),
            Self::WorkersDied(times) => write!(f, "delivery worker ended without a report, {times} times"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_failure_always_defers() {
        for (dsn, text, want_dsn, want_text) in [
            ("4.4.1", "connect to a[1.2.3.4]:25: timed out", "4.4.1", "connect to a[1.2.3.4]:25: timed out"),
            ("5.7.1", "no", "4.7.1", "no"),
            ("", "", "4.0.0", "unknown error"),
            ("4.4", "x", "4.0.0", "x"),
            ("4.4.1.1", "x", "4.0.0", "x"),
            ("4.4444.1", "x", "4.0.0", "x"),
            ("4..1", "x", "4.0.0", "x"),
            ("9.1.1", "x", "4.0.0", "x"),
        ] {
            let failure = SiteFailure::new(dsn, text);
            assert_eq!((failure.dsn(), failure.text()), (want_dsn, want_text));
        }
    }

    #[test]
    fn causes_read_as_in_the_log() {
        let suspended = Cause::Suspended(Arc::new(SiteFailure::new("4.4.1", "no route")));
        assert_eq!(suspended.to_string(), "delivery temporarily suspended: no route");
        assert_eq!(suspended.dsn(), "4.4.1");
        assert_eq!(Cause::TransportUnavailable.to_string(), "mail transport unavailable");
        assert_eq!(Cause::TransportUnavailable.dsn(), "4.3.0");
    }
}
