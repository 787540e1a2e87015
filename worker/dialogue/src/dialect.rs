//! SMTP and LMTP: every difference, as a value.

/// What a client does differently in the two protocols. RFC 5321, RFC 2033.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The name in logs and notices.
    pub name: &'static str,
    /// The command that begins a session.
    pub hello: &'static str,
    /// The command when that one is refused; LMTP has none.
    pub old_hello: Option<&'static str>,
    /// Who answers the end of the message.
    pub end: EndReplies,
}

/// How many replies the final dot gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReplies {
    /// One for the message.
    One,
    /// One for each accepted recipient, in order. RFC 2033 §4.2.
    PerRecipient,
}

impl Dialect {
    /// RFC 5321.
    pub const SMTP: Self = Self { name: "SMTP", hello: "EHLO", old_hello: Some("HELO"), end: EndReplies::One };
    /// RFC 2033.
    pub const LMTP: Self =
        Self { name: "LMTP", hello: "LHLO", old_hello: None, end: EndReplies::PerRecipient };
}
