//! The envelope: what the client asked for, apart from the content.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// All that is known about a message when it is accepted. It never changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Reverse path without `<>`; empty is the null sender (RFC 5321 §4.5.5).
    pub sender: String,
    /// In the order of RCPT TO; the index is the recipient's name in marks.
    pub recipients: Vec<Recipient>,
    /// ENVID of RFC 3461 §4.4, xtext decoded.
    pub envid: Option<String>,
    /// RET of RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// BODY of RFC 6152.
    pub body: BodyType,
    /// RFC 6531.
    pub smtputf8: SmtpUtf8,
    /// Wall clock when MAIL FROM arrived; retry and expiry count from here.
    pub arrival: SystemTime,
    /// For logs and XFORWARD.
    pub client: Client,
    /// The Message-ID header field with its `<>`, for logs.
    pub message_id: Option<String>,
    /// The content has an octet above 127.
    pub has_8bit: bool,
    /// Octets of the content as RFC 1870 counts them: line ends as CRLF, no dot-stuffing.
    /// [`crate::Incoming::commit`] sets it.
    pub size: u64,
    /// What is to be done. The last field: files from before it was there lack its octet (`layout.rs`).
    pub purpose: Purpose,
}

/// What a message is in the queue for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To be delivered.
    #[default]
    Delivery,
    /// To find out whether servers would take it (`sendmail -bv`): asked once, nothing is sent, and the sender gets a report.
    Probe,
}

/// One RCPT TO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Where the mail goes, without `<>`.
    pub address: String,
    /// As it was before any rewriting, if that differs.
    pub original: Option<String>,
    /// ORCPT of RFC 3461 §4.2 as `type;address`, xtext decoded.
    pub orcpt: Option<String>,
    /// NOTIFY of RFC 3461 §4.1.
    pub notify: Notify,
}

impl Recipient {
    /// A recipient without any DSN request.
    pub fn plain(address: impl Into<String>) -> Self {
        Self { address: address.into(), original: None, orcpt: None, notify: Notify::Unspecified }
    }
}

/// When the sender wants to hear about a recipient. RFC 3461 §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notify {
    /// No NOTIFY parameter: failure, and delay as the operator likes.
    Unspecified,
    /// NOTIFY=NEVER.
    Never,
    /// The named events only.
    On {
        /// SUCCESS
        success: bool,
        /// FAILURE
        failure: bool,
        /// DELAY
        delay: bool,
    },
}

/// How much of the message a failure notice returns. RFC 3461 §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ret {
    /// RET=FULL
    Full,
    /// RET=HDRS
    Headers,
}

/// Whether the sender asked for SMTPUTF8 (RFC 6531 §3.4), and whether envelope or header really have UTF-8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SmtpUtf8 {
    /// Not asked. The order is that of the files: once there was only yes or no.
    #[default]
    NotAsked,
    /// Asked, and there is UTF-8: only a server with SMTPUTF8 can take it.
    Needed,
    /// Asked, but all is ASCII: any server will do.
    Asked,
}

/// BODY= of MAIL FROM. RFC 6152.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyType {
    /// No BODY parameter.
    Unspecified,
    /// BODY=7BIT
    SevenBit,
    /// BODY=8BITMIME
    EightBitMime,
}

/// Who handed the message in. For logs and XFORWARD only; control characters become `?` when the message is committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Host name, or `unknown`.
    pub name: String,
    /// IP address as text; empty for a local submission.
    pub address: String,
    /// TCP port as text; empty for a local submission.
    pub port: String,
    /// Argument of HELO or EHLO.
    pub helo: String,
    /// `SMTP`, `ESMTP`, …
    pub protocol: String,
    /// It was another machine.
    pub remote: bool,
}

