//! From the server's first line to a session that can carry mail: greeting, EHLO with HELO as second choice, or LHLO.
//!
//! What EHLO said of an unencrypted session belongs to [`Hello<Plain>`]; securing the session consumes it, so that
//! nothing of it can be believed afterwards (RFC 3207 §4.2).

use crate::dialect::Dialect;
use crate::ext::{Discard, EhloFacts};
use crate::reply::{Code, Reply, ReplyClass};
use crate::stage::Stage;
use crate::status::{Class, Status};
use std::marker::PhantomData;

/// What the operator decides about the first commands.
#[derive(Debug, Clone)]
pub struct GreetingOptions {
    /// `smtp_helo_name` or `lmtp_lhlo_name`.
    pub name: String,
    /// Which protocol.
    pub dialect: Dialect,
    /// `smtp_always_send_ehlo`: also to a server that does not say ESMTP.
    pub always_ehlo: bool,
    /// `smtp_never_send_ehlo`.
    pub never_ehlo: bool,
    /// `*_skip_5xx_greeting`: a 5xx greeting is taken for one that may pass.
    pub skip_5xx: bool,
    /// `*_discard_ehlo_keywords`.
    pub discard: Discard,
}

/// What the shell does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GreetingAction {
    /// Write what was put on the wire, then bring the reply.
    Await(Stage),
    /// The session is ready; take it with [`Greeting::finish`].
    Done,
}

/// The server does not want us: nobody's mail in particular, so another host may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GreetingFailure {
    /// RFC 3463.
    pub status: Status,
    /// As the log has it.
    pub reason: String,
    /// The server's reply, one line.
    pub diagnostic: String,
}

/// The machine.
#[derive(Debug)]
pub struct Greeting {
    options: GreetingOptions,
    /// `host[address]`, for texts.
    peer: String,
    waits_for: Waiting,
    greeted_as: String,
}

#[derive(Debug)]
enum Waiting {
    Greeting,
    Hello,
    OldHello,
    Nothing(EhloFacts),
}

impl Greeting {
    /// Before the first line. `peer` is `host[address]`.
    #[must_use]
    pub fn new(options: GreetingOptions, peer: impl Into<String>) -> Self {
        Self { options, peer: peer.into(), waits_for: Waiting::Greeting, greeted_as: String::new() }
    }

    /// What to wait for.
    #[must_use]
    pub fn next_action(&self) -> GreetingAction {
        match self.waits_for {
            Waiting::Greeting => GreetingAction::Await(Stage::Greeting),
            Waiting::Hello => GreetingAction::Await(Stage::Hello(self.options.dialect.hello)),
            Waiting::OldHello => {
                GreetingAction::Await(Stage::Hello(self.options.dialect.old_hello.unwrap_or_default()))
            }
            Waiting::Nothing(_) => GreetingAction::Done,
        }
    }

    /// Takes a reply, puts the next command on the wire.
    ///
    /// # Errors
    /// [`GreetingFailure`]; say QUIT.
    pub fn on_reply(&mut self, reply: &Reply, wire: &mut Vec<u8>) -> Result<(), GreetingFailure> {
        match self.waits_for {
            Waiting::Greeting => self.on_greeting(reply, wire),
            Waiting::Hello if is_success(reply) => {
                self.waits_for = Waiting::Nothing(EhloFacts::read(reply, &self.options.discard));
                Ok(())
            }
            Waiting::Hello if reply.code == Code::CLOSING => Err(self.refused(reply)),
            Waiting::Hello => match self.options.dialect.old_hello {
                Some(verb) => {
                    self.say(verb, wire);
                    self.waits_for = Waiting::OldHello;
                    Ok(())
                }
                None => Err(self.refused(reply)),
            },
            Waiting::OldHello if is_success(reply) => {
                self.waits_for = Waiting::Nothing(EhloFacts::of_helo(reply));
                Ok(())
            }
            Waiting::OldHello => Err(self.refused(reply)),
            Waiting::Nothing(_) => Ok(()),
        }
    }

    /// The first word of the greeting: the name the server gives itself.
    #[must_use]
    pub fn greeted_as(&self) -> &str {
        &self.greeted_as
    }

