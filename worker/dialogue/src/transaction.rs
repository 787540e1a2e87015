//! One mail transaction: MAIL, RCPT…, DATA, the text, the final dot; and RSET or QUIT around it.
//!
//! Two queues: what is still to be said, and what was said and is not answered. With PIPELINING (RFC 2920 §3.1)
//! commands are given while earlier ones are unanswered, as long as they fit into [`WINDOW`]; DATA ends the group,
//! because the text may follow only its 354.

mod verdict;

pub use verdict::{Failure, Loss, Outcome, Scope, Session, Verdict};

use crate::address::AddressFault;
use crate::command::{Body, Envelope, put_mail, put_rcpt};
use crate::dialect::{Dialect, EndReplies};
use crate::ext::EhloFacts;
use crate::reply::{Code, Reply, ReplyClass};
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many octets of commands may be unanswered. Some servers break with more.
const WINDOW: usize = 4096;

/// What becomes of the session behind the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It is kept: nothing is said behind the final dot.
    Keep,
    /// QUIT, with the final dot where the server pipelines.
    Quit,
}

/// Where the session comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It was greeted just now.
    Fresh,
    /// It has carried mail before: its first command may find it dead.
    Reused,
}

/// What the shell does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write what is on the wire, then bring the next reply.
    Await(Stage),
    /// Write the text and its final dot, then say [`Transaction::content_sent`].
    SendContent,
    /// Nothing is left to do; what is on the wire is a QUIT whose reply nobody needs.
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Rset,
    Mail,
    Rcpt(usize),
    Data,
    Content,
    /// RFC 2920 §3.1: DATA was accepted for nobody, so the text is empty and its reply means nothing.
    EmptyContent,
    /// The reply that takes responsibility; in LMTP one for each accepted recipient.
    End(Option<usize>),
    Quit,
}

impl Step {
    fn stage(self) -> Stage {
        match self {
            Self::Rset => Stage::Rset,
            Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data => Stage::Data,
            Self::Content => Stage::Content,
            Self::EmptyContent | Self::End(_) => Stage::EndOfData,
            Self::Quit => Stage::Quit,
        }
    }
}

/// A message on its way through one session.
#[derive(Debug)]
pub struct Transaction<'e> {
    envelope: &'e Envelope,
    facts: &'e EhloFacts,
    dialect: Dialect,
    peer: &'e str,
    start: Start,
    ending: Ending,
    todo: VecDeque<Step>,
    unanswered: VecDeque<(Step, usize)>,
    /// Octets of unanswered commands.
    in_flight: usize,
    verdicts: Vec<Option<Verdict>>,
    accepted: Vec<bool>,
    any_reply: bool,
    /// The final dot (of a text that counts) was written completely.
    dot_written: bool,
    session: Session,
}

impl<'e> Transaction<'e> {
    /// Plans the commands. Recipients that cannot be written have their verdict at once.
    #[must_use]
    pub fn new(
        envelope: &'e Envelope,
        dialect: Dialect,
        facts: &'e EhloFacts,
        peer: &'e str,
        start: Start,
        ending: Ending,
    ) -> Self {
        let count = envelope.recipients.len();
        let mut transaction = Self {
            envelope,
            facts,
            dialect,
            peer,
            start,
            ending,
            todo: VecDeque::new(),
            unanswered: VecDeque::new(),
            in_flight: 0,
            verdicts: vec![None; count],
            accepted: vec![false; count],
            any_reply: false,
            dot_written: false,
            session: Session::Usable,
        };
        transaction.plan();
        transaction
    }

    fn plan(&mut self) {
        if let Some(failure) = self.unfit() {
            self.fail_all(&failure);
            self.todo = if self.ending == Ending::Quit { [Step::Quit].into() } else { [].into() };
            return;
        }
        // A reused session may still have a transaction of its last holder's server-side limits in mind; RSET costs
        // no round trip where it travels with MAIL, and is left out where it would.
        if self.start == Start::Reused && self.facts.pipelining {
            self.todo.push_back(Step::Rset);
        }
        self.todo.push_back(Step::Mail);
        self.todo.extend((0..self.envelope.recipients.len()).map(Step::Rcpt));
        self.todo.push_back(Step::Data);
    }