/// The envelope cannot be queued as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Nobody to deliver to.
    #[error("the message has no recipient")]
    NoRecipient,
    /// More than the queue takes.
    #[error("{given} recipients, the queue takes at most {limit}")]
    TooManyRecipients {
        /// How many there are.
        given: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A recipient without an address.
    #[error("recipient {0} has an empty address")]
    EmptyRecipient(usize),
    /// Control characters in an address or a DSN value could break out of a command or a log line.
    #[error("{field} contains a control character")]
    ControlCharacter {
        /// Which part of the envelope.
        field: &'static str,
    },
    /// A time before 1970 cannot be written.
    #[error("the envelope cannot be written; is the clock set before 1970?")]
    Unwritable,
    /// Longer than any address or DSN value may be.
    #[error("{field} has {length} octets, more than {limit}")]
    TooLong {
        /// Which part of the envelope.
        field: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl Envelope {
    /// Refuses what could not be delivered or would be dangerous to write into a command (security.md C4).
    pub fn check(&self) -> Result<(), EnvelopeError> {
        if self.recipients.is_empty() {
            return Err(EnvelopeError::NoRecipient);
        }
        if self.recipients.len() > MAX_RECIPIENTS {
            let given = self.recipients.len();
            return Err(EnvelopeError::TooManyRecipients { given, limit: MAX_RECIPIENTS });
        }
        check_text("the sender", &self.sender)?;
        check_optional("the envelope id", self.envid.as_deref())?;
        for (index, recipient) in self.recipients.iter().enumerate() {
            if recipient.address.is_empty() {
                return Err(EnvelopeError::EmptyRecipient(index));
            }
            check_text("a recipient", &recipient.address)?;
            check_optional("an original recipient", recipient.original.as_deref())?;
            check_optional("an ORCPT value", recipient.orcpt.as_deref())?;
        }
        Ok(())
    }

    /// Makes the facts for logs harmless: one short line each.
    pub(crate) fn tidy_log_facts(&mut self) {
        let Client { name, address, port, helo, protocol, remote: _ } = &mut self.client;
        for text in [name, address, port, helo, protocol] {
            crate::diagnosis::tidy(text);
        }
        if let Some(text) = &mut self.message_id {
            crate::diagnosis::tidy(text);
        }
    }
}

fn check_optional(field: &'static str, text: Option<&str>) -> Result<(), EnvelopeError> {
    text.map_or(Ok(()), |text| check_text(field, text))
}

fn check_text(field: &'static str, text: &str) -> Result<(), EnvelopeError> {
    if text.len() > MAX_TEXT {
        return Err(EnvelopeError::TooLong { field, length: text.len(), limit: MAX_TEXT });
    }
    if text.chars().any(char::is_control) {
        return Err(EnvelopeError::ControlCharacter { field });
    }
    Ok(())
}

/// Far above any `smtpd_recipient_limit`; bounds the envelope in memory.
pub(crate) const MAX_RECIPIENTS: usize = 100_000;
/// RFC 5321 §4.5.3.1 needs 256; RFC 3461 §4.2 needs 500. Long local parts exist; lines of 1000 do not need more.
const MAX_TEXT: usize = 900;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An envelope for tests of other modules.
    pub(crate) fn sample(recipients: &[&str]) -> Envelope {
        Envelope {
            sender: "sender@example.org".into(),
            recipients: recipients.iter().map(|address| Recipient::plain(*address)).collect(),
            envid: None,
            ret: None,
            body: BodyType::Unspecified,
            smtputf8: SmtpUtf8::NotAsked,
            arrival: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000),
            client: Client { name: "localhost".into(), address: "127.0.0.1".into(), ..Client::default() },
            message_id: Some("<1@example.org>".into()),
            has_8bit: false,
            size: 0,
            purpose: Purpose::Delivery,
        }
    }

    #[test]
    fn what_could_break_out_of_a_command_is_refused() {
        assert_eq!(sample(&["a@x"]).check(), Ok(()));
        assert_eq!(sample(&[]).check(), Err(EnvelopeError::NoRecipient));
        assert_eq!(sample(&["a@x", ""]).check(), Err(EnvelopeError::EmptyRecipient(1)));
        assert!(matches!(sample(&["a@x\r\nDATA"]).check(), Err(EnvelopeError::ControlCharacter { .. })));
        assert!(matches!(sample(&[&"a".repeat(901)]).check(), Err(EnvelopeError::TooLong { .. })));
        let mut envelope = sample(&["a@x"]);
        envelope.envid = Some("a\0".into());
        assert!(envelope.check().is_err());
        let mut envelope = sample(&["a@x"]);
        envelope.sender = "a\u{85}b".into();
        assert!(envelope.check().is_err());
    }

    #[test]
    fn a_hundred_thousand_recipients_are_the_limit() {
        let mut envelope = sample(&["a@x"]);
        envelope.recipients = vec![Recipient::plain("a@x"); MAX_RECIPIENTS];
        assert_eq!(envelope.check(), Ok(()));
        envelope.recipients.push(Recipient::plain("a@x"));
        assert!(matches!(envelope.check(), Err(EnvelopeError::TooManyRecipients { .. })));
    }
}
