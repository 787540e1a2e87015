//! What is left of a transaction: verdicts, and the session if it lives.

use super::verdict::Verdict;
use crate::failure::{Lost, Scope};
use crate::hello::Ready;

/// The end of a transaction.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reused session was no longer alive. Nobody was accepted and nothing counts as tried: close the connection
    /// and deliver over a fresh one.
    Stale(Stale),
    /// Every recipient has a verdict.
    Settled(Settled),
}

/// How a reused session turned out to be dead. Never once MAIL was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// For the log, one line.
    pub reason: String,
}

/// Verdicts, and how the session ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Settled {
    /// One per recipient, in the order of the envelope.
    pub verdicts: Vec<Verdict>,
    /// Positions in that list, in the order in which the verdicts fell.
    pub order: Vec<usize>,
    /// What to do with the session.
    pub session: SessionEnd,
}

/// What became of the session.
#[derive(Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Nothing is outstanding or unread: park it, use it again, or say QUIT.
    Ready(Ready),
    /// QUIT was said. Wait for its reply or not (`smtp_skip_quit_response`), then close.
    Quitting,
    /// Close without QUIT.
    Broken(Broken),
}

/// Why a session cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The connection is gone.
    Lost(Lost),
    /// The server said something that is no reply, or a reply that answers no command.
    Desynchronised,
    /// The server answered before the message was complete.
    EarlyReply,
    /// The server said 421.
    Closing,
    /// We gave up in the middle.
    Aborted,
}

impl Settled {
    /// Whether the site failed rather than the message or a recipient: the scheduler had better slow down.
    #[must_use]
    pub fn is_site_failure(&self) -> bool {
        self.verdicts
            .iter()
            .any(|verdict| matches!(verdict, Verdict::Failed(failure) if failure.scope == Scope::Site))
    }
}