    /// Whether the message as a whole does not fit this server.
    fn unfit(&self) -> Option<Failure> {
        let (size, host) = (self.envelope.size, self.peer);
        if let Some(limit) = self.facts.size_limit().filter(|limit| size > *limit) {
            let reason = format!("message size {size} exceeds size limit {limit} of server {host}");
            return Some(Failure::ours(Status::new(Class::Hard, 3, 4), reason, Scope::Message));
        }
        if self.envelope.body == Body::EightBitMime && !self.facts.eight_bit_mime {
            let reason = format!("message has 8-bit content, and server {host} does not support 8BITMIME");
            return Some(Failure::ours(Status::new(Class::Hard, 6, 3), reason, Scope::Message));
        }
        None
    }

    /// What to do; commands are appended to `wire`.
    pub fn next_action(&mut self, wire: &mut Vec<u8>) -> Action {
        while let Some(step) = self.todo.front().copied() {
            if !self.may_go_on(step) {
                break;
            }
            self.todo.pop_front();
            match step {
                Step::Content => return Action::SendContent,
                Step::EmptyContent => wire.extend_from_slice(b".\r\n"),
                _ => {}
            }
            let before = wire.len();
            if self.put(step, wire) {
                let length = wire.len().saturating_sub(before);
                self.in_flight += length;
                self.unanswered.push_back((step, length));
            }
        }
        match self.unanswered.front() {
            // Nobody waits for the answer to QUIT here: it may be skipped, or read with its own patience.
            Some((Step::Quit, _)) | None => Action::Done,
            Some((step, _)) => Action::Await(step.stage()),
        }
    }

    /// Whether `step` may be given while others are unanswered.
    fn may_go_on(&self, step: Step) -> bool {
        let group_ended = self.unanswered.iter().any(|(open, _)| matches!(open, Step::Data));
        match step {
            Step::Quit => self.unanswered.is_empty() || self.facts.pipelining,
            Step::Content | Step::EmptyContent => true,
            _ if self.unanswered.is_empty() => true,
            _ => self.facts.pipelining && !group_ended && self.in_flight < WINDOW,
        }
    }

    /// Appends a command; false when there is none to say.
    fn put(&mut self, step: Step, wire: &mut Vec<u8>) -> bool {
        match step {
            Step::Rset => wire.extend_from_slice(b"RSET\r\n"),
            Step::Mail => {
                if let Err(fault) = put_mail(self.envelope, self.facts, wire) {
                    self.unwritable_sender(fault);
                    return false;
                }
            }
            Step::Rcpt(at) => return self.put_rcpt(at, wire),
            Step::Data if self.unanswered.is_empty() && !self.accepted.contains(&true) => {
                self.give_up();
                return false;
            }
            Step::Data => wire.extend_from_slice(b"DATA\r\n"),
            Step::Quit => wire.extend_from_slice(b"QUIT\r\n"),
            Step::Content | Step::EmptyContent | Step::End(_) => {}
        }
        true
    }

    fn put_rcpt(&mut self, at: usize, wire: &mut Vec<u8>) -> bool {
        let Some(recipient) = self.envelope.recipients.get(at) else { return false };
        match put_rcpt(recipient, self.envelope.quoting, self.facts, wire) {
            Ok(()) => true,
            Err(fault) => {
                let status = Status::new(Class::Hard, 1, 3);
                self.settle(at, Verdict::Failed(Failure::ours(status, fault.to_string(), Scope::Recipient)));
                false
            }
        }
    }

    fn unwritable_sender(&mut self, fault: AddressFault) {
        let failure = Failure::ours(Status::new(Class::Hard, 1, 7), fault.to_string(), Scope::Message);
        self.fail_all(&failure);
        self.give_up();
    }

