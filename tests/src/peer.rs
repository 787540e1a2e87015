//! Servers with STARTTLS on three TLS libraries, each agreeing to one suite only: our sink, and private processes of
//! other makers in front of one.
//!
//! Those hand each message on to a plaintext [`Sink`], so that contents are compared in one way for all. Handshakes
//! and connections are counted by the server itself.

mod certificate;
mod exim;
mod postfix;
mod suite;

pub use certificate::Certificate;
pub use suite::{ALL, Key, Protocol, Suite};

use crate::sandbox::Sandbox;
use crate::sink::{self, Identity, Record, Settings, Sink, Tls};
use exim::Exim;
use postfix::Smtpd;
use std::fmt;
use std::str::FromStr;

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The testkit's sink: rustls.
    Rustls,
    /// Debian's Postfix: OpenSSL.
    Postfix,
    /// Debian's Exim: GnuTLS.
    Gnutls,
}

/// Every kind.
pub const KINDS: [Kind; 3] = [Kind::Rustls, Kind::Postfix, Kind::Gnutls];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rustls => "rustls",
            Self::Postfix => "postfix",
            Self::Gnutls => "gnutls",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = KINDS.into_iter().find(|kind| kind.to_string() == name);
        found.ok_or_else(|| {
            format!("no such server; there are {}", KINDS.map(|kind| kind.to_string()).join(", "))
        })
    }
}

/// What a server counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections.
    pub connections: usize,
    /// What each handshake agreed on: `TLSv1.3 TLS_AES_128_GCM_SHA256`.
    pub handshakes: Vec<String>,
}

/// A running server. When dropped, it is ended.
#[derive(Debug)]
pub struct Peer {
    server: Server,
    sink: Sink,
}

#[derive(Debug)]
enum Server {
    /// The sink itself.
    Rustls,
    Postfix(Smtpd),
    Gnutls(Exim),
}

impl Peer {
    /// Starts one below the sandbox that agrees to nothing but this suite.
    pub fn start(sandbox: &Sandbox, kind: Kind, suite: Suite) -> Self {
        let certificate = Certificate::make(&sandbox.folder("certificate"), suite.key);
        let sink = Sink::start(match kind {
            Kind::Rustls => Settings::smtp().tls(&only(suite, &certificate)),
            Kind::Postfix | Kind::Gnutls => Settings::smtp(),
        });
        let server = match kind {
            Kind::Rustls => Server::Rustls,
            Kind::Postfix => Server::Postfix(Smtpd::start(sandbox, suite, &certificate, &sink.nexthop())),
            Kind::Gnutls => Server::Gnutls(Exim::start(sandbox, suite, &certificate, sink.address())),
        };
        Self { server, sink }
    }

    /// As a next hop in main.cf.
    pub fn nexthop(&self) -> String {
        format!("[127.0.0.1]:{}", self.port())
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        match &self.server {
            Server::Rustls => self.sink.address().port(),
            Server::Postfix(server) => server.port(),
            Server::Gnutls(server) => server.port(),
        }
    }

    /// What it counted so far.
    pub fn seen(&self) -> Seen {
        match &self.server {
            Server::Rustls => seen(&self.sink.record()),
            Server::Postfix(server) => server.seen(),
            Server::Gnutls(server) => server.seen(),
        }
    }

    /// Where its messages end. Complete when [`Peer::deliver`] has returned.
    pub fn sink(&self) -> &Sink {
        &self.sink
    }

    /// Waits until everything that it took has gone on to the sink; what does not arrive is missed there.
    pub fn deliver(&mut self) {
        match &mut self.server {
            Server::Rustls => {}
            Server::Postfix(server) => server.deliver(),
            Server::Gnutls(server) => server.deliver(),
        }
    }

    /// What it logged, for the explanation of a failure.
    pub fn log(&self) -> String {
        match &self.server {
            Server::Rustls => self.sink.record().to_string(),
            Server::Postfix(server) => server.log(),
            Server::Gnutls(server) => server.log(),
        }
    }
}

fn only(suite: Suite, made: &Certificate) -> Tls {
    let version = match suite.protocol {
        Protocol::Tls12 => sink::Version::Tls12,
        Protocol::Tls13 => sink::Version::Tls13,
    };
    let identity = Identity::Files { certificate: made.certificate.clone(), key: made.key.clone() };
    Tls { identity, lowest: version, highest: version, suite: Some(suite.iana()), ..Tls::default() }
}

fn seen(record: &Record) -> Seen {
    let secured = record.connections.iter().filter_map(|connection| connection.secured.as_ref());
    let handshakes: Vec<_> =
        secured.map(|secured| format!("{} {}", secured.protocol, secured.suite)).collect();
    assert_eq!(handshakes.len(), record.handshakes as usize, "a connection has one handshake: {record}");
    Seen { connections: record.connections.len(), handshakes }
}
