//! Every command as octets: one line, one CR LF.

use crate::address::Mailbox;
use crate::dialect::Verb;
use crate::envelope::{Envelope, Recipient};
use crate::ext::{EhloFacts, auth, dsn, eightbitmime, size, smtputf8};

/// DATA.
pub(crate) const DATA: &[u8] = b"DATA\r\n";
/// What ends the content; the line before it is complete.
pub(crate) const DOT: &[u8] = b".\r\n";
/// RSET.
pub(crate) const RSET: &[u8] = b"RSET\r\n";
/// QUIT, also as the farewell that whoever holds an idle session says.
pub const QUIT: &[u8] = b"QUIT\r\n";

type MailParameter = fn(&EhloFacts, &Envelope<'_>, &mut Vec<u8>);

/// Parameters of MAIL; their order here is their order on the wire.
const MAIL_PARAMETERS: &[MailParameter] = &[
    size::mail_parameter,
    eightbitmime::mail_parameter,
    dsn::mail_parameter,
    smtputf8::mail_parameter,
    auth::mail_parameter,
];

/// The name by which we introduce ourselves: `smtp_helo_name`, `lmtp_lhlo_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeloName(String);

/// A name that cannot stand in EHLO.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot be a name in EHLO: it must be visible ASCII or UTF-8 letters, 1 to 255 octets, no blanks"
)]
pub struct BadHeloName(String);

impl HeloName {
    /// A host name or an address literal.
    ///
    /// # Errors
    /// [`BadHeloName`]: what is empty, too long, or would end the command.
    pub fn new(name: &str) -> Result<Self, BadHeloName> {
        let breaks = |c: char| c.is_control() || c.is_whitespace();
        if name.is_empty() || name.len() > 255 || name.chars().any(breaks) {
            return Err(BadHeloName(name.to_owned()));
        }
        Ok(Self(name.to_owned()))
    }

    /// As it goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(crate) fn hello(verb: Verb, name: &HeloName, out: &mut Vec<u8>) {
    out.extend_from_slice(verb.stage().command().as_bytes());
    out.push(b' ');
    out.extend_from_slice(name.0.as_bytes());
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn mail(facts: &EhloFacts, envelope: &Envelope<'_>, sender: &Mailbox<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"MAIL FROM:<");
    sender.append(out);
    out.push(b'>');
    for parameter in MAIL_PARAMETERS {
        parameter(facts, envelope, out);
    }
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn rcpt(
    facts: &EhloFacts,
    envelope: &Envelope<'_>,
    recipient: &Recipient<'_>,
    mailbox: &Mailbox<'_>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"RCPT TO:<");
    mailbox.append(out);
    out.push(b'>');
    dsn::rcpt_parameter(facts, envelope, recipient, out);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_end_the_command_are_refused() {
        for name in ["", "a b", "a\r\nMAIL", "a\0", &"x".repeat(256)] {
            assert!(HeloName::new(name).is_err(), "{name:?}");
        }
        let name = HeloName::new("[192.0.2.1]").unwrap();
        let mut out = vec![];
        hello(Verb::Lhlo, &name, &mut out);
        assert_eq!(out, b"LHLO [192.0.2.1]\r\n");
    }
}
