//! When the conversation breaks off: connection lost, garbage, replies nobody asked for, our own errors.

use super::{Action, Broken, Next, Step, Transaction, Verdict};
use crate::command::QUIT;
use crate::dialect::EndReplies;
use crate::failure::{Certainty, Failure, Lost, Scope};
use crate::hello::Origin;
use crate::reply::{Code, Reply, ReplyClass, ReplyError, ReplyReader};
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::sync::Arc;

/// Why we give a transaction up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abort {
    /// The content cannot be read from the queue: 5.3.0.
    UnreadableContent,
    /// A table or something else of ours failed: 4.3.0.
    LocalData,
    /// The content cannot be converted to 7-bit, because its parts nest too deep: 5.6.0.
    NestedTooDeep,
}

impl Transaction<'_> {
    /// The connection is gone, or a stage took too long. `unwritten` is how many octets at the end of the buffer were
    /// not written; 0 if all were. Feed what can still be read first: replies that came before are heard, and a
    /// refusal that came before the final dot was written explains the loss.
    pub fn on_lost(&mut self, replies: &mut ReplyReader, how: Lost, unwritten: usize) {
        if self.next == Next::Done {
            self.broken.get_or_insert(Broken::Lost(how));
            return;
        }
        self.take_back_unwritten_dot(unwritten);
        if self.next == Next::DotWritten {
            return self.judge_early(replies, how, Broken::Lost(how));
        }
        while !self.unanswered.is_empty() && self.next != Next::Done {
            match replies.next_reply() {
                Ok(Some(reply)) => self.on_reply(&reply),
                Ok(None) | Err(_) => break,
            }
        }
        if self.next == Next::Done {
            return;
        }
        if self.unanswered.is_empty() && matches!(self.next, Next::Content | Next::Dot) {
            return self.judge_early(replies, how, Broken::Lost(how));
        }
        let failure = Failure::lost(self.peer, how, self.stage());
        self.give_up(failure, Broken::Lost(how));
    }

    /// We cannot go on. Before the first command that changes nothing for the session; later, close the connection.
    /// Before the final dot nothing was delivered.
    pub fn on_abort(&mut self, why: Abort) {
        let mut failure = match why {
            Abort::UnreadableContent => {
                let status = Status::new(Class::Hard, 3, 0);
                Failure::own(status, "unreadable mail queue entry".to_owned(), Scope::Message)
            }
            Abort::LocalData => {
                let reason = format!("local data error while talking to {}", self.peer);
                Failure::own(Status::new(Class::Soft, 3, 0), reason, Scope::Message)
            }
            Abort::NestedTooDeep => {
                let reason = "MIME nesting exceeds safety limit".to_owned();
                Failure::own(Status::new(Class::Hard, 6, 0), reason, Scope::Message)
            }
        };
        if self.stage() == Stage::EndOfData {
            failure.certainty = Certainty::Uncertain;
        }
        self.ledger.fail_rest(&failure);
        match self.said.anything {
            true => self.end(Broken::Aborted),
            false => self.next = Next::Finish,
        }
    }

    /// Garbage where a reply was due.
    pub(super) fn on_unreadable(&mut self, error: &ReplyError) {
        let failure = Failure::unreadable(self.peer, error, self.stage());
        self.give_up(failure, Broken::Desynchronised);
    }

    /// A reply that cannot be that of our command.
    pub(super) fn on_desynchronised(&mut self, what: &str, stage: Stage) {
        let failure = Failure::desynchronised(self.peer, what, stage);
        self.give_up(failure, Broken::Desynchronised);
    }

    /// The server speaks although nothing is unanswered; `Some` if the rest of what it says must be waited for.
    pub(super) fn on_unasked(&mut self, replies: &mut ReplyReader) -> Option<Action> {
        let complete = replies.has_reply();
        match self.next {
            Next::Content if !complete => return Some(Action::SendContent),
            // What began before the final dot was written cannot answer it.
            Next::Dot if !complete => return Some(Action::Await(Stage::Content)),
            Next::Content | Next::Dot => self.judge_early(replies, Lost::Closed, Broken::EarlyReply),
            // All that was due has come. What follows QUIT is its reply.
            Next::Finish if self.said.quit => self.close_books(),
            Next::Finish | Next::Abort => self.end(Broken::Desynchronised),
            _ => match replies.next_reply() {
                Ok(Some(reply)) if reply.code == Code::CLOSING && !self.may_be_stale() => {
                    self.on_closing_unasked(&reply);
                }
                Ok(Some(reply)) => {
                    let what = format!("a reply that answers nothing: {}", reply.one_line());
                    self.on_desynchronised(&what, self.stage());
                }
                Ok(None) => self.on_desynchronised("a reply that answers nothing", self.stage()),
                Err(error) => self.on_unreadable(&error),
            },
        }
        None
    }

    /// The final dot is written to its end. What is here already began before it; `Some` to wait for a reply.
    pub(super) fn on_dot_written(&mut self, replies: &mut ReplyReader) -> Option<Action> {
        if !replies.has_leftover() {
            self.next = Next::Finish;
        } else if replies.has_reply() {
            self.judge_early(replies, Lost::Closed, Broken::EarlyReply);
        } else {
            return Some(Action::Await(Stage::EndOfData));
        }
        None
    }

    /// The server closes the channel between two of our commands: taken as the answer to the next one.
    fn on_closing_unasked(&mut self, reply: &Arc<Reply>) {
        let failure = Failure::said(self.peer, reply, self.stage(), Scope::Message);
        self.ledger.fail_rest(&failure);
        self.end(Broken::Closing);
    }

    /// Replies from before the final dot was written to its end. A refusal counts as the answer to the dot; anything else is no
    /// success, because the message is not complete.
    fn judge_early(&mut self, replies: &mut ReplyReader, how: Lost, broken: Broken) {
        while let Some(at) = self.ledger.first_survivor() {
            let Ok(Some(reply)) = replies.next_reply() else { break };
            if !matches!(reply.code.class(), ReplyClass::Transient | ReplyClass::Permanent) {
                break;
            }
            let said = |scope| Verdict::Failed(Failure::said(self.peer, &reply, Stage::EndOfData, scope));
            match self.ready.dialect().end_replies {
                EndReplies::One => self.ledger.settle_survivors(&said(Scope::Message)),
                EndReplies::PerRecipient => self.ledger.settle(at, said(Scope::Recipient)),
            }
        }
        let failure = Failure::lost(self.peer, how, self.stage());
        self.ledger.fail_rest(&failure);
        self.end(broken);
    }

    /// Nobody has been accepted by a session that was alive once.
    fn may_be_stale(&self) -> bool {
        self.ready.origin() == Origin::Reused && !self.said.mail_answered
    }

    fn give_up(&mut self, failure: Failure, broken: Broken) {
        if self.may_be_stale() && !self.ledger.is_settled() {
            return self.go_stale(&failure.reason);
        }
        let failure = self.closing.take().unwrap_or(failure);
        self.ledger.fail_rest(&failure);
        self.end(broken);
    }

    pub(super) fn end(&mut self, broken: Broken) {
        self.broken.get_or_insert(broken);
        self.close_books();
    }

    /// Nothing more is read or written.
    pub(super) fn close_books(&mut self) {
        if let Some(failure) = self.closing.take() {
            self.ledger.fail_rest(&failure);
        }
        self.unanswered.clear();
        self.next = Next::Done;
    }

    /// The dot is in the buffer, perhaps with QUIT behind it, and was not written to its end: it was never sent.
    fn take_back_unwritten_dot(&mut self, unwritten: usize) {
        let behind = if self.said.quit { QUIT.len() } else { 0 };
        let ends = |step: &Step| matches!(step, Step::End | Step::EndFor(_));
        if unwritten > behind && self.unanswered.iter().any(ends) {
            self.unanswered.clear();
            self.next = Next::Dot;
        }
    }
}
