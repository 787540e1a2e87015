//! What goes out next: commands within the window, the dot, the way out.

use super::{Action, Afterwards, Broken, Flow, Next, ProbeUntil, Purpose, Step, Transaction, opening};
use crate::command;
use crate::dialect::EndReplies;
use crate::ext::pipelining::WINDOW;
use crate::ext::xforward::{self, Part};

impl Transaction<'_> {
    /// Appends what comes next; `None` to go on.
    pub(super) fn send_next(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        match self.next {
            Next::Carrier => {
                let next = opening(&self.ready, self.envelope, &[Part::NameAddress, Part::ProtocolHelo]);
                self.command(out, Step::Carrier, next);
            }
            Next::Xforward(part) => {
                let rest: &[Part] = if part == Part::NameAddress { &[Part::ProtocolHelo] } else { &[] };
                let next = opening(&self.ready, self.envelope, rest);
                self.command(out, Step::Xforward(part), next);
            }
            Next::Mail => self.command(out, Step::Mail, Next::Rcpt(0)),
            Next::Rcpt(from) => match self.ledger.open_from(from) {
                Some((at, _)) => self.command(out, Step::Rcpt(at), Next::Rcpt(at + 1)),
                None if self.purpose == Purpose::Probe(ProbeUntil::Rcpt) => self.next = Next::Abort,
                None => self.next = Next::Data,
            },
            // Everything is answered and nobody was accepted: DATA would be pointless.
            Next::Data if self.unanswered.is_empty() && !self.ledger.has_survivors() => {
                self.next = Next::Abort;
            }
            Next::Data => self.command(out, Step::Data, Next::DataReply),
            Next::Content => return Some(Action::SendContent),
            Next::Dot => {
                self.dot(out);
                return Some(Action::Flush);
            }
            Next::LoneDot => self.lone_dot(out),
            Next::Abort => {
                self.command(out, Step::Abort, Next::Finish);
                self.quit_at_once(out);
            }
            // As long as one of the first two is next, a reply is due and `must_wait` holds.
            Next::DataReply | Next::DotWritten | Next::Finish => self.finish(out),
            Next::Done => return Some(Action::Done),
        }
        None
    }

    /// Appends one command if the window has room, else sees to it that replies are read first.
    fn command(&mut self, out: &mut Vec<u8>, step: Step, next: Next) {
        let before = out.len();
        self.write(step, out);
        let length = out.len() - before;
        if !self.unanswered.is_empty() && self.window + length > WINDOW {
            out.truncate(before);
            self.flow = Flow::Draining;
            return;
        }
        self.window += length;
        self.said.anything = true;
        self.unanswered.push_back(step);
        self.next = next;
    }

    fn write(&self, step: Step, out: &mut Vec<u8>) {
        let facts = self.ready.facts();
        match step {
            Step::Carrier | Step::Abort => out.extend_from_slice(command::RSET),
            Step::Xforward(part) => {
                if let Some(client) = &self.envelope.client {
                    xforward::command(facts, client, part, out);
                }
            }
            Step::Mail => command::mail(facts, self.envelope, &self.sender, out),
            Step::Rcpt(at) => {
                if let (Some((_, mailbox)), Some(recipient)) =
                    (self.ledger.open_from(at), self.envelope.recipients.get(at))
                {
                    command::rcpt(facts, self.envelope, recipient, &mailbox, out);
                }
            }
            Step::Data => out.extend_from_slice(command::DATA),
            Step::End | Step::EndFor(_) | Step::LoneDot => out.extend_from_slice(command::DOT),
        }
    }

    /// The dot after the content, and who waits for its replies.
    fn dot(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(command::DOT);
        match self.ready.dialect().end_replies {
            EndReplies::One => self.unanswered.push_back(Step::End),
            EndReplies::PerRecipient => self.unanswered.extend(self.ledger.survivors().map(Step::EndFor)),
        }
        self.next = Next::DotWritten;
        // Were one of several replies missing, that of QUIT would be taken for it.
        if self.unanswered.len() == 1 {
            self.quit_at_once(out);
        }
    }

    /// RFC 2920 §3.1: an empty message ends a DATA that was accepted for nobody. In LMTP nothing answers it.
    fn lone_dot(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(command::DOT);
        match self.ready.dialect().end_replies {
            EndReplies::One => {
                self.unanswered.push_back(Step::LoneDot);
                self.next = Next::Finish;
                self.quit_at_once(out);
            }
            EndReplies::PerRecipient => {
                self.broken = Some(Broken::Desynchronised);
                self.next = Next::Done;
            }
        }
    }

    /// QUIT behind the last command, where the server pipelines and the session is not kept.
    fn quit_at_once(&mut self, out: &mut Vec<u8>) {
        if self.pipelines() && !self.is_kept() {
            self.say_quit(out);
        }
    }

    /// Everything is answered: the session is kept, or left with QUIT.
    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.broken.is_none() && !self.said.quit && !self.is_kept() {
            self.say_quit(out);
        }
        self.close_books();
    }

    fn say_quit(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(command::QUIT);
        self.said.quit = true;
    }

    fn is_kept(&self) -> bool {
        self.afterwards == Afterwards::Keep && !self.said.blemish
    }
}
