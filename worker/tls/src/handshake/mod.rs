//! The handshake, client side, sans-IO. rustls does it and then lets go: "detached at birth".
//!
//! A session that rustls had begun to use could hide things when it is taken over later: plaintext, a part of a
//! record, an answer to a key update. So every session, handed over or not, leaves rustls with the last record of the handshake.

mod capture;
mod detach;
mod incoming;
#[cfg(test)]
pub(crate) mod tests;

use crate::records::{RecordError, Records};
use capture::Capture;
use incoming::Incoming;
use pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName};
use rustls::ClientConfig;
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, InsufficientSizeError};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// How much may wait to be looked at. One record is never longer than 18 KiB; a caller reads less than this at once.
const MAX_WAITING: usize = 128 * 1024;
/// How much a server may say before the handshake is done: a chain of certificates is the largest part of it.
const MAX_TOTAL: usize = 512 * 1024;

/// A handshake that is going on.
pub struct Handshake {
    connection: UnbufferedClientConnection,
    capture: Arc<Capture>,
    incoming: Incoming,
    /// All that was fed.
    total: usize,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Going,
    Done,
    Failed,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Write what was appended, then ask again.
    Write,
    /// Read from the server, [`Handshake::feed`], then ask again.
    Read,
    /// [`Handshake::finish`].
    Done,
}

/// A session.
#[derive(Debug)]
pub struct Established {
    /// Its record layer, into which all that came after the handshake was fed: [`Records::open`] before reading.
    pub records: Records,
    /// What was agreed on.
    pub negotiated: Negotiated,
}

