//! The envelope of one transaction: sender, recipients, and what was declared about the message.

use crate::ext::OriginalClient;

/// Everything that XFORWARD, MAIL and RCPT may carry. Addresses are in internal form: unquoted, without brackets.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// `local@domain`; empty for the null sender.
    pub sender: &'a str,
    /// The content's size in octets, for SIZE.
    pub size: u64,
    /// What the sender declared about the content.
    pub body: Body,
    /// Whether the sender asked for SMTPUTF8.
    pub utf8: Utf8,
    /// RFC 3461 §4.4, decoded.
    pub envid: Option<&'a str>,
    /// RFC 3461 §4.3.
    pub ret: Option<Ret>,
    /// What is said of who sent it, where we are logged in.
    pub auth: MailAuth,
    /// Who handed it in, for a server that wants to know (`smtp_send_xforward_command`).
    pub client: Option<OriginalClient<'a>>,
    /// In the order in which verdicts are given.
    pub recipients: &'a [Recipient<'a>],
}

/// Whether MAIL names somebody who vouches for the sender, RFC 4954 §5. It never does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MailAuth {
    /// Nothing is said.
    #[default]
    Unsaid,
    /// `AUTH=<>`: nobody. `smtp_send_dummy_mail_auth`.
    Nobody,
}

/// One recipient.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recipient<'a> {
    /// `local@domain`.
    pub address: &'a str,
    /// The address before rewriting; empty if there was none.
    pub original: &'a str,
    /// RFC 3461 §4.2, `type;value`, decoded.
    pub orcpt: Option<&'a str>,
    /// RFC 3461 §4.1; `None` when the sender said nothing.
    pub notify: Option<Notify>,
}

/// RFC 6152: what the sender declared about the content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Body {
    /// Nothing; BODY is not sent, and the content passes as it is.
    #[default]
    Undeclared,
    /// No octet above 127.
    SevenBit,
    /// Octets above 127: needs a server with 8BITMIME.
    EightBitMime,
    /// Nothing that holds: it is made 7-bit on its way, and only then known how large it is.
    Converted,
}

/// RFC 6531.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Utf8 {
    /// The sender did not ask.
    #[default]
    NotAsked,
    /// The sender asked, but envelope and header are ASCII: any server will do.
    Asked,
    /// The sender asked, and there is UTF-8: needs a server with SMTPUTF8.
    Needed,
}

/// RFC 3461 §4.3: how much of the message a bounce returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// All of it.
    Full,
    /// The header.
    Hdrs,
}

/// RFC 3461 §4.1. All false is NEVER.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    /// SUCCESS.
    pub success: bool,
    /// FAILURE.
    pub failure: bool,
    /// DELAY.
    pub delay: bool,
}
