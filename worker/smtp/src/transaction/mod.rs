//! One mail transaction: XFORWARD for some, MAIL, RCPT…, DATA, the content, the final dot.
//!
//! With PIPELINING (RFC 2920 §3.1) commands go on being written while earlier ones are unanswered, up to a window;
//! DATA ends the group, because the content may follow only its 354. Replies are matched to commands strictly in
//! order. Whatever cannot be matched ends the session.

mod answer;
mod loss;
mod outcome;
mod send;
mod verdict;

pub use loss::Abort;
pub use outcome::{Broken, Outcome, SessionEnd, Settled, Stale};
pub use verdict::Verdict;

use crate::address::{Alphabet, Mailbox, Quoting};
use crate::envelope::{Body, Envelope, Utf8};
use crate::ext::xforward::{self, Part};
use crate::ext::{Extension, size};
use crate::failure::{Failure, Lost, Scope};
use crate::hello::{Origin, Ready};
use crate::reply::ReplyReader;
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::collections::VecDeque;
use verdict::Ledger;

/// Choices for one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionOptions {
    /// `smtp_quote_rfc821_envelope`.
    pub quoting: Quoting,
    /// How far it goes.
    pub purpose: Purpose,
    /// What becomes of the session if it can be kept.
    pub afterwards: Afterwards,
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// The message.
    #[default]
    Delivery,
    /// To hear whether the server would take it.
    Probe(ProbeUntil),
}

/// Where an address probe has its answer: `smtp_address_verify_target`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeUntil {
    /// In the reply to RCPT; RSET takes it back.
    Rcpt,
    /// In the reply to DATA. Nothing takes that back: the connection is closed.
    Data,
}

/// What the session is for after this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// More mail.
    Keep,
    /// Nothing: QUIT travels with the last command where the server pipelines.
    Quit,
}

/// What the shell does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write what is in the buffer, then read until [`ReplyReader::has_reply`] or until the stage's time is up.
    Await(Stage),
    /// Write the content through [`crate::DataEncoder`] (into the same buffer, if that helps), without the final dot;
    /// then say [`Transaction::on_content_written`]. If there is more than one write, look without waiting for an
    /// early reply in between and before the last one; where something came, feed it and ask for the next action.
    SendContent,
    /// The final dot is in the buffer: write all of it, read nothing once its last octet is written, and ask for the
    /// next action. What was read before cannot be the answer to the dot.
    Flush,
    /// Write what is in the buffer and ask for the outcome.
    Done,
}

/// One message on its way through one session.
#[derive(Debug)]
pub struct Transaction<'a> {
    ready: Ready,
    peer: &'a str,
    envelope: &'a Envelope<'a>,
    purpose: Purpose,
    afterwards: Afterwards,
    sender: Mailbox<'a>,
    ledger: Ledger<'a>,
    next: Next,
    unanswered: VecDeque<Step>,
    /// Octets of commands since nothing was unanswered.
    window: usize,
    flow: Flow,
    said: Said,
    /// Set by 421: the verdict of whoever has none when all is read.
    closing: Option<Failure>,
    stale: Option<Stale>,
    broken: Option<Broken>,
    warnings: Vec<String>,
}

/// What comes next, once it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// RSET in front of MAIL, to see whether a reused session lives.
    Carrier,
    Xforward(Part),
    Mail,
    /// The first open recipient from here on.
    Rcpt(usize),
    Data,
    /// Nothing until DATA is answered.
    DataReply,
    Content,
    Dot,
    /// The dot is with the shell; now it is written.
    DotWritten,
    /// 354 although nobody was accepted.
    LoneDot,
    /// RSET, once all is answered.
    Abort,
    /// Leave the session in order.
    Finish,
    Done,
}

/// A command, or the final dot, whose reply is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Carrier,
    Xforward(Part),
    Mail,
    Rcpt(usize),
    Data,
    /// The final dot, answered once for all.
    End,
    /// The final dot, answered for one recipient.
    EndFor(usize),
    LoneDot,
    Abort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    /// The window is full: all replies are read before more is written.
    Draining,
}

