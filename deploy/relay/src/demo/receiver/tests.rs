//! The demo's receiving server and a client of rustls.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use super::*;
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring::default_provider};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// Takes any certificate, as level `may` does, but not any signature.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
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
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        tokio_rustls::rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

async fn handshake(stream: TcpStream) -> TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(default_provider())))
        .with_no_client_auth();
    let name = ServerName::try_from("receiver.demo").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// Writes `text` and reads until what came ends a reply that begins a line with `code`.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), text: &str, code: &str) -> String {
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let (mut came, last) = (Vec::new(), format!("{code} "));
    loop {
        let text = String::from_utf8_lossy(&came).into_owned();
        if text.ends_with("\r\n") && text.lines().any(|line| line.starts_with(&last)) {
            return text;
        }
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_buf(&mut came)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "the server left after {text:?}");
    }
}

/// One message and QUIT, with all that may be pipelined pipelined.
async fn deliver(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), id: &str) {
    ask(stream, "MAIL FROM:<a@x.demo>\r\nRCPT TO:<b@d0.demo>\r\nDATA\r\n", "354").await;
    ask(stream, &format!("Message-ID: <{id}@demo>\r\n\r\nhello\r\n.\r\n"), "250").await;
    ask(stream, "QUIT\r\n", "221").await;
}

async fn start(offer: Offer) -> (Receiver, TcpStream) {
    let receiver = Receiver::start(&offer).await.unwrap();
    let mut stream = TcpStream::connect(receiver.address).await.unwrap();
    ask(&mut stream, "", "220").await;
    (receiver, stream)
}

fn counts(receiver: &Receiver) -> (u64, u64, usize) {
    receiver.seen(|seen| (seen.connections, seen.handshakes, seen.messages.len()))
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_of_rustls_delivers_after_starttls_and_the_handshake_is_counted() {
    let (receiver, mut stream) = start(Offer::encryption().unwrap()).await;
    let offered = ask(&mut stream, "EHLO client.demo\r\n", "250").await;
    assert_eq!(offered.matches("250-STARTTLS\r\n").count(), 1, "{offered}");
    assert_eq!(ask(&mut stream, "STARTTLS\r\n", "220").await, "220 2.0.0 Ready to start TLS\r\n");
    let mut stream = handshake(stream).await;
    let again = ask(&mut stream, "EHLO client.demo\r\n", "250").await;
    assert!(again.starts_with("250-receiver.demo") && !again.contains("STARTTLS"), "{again}");
    deliver(&mut stream, "1").await;
    assert_eq!(stream.read(&mut [0; 1]).await.expect("a close_notify before the end"), 0);
    assert_eq!(counts(&receiver), (1, 1, 1));
}

#[tokio::test(flavor = "current_thread")]
async fn a_client_that_does_without_is_served_in_plaintext() {
    let (receiver, mut stream) = start(Offer::encryption().unwrap()).await;
    ask(&mut stream, "EHLO client.demo\r\n", "250").await;
    deliver(&mut stream, "1").await;
    assert_eq!(counts(&receiver), (1, 0, 1));
}

#[tokio::test(flavor = "current_thread")]
async fn octets_behind_starttls_end_the_connection() {
    let (receiver, mut stream) = start(Offer::encryption().unwrap()).await;
    stream.write_all(b"STARTTLS\r\nMAIL FROM:<a@x.demo>\r\n").await.unwrap();
    let mut came = Vec::new();
    let _closed_or_reset = stream.read_to_end(&mut came).await;
    assert_eq!(came, b"");
    assert_eq!(counts(&receiver), (1, 0, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn without_the_option_nothing_is_offered() {
    let (receiver, mut stream) = start(Offer::Nothing).await;
    let offered = ask(&mut stream, "EHLO client.demo\r\n", "250").await;
    assert!(!offered.contains("STARTTLS"), "{offered}");
    deliver(&mut stream, "1").await;
    assert_eq!(counts(&receiver), (1, 0, 1));
}