    /// The session, once [`GreetingAction::Done`] was said; `None` before.
    #[must_use]
    pub fn finish(self) -> Option<Hello<Plain>> {
        match self.waits_for {
            Waiting::Nothing(facts) => Some(Hello { facts, channel: PhantomData }),
            _ => None,
        }
    }

    fn on_greeting(&mut self, reply: &Reply, wire: &mut Vec<u8>) -> Result<(), GreetingFailure> {
        if !is_success(reply) {
            return Err(self.refused_to_talk(reply));
        }
        let words = reply.text.lines().next().and_then(|line| line.get(4..)).unwrap_or_default();
        self.greeted_as = words.split_ascii_whitespace().next().unwrap_or_default().to_owned();
        let esmtp = words.split_ascii_whitespace().skip(1).any(|word| word.eq_ignore_ascii_case("ESMTP"));
        let GreetingOptions { dialect, always_ehlo, never_ehlo, .. } = self.options;
        match dialect.old_hello {
            Some(verb) if never_ehlo || !(always_ehlo || esmtp) => {
                self.say(verb, wire);
                self.waits_for = Waiting::OldHello;
            }
            _ => {
                self.say(dialect.hello, wire);
                self.waits_for = Waiting::Hello;
            }
        }
        Ok(())
    }

    fn say(&self, verb: &str, wire: &mut Vec<u8>) {
        // A name from the configuration is not from outside, yet a control character in it would be a command.
        let name: String = self.options.name.chars().filter(|c| !c.is_control() && *c != ' ').collect();
        wire.extend_from_slice(format!("{verb} {name}\r\n").as_bytes());
    }

    fn refused_to_talk(&self, reply: &Reply) -> GreetingFailure {
        let mut status = failure_status(reply);
        if self.options.skip_5xx {
            status = status.softened();
        }
        let text = reply.one_line().into_owned();
        let reason = format!("host {} refused to talk to me: {text}", self.peer);
        GreetingFailure { status, reason, diagnostic: text }
    }

    fn refused(&self, reply: &Reply) -> GreetingFailure {
        let verb = match self.waits_for {
            Waiting::OldHello => self.options.dialect.old_hello.unwrap_or_default(),
            _ => self.options.dialect.hello,
        };
        let text = reply.one_line().into_owned();
        let reason = format!("host {} said: {text} (in reply to {verb} command)", self.peer);
        GreetingFailure { status: failure_status(reply), reason, diagnostic: text }
    }
}

/// What is neither 4 nor 5 is a protocol error.
fn failure_status(reply: &Reply) -> Status {
    match reply.status.class() {
        Class::Soft | Class::Hard => reply.status,
        Class::Success => Status::PROTOCOL_ERROR,
    }
}

/// A session that was not secured.
#[derive(Debug)]
pub struct Plain;

/// A session that was secured and has not said EHLO again.
#[derive(Debug)]
pub struct Secured;

/// A session that knows what the server offers. Only [`Hello::ready`] leads on to mail.
#[derive(Debug)]
pub struct Hello<Channel> {
    facts: EhloFacts,
    channel: PhantomData<Channel>,
}

impl<Channel> Hello<Channel> {
    /// What the server said.
    #[must_use]
    pub fn facts(&self) -> &EhloFacts {
        &self.facts
    }

    /// No more handshakes.
    #[must_use]
    pub fn ready(self) -> Ready {
        Ready { facts: self.facts }
    }
}

impl Hello<Plain> {
    /// After the TLS handshake all that EHLO told is forgotten. RFC 3207 §4.2.
    #[must_use]
    pub fn secured(self) -> Secured {
        Secured
    }
}

/// A session that can carry mail: the only door to transactions.
#[derive(Debug, PartialEq, Eq)]
pub struct Ready {
    facts: EhloFacts,
}

impl Ready {
    /// A session that another process made ready.
    #[must_use]
    pub fn from_facts(facts: EhloFacts) -> Self {
        Self { facts }
    }

    /// What the server offers.
    #[must_use]
    pub fn facts(&self) -> &EhloFacts {
        &self.facts
    }

    /// The facts, to be handed on with the session.
    #[must_use]
    pub fn into_facts(self) -> EhloFacts {
        self.facts
    }
}

fn is_success(reply: &Reply) -> bool {
    reply.code.class() == ReplyClass::Completed
}
