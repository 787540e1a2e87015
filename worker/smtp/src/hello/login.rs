//! AUTH, RFC 4954: whether we log in, and what the server's answers lead to.
//!
//! A session carries mail only through [`Entrance::onward`], so that where the server offers AUTH no order of events leads
//! from [`Identification::WhereOffered`] to mail without a login.

use super::{Farewell, HelloAction, HelloFailed, Origin, Ready};
use crate::dialect::Dialect;
use crate::ext::{EhloFacts, Extension, Standing};
use crate::failure::{Failure, Lost, Scope};
use crate::reply::{Reply, ReplyClass, ReplyError, ReplyReader};
use crate::stage::Stage;
use crate::status::{Class, Status};
use sasl::{Exchange, Line, LoginFailed, Refusal, Selection, Setting, Step};
use std::sync::Arc;

/// A session whose channel is what the policy asks: on to mail, or to AUTH first.
#[derive(Debug)]
pub struct Entrance<'a> {
    pub(super) dialect: Dialect,
    pub(super) peer: &'a str,
    pub(super) facts: EhloFacts,
}

/// Who we are to the server.
#[derive(Debug)]
pub enum Identification<'c> {
    /// Nobody in particular: there is no credential.
    Nobody,
    /// Somebody. Where the server offers AUTH, no mail without a login; where it does not, it talks to strangers.
    WhereOffered(LoginTerms<'c>),
}

/// How to log in.
#[derive(Debug)]
pub struct LoginTerms<'c> {
    /// Of the mechanisms in [`EhloFacts::auth`].
    pub selection: Result<Selection, LoginFailed>,
    /// Credential and nonce.
    pub setting: Setting<'c>,
    /// What a refusal means for the mail.
    pub refusals: LoginRefusals,
}

/// What a refused login means for the mail: `smtp_sasl_auth_soft_bounce`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginRefusals {
    /// It waits although the reply is 5xx.
    Soft,
    /// What the reply says.
    AsSaid,
}

/// What a session does next.
#[derive(Debug)]
pub enum Admission<'a> {
    /// Mail, as strangers.
    Mail(Ready),
    /// AUTH.
    LogIn(Login<'a>),
}

/// AUTH, to be said and answered.
#[derive(Debug)]
pub struct Login<'a> {
    entrance: Entrance<'a>,
    refusals: LoginRefusals,
    state: State,
}

#[derive(Debug)]
enum State {
    Say(Box<Exchange>, Line),
    Wait(Box<Exchange>),
    Accepted,
    Failed(Box<HelloFailed>),
    /// Nothing is in this state between two calls.
    Moved,
}

impl<'a> Entrance<'a> {
    /// What the server said of itself.
    #[must_use]
    pub const fn facts(&self) -> &EhloFacts {
        &self.facts
    }

    /// On to mail, or to AUTH first.
    ///
    /// # Errors
    /// [`HelloFailed`]: AUTH is offered, we must log in, and no mechanism will do.
    pub fn onward(self, identification: Identification<'_>) -> Result<Admission<'a>, Box<HelloFailed>> {
        let terms = match identification {
            Identification::WhereOffered(terms) if self.facts.offers(Extension::Auth) => terms,
            Identification::WhereOffered(_) | Identification::Nobody => {
                return Ok(Admission::Mail(self.into_ready()));
            }
        };
        let LoginTerms { selection, setting, refusals } = terms;
        let begun = selection.and_then(|selection| Exchange::begin(&selection, &setting));
        let (exchange, line) = begun.map_err(|failed| broken_off(self.peer, &failed))?;
        Ok(Admission::LogIn(Login { entrance: self, refusals, state: State::Say(Box::new(exchange), line) }))
    }

    fn into_ready(self) -> Ready {
        Ready::new(self.dialect, self.facts, Origin::Fresh)
    }
}

impl<'a> Login<'a> {
    /// As [`super::Hello::next_action`]. A line of AUTH is alone in what is written, and there is a secret in it: the
    /// buffer is to be wiped.
    pub fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        loop {
            match std::mem::replace(&mut self.state, State::Moved) {
                State::Say(..) if replies.has_leftover() => {
                    self.fail(Failure::desynchronised(self.entrance.peer, "more than one reply", Stage::Auth))
                }
                State::Say(exchange, line) => {
                    line.append_to(out);
                    self.state = State::Wait(exchange);
                }
                State::Wait(exchange) => match replies.next_reply() {
                    Ok(Some(reply)) => self.on_reply(*exchange, &reply),
                    Ok(None) => {
                        self.state = State::Wait(exchange);
                        return HelloAction::Await(Stage::Auth);
                    }
                    Err(error) => self.on_unreadable(&error),
                },
                ended @ (State::Accepted | State::Failed(_) | State::Moved) => {
                    self.state = ended;
                    return HelloAction::Done;
                }
            }
        }
    }

