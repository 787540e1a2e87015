//! A sink's side of TLS: its certificate, what it agrees to, and what it saw of a handshake.

use super::identity::{Identity, IdentityError, Opened};
use std::fmt;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::danger::HandshakeSignatureValid;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring::default_provider};
use tokio_rustls::rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::NoServerSessionStorage;
use tokio_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error, HandshakeKind, ServerConfig, ServerConnection,
    SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};

/// When TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// After STARTTLS (RFC 3207).
    OnCommand,
    /// With the connection, before the greeting (RFC 8314).
    AtOnce,
}

/// A protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// Whether the client is asked for a certificate. Any is taken, and so is none; a wrong signature is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// No.
    NotAsked,
    /// Yes.
    Asked,
}

/// How a sink does TLS. Start from [`Tls::default`]: an ECDSA certificate for `sink.test`, everything that rustls can.
#[derive(Debug, Clone)]
pub struct Tls {
    /// When it begins.
    pub begins: Begins,
    /// Certificate and key.
    pub identity: Identity,
    /// The lowest version it agrees to.
    pub lowest: Version,
    /// The highest.
    pub highest: Version,
    /// The only cipher suite it agrees to, by its IANA name, for example `TLS_AES_128_GCM_SHA256`.
    pub suite: Option<String>,
    /// How many session tickets it sends under TLS 1.3; with none, sessions are never resumed, under TLS 1.2 neither.
    pub tickets: usize,
    /// Whether it asks for a client certificate.
    pub client_certificate: ClientCertificate,
    /// Before the reply to every so many messages on a connection it says KeyUpdate and asks for one back (TLS 1.3).
    pub key_update_every: Option<u32>,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            begins: Begins::OnCommand,
            identity: Identity::default(),
            lowest: Version::Tls12,
            highest: Version::Tls13,
            suite: None,
            tickets: 2,
            client_certificate: ClientCertificate::NotAsked,
            key_update_every: None,
        }
    }
}

/// A sink cannot do TLS so.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Certificate or key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A suite that rustls does not have.
    #[error("no cipher suite {0}; there are {1}")]
    Suite(String, String),
    /// What was asked for does not go together.
    #[error(transparent)]
    Rustls(#[from] Error),
}

/// Ready for handshakes.
#[derive(Debug, Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    pub(super) begins: Begins,
    pub(super) key_update_every: Option<u32>,
}

impl Tls {
    /// Makes or reads the certificate, and everything else.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(&self) -> Result<TlsServer, TlsError> {
        let Opened { chain, key, pem } = self.identity.open()?;
        let provider = Arc::new(provider(self.suite.as_deref())?);
        let all = [(Version::Tls13, &TLS13), (Version::Tls12, &TLS12)];
        let versions: Vec<&SupportedProtocolVersion> = all
            .into_iter()
            .filter(|(version, _)| (self.lowest..=self.highest).contains(version))
            .map(|(_, rustls)| rustls)
            .collect();
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(&versions)?;
        let builder = match self.client_certificate {
            ClientCertificate::NotAsked => builder.with_no_client_auth(),
            ClientCertificate::Asked => builder.with_client_cert_verifier(Arc::new(Anybody(provider))),
        };
        let mut config = builder.with_single_cert(chain.clone(), key)?;
        config.send_tls13_tickets = self.tickets;
        if self.tickets == 0 {
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        let (begins, key_update_every) = (self.begins, self.key_update_every);
        Ok(TlsServer { config: Arc::new(config), chain, pem, begins, key_update_every })
    }
}

impl TlsServer {
    /// The server's own certificate first, in DER.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The same in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

fn provider(suite: Option<&str>) -> Result<CryptoProvider, TlsError> {
    let mut provider = default_provider();
    let Some(wanted) = suite else { return Ok(provider) };
    let known = provider.cipher_suites.iter().map(name).collect::<Vec<_>>().join(", ");
    provider.cipher_suites.retain(|suite| name(suite) == wanted);
    if provider.cipher_suites.is_empty() {
        return Err(TlsError::Suite(wanted.to_owned(), known));
    }
    Ok(provider)
}

/// The IANA name.
fn name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replace("TLS13_", "TLS_")
}

/// What came of a handshake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secured {
    /// `TLSv1.2` or `TLSv1.3`.
    pub protocol: String,
    /// The suite's IANA name.
    pub suite: String,
    /// The name that the client asked for (SNI).
    pub server_name: Option<String>,
    /// An earlier session was resumed.
    pub resumed: bool,
    /// The client's certificate in DER.
    pub client_certificate: Option<Vec<u8>>,
}

impl Secured {
    pub(super) fn of(session: &ServerConnection) -> Self {
        Self {
            protocol: session
                .protocol_version()
                .map(|v| format!("{v:?}").replace('_', "."))
                .unwrap_or_default(),
            suite: session.negotiated_cipher_suite().map(|suite| name(&suite)).unwrap_or_default(),
            server_name: session.server_name().map(str::to_owned),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            client_certificate: session
                .peer_certificates()
                .and_then(<[_]>::first)
                .map(|certificate| certificate.to_vec()),
        }
    }
}

/// Takes any client certificate whose key the client has.
struct Anybody(Arc<CryptoProvider>);

impl fmt::Debug for Anybody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anybody")
    }
}

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