/// What was agreed on, and how the server identified itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// 0x0303 for TLS 1.2, 0x0304 for TLS 1.3.
    pub protocol: u16,
    /// The IANA number of the cipher suite.
    pub suite: u16,
    /// The IANA number of the key exchange group; 0 if it is not known.
    pub group: u16,
    /// The server's certificates as it sent them, its own first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// No session came of it. That the server hung up is the caller's to notice: it reads.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// Not a name that can be sent.
    #[error("`{0}` cannot be sent as the name of the server")]
    Name(String),
    /// What rustls says: of the server's messages, its alerts, its certificate if the configuration cares.
    #[error(transparent)]
    Tls(#[from] rustls::Error),
    /// The server talks on and on.
    #[error("the server sent too much before the handshake was done")]
    TooLong,
    /// rustls is in a state that has no place in a handshake of a client.
    #[error("the TLS library is in a state that this program does not know: {0}")]
    UnsupportedState(&'static str),
    /// The keys in use do not follow from the secrets of the handshake.
    #[error("the keys of the TLS session are not those of its handshake")]
    GenerationMismatch,
    /// The record layer does not take the session.
    #[error(transparent)]
    Records(#[from] RecordError),
}

impl Handshake {
    /// Begins. `sni` is the name to send; with `None` the extension is not sent. Resumption is off, whatever `config` says:
    /// a resumed session has no certificate to check.
    ///
    /// # Errors
    /// `Name`; `Tls` if the configuration allows nothing.
    pub fn new(config: &ClientConfig, sni: Option<&str>) -> Result<Self, HandshakeError> {
        let name = match sni {
            Some(name) => {
                ServerName::try_from(name).map_err(|_| HandshakeError::Name(name.to_owned()))?.to_owned()
            }
            // Stands for "no name": an address is never sent.
            None => ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0, 0, 0, 0]))),
        };
        let capture = Arc::new(Capture::default());
        let mut config = config.clone();
        config.key_log = capture.clone();
        config.enable_secret_extraction = true;
        config.enable_sni = sni.is_some();
        config.resumption = Resumption::disabled();
        let connection = UnbufferedClientConnection::new(Arc::new(config), name)?;
        let incoming = Incoming::default();
        Ok(Self { connection, capture, incoming, total: 0, progress: Progress::Going })
    }

    /// Adds what was read from the server.
    pub fn feed(&mut self, octets: &[u8]) {
        self.total = self.total.saturating_add(octets.len());
        if self.is_too_long(octets.len()) {
            self.total = usize::MAX;
        } else {
            self.incoming.feed(octets);
        }
    }

    /// What to do next; what is to be written is appended to `out`.
    ///
    /// # Errors
    /// The handshake failed. An alert may have been appended to `out`, which may be written before closing.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        match self.progress {
            Progress::Going => {}
            Progress::Done => return Ok(Step::Done),
            Progress::Failed => return Err(HandshakeError::UnsupportedState("failed before")),
        }
        let step = if self.is_too_long(0) { Err(HandshakeError::TooLong) } else { self.advance(out) };
        match &step {
            Ok(Step::Done) => self.progress = Progress::Done,
            Ok(_) => {}
            Err(error) => {
                self.progress = Progress::Failed;
                if matches!(error, HandshakeError::Tls(_)) {
                    self.last_words(out);
                }
            }
        }
        step
    }

    /// The session, after [`Step::Done`].
    ///
    /// # Errors
    /// `UnsupportedState` before; `GenerationMismatch`; what rustls says.
    pub fn finish(self) -> Result<Established, HandshakeError> {
        if self.progress != Progress::Done {
            return Err(HandshakeError::UnsupportedState("handshake not done"));
        }
        let connection = &self.connection;
        let negotiated = Negotiated {
            protocol: connection.protocol_version().map_or(0, u16::from),
            suite: connection.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into()),
            group: connection.negotiated_key_exchange_group().map_or(0, |group| group.name().into()),
            chain: connection
                .peer_certificates()
                .unwrap_or_default()
                .iter()
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
        };
        let mut records = Records::from_state(detach::detach(self.connection, &self.capture)?)?;
        records.feed(self.incoming.leftover());
        Ok(Established { records, negotiated })
    }

    fn advance(&mut self, out: &mut Vec<u8>) -> Result<Step, HandshakeError> {
        loop {
            let status = self.connection.process_tls_records(self.incoming.shown());
            let discard = status.discard;
            let state = match status.state {
                Ok(state) => state,
                Err(error) => {
                    self.incoming.discard(discard);
                    return Err(error.into());
                }
            };
            let blocked = match state {
                ConnectionState::EncodeTlsData(mut data) => {
                    encode(&mut data, out)?;
                    None
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    Some(Step::Write)
                }
                ConnectionState::BlockedHandshake => Some(Step::Read),
                ConnectionState::WriteTraffic(_) => Some(Step::Done),
                other => return Err(unexpected(&other)),
            };
            self.incoming.discard(discard);
            match blocked {
                None => {}
                Some(Step::Read) if self.incoming.show_record() => {}
                Some(Step::Done) if self.incoming.has_shown() => {
                    return Err(HandshakeError::UnsupportedState(
                        "a message across the end of the handshake",
                    ));
                }
                Some(step) => return Ok(step),
            }
        }
    }

    /// The alert that rustls has for the server, if any. What it choked on is not shown to it again: it would panic.
    fn last_words(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            let state = self.connection.process_tls_records(&mut []).state;
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else { return };
            if encode(&mut data, out).is_err() {
                return;
            }
        }
    }

    const fn is_too_long(&self, more: usize) -> bool {
        self.total > MAX_TOTAL || self.incoming.len() + more > MAX_WAITING
    }
}

/// There is application data, or an end, before rustls was shown what follows the handshake.
const fn unexpected<D>(state: &ConnectionState<'_, '_, D>) -> HandshakeError {
    HandshakeError::UnsupportedState(match state {
        ConnectionState::ReadTraffic(_) | ConnectionState::ReadEarlyData(_) => "application data",
        ConnectionState::PeerClosed | ConnectionState::Closed => "closed",
        _ => "new to this program",
    })
}

/// Appends what rustls has to say.
fn encode<D>(data: &mut EncodeTlsData<'_, D>, out: &mut Vec<u8>) -> Result<(), HandshakeError> {
    let before = out.len();
    let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = data.encode(&mut [])
    else {
        return Ok(());
    };
    out.resize(before + required_size, 0);
    let encoded = data.encode(out.get_mut(before..).unwrap_or_default());
    encoded.map(|_| ()).map_err(|_| HandshakeError::UnsupportedState("nothing to encode"))
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").field("progress", &self.progress).finish_non_exhaustive()
    }
}
