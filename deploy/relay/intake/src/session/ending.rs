//! Replies that are counted, and the ways a session comes to its end.

use super::event::{AbortReason, CloseReason, Event, Misuse};
use super::{Phase, Session};
use crate::command::Verb;
use crate::refusal::Refusal;
use crate::reply::Reply;

impl Session {
    /// The answer to whatever question is with the shell. Not counted as the client's error.
    pub(super) fn answer_refusal(&mut self, refusal: Refusal) {
        if let Phase::Opening | Phase::Committing = self.phase {
            self.phase = Phase::Commands;
            self.write(&refusal.reply());
            self.check_end();
        }
    }

    /// Writes a reply and keeps count of it.
    pub(super) fn reply(&mut self, verb: Verb, reply: Reply) {
        if reply.is_positive() {
            self.counts.accepted(verb);
        } else {
            self.errors = self.errors.saturating_add(1);
        }
        self.write(&reply);
        self.check_end();
    }

    /// Between two commands: is this the end?
    pub(super) fn check_end(&mut self) {
        let host = &self.settings.hostname;
        if self.errors >= self.settings.hard_error_limit {
            let reply = Reply::new(421, "4.7.0", format!("{host} Error: too many errors"));
            self.end(Some(reply), AbortReason::Disconnected, CloseReason::TooManyErrors);
        } else if self.draining {
            let reply = Reply::new(421, "4.3.2", format!("{host} Service shutting down"));
            self.end(Some(reply), AbortReason::Disconnected, CloseReason::Draining);
        }
    }

    pub(super) fn misuse(&mut self, reply: Reply, misuse: Misuse) {
        self.end(Some(reply), AbortReason::Disconnected, CloseReason::Protocol(misuse));
    }

    pub(super) fn end(&mut self, reply: Option<Reply>, abort: AbortReason, close: CloseReason) {
        let open = match &self.phase {
            Phase::Ending { .. } | Phase::Closed => return,
            Phase::Content(receiving) => receiving.is_open(),
            Phase::Commands | Phase::Opening | Phase::Committing => false,
        };
        if let Some(reply) = reply {
            self.write(&reply);
        }
        self.transaction = None;
        self.phase = Phase::Ending { abort: open.then_some(abort), close };
    }

    pub(super) fn next_ending<'i>(&mut self) -> Event<'i> {
        match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Ending { abort: Some(abort), close } => {
                self.phase = Phase::Ending { abort: None, close };
                Event::Abort(abort)
            }
            Phase::Ending { abort: None, close } => Event::Close(close),
            // Only called in `Ending`.
            _ => Event::Close(CloseReason::Disconnected),
        }
    }

    pub(super) fn write(&mut self, reply: &Reply) {
        self.output.extend_from_slice(reply.to_string().as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }
}
