//! What a transaction comes to: a verdict for every recipient, and what can be said of the session.

use crate::reply::Reply;
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::sync::Arc;

/// The end of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One per recipient, in the order of the envelope.
    pub verdicts: Vec<Verdict>,
    /// What can be done with the session.
    pub session: Session,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server took responsibility, with these words.
    Sent(Arc<Reply>),
    /// It did not.
    Failed(Failure),
}

/// Why a recipient was not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Class 4 or 5.
    pub status: Status,
    /// One line, as the log has it.
    pub reason: String,
    /// The server's reply, one line, where it was one.
    pub diagnostic: Option<String>,
    /// Whom it concerns.
    pub scope: Scope,
}

/// Whom a failure concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The server: whoever goes there next will meet it too.
    Site,
    /// This message.
    Message,
    /// One recipient.
    Recipient,
}

/// How a conversation can break off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The connection is gone.
    Closed,
    /// The server was too slow.
    TimedOut,
    /// What came is no reply.
    Garbage,
}

/// What can be done with the session. Better ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Session {
    /// It was dead before anything was said: nothing happened, try a fresh one.
    Stale,
    /// It has ended.
    Over,
    /// QUIT can be said, but nobody else should use it.
    Doubtful,
    /// Synchronised, good for more.
    Usable,
}

impl Failure {
    pub(super) fn ours(status: Status, reason: String, scope: Scope) -> Self {
        Self { status, reason, diagnostic: None, scope }
    }

    /// What a reply that is no success means.
    pub(super) fn of_reply(reply: &Arc<Reply>, stage: Stage, peer: &str, scope: Scope) -> Self {
        let text = reply.one_line().into_owned();
        let said = format!("host {peer} said: {text} (in reply to {} command)", stage.command());
        let (status, reason) = match reply.status.class() {
            Class::Soft | Class::Hard => (reply.status, said),
            Class::Success => (Status::PROTOCOL_ERROR, format!("Protocol error: {said}")),
        };
        Self { status, reason, diagnostic: Some(text), scope }
    }
}