    /// Takes the reply to the oldest unanswered command.
    pub fn on_reply(&mut self, reply: &Arc<Reply>) {
        let Some((step, length)) = self.unanswered.pop_front() else {
            return self.desynchronised();
        };
        self.in_flight = self.in_flight.saturating_sub(length);
        let first = !std::mem::replace(&mut self.any_reply, true);
        let class = reply.code.class();
        let refused = matches!(class, ReplyClass::Transient) || (step == Step::Rset && class != ReplyClass::Completed);
        if first && self.start == Start::Reused && refused {
            return self.stale();
        }
        if reply.code == Code::CLOSING {
            self.session = Session::Over;
        } else if class != ReplyClass::Completed && reply.code.is_protocol_error() && !is_go_ahead(step, class) {
            self.session = self.session.min(Session::Doubtful);
        }
        match (step, class) {
            (Step::Rset | Step::EmptyContent | Step::Quit, _) | (Step::Mail, ReplyClass::Completed) => {}
            (Step::Mail, _) => {
                self.fail_all(&Failure::of_reply(reply, Stage::Mail, self.peer, Scope::Message));
                self.give_up();
            }
            (Step::Rcpt(at), ReplyClass::Completed) => self.accept(at),
            (Step::Rcpt(at), _) => {
                let failure = Failure::of_reply(reply, Stage::Rcpt, self.peer, Scope::Recipient);
                self.settle(at, Verdict::Failed(failure));
            }
            (Step::Data, ReplyClass::Intermediate) => self.go_ahead(),
            (Step::Data, _) => {
                self.fail_accepted(&Failure::of_reply(reply, Stage::Data, self.peer, Scope::Message));
                self.give_up();
            }
            (Step::End(one), class) => self.on_end(one, class, reply),
            (Step::Content, _) => self.desynchronised(),
        }
        self.end_early_if_over(reply, step);
    }

    fn go_ahead(&mut self) {
        self.todo.clear();
        if self.accepted.contains(&true) {
            self.todo.push_back(Step::Content);
        } else {
            self.todo.push_back(Step::EmptyContent);
            self.give_up_after();
        }
    }

    fn on_end(&mut self, one: Option<usize>, class: ReplyClass, reply: &Arc<Reply>) {
        let verdict = match class {
            ReplyClass::Completed => Verdict::Sent(Arc::clone(reply)),
            _ => Verdict::Failed(Failure::of_reply(reply, Stage::EndOfData, self.peer, Scope::Message)),
        };
        match one {
            Some(at) => self.settle(at, verdict),
            None => self.accepted_open().into_iter().for_each(|at| self.settle(at, verdict.clone())),
        }
    }

    /// The text and its final dot were written completely.
    pub fn content_sent(&mut self) {
        self.dot_written = true;
        let ends: Vec<_> = match self.dialect.end {
            EndReplies::One => vec![None],
            EndReplies::PerRecipient => self.accepted_open().into_iter().map(Some).collect(),
        };
        self.unanswered.extend(ends.into_iter().map(|end| (Step::End(end), 0)));
        if self.ending == Ending::Quit {
            self.todo.push_back(Step::Quit);
        }
    }

    /// A reply came before the final dot was written: it can only fail the message.
    pub fn on_early_reply(&mut self, reply: &Arc<Reply>) {
        let failure = match reply.code.class() {
            ReplyClass::Transient | ReplyClass::Permanent => {
                Failure::of_reply(reply, Stage::EndOfData, self.peer, Scope::Message)
            }
            _ => {
                let reason = format!("host {} replied before the end of the message: {}", self.peer, reply.one_line());
                Failure::ours(Status::new(Class::Soft, 4, 2), reason, Scope::Message)
            }
        };
        self.fail_accepted(&failure);
        self.over();
    }

    /// The conversation broke off while waiting at `stage`.
    pub fn on_lost(&mut self, loss: Loss, stage: Stage) {
        if self.start == Start::Reused && !self.any_reply && !self.dot_written && loss == Loss::Closed {
            return self.stale();
        }
        let stage = if self.dot_written { Stage::EndOfData } else { stage };
        let reason = match loss {
            Loss::Closed => format!("lost connection with {} while {stage}", self.peer),
            Loss::TimedOut => format!("conversation with {} timed out while {stage}", self.peer),
            Loss::Garbage => format!("non-ESMTP response from {} while {stage}", self.peer),
        };
        self.fail_all(&Failure::ours(Status::new(Class::Soft, 4, 2), reason, Scope::Site));
        self.over();
    }

