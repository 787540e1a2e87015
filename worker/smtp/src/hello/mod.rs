//! From the greeting to a session: EHLO with HELO as fallback, or LHLO; TLS and AUTH where they are wanted.

mod greeted;
mod login;
mod options;
mod pix;
mod ready;
mod starttls;

pub use greeted::{Greeted, OwnName};
pub use login::{Admission, Entrance, Identification, Login, LoginRefusals, LoginTerms};
pub use options::{EhloUse, HelloOptions, RefusedGreeting};
pub use pix::PixWorkarounds;
pub use ready::{Origin, Ready};
pub use starttls::{Encryption, Onward, StartTls, TlsAnswer, Upgrade};

use crate::command;
use crate::dialect::{Dialect, Introduction, Verb};
use crate::ext::{EhloFacts, Extension, FinalDot, Remark};
use crate::failure::{Failure, Lost};
use crate::reply::{Code, Reply, ReplyClass, ReplyReader};
use crate::stage::Stage;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a session is carried by: [`Plain`] or [`Secured`].
pub trait Channel: sealed::Sealed {
    /// Extensions that mean nothing on it.
    const MEANINGLESS: &[Extension];
}

/// A session in the clear.
#[derive(Debug)]
pub enum Plain {}

/// A session inside TLS, where STARTTLS is void. RFC 3207 §4.2.
#[derive(Debug)]
pub enum Secured {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Plain {}
    impl Sealed for super::Secured {}
}

impl Channel for Plain {
    const MEANINGLESS: &[Extension] = &[];
}

impl Channel for Secured {
    const MEANINGLESS: &[Extension] = &[Extension::StartTls];
}

/// The first part of a conversation, on a channel that is [`Plain`] or [`Secured`].
#[derive(Debug)]
pub struct Hello<'a, C> {
    dialect: Dialect,
    peer: &'a str,
    options: &'a HelloOptions,
    state: State,
    own_name: OwnName,
    /// What the greeting calls for.
    pix: PixWorkarounds,
    channel: PhantomData<C>,
}

#[derive(Debug)]
enum State {
    /// Waiting for the greeting.
    Greeting,
    Say(Verb),
    Wait(Verb),
    Introduced(EhloFacts, Vec<Remark>),
    Failed(HelloFailed),
}

/// What the shell does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelloAction {
    /// Write what is in the buffer, then read until [`ReplyReader::has_reply`] or until the stage's time is up.
    Await(Stage),
    /// Nothing: ask for the result.
    Done,
}

/// No session came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelloFailed {
    /// Concerns the site.
    pub failure: Failure,
    /// How to leave.
    pub farewell: Farewell,
}

/// How to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The server still listens: say QUIT, then close.
    Quit,
    /// Close.
    Close,
}

impl<'a> Hello<'a, Plain> {
    /// A new connection, on which the server speaks first. `peer` is the server's name in the log: `host[address]`.
    #[must_use]
    pub fn new(dialect: Dialect, peer: &'a str, options: &'a HelloOptions) -> Self {
        Self::at(State::Greeting, dialect, peer, options)
    }
}

impl<'a> Hello<'a, Secured> {
    /// After the handshake that followed STARTTLS: introductions begin again, without a greeting. RFC 3207 §4.2.
    fn again(dialect: Dialect, peer: &'a str, options: &'a HelloOptions, pix: PixWorkarounds) -> Self {
        Self { pix, ..Self::at(State::Say(dialect.hello.extended()), dialect, peer, options) }
    }

    /// After the handshake of a connection that is encrypted from its first octet (`smtp_tls_wrappermode`): the server
    /// speaks first, as on any new connection. RFC 8314 §3.
    #[must_use]
    pub fn wrapped(dialect: Dialect, peer: &'a str, options: &'a HelloOptions) -> Self {
        Self::at(State::Greeting, dialect, peer, options)
    }
}

impl<'a, C: Channel> Hello<'a, C> {
    fn at(state: State, dialect: Dialect, peer: &'a str, options: &'a HelloOptions) -> Self {
        let (own_name, pix) = (OwnName::default(), PixWorkarounds::default());
        Self { dialect, peer, options, state, own_name, pix, channel: PhantomData }
    }

    /// Takes the replies that have come and appends to `out` what is to be written now.
    pub fn next_action(&mut self, replies: &mut ReplyReader, out: &mut Vec<u8>) -> HelloAction {
        loop {
            match self.state {
                State::Greeting | State::Wait(_) => match replies.next_reply() {
                    Ok(Some(reply)) => self.on_reply(&reply),
                    Ok(None) => return HelloAction::Await(self.stage()),
                    Err(error) => {
                        self.fail(Failure::unreadable(self.peer, &error, self.stage()), Farewell::Close);
                    }
                },
                State::Say(_) if replies.has_leftover() => self.on_unasked(replies),
                State::Say(verb) => {
                    command::hello(verb, &self.options.name, out);
                    self.state = State::Wait(verb);
                }
                State::Introduced(..) | State::Failed(_) => return HelloAction::Done,
            }
        }
    }

