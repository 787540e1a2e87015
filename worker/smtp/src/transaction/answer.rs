//! What a reply means for the command it answers.

use super::{Broken, Flow, Next, ProbeUntil, Purpose, Stale, Step, Transaction, Verdict};
use crate::failure::{Conduct, Failure, Scope};
use crate::hello::Origin;
use crate::reply::{Code, Reply, ReplyClass};
use crate::stage::Stage;
use std::sync::Arc;

impl Transaction<'_> {
    /// Takes the reply to the oldest unanswered command.
    pub(super) fn on_reply(&mut self, reply: &Arc<Reply>) {
        let stage = self.stage();
        let Some(step) = self.unanswered.pop_front() else { return };
        if self.unanswered.is_empty() {
            self.window = 0;
            self.flow = Flow::Open;
        }
        if self.is_stale(step, reply) {
            return self.go_stale(&format!("{} (in reply to {} command)", reply.one_line(), stage.command()));
        }
        if reply.code == Code::BYE && !matches!(step, Step::LoneDot | Step::Abort) {
            // 221 answers QUIT only: the replies are not those of our commands.
            let what = format!("a reply to QUIT: {}", reply.one_line());
            return self.on_desynchronised(&what, stage);
        }
        match step {
            Step::Carrier => self.said.alive = true,
            Step::Xforward(_) => self.on_xforward(reply, stage),
            Step::Mail => self.on_mail(reply),
            Step::Rcpt(at) => self.on_rcpt(at, reply),
            Step::Data => self.on_data(reply),
            Step::End => {
                let verdict = self.end_verdict(reply, Scope::Message);
                self.ledger.settle_survivors(&verdict);
            }
            Step::EndFor(at) => {
                let verdict = self.end_verdict(reply, Scope::Recipient);
                self.ledger.settle(at, verdict);
            }
            Step::LoneDot => self.said.blemish |= self.is_blemish(reply),
            Step::Abort => self.said.blemish |= reply.code.class() != ReplyClass::Completed,
        }
        if reply.code == Code::CLOSING {
            self.on_closing(step, reply, stage);
        }
    }

    /// Nothing was accepted, and the first thing that a reused session says is no, or that it is closing.
    fn is_stale(&self, step: Step, reply: &Reply) -> bool {
        let class = reply.code.class();
        let reused = self.ready.origin() == Origin::Reused;
        match step {
            Step::Carrier => class != ReplyClass::Completed,
            // What else is said of XFORWARD is no more than a warning.
            Step::Xforward(_) => reused && reply.code == Code::CLOSING && !self.said.alive,
            Step::Mail => {
                reused
                    && (reply.code == Code::CLOSING || (class == ReplyClass::Transient && !self.said.alive))
            }
            _ => false,
        }
    }

    pub(super) fn go_stale(&mut self, reason: &str) {
        self.stale = Some(Stale { reason: format!("reused session with {}: {reason}", self.peer) });
        self.next = Next::Done;
        self.unanswered.clear();
    }

    /// A server that does not care is no reason not to deliver.
    fn on_xforward(&mut self, reply: &Arc<Reply>, stage: Stage) {
        if reply.code.class() == ReplyClass::Completed {
            self.said.alive = true;
        } else {
            let (said, command) = (reply.one_line(), stage.command());
            self.warnings.push(format!("said: {said} (in reply to {command} command)"));
        }
    }

    fn on_mail(&mut self, reply: &Arc<Reply>) {
        self.said.mail_answered = true;
        if reply.code.class() != ReplyClass::Completed {
            let failure = self.said_no(reply, Stage::Mail, Scope::Message);
            self.ledger.fail_rest(&failure);
            self.abandon();
        }
    }

    fn on_rcpt(&mut self, at: usize, reply: &Arc<Reply>) {
        // After a refused MAIL the server refuses every RCPT too, and that means nothing.
        if !self.ledger.is_open(at) {
            return;
        }
        match reply.code.class() {
            ReplyClass::Completed if self.purpose == Purpose::Probe(ProbeUntil::Rcpt) => {
                self.ledger.settle(at, Verdict::Deliverable(Arc::clone(reply)));
            }
            ReplyClass::Completed => self.ledger.accept(at),
            _ => {
                let failure = self.said_no(reply, Stage::Rcpt, Scope::Recipient);
                self.ledger.settle(at, Verdict::Failed(failure));
            }
        }
    }

    fn on_data(&mut self, reply: &Arc<Reply>) {
        let go_ahead = reply.code.class() == ReplyClass::Intermediate;
        if go_ahead && self.purpose == Purpose::Probe(ProbeUntil::Data) {
            self.ledger.settle_survivors(&Verdict::Deliverable(Arc::clone(reply)));
            // Even an empty message would be one.
            return self.end(Broken::Aborted);
        }
        self.next = match (go_ahead, self.ledger.has_survivors()) {
            (true, true) => Next::Content,
            (true, false) => Next::LoneDot,
            (false, true) => {
                let failure = self.said_no(reply, Stage::Data, Scope::Message);
                self.ledger.settle_survivors(&Verdict::Failed(failure));
                Next::Abort
            }
            (false, false) => {
                // 503 is what a server should say to DATA without recipients.
                self.said.blemish |= reply.code.class() == ReplyClass::Completed;
                Next::Abort
            }
        };
        if self.closing.is_some() {
            self.next = Next::Finish;
        }
    }

    fn end_verdict(&mut self, reply: &Arc<Reply>, scope: Scope) -> Verdict {
        match reply.code.class() {
            ReplyClass::Completed => Verdict::Sent(Arc::clone(reply)),
            _ => Verdict::Failed(self.said_no(reply, Stage::EndOfData, scope)),
        }
    }

    /// 421: nothing more is asked of this server, what was asked is still read.
    fn on_closing(&mut self, step: Step, reply: &Arc<Reply>, stage: Stage) {
        self.broken = Some(Broken::Closing);
        if matches!(step, Step::Xforward(_) | Step::Mail | Step::Rcpt(_) | Step::Data) {
            let failure = Failure::said(self.peer, reply, stage, Scope::Message);
            if let Next::Rcpt(from) = self.next {
                self.ledger.fail_open_from(from, &failure);
            }
            self.closing.get_or_insert(failure);
            self.next = Next::Finish;
        }
    }

    /// MAIL was refused: RSET once all is answered. If DATA or RSET is already on its way, its reply decides.
    fn abandon(&mut self) {
        if !matches!(self.next, Next::DataReply | Next::Finish) {
            self.next = Next::Abort;
        }
    }

    fn said_no(&mut self, reply: &Arc<Reply>, stage: Stage, scope: Scope) -> Failure {
        let failure = Failure::said(self.peer, reply, stage, scope);
        self.said.blemish |= failure.conduct == Conduct::ProtocolError;
        failure
    }

    fn is_blemish(&self, reply: &Reply) -> bool {
        reply.code.class() != ReplyClass::Completed && reply.code.is_protocol_error()
    }
}