    /// Our own side failed (the message cannot be read): 4.3.0, nobody else is to blame.
    pub fn on_local_error(&mut self, what: &str) {
        let reason = format!("local data error while talking to {}: {what}", self.peer);
        self.fail_all(&Failure::ours(Status::new(Class::Soft, 3, 0), reason, Scope::Message));
        self.over();
    }

    /// Whether the final dot was written: from then on the server may have taken responsibility.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.dot_written
    }

    /// One verdict per recipient, in order.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        let unheard = || Failure::ours(Status::new(Class::Soft, 4, 2), "no reply".to_owned(), Scope::Site);
        let verdicts = self.verdicts.into_iter().map(|one| one.unwrap_or_else(|| Verdict::Failed(unheard()))).collect();
        let in_sync = self.unanswered.is_empty() && self.todo.is_empty();
        let session = if in_sync || self.session != Session::Usable { self.session } else { Session::Doubtful };
        Outcome { verdicts, session }
    }

    fn accept(&mut self, at: usize) {
        if self.verdicts.get(at).is_some_and(Option::is_none)
            && let Some(accepted) = self.accepted.get_mut(at)
        {
            *accepted = true;
        }
    }

    /// Accepted recipients that have no verdict.
    fn accepted_open(&self) -> Vec<usize> {
        let open = |at: &usize| self.verdicts.get(*at).is_some_and(Option::is_none);
        (0..self.accepted.len()).filter(|at| self.accepted.get(*at) == Some(&true)).filter(open).collect()
    }

    fn settle(&mut self, at: usize, verdict: Verdict) {
        if let Some(slot) = self.verdicts.get_mut(at) {
            slot.get_or_insert(verdict);
        }
    }

    fn fail_all(&mut self, failure: &Failure) {
        (0..self.verdicts.len()).for_each(|at| self.settle(at, Verdict::Failed(failure.clone())));
    }

    fn fail_accepted(&mut self, failure: &Failure) {
        self.accepted_open().into_iter().for_each(|at| self.settle(at, Verdict::Failed(failure.clone())));
    }

    /// Nobody can be served any more. What is in flight is answered first; DATA in flight ends with an empty text.
    fn give_up(&mut self) {
        if self.unanswered.iter().any(|(step, _)| *step == Step::Data) {
            // Its reply decides: 354 leads to the empty text.
            self.accepted.iter_mut().for_each(|accepted| *accepted = false);
            self.todo.clear();
            return;
        }
        self.todo.clear();
        self.todo.push_back(Step::Rset);
        self.give_up_after();
    }

    fn give_up_after(&mut self) {
        if self.ending == Ending::Quit {
            self.todo.push_back(Step::Quit);
        }
    }

    /// RFC 5321 §3.8: 421 ends the session; whoever has no verdict gets this one.
    fn end_early_if_over(&mut self, reply: &Arc<Reply>, step: Step) {
        if self.session != Session::Over || self.unanswered.is_empty() && self.todo.is_empty() {
            return;
        }
        if reply.code == Code::CLOSING {
            self.fail_all(&Failure::of_reply(reply, step.stage(), self.peer, Scope::Site));
            self.over();
        }
    }

    fn stale(&mut self) {
        self.session = Session::Stale;
        self.todo.clear();
        self.unanswered.clear();
    }

    fn desynchronised(&mut self) {
        let reason = format!("more replies than commands from {}", self.peer);
        self.fail_all(&Failure::ours(Status::new(Class::Soft, 5, 0), reason, Scope::Message));
        self.over();
    }

    fn over(&mut self) {
        self.session = Session::Over;
        self.todo.clear();
        self.unanswered.clear();
    }
}

fn is_go_ahead(step: Step, class: ReplyClass) -> bool {
    step == Step::Data && class == ReplyClass::Intermediate
}
