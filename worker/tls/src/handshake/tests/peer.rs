//! A rustls server in memory, which speaks one suite, and the client that shakes hands with it.

use crate::handshake::{Established, Handshake, HandshakeError, Step};
use crate::provider::provider;
use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, ServerConnection, SignatureScheme};
use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

/// The name in the certificates.
pub(crate) const NAME: &str = "mx.example.test";
/// TLS 1.3, then TLS 1.2 with ECDSA and RSA.
pub(crate) const SUITES: [u16; 9] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9, 0xc02f, 0xc030, 0xcca8];
/// No secret: it is here because none of the libraries makes RSA keys.
const RSA_KEY: &[u8] = include_bytes!("rsa.der");

/// A certificate and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

fn identity(suite: u16) -> &'static Identity {
    static IDENTITIES: OnceLock<[Identity; 2]> = OnceLock::new();
    let make = |key: rcgen::KeyPair| {
        let parameters = rcgen::CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().clone();
        Identity { certificate, key: key.serialize_der() }
    };
    let [ecdsa, rsa] = IDENTITIES.get_or_init(|| {
        let rsa = PrivatePkcs8KeyDer::from(RSA_KEY);
        [make(rcgen::KeyPair::generate().unwrap()), make(rcgen::KeyPair::try_from(&rsa).unwrap())]
    });
    if matches!(suite, 0xc02f | 0xc030 | 0xcca8) { rsa } else { ecdsa }
}

/// The certificate of the server that speaks `suite`.
pub(crate) fn certificate(suite: u16) -> CertificateDer<'static> {
    identity(suite).certificate.clone()
}

fn only(suite: u16) -> Arc<CryptoProvider> {
    let mut provider = (*provider()).clone();
    provider.cipher_suites.retain(|one| u16::from(one.suite()) == suite);
    Arc::new(provider)
}

pub(crate) fn server_config(suite: u16) -> ServerConfig {
    let identity = identity(suite);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    let mut config = ServerConfig::builder_with_provider(only(suite))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], key)
        .unwrap();
    config.enable_secret_extraction = true;
    config
}

/// A client that takes any certificate, if its key signed the handshake.
pub(crate) fn client_config() -> ClientConfig {
    ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth()
}

#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The server's side of a session, and what it has heard.
pub(crate) struct Server(pub(crate) ServerConnection, Vec<u8>);

impl Server {
    pub(crate) fn new(config: impl Into<Arc<ServerConfig>>) -> Self {
        let mut connection = ServerConnection::new(config.into()).unwrap();
        connection.set_buffer_limit(None);
        Self(connection, Vec::new())
    }

    /// Takes ciphertext from the client.
    pub(crate) fn take(&mut self, mut ciphertext: &[u8]) {
        while !ciphertext.is_empty() {
            self.0.read_tls(&mut ciphertext).unwrap();
            self.0.process_new_packets().unwrap();
            // It ends with WouldBlock, or with nothing after close_notify.
            let _ = self.0.reader().read_to_end(&mut self.1);
        }
    }

    /// All plaintext that has come.
    pub(crate) fn heard(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.1)
    }

    pub(crate) fn say(&mut self, plaintext: &[u8]) {
        self.0.writer().write_all(plaintext).unwrap();
    }

    /// All ciphertext that is to be sent.
    pub(crate) fn wire(&mut self) -> Vec<u8> {
        let mut wire = Vec::new();
        while self.0.wants_write() {
            self.0.write_tls(&mut wire).unwrap();
        }
        wire
    }
}

/// Shakes hands in memory. What the server sent after the handshake is not delivered yet.
pub(crate) fn shake(mut client: Handshake, server: &mut Server) -> Result<Established, HandshakeError> {
    loop {
        let mut out = Vec::new();
        match client.next(&mut out)? {
            Step::Write => server.take(&out),
            Step::Read => client.feed(&server.wire()),
            Step::Done => return client.finish(),
        }
    }
}

/// A session of `suite`, and its server. In TLS 1.3 two tickets of the server are under way.
pub(crate) fn connected(suite: u16) -> (Established, Server) {
    let mut server = Server::new(server_config(suite));
    let client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let established = shake(client, &mut server).unwrap();
    (established, server)
}
