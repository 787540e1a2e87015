//! What the operator decides about the listener: names and limits, once per process.

use crate::address::Alphabet;

/// Names and limits of the listener. Every field is a `main.cf` parameter of Postfix's smtpd(8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `myhostname`: the name in the greeting, in `EHLO` replies and in `Received:`.
    pub hostname: String,
    /// `smtpd_banner`: what follows the code of the greeting; begins with the host name (RFC 5321 §4.2).
    pub banner: String,
    /// `myorigin`: what is put behind the `@` of an address that came without a domain.
    pub origin: String,
    /// `message_size_limit`, octets with CRLF line ends, without transparency dots (RFC 1870 §3). 0: no limit.
    pub message_size_limit: u64,
    /// `smtpd_recipient_limit`: recipients of one transaction; RFC 5321 §4.5.3.1.8 asks for 100 at least.
    pub recipient_limit: usize,
    /// `smtpd_recipient_overshoot_limit`: so many `RCPT` over the limit are no error, only refused.
    pub recipient_overshoot_limit: usize,
    /// `smtpd_hard_error_limit`: errors without a message accepted in between, then 421 and close.
    pub hard_error_limit: u32,
    /// `smtpd_junk_command_limit`: NOOP, RSET, VRFY, HELP without a message in between; more are errors.
    pub junk_command_limit: u32,
    /// `hopcount_limit`: a message with so many `Received:` fields, ours counted, is in a loop.
    pub hopcount_limit: u32,
    /// `line_length_limit`: octets of one command line without CRLF. Lines of content have no limit here.
    pub line_length_limit: usize,
    /// `header_size_limit`: octets of one header field with its continuation lines.
    pub header_size_limit: usize,
    /// [`Alphabet::Utf8`] where SMTPUTF8 is offered: `smtputf8_enable`.
    pub alphabet: Alphabet,
}

impl Settings {
    /// Postfix's defaults, with `hostname` as origin too.
    pub fn new(hostname: impl Into<String>) -> Self {
        let hostname = hostname.into();
        Self {
            banner: format!("{hostname} ESMTP Baton"),
            origin: hostname.clone(),
            hostname,
            message_size_limit: 10_240_000,
            recipient_limit: 1000,
            recipient_overshoot_limit: 1000,
            hard_error_limit: 20,
            junk_command_limit: 100,
            hopcount_limit: 50,
            line_length_limit: 2048,
            header_size_limit: 102_400,
            alphabet: Alphabet::Utf8,
        }
    }
}
