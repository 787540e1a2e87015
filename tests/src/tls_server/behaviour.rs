//! What a scripted server does, step by step.

use super::identity::Identity;

/// Everything that a client can see of a server.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// The way to the handshake.
    pub start: Start,
    /// The handshake.
    pub handshake: Handshake,
    /// Versions and suites it has.
    pub versions: Versions,
    /// After the handshake.
    pub inside: Inside,
    /// The certificate it shows.
    pub identity: Identity,
}

/// How a client gets to the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// STARTTLS is offered, and answered with 220.
    #[default]
    Offer,
    /// STARTTLS is not offered.
    Nothing,
    /// STARTTLS is offered, and answered with this.
    Refuse(&'static str),
    /// The 220 has company in its segment.
    Inject(&'static str),
    /// STARTTLS is offered, and answered with the end of the connection.
    Close,
    /// STARTTLS is offered, and not answered.
    Silence,
    /// The handshake comes first (RFC 8314).
    Wrapper,
    /// EHLO is not known; HELO is.
    HeloOnly,
}

/// What becomes of the handshake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Handshake {
    /// It is done as it should be.
    #[default]
    Complete,
    /// The connection ends in place of a ClientHello's answer, unread.
    CloseBefore,
    /// The connection ends after the ClientHello.
    CloseAfterHello,
    /// The connection ends after half a record.
    CloseInRecord,
    /// The connection is reset after the ClientHello.
    Reset,
    /// An SMTP reply in place of a record.
    Garbage,
    /// A fatal alert with this description.
    Alert(u8),
    /// A ServerHello for TLS 1.0.
    Tls10Hello,
    /// No answer at all.
    Silence,
}

/// Versions and suites.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 and 1.3.
    #[default]
    Both,
    /// TLS 1.2 alone.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// TLS 1.2 with ChaCha20-Poly1305 alone.
    Tls12ChaCha,
    /// Both, but only with AES-128.
    Aes128,
    /// TLS 1.2 without certificates.
    Anonymous,
}

/// What happens inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Inside {
    /// Everything is accepted.
    #[default]
    Accept,
    /// The connection is closed in order, before anything is said.
    CloseAtOnce,
    /// The connection ends without close_notify, before anything is said.
    Lost,
    /// EHLO is answered with this, and so is HELO.
    Hello(&'static str),
    /// The connection ends when EHLO comes.
    CloseAtHello,
    /// The connection ends when MAIL comes.
    CloseAtMail,
    /// The connection ends at the final dot.
    CloseAtDot,
    /// This is said once more than asked, after the reply to EHLO.
    Extra(&'static str),
    /// The same, in a record of its own.
    ExtraRecord(&'static str),
    /// This command, or `.`, is answered so.
    Reply(&'static str, &'static str),
    /// EHLO is not known; HELO is.
    HeloOnly,
    /// EHLO is not answered.
    Silence,
    /// STARTTLS is offered again.
    OfferAgain,
    /// (Implicit TLS.) The greeting is this.
    Greeting(&'static str),
}
