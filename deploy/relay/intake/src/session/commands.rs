//! What each command does, RFC 5321 §4.1.1 and §4.1.4.

use super::Session;
use super::event::{Envelope, Hello, HelloKind, Misuse};
use super::transaction::{Added, Transaction};
use crate::address::{Alphabet, parse_forward_path, parse_reverse_path};
use crate::command::{Command, Verb};
use crate::dsn::Recipient;
use crate::param::{self, RcptParameters, unsupported};
use crate::refusal::Room;
use crate::reply::Reply;

/// Octets of a name in HELO and EHLO.
const MAX_HELLO: usize = 255;

/// What a command came to.
pub(super) enum Answer {
    /// Counted as an error if it is negative.
    Reply(Reply),
    /// A refusal that is not the client's fault.
    NotAnError(Reply),
    /// The lines of a positive reply to `EHLO`, with line ends.
    Extensions(String),
    /// `DATA` may go on if the shell can.
    Open(Envelope),
    Quit(Reply),
    Misuse(Reply, Misuse),
}

impl Session {
    pub(super) fn answer_to(&mut self, command: &Command<'_>) -> Answer {
        let argument = command.argument;
        match command.verb {
            Verb::Helo => self.hello_command(HelloKind::Helo, argument),
            Verb::Ehlo => self.hello_command(HelloKind::Ehlo, argument),
            Verb::Mail => self.mail(argument).unwrap_or_else(Answer::Reply),
            Verb::Rcpt => self.rcpt(argument),
            Verb::Data => self.data(argument).unwrap_or_else(Answer::Reply),
            Verb::Rset => self.reset(argument),
            Verb::Noop => self.junk(ok()),
            Verb::Vrfy => self.junk(match argument {
                "" => Reply::new(501, "5.5.4", "Syntax: VRFY address"),
                _ => Reply::new(252, "2.0.0", "Cannot verify, but will take mail and attempt delivery"),
            }),
            Verb::Help => self.junk(Reply::new(
                214,
                "2.0.0",
                "Commands: HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT (RFC 5321)",
            )),
            Verb::Quit => match without_argument("QUIT", argument) {
                Some(reply) => Answer::Reply(reply),
                None => Answer::Quit(Reply::new(221, "2.0.0", "Bye")),
            },
            Verb::NotImplemented => {
                Answer::Reply(Reply::new(502, "5.5.1", "Error: command not implemented here"))
            }
            Verb::Unknown => Answer::Reply(Reply::new(500, "5.5.2", "Error: command not recognized")),
            Verb::Chunk => {
                let reply = Reply::new(502, "5.5.1", "Error: BDAT is not offered here, closing");
                Answer::Misuse(reply, Misuse::Chunk)
            }
            Verb::Foreign => {
                let reply = Reply::new(521, "5.7.0", "Error: this is an SMTP server, closing");
                Answer::Misuse(reply, Misuse::Foreign)
            }
        }
    }

