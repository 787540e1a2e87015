//! What a sink saw.

use super::content::Digest;
use super::tls::Secured;
use std::fmt;
use std::time::Instant;

/// One accepted message. It is recorded when its final dot has come and before the reply goes out.
#[derive(Debug, Clone)]
pub struct Received {
    /// Which connection brought it, counted from 1.
    pub connection: u32,
    /// Which message of that connection it was, counted from 1.
    pub nth: u32,
    /// Envelope sender; empty for the null sender.
    pub sender: String,
    /// The recipients that RCPT accepted, in order.
    pub recipients: Vec<String>,
    /// The parameters of MAIL, as sent.
    pub mail_parameters: String,
    /// The Message-ID header's value, or empty.
    pub message_id: String,
    /// SHA-256 of what follows the first empty line, dot-stuffing undone.
    pub body: Digest,
    /// SHA-256 of everything after the leading trace fields (Received, Return-Path).
    pub original: Digest,
    /// Octets of the whole content.
    pub size: u64,
    /// When its final dot was seen.
    pub dot_at: Instant,
    /// The reply to the final dot was written.
    pub answered: bool,
    /// The content, if the sink keeps it.
    pub content: Vec<u8>,
}

/// One connection.
#[derive(Debug, Clone, Default)]
pub struct Connection {
    /// The local end: address and port, or path.
    pub local: String,
    /// What the client called itself.
    pub hello: String,
    /// Messages accepted on it.
    pub messages: u32,
    /// It is over.
    pub closed: bool,
    /// What came of its TLS handshake, if there was one.
    pub secured: Option<Secured>,
    /// Mechanism, user and password of every login that was accepted.
    pub logins: Vec<String>,
    /// The command lines, if the sink keeps them.
    pub commands: Vec<String>,
}

/// Everything a sink saw.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// In order of their final dots.
    pub messages: Vec<Received>,
    /// In order of arrival; the first is number 1.
    pub connections: Vec<Connection>,
    /// Connections open now.
    pub open: usize,
    /// The most that were ever open at once.
    pub most_open: usize,
    /// TLS handshakes that came to their end, resumed ones too.
    pub handshakes: u32,
    /// Those that resumed an earlier session.
    pub resumed: u32,
    /// Those that failed, and why.
    pub failed_handshakes: Vec<String>,
    /// KeyUpdates that the sink said.
    pub key_updates: u32,
    /// Protocol errors of the client: sent too early, bare line ends, unknown commands.
    pub violations: Vec<String>,
}

impl Record {
    /// The most messages on one connection.
    pub fn longest(&self) -> u32 {
        self.connections.iter().map(|connection| connection.messages).max().unwrap_or(0)
    }

    /// The connection with this number.
    pub(super) fn connection(&mut self, number: u32) -> &mut Connection {
        &mut self.connections[number as usize - 1]
    }

    /// When the last message's final dot came.
    pub fn last_dot(&self) -> Option<Instant> {
        self.messages.iter().map(|message| message.dot_at).max()
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} messages, {} connections ({} open, at most {}), longest {}, {} handshakes (failed: {:?}), violations {:?}",
            self.messages.len(),
            self.connections.len(),
            self.open,
            self.most_open,
            self.longest(),
            self.handshakes,
            self.failed_handshakes.iter().take(5).collect::<Vec<_>>(),
            self.violations.iter().take(5).collect::<Vec<_>>()
        )
    }
}
