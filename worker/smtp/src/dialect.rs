//! SMTP and LMTP: every difference between them, as a value.

use crate::stage::Stage;

/// One of the two protocols. Code asks for the thing that differs, never for the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// For the log: `SMTP` or `LMTP`.
    pub name: &'static str,
    /// The type in `Diagnostic-Code:` of a bounce (RFC 3464 §2.3.6); LMTP replies are SMTP replies.
    pub diagnostic_type: &'static str,
    /// The port when none is configured.
    pub default_port: u16,
    /// How the client introduces itself.
    pub hello: Introduction,
    /// How many replies the final dot gets.
    pub end_replies: EndReplies,
}

/// The client's first command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Introduction {
    /// EHLO, and HELO where that is not understood. RFC 5321 §3.2.
    EhloOrHelo,
    /// LHLO. RFC 2033 §4.1.
    Lhlo,
}

/// What answers the final dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReplies {
    /// One reply for all recipients.
    One,
    /// One reply for each accepted recipient, in the order of RCPT. RFC 2033 §4.2.
    PerRecipient,
}

impl Dialect {
    /// RFC 5321.
    pub const SMTP: Self = Self {
        name: "SMTP",
        diagnostic_type: "smtp",
        default_port: 25,
        hello: Introduction::EhloOrHelo,
        end_replies: EndReplies::One,
    };
    /// RFC 2033.
    pub const LMTP: Self = Self {
        name: "LMTP",
        diagnostic_type: "smtp",
        default_port: 24,
        hello: Introduction::Lhlo,
        end_replies: EndReplies::PerRecipient,
    };
}

impl Introduction {
    /// The verb that asks for extensions.
    pub(crate) const fn extended(self) -> Verb {
        match self {
            Self::EhloOrHelo => Verb::Ehlo,
            Self::Lhlo => Verb::Lhlo,
        }
    }
}

/// A command by which a client introduces itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Ehlo,
    Helo,
    Lhlo,
}

impl Verb {
    pub(crate) const fn stage(self) -> Stage {
        match self {
            Self::Ehlo => Stage::Ehlo,
            Self::Helo => Stage::Helo,
            Self::Lhlo => Stage::Lhlo,
        }
    }
}