    /// RFC 5321 §4.1.4: a greeting in mid-session is a `RSET` too.
    fn hello_command(&mut self, kind: HelloKind, name: &str) -> Answer {
        if name.is_empty() || name.len() > MAX_HELLO || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            let verb = if kind == HelloKind::Ehlo { "EHLO" } else { "HELO" };
            return Answer::Reply(Reply::plain(501, format!("Syntax: {verb} hostname")));
        }
        self.transaction = None;
        self.hello = Some(Hello { kind, name: name.into() });
        let host = &self.settings.hostname;
        match kind {
            HelloKind::Helo => Answer::Reply(Reply::plain(250, host.clone())),
            HelloKind::Ehlo => {
                let utf8 = match self.settings.alphabet {
                    Alphabet::Utf8 => "250-SMTPUTF8\r\n",
                    Alphabet::Ascii => "",
                };
                Answer::Extensions(format!(
                    "250-{host}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-DSN\r\n{utf8}250 ENHANCEDSTATUSCODES\r\n",
                    self.settings.message_size_limit
                ))
            }
        }
    }

    fn mail(&mut self, argument: &str) -> Result<Answer, Reply> {
        if self.hello.is_none() {
            return Err(order("send HELO or EHLO first"));
        }
        if self.transaction.is_some() {
            return Err(order("nested MAIL command"));
        }
        let path = after("FROM:", argument)
            .ok_or_else(|| Reply::new(501, "5.5.4", "Syntax: MAIL FROM:<address>"))?;
        let offered = self.settings.alphabet;
        let (sender, rest) = parse_reverse_path(path, &self.settings.origin, offered)
            .map_err(|error| Reply::new(501, "5.1.7", format!("Bad sender address: {error}")))?;
        let parameters = param::mail(rest)?;
        if parameters.alphabet == Alphabet::Utf8 && offered == Alphabet::Ascii {
            return Err(unsupported("SMTPUTF8 (RFC 6531) is not offered here".into()));
        }
        if parameters.alphabet == Alphabet::Ascii && !sender.is_ascii() {
            return Err(needs_smtputf8());
        }
        let limit = self.settings.message_size_limit;
        if limit > 0 && parameters.size.is_some_and(|size| size > limit) {
            return Err(Reply::new(552, "5.3.4", format!("Error: message is longer than {limit} octets")));
        }
        if let Room::Full(refusal) = self.room {
            return Ok(Answer::NotAnError(refusal.reply()));
        }
        self.transaction = Some(Transaction::new(sender, parameters));
        Ok(Answer::Reply(Reply::new(250, "2.1.0", "Ok")))
    }

    fn rcpt(&mut self, argument: &str) -> Answer {
        let Some(transaction) = &mut self.transaction else {
            return Answer::Reply(order("need MAIL command"));
        };
        let recipient = after("TO:", argument)
            .ok_or_else(|| Reply::new(501, "5.5.4", "Syntax: RCPT TO:<address>"))
            .and_then(|path| {
                parse_forward_path(path, &self.settings.origin, self.settings.alphabet)
                    .map_err(|error| Reply::new(501, "5.1.3", format!("Bad recipient address: {error}")))
            })
            .and_then(|(mailbox, rest)| {
                if transaction.alphabet() == Alphabet::Ascii && !mailbox.is_ascii() {
                    return Err(needs_smtputf8());
                }
                let RcptParameters { notify, orcpt } = param::rcpt(rest)?;
                Ok(Recipient { mailbox, notify, orcpt })
            });
        let too_many = || Reply::new(452, "4.5.3", "Error: too many recipients");
        match recipient.map(|recipient| transaction.add(recipient, &self.settings)) {
            Ok(Added::Yes) => Answer::Reply(Reply::new(250, "2.1.5", "Ok")),
            Ok(Added::TooMany) => Answer::NotAnError(too_many()),
            Ok(Added::FarTooMany) => Answer::Reply(too_many()),
            Err(reply) => {
                transaction.note_refused();
                Answer::Reply(reply)
            }
        }
    }

    fn data(&mut self, argument: &str) -> Result<Answer, Reply> {
        if let Some(reply) = without_argument("DATA", argument) {
            return Err(reply);
        }
        match &self.transaction {
            Some(transaction) if transaction.has_recipients() => {}
            Some(transaction) if transaction.has_refused() => {
                return Err(Reply::new(554, "5.5.1", "Error: no valid recipients"));
            }
            _ => return Err(order("need RCPT command")),
        }
        match (self.transaction.take(), &self.hello) {
            (Some(transaction), Some(hello)) => Ok(Answer::Open(transaction.into_envelope(hello.clone()))),
            _ => Err(order("need RCPT command")),
        }
    }

    fn reset(&mut self, argument: &str) -> Answer {
        let refused = without_argument("RSET", argument);
        if refused.is_none() {
            self.transaction = None;
        }
        self.junk(refused.unwrap_or_else(ok))
    }

    /// A command that moves no mail: free of charge for a while.
    fn junk(&mut self, reply: Reply) -> Answer {
        self.junk = self.junk.saturating_add(1);
        if self.junk > self.settings.junk_command_limit && reply.is_positive() {
            self.errors = self.errors.saturating_add(1);
        }
        Answer::Reply(reply)
    }
}

/// What follows `FROM:` or `TO:`, in any case. A blank behind the colon is no syntax, but common and harmless.
fn after<'a>(keyword: &str, argument: &'a str) -> Option<&'a str> {
    let (found, rest) = argument.split_at_checked(keyword.len())?;
    found.eq_ignore_ascii_case(keyword).then(|| rest.trim_ascii_start())
}

/// RFC 6531 §3.5 and §3.6.
fn needs_smtputf8() -> Reply {
    Reply::new(553, "5.6.7", "Error: an address outside ASCII needs SMTPUTF8 with MAIL")
}

fn without_argument(verb: &str, argument: &str) -> Option<Reply> {
    (!argument.is_empty()).then(|| Reply::new(501, "5.5.4", format!("Syntax: {verb}")))
}

fn order(why: &str) -> Reply {
    Reply::new(503, "5.5.1", format!("Error: {why}"))
}

fn ok() -> Reply {
    Reply::new(250, "2.0.0", "Ok")
}