    /// As [`super::Hello::on_lost`].
    pub fn on_lost(&mut self, how: Lost) {
        if !matches!(self.state, State::Accepted | State::Failed(_)) {
            self.fail(Failure::lost(self.entrance.peer, how, self.words()));
        }
    }

    /// The result: a session that can carry mail, logged in.
    ///
    /// # Errors
    /// [`HelloFailed`]: there is no login, and no session without it.
    pub fn finish(self) -> Result<Ready, Box<HelloFailed>> {
        let words = self.words();
        match self.state {
            State::Accepted => {
                let mut entrance = self.entrance;
                entrance.facts.standing = Standing::LoggedIn;
                Ok(entrance.into_ready())
            }
            State::Failed(failed) => Err(failed),
            State::Say(..) | State::Wait(_) | State::Moved => Err(Box::new(HelloFailed {
                failure: Failure::lost(self.entrance.peer, Lost::Closed, words),
                farewell: Farewell::Close,
            })),
        }
    }

    /// The log has no words of its own for AUTH: it counts as a part of the introduction.
    fn words(&self) -> Stage {
        self.entrance.dialect.hello.extended().stage()
    }

    fn on_reply(&mut self, exchange: Exchange, reply: &Reply) {
        let peer = self.entrance.peer;
        self.state = match exchange.on_reply(reply.code.value(), &reply.text) {
            Step::Say(exchange, line) => State::Say(Box::new(exchange), line),
            Step::Ended(sasl::Outcome::Accepted) => State::Accepted,
            Step::Ended(sasl::Outcome::Refused(refusal)) => {
                State::Failed(refused(peer, refusal, reply, self.refusals))
            }
            Step::Ended(sasl::Outcome::BrokenOff(failed)) => State::Failed(broken_off(peer, &failed)),
        };
    }

    /// A line that is no reply may be our own, sent back: it is not shown.
    fn on_unreadable(&mut self, error: &ReplyError) {
        let what = match error {
            ReplyError::Garbage(_) => "a line that is no reply".to_owned(),
            ReplyError::Filter(_) => return self.fail(Failure::local(self.entrance.peer, self.words())),
            ReplyError::Line(_) | ReplyError::Lines | ReplyError::Flood => error.to_string(),
        };
        self.fail(Failure::desynchronised(self.entrance.peer, &what, self.words()));
    }

    fn fail(&mut self, failure: Failure) {
        self.state = State::Failed(Box::new(HelloFailed { failure, farewell: Farewell::Close }));
    }
}

/// The server said no. Only the refusal's text is free of secrets.
fn refused(peer: &str, refusal: Refusal, reply: &Reply, refusals: LoginRefusals) -> Box<HelloFailed> {
    let reason = refusal.reason(peer);
    let said = Arc::new(Reply { code: reply.code, status: reply.status, text: refusal.text });
    let mut failure = Failure::with_reply(reason, &said, Scope::Site);
    if refusals == LoginRefusals::Soft && reply.code.class() == ReplyClass::Permanent {
        failure.status = failure.status.softened();
    }
    Box::new(HelloFailed { failure, farewell: Farewell::Quit })
}

/// It was not the server that said no.
fn broken_off(peer: &str, failed: &LoginFailed) -> Box<HelloFailed> {
    let sasl::SoftStatus { subject, detail } = failed.status();
    let status = Status::new(Class::Soft, subject, detail);
    let failure = Failure::own(status, failed.reason(peer), Scope::Site);
    Box::new(HelloFailed { failure, farewell: Farewell::Quit })
}

#[cfg(test)]
mod tests;
