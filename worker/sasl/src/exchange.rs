//! The AUTH dialogue, RFC 4954: a line for every reply, until the server accepts or refuses or somebody breaks off.

use crate::base64;
use crate::failure::{Fault, LONGEST_CHALLENGE, LoginFailed, MOST_ROUNDS};
use crate::line::Line;
use crate::machine::{self, Machine, Message, Setting, Started};
use crate::mechanism::Mechanism;
use crate::selection::Selection;
use crate::veil::Veil;
use std::fmt;

/// How much of a challenge that should have been empty is shown, in characters.
const SHOWN: usize = 80;

/// A login on its way: a line was given out, and waits for its reply.
pub struct Exchange {
    mechanism: Mechanism,
    machine: Box<dyn Machine>,
    stage: Stage,
    rounds: u32,
    veil: Veil,
}

enum Stage {
    /// The initial response did not fit the command: it answers an empty challenge.
    Deferred(Message),
    /// The mechanism speaks.
    Running,
    /// `*` was sent: whatever the answer is, it is over.
    Cancelled(LoginFailed),
}

/// What to do after a reply.
#[derive(Debug)]
pub enum Step {
    /// Send the line, alone, and wait for its reply.
    Say(Exchange, Line),
    /// That was the last reply.
    Ended(Outcome),
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server knows us, and where the mechanism proves it, we know the server.
    Accepted,
    /// The server said no.
    Refused(Refusal),
    /// It came to no end. Say QUIT: the session is in no state to carry mail.
    BrokenOff(LoginFailed),
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reply's code.
    pub code: u16,
    /// The reply's lines as they were given, less secrets that the server repeated. Only this form of it is fit for
    /// logs and bounces.
    pub text: String,
    /// What it objects to.
    pub objection: Objection,
}

/// What a server objects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objection {
    /// 535, RFC 4954 §6: user name or password, so that another try is of no use. To be remembered
    /// (`smtp_sasl_auth_cache_name`).
    Credential,
    /// Anything else.
    Other,
}

impl Exchange {
    /// The first line. Everything before it was answered: AUTH is not pipelined.
    ///
    /// # Errors
    /// [`LoginFailed::Cannot`]: the credential does not suit the mechanism. Nothing is to be sent but QUIT.
    pub fn begin(selection: &Selection, setting: &Setting<'_>) -> Result<(Self, Line), LoginFailed> {
        let choice = selection.best();
        let started = machine::start(choice, setting)?;
        let mut veil = Veil::default();
        veil.hide(setting.credential.secret());
        Ok(Self::with(choice.mechanism, started, veil))
    }

    fn with(mechanism: Mechanism, started: Started, veil: Veil) -> (Self, Line) {
        let Started { machine, initial } = started;
        let attached = initial.as_ref().and_then(|initial| Line::auth_with(mechanism, initial));
        let (line, stage) = match (attached, initial) {
            (Some(line), _) => (line, Stage::Running),
            (None, Some(initial)) => (Line::auth(mechanism), Stage::Deferred(initial)),
            (None, None) => (Line::auth(mechanism), Stage::Running),
        };
        let mut exchange = Self { mechanism, machine, stage, rounds: 0, veil };
        exchange.veil.hide(line.hidden());
        (exchange, line)
    }

    /// The mechanism in use.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes the reply to the last line: its code, and its lines each with the code, joined by newlines.
    #[must_use]
    pub fn on_reply(mut self, code: u16, text: &str) -> Step {
        if let Stage::Cancelled(failed) = self.stage {
            return Step::Ended(Outcome::BrokenOff(failed));
        }
        match code / 100 {
            2 => Step::Ended(match self.machine.accepted() {
                Ok(()) => Outcome::Accepted,
                Err(fault) => Outcome::BrokenOff(fault.into()),
            }),
            3 => match self.answer(text) {
                Ok(message) => self.say(Line::response(&message), Stage::Running),
                Err(failed) => self.say(Line::cancel(), Stage::Cancelled(failed)),
            },
            _ => Step::Ended(Outcome::Refused(self.refusal(code, text))),
        }
    }

    fn say(self, line: Line, stage: Stage) -> Step {
        let mut exchange = Self { stage, ..self };
        exchange.veil.hide(line.hidden());
        Step::Say(exchange, line)
    }

    fn answer(&mut self, text: &str) -> Result<Message, LoginFailed> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(LoginFailed::Loop);
        }
        let challenge = challenge(text)?;
        match std::mem::replace(&mut self.stage, Stage::Running) {
            Stage::Deferred(initial) if challenge.is_empty() => Ok(initial),
            Stage::Deferred(_) => Err(LoginFailed::SpokeFirst {
                mechanism: self.mechanism,
                challenge: self.veil.over(challenge).chars().take(SHOWN).collect(),
            }),
            Stage::Running | Stage::Cancelled(_) => {
                let decoded = base64::decode(challenge).ok_or(Fault::NotBase64)?;
                Ok(self.machine.respond(&decoded)?)
            }
        }
    }

    fn refusal(&self, code: u16, text: &str) -> Refusal {
        let objection = if code == 535 { Objection::Credential } else { Objection::Other };
        Refusal { code, text: self.veil.over(text), objection }
    }
}

/// The base64 of a 334, within bounds.
fn challenge(text: &str) -> Result<&str, Fault> {
    if text.contains('\n') {
        return Err(Fault::ManyLines);
    }
    let challenge = text.get(4..).unwrap_or_default().trim_ascii();
    if challenge.len() > LONGEST_CHALLENGE { Err(Fault::Oversized) } else { Ok(challenge) }
}

impl Refusal {
    /// One line for the log; `peer` is the server's name there, `host[address]`. The status is that of the reply,
    /// softened if `smtp_sasl_auth_soft_bounce`.
    #[must_use]
    pub fn reason(&self, peer: &str) -> String {
        format!("SASL authentication failed; server {peer} said: {}", self.text.replace('\n', " "))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("mechanism", &self.mechanism)
            .field("rounds", &self.rounds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