    /// The connection is gone, or a stage took too long. Replies that came before are still heard.
    pub fn on_lost(&mut self, replies: &mut ReplyReader, how: Lost) {
        while let State::Greeting | State::Wait(_) = self.state {
            match replies.next_reply() {
                Ok(Some(reply)) => self.on_reply(&reply),
                Ok(None) | Err(_) => break,
            }
        }
        if let State::Failed(failed) = &mut self.state {
            failed.farewell = Farewell::Close;
        } else {
            self.fail(Failure::lost(self.peer, how, self.stage()), Farewell::Close);
        }
    }

    /// Workarounds that the greeting called for, for the log.
    #[must_use]
    pub const fn workarounds(&self) -> PixWorkarounds {
        self.pix
    }

    /// The result.
    ///
    /// # Errors
    /// [`HelloFailed`]: there is no session, and the connection is to be closed.
    pub fn finish(self) -> Result<Greeted<'a, C>, Box<HelloFailed>> {
        let stage = self.stage();
        match self.state {
            State::Introduced(facts, remarks) => Ok(Greeted {
                pix: self.pix,
                dialect: self.dialect,
                peer: self.peer,
                options: self.options,
                facts,
                remarks,
                own_name: self.own_name,
                channel: PhantomData,
            }),
            State::Failed(failed) => Err(Box::new(failed)),
            State::Greeting | State::Say(_) | State::Wait(_) => Err(Box::new(HelloFailed {
                failure: Failure::lost(self.peer, Lost::Closed, stage),
                farewell: Farewell::Close,
            })),
        }
    }

    const fn stage(&self) -> Stage {
        match self.state {
            State::Say(verb) | State::Wait(verb) => verb.stage(),
            State::Greeting => Stage::Greeting,
            State::Introduced(..) | State::Failed(_) => Stage::Quit,
        }
    }

    fn on_reply(&mut self, reply: &Arc<Reply>) {
        match self.state {
            State::Greeting => self.on_greeting(reply),
            State::Wait(verb) => self.on_introduction(verb, reply),
            State::Say(_) | State::Introduced(..) | State::Failed(_) => {}
        }
    }

    /// RFC 5321 §3.1.
    fn on_greeting(&mut self, reply: &Arc<Reply>) {
        if reply.code.class() != ReplyClass::Completed {
            let mut failure = Failure::refused_to_talk(self.peer, reply);
            if reply.code.class() == ReplyClass::Permanent
                && self.options.refused_greeting == RefusedGreeting::TryElsewhere
            {
                failure.status = failure.status.softened();
            }
            return self.fail(failure, Farewell::Quit);
        }
        let name = reply.first_line().split_ascii_whitespace().next().unwrap_or_default();
        self.own_name.in_greeting = name.eq_ignore_ascii_case(&self.options.my_hostname);
        if pix::is_hidden(reply) {
            self.pix = self.options.pix;
        }
        self.state = State::Say(self.first_verb(reply));
    }

    fn first_verb(&self, greeting: &Reply) -> Verb {
        let mut words = greeting.lines().flat_map(str::split_ascii_whitespace);
        match (self.dialect.hello, self.options.ehlo) {
            (Introduction::Lhlo, _) => Verb::Lhlo,
            (Introduction::EhloOrHelo, _) if self.pix.says_helo() => Verb::Helo,
            (Introduction::EhloOrHelo, EhloUse::Always) => Verb::Ehlo,
            (Introduction::EhloOrHelo, EhloUse::Never) => Verb::Helo,
            (Introduction::EhloOrHelo, EhloUse::WhereAnnounced) => {
                if words.any(|word| word.eq_ignore_ascii_case("ESMTP")) { Verb::Ehlo } else { Verb::Helo }
            }
        }
    }

    fn on_introduction(&mut self, verb: Verb, reply: &Arc<Reply>) {
        let accepted = reply.code.class() == ReplyClass::Completed;
        let (facts, remarks) = match verb {
            Verb::Ehlo | Verb::Lhlo if accepted => {
                EhloFacts::of_ehlo(reply, &self.options.discard.and(C::MEANINGLESS))
            }
            Verb::Helo if accepted => (EhloFacts::of_helo(reply), Vec::new()),
            Verb::Ehlo if reply.code != Code::CLOSING => {
                self.state = State::Say(Verb::Helo);
                return;
            }
            Verb::Ehlo | Verb::Helo | Verb::Lhlo => {
                return self.fail(Failure::refused_to_talk(self.peer, reply), Farewell::Quit);
            }
        };
        let facts =
            EhloFacts { dot: if self.pix.delays_dot() { FinalDot::Late } else { FinalDot::AtOnce }, ..facts };
        self.own_name.in_hello = facts.server_name.eq_ignore_ascii_case(&self.options.my_hostname);
        self.state = State::Introduced(facts, remarks);
    }

    /// The server speaks out of turn. What it says cannot be the reply to a command that was not sent.
    fn on_unasked(&mut self, replies: &mut ReplyReader) {
        let refusal = replies
            .next_reply()
            .ok()
            .flatten()
            .filter(|reply| matches!(reply.code.class(), ReplyClass::Transient | ReplyClass::Permanent));
        let failure = match refusal {
            Some(reply) => Failure::refused_to_talk(self.peer, &reply),
            None => Failure::desynchronised(self.peer, "more than one reply", self.stage()),
        };
        self.fail(failure, Farewell::Close);
    }

    fn fail(&mut self, failure: Failure, farewell: Farewell) {
        self.state = State::Failed(HelloFailed { failure, farewell });
    }
}

#[cfg(test)]
mod tests;