/// Facts about what was said and heard so far.
#[derive(Debug, Default)]
struct Said {
    /// Something went out in this transaction.
    anything: bool,
    /// The carrier was accepted.
    alive: bool,
    /// MAIL was answered, and not by a dying session.
    mail_answered: bool,
    /// QUIT went out.
    quit: bool,
    /// The conversation went wrong somewhere: the session is not kept.
    blemish: bool,
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(
        ready: Ready,
        peer: &'a str,
        envelope: &'a Envelope<'a>,
        options: TransactionOptions,
    ) -> Self {
        let alphabet = Alphabet::for_sender_that(envelope.utf8);
        let (sender, obstacle) = match sender(envelope.sender, options.quoting, alphabet) {
            Ok(sender) => (sender, obstacle(&ready, peer, envelope)),
            Err(failure) => (Mailbox::NULL, Some(failure)),
        };
        let mut ledger = Ledger::new(envelope.recipients.iter().map(|recipient| {
            Mailbox::parse(recipient.address, options.quoting, alphabet).map_err(|error| {
                let reason = format!("cannot send to the recipient address: {error}");
                Failure::own(Status::new(Class::Hard, 1, 3), reason, Scope::Recipient)
            })
        }));
        if let Some(failure) = obstacle {
            ledger.fail_rest(&failure);
        }
        // Mail for another server says nothing good of this one: it is not kept.
        let said = Said { blemish: lacks_utf8(&ready, envelope), ..Said::default() };
        let next = if ledger.is_settled() { Next::Finish } else { first(&ready, envelope) };
        Self {
            ready,
            peer,
            envelope,
            purpose: options.purpose,
            afterwards: options.afterwards,
            sender,
            ledger,
            next,
            unanswered: VecDeque::new(),
            window: 0,
            flow: Flow::Open,
            said,
            closing: None,
            stale: None,
            broken: None,
            warnings: Vec::new(),
        }
    }

    /// Takes the replies that have come and appends to `out` what is to be written now.
    pub fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> Action {
        loop {
            if self.next == Next::DotWritten {
                if let Some(action) = self.on_dot_written(replies) {
                    return action;
                }
            } else if self.must_wait() {
                match replies.next_reply() {
                    Ok(Some(reply)) => self.on_reply(&reply),
                    Ok(None) => return Action::Await(self.stage()),
                    Err(error) => self.on_unreadable(&error),
                }
            } else if self.unanswered.is_empty() && replies.has_leftover() && self.next != Next::Done {
                if let Some(action) = self.on_unasked(replies) {
                    return action;
                }
            } else if let Some(action) = self.send_next(out) {
                return action;
            }
        }
    }

    /// All of the content was written, or is in the buffer; the final dot may follow.
    pub fn on_content_written(&mut self) {
        if self.next == Next::Content {
            self.next = Next::Dot;
        }
    }

    /// Changes what becomes of the session. Too late once the final dot or RSET was given out.
    pub fn set_afterwards(&mut self, afterwards: Afterwards) {
        self.afterwards = afterwards;
    }

