//! What a sink announces and how it behaves.

use super::rules::Rule;
use super::tls::{Begins, Tls, TlsServer};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The protocol a sink speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 5321.
    Smtp,
    /// RFC 2033: LHLO, and one final reply per accepted recipient.
    Lmtp,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// Loopback address; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The port that the first TCP listener got, at this address.
    SamePort(Ipv4Addr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// When the reply to the final dot goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalReply {
    /// At once.
    Prompt,
    /// So much later.
    After(Duration),
    /// When the test says so ([`super::Sink::release`]). The message is recorded meanwhile, not yet `answered`.
    Held,
}

/// A sink's behaviour. Start from [`Settings::smtp`] or [`Settings::lmtp_unix`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// SMTP or LMTP.
    pub dialect: Dialect,
    /// At least one.
    pub listen: Vec<Listen>,
    /// The greeting, without line end.
    pub banner: String,
    /// The name in the reply to EHLO or LHLO.
    pub name: String,
    /// The extension lines of that reply.
    pub extensions: Vec<String>,
    /// When the reply to the final dot goes out.
    pub final_reply: FinalReply,
    /// Closes the connection, without a word, after this many messages on it.
    pub close_after: Option<u32>,
    /// How it does TLS, if it does.
    pub tls: Option<TlsServer>,
    /// Deviations; the first that applies is taken.
    pub rules: Vec<Rule>,
    /// Keep the text of messages and commands, not only digests and counts.
    pub verbose: bool,
}

impl Settings {
    /// SMTP on a free port of 127.0.0.1, with the extensions of an ordinary server.
    pub fn smtp() -> Self {
        Self {
            dialect: Dialect::Smtp,
            listen: vec![Listen::Tcp((Ipv4Addr::LOCALHOST, 0).into())],
            banner: "220 sink.test ESMTP ready".into(),
            name: "sink.test".into(),
            extensions: ["PIPELINING", "SIZE 52428800", "8BITMIME", "ENHANCEDSTATUSCODES"]
                .map(String::from)
                .to_vec(),
            final_reply: FinalReply::Prompt,
            close_after: None,
            tls: None,
            rules: Vec::new(),
            verbose: true,
        }
    }

    /// LMTP on a Unix socket.
    pub fn lmtp_unix(path: PathBuf) -> Self {
        let banner = "220 sink.test LMTP ready".into();
        Self { dialect: Dialect::Lmtp, listen: vec![Listen::Unix(path)], banner, ..Self::smtp() }
    }

    /// Accepts connections and never says a word.
    pub fn blackhole() -> Self {
        Self::smtp().rule(Rule::at(super::Stage::Greeting).act(super::Act::Silence))
    }

    /// Listens here instead.
    #[must_use]
    pub fn listening(mut self, listen: impl IntoIterator<Item = Listen>) -> Self {
        self.listen = listen.into_iter().collect();
        self
    }

    /// Does not announce the extensions whose keyword this is.
    #[must_use]
    pub fn without(mut self, keyword: &str) -> Self {
        self.extensions.retain(|line| line.split(' ').next() != Some(keyword));
        self
    }

    /// Announces one more line.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.extensions.push(line.to_owned());
        self
    }

    /// Sets when final replies go out.
    #[must_use]
    pub fn final_reply(mut self, when: FinalReply) -> Self {
        self.final_reply = when;
        self
    }

    /// Closes each connection after this many messages.
    #[must_use]
    pub fn close_after(mut self, messages: u32) -> Self {
        self.close_after = Some(messages);
        self
    }

    /// Does TLS; ends the test when that cannot be.
    #[must_use]
    pub fn tls(self, tls: &Tls) -> Self {
        self.tls_server(tls.open().unwrap_or_else(|error| panic!("TLS of a sink: {error}")))
    }

    /// Does TLS with what was opened before. STARTTLS is announced, unless TLS begins at once.
    #[must_use]
    pub fn tls_server(mut self, server: TlsServer) -> Self {
        if server.begins == Begins::OnCommand {
            self.extensions.push("STARTTLS".into());
        }
        self.tls = Some(server);
        self
    }

    /// Adds a deviation.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// It announces AUTH.
    pub(crate) fn offers_auth(&self) -> bool {
        self.extensions.iter().any(|line| line.starts_with("AUTH "))
    }

    /// It announces PIPELINING.
    pub(crate) fn pipelines(&self) -> bool {
        self.extensions.iter().any(|line| line == "PIPELINING")
    }
}
