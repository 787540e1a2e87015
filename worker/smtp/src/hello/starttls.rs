//! STARTTLS, RFC 3207: whether it is said, and what the answer leads to.
//!
//! A session that began in the clear goes on only through [`Greeted::onward`], so that no order of events leads from
//! [`Encryption::Required`] to mail in plaintext.

use super::{Entrance, Farewell, Greeted, Hello, HelloAction, HelloFailed, Plain, Secured};
use crate::ext::Extension;
use crate::failure::{Failure, Lost};
use crate::reply::{Reply, ReplyClass, ReplyReader};
use crate::stage::Stage;
use std::sync::Arc;

/// How much TLS the policy asks of a session that began in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// None, whatever the server offers.
    Never,
    /// As much as the server offers.
    WhereOffered,
    /// No mail without it.
    Required,
}

/// What a session in the clear does next.
#[derive(Debug)]
pub enum Onward<'a> {
    /// Mail, in plaintext, once it is clear who we are.
    Plaintext(Entrance<'a>),
    /// STARTTLS.
    StartTls(StartTls<'a>),
}

/// STARTTLS, to be said and answered.
#[derive(Debug)]
pub struct StartTls<'a> {
    greeted: Greeted<'a, Plain>,
    encryption: Encryption,
    state: State,
}

#[derive(Debug)]
enum State {
    Say,
    Wait,
    Accepted,
    Refused(Arc<Reply>),
    Failed(HelloFailed),
}

/// What the server said to STARTTLS.
#[derive(Debug)]
pub enum TlsAnswer<'a> {
    /// Go ahead: the handshake begins, and nothing in the clear was left unread.
    Handshake(Upgrade<'a>),
    /// No, and the policy lets mail go in plaintext.
    Plaintext(Entrance<'a>),
}

/// A server that waits for a handshake.
#[derive(Debug)]
pub struct Upgrade<'a>(Greeted<'a, Plain>);

impl<'a> Greeted<'a, Plain> {
    /// On to mail, or to TLS first.
    ///
    /// # Errors
    /// [`HelloFailed`]: TLS is required and not offered.
    pub fn onward(self, encryption: Encryption) -> Result<Onward<'a>, Box<HelloFailed>> {
        match (encryption, self.facts.offers(Extension::StartTls)) {
            (Encryption::Never, _) | (Encryption::WhereOffered, false) => {
                Ok(Onward::Plaintext(self.into_entrance()))
            }
            (Encryption::WhereOffered | Encryption::Required, true) => {
                Ok(Onward::StartTls(StartTls { greeted: self, encryption, state: State::Say }))
            }
            (Encryption::Required, false) => {
                let failure = Failure::tls_not_offered(self.peer);
                Err(Box::new(HelloFailed { failure, farewell: Farewell::Quit }))
            }
        }
    }
}

impl<'a> StartTls<'a> {
    /// As [`Hello::next_action`]. STARTTLS is alone in what is written.
    pub fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        loop {
            match self.state {
                State::Say if replies.has_leftover() => {
                    self.fail(Failure::desynchronised(
                        self.greeted.peer,
                        "more than one reply",
                        Stage::StartTls,
                    ));
                }
                State::Say => {
                    out.extend_from_slice(b"STARTTLS\r\n");
                    self.state = State::Wait;
                }
                State::Wait => match replies.next_reply() {
                    Ok(Some(reply)) => self.on_reply(reply, replies),
                    Ok(None) => return HelloAction::Await(Stage::StartTls),
                    Err(error) => {
                        self.fail(Failure::unreadable(self.greeted.peer, &error, Stage::StartTls));
                    }
                },
                State::Accepted | State::Refused(_) | State::Failed(_) => return HelloAction::Done,
            }
        }
    }

    /// As [`Hello::on_lost`].
    pub fn on_lost(&mut self, how: Lost) {
        self.fail(Failure::lost(self.greeted.peer, how, Stage::StartTls));
    }

    /// The result.
    ///
    /// # Errors
    /// [`HelloFailed`]: the server refused what the policy requires, or broke the protocol.
    pub fn finish(self) -> Result<TlsAnswer<'a>, Box<HelloFailed>> {
        match (self.state, self.encryption) {
            (State::Accepted, _) => Ok(TlsAnswer::Handshake(Upgrade(self.greeted))),
            (State::Refused(_), Encryption::WhereOffered | Encryption::Never) => {
                Ok(TlsAnswer::Plaintext(self.greeted.into_entrance()))
            }
            (State::Refused(reply), Encryption::Required) => {
                let failure = Failure::tls_refused(self.greeted.peer, &reply);
                Err(Box::new(HelloFailed { failure, farewell: Farewell::Quit }))
            }
            (State::Failed(failed), _) => Err(Box::new(failed)),
            (State::Say | State::Wait, _) => Err(Box::new(HelloFailed {
                failure: Failure::lost(self.greeted.peer, Lost::Closed, Stage::StartTls),
                farewell: Farewell::Close,
            })),
        }
    }

    /// What comes with the answer was said in the clear, by whoever stands between, to be read as if it came inside TLS.
    fn on_reply(&mut self, reply: Arc<Reply>, replies: &ReplyReader) {
        if replies.has_leftover() {
            self.fail(Failure::injected(self.greeted.peer));
        } else if reply.code.class() == ReplyClass::Completed {
            self.state = State::Accepted;
        } else {
            self.state = State::Refused(reply);
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Failed(HelloFailed { failure, farewell: Farewell::Close });
    }
}

impl<'a> Upgrade<'a> {
    /// After the handshake. RFC 3207 §4.2: all that EHLO told is forgotten, here by type.
    #[must_use]
    pub fn secured(self) -> Hello<'a, Secured> {
        let Greeted { dialect, peer, options, pix, .. } = self.0;
        Hello::again(dialect, peer, options, pix)
    }
}

#[cfg(test)]
mod tests;