    /// What the administrator should hear of the server although it stops nothing: a line each, which goes behind the
    /// server's name; given out once.
    pub fn take_warnings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.warnings)
    }

    /// Whether nothing more is to be written or read: [`Action::Done`] is next.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.next == Next::Done
    }

    /// Whether every recipient has its verdict: what still comes concerns only the session.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.ledger.is_settled()
    }

    /// The verdicts so far, in the order in which they fell, each with its recipient's place in the envelope. They stand.
    pub fn verdicts(&self) -> impl Iterator<Item = (usize, &Verdict)> {
        self.ledger.verdicts()
    }

    /// What came of it. Whoever has no verdict yet gets that of a lost connection.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        if let Some(stale) = self.stale {
            return Outcome::Stale(stale);
        }
        let unfinished = self.next != Next::Done;
        let (peer, stage) = (self.peer, self.stage());
        let session = match self.broken {
            Some(broken) => SessionEnd::Broken(broken),
            None if unfinished => SessionEnd::Broken(Broken::Aborted),
            None if self.said.quit => SessionEnd::Quitting,
            None if self.said.anything => SessionEnd::Ready(self.ready.reused()),
            None => SessionEnd::Ready(self.ready),
        };
        let (verdicts, order) = self.ledger.into_verdicts(|| Failure::lost(peer, Lost::Closed, stage));
        Outcome::Settled(Settled { verdicts, order, session })
    }

    /// Whether the next thing may not be written before a reply has come.
    fn must_wait(&self) -> bool {
        if self.unanswered.is_empty() {
            return false;
        }
        match self.next {
            Next::Carrier | Next::Xforward(_) | Next::Mail | Next::Rcpt(_) | Next::Data => {
                !self.pipelines() || self.flow == Flow::Draining
            }
            // Behind RCPT it is right whatever the replies are.
            Next::Abort if self.purpose == Purpose::Probe(ProbeUntil::Rcpt) => {
                !self.pipelines() || self.flow == Flow::Draining
            }
            Next::DataReply
            | Next::Content
            | Next::Dot
            | Next::DotWritten
            | Next::LoneDot
            | Next::Abort
            | Next::Finish
            | Next::Done => true,
        }
    }

    fn pipelines(&self) -> bool {
        self.ready.facts().offers(Extension::Pipelining)
    }

    /// What is waited for, or else what comes next.
    fn stage(&self) -> Stage {
        match (self.unanswered.front(), self.next) {
            (Some(Step::Carrier | Step::Abort), _) | (None, Next::Carrier | Next::Abort) => Stage::Rset,
            (Some(Step::Xforward(Part::NameAddress)), _) | (None, Next::Xforward(Part::NameAddress)) => {
                Stage::XforwardName
            }
            (Some(Step::Xforward(Part::ProtocolHelo)), _) | (None, Next::Xforward(Part::ProtocolHelo)) => {
                Stage::XforwardProtocol
            }
            (Some(Step::Mail), _) | (None, Next::Mail) => Stage::Mail,
            (Some(Step::Rcpt(_)), _) | (None, Next::Rcpt(_)) => Stage::Rcpt,
            (Some(Step::Data), _) | (None, Next::Data | Next::DataReply) => Stage::Data,
            (None, Next::Content | Next::Dot | Next::LoneDot) => Stage::Content,
            (Some(Step::End | Step::EndFor(_) | Step::LoneDot), _) => Stage::EndOfData,
            (None, Next::DotWritten | Next::Finish | Next::Done) => Stage::Quit,
        }
    }
}

fn first(ready: &Ready, envelope: &Envelope<'_>) -> Next {
    match ready.origin() {
        Origin::Reused if ready.facts().offers(Extension::Pipelining) => Next::Carrier,
        Origin::Reused | Origin::Fresh => opening(ready, envelope, &[Part::NameAddress, Part::ProtocolHelo]),
    }
}

/// The first command that belongs to the message: of these parts of XFORWARD the first that has something to say, or MAIL.
fn opening(ready: &Ready, envelope: &Envelope<'_>, parts: &[Part]) -> Next {
    let said = |part: &&Part| xforward::has(ready.facts(), envelope.client.as_ref(), **part);
    parts.iter().find(said).map_or(Next::Mail, |part| Next::Xforward(*part))
}

fn sender(address: &str, quoting: Quoting, alphabet: Alphabet) -> Result<Mailbox<'_>, Failure> {
    if address.is_empty() {
        return Ok(Mailbox::NULL);
    }
    Mailbox::parse(address, quoting, alphabet).map_err(|error| {
        let reason = format!("cannot send from the sender address: {error}");
        Failure::own(Status::new(Class::Hard, 1, 7), reason, Scope::Message)
    })
}

fn lacks_utf8(ready: &Ready, envelope: &Envelope<'_>) -> bool {
    envelope.utf8 == Utf8::Needed && !ready.facts().offers(Extension::SmtpUtf8)
}

/// Why this server cannot take this message, before anything is asked.
fn obstacle(ready: &Ready, peer: &str, envelope: &Envelope<'_>) -> Option<Failure> {
    let facts = ready.facts();
    let hard = |subject, detail, reason| {
        Some(Failure::own(Status::new(Class::Hard, subject, detail), reason, Scope::Message))
    };
    if lacks_utf8(ready, envelope) {
        let reason = format!("SMTPUTF8 is required, but was not offered by host {peer}");
        return Some(Failure::own(Status::new(Class::Hard, 6, 7), reason, Scope::Server));
    }
    if let Some(limit) = size::exceeded(facts, envelope.size) {
        let size = envelope.size;
        return hard(3, 4, format!("message size {size} exceeds size limit {limit} of server {peer}"));
    }
    if envelope.body == Body::EightBitMime && !facts.offers(Extension::EightBitMime) {
        return hard(6, 3, format!("8BITMIME is required, but was not offered by host {peer}"));
    }
    None
}

#[cfg(test)]
mod tests;
