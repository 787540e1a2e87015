//! STARTTLS (RFC 3207) for the demo's receiving servers, which speak with the listener's dialogue; that one does not offer it.

use intake::Session;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// What a receiving server offers beyond what the dialogue does.
#[derive(Clone)]
pub(super) enum Offer {
    /// Nothing.
    Nothing,
    /// STARTTLS.
    Encryption(TlsAcceptor),
}

impl Offer {
    /// STARTTLS, with a certificate of its own that is never written down.
    ///
    /// # Errors
    /// What rcgen or rustls says.
    pub(super) fn encryption() -> io::Result<Self> {
        let made =
            rcgen::generate_simple_self_signed(["receiver.demo".to_owned()]).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| {
                config.with_no_client_auth().with_single_cert(vec![made.cert.into()], key.into())
            })
            .map_err(io::Error::other)?;
        Ok(Self::Encryption(TlsAcceptor::from(Arc::new(config))))
    }
}

/// How a client goes on.
pub(super) enum Opening {
    /// It said STARTTLS and was told to go ahead; what comes next is its handshake.
    Encrypt,
    /// It does without. With what it said and was not answered.
    Plaintext(Box<Session>, Vec<u8>),
    /// It left.
    Left,
}

/// The longest command line that is waited for before the dialogue is asked what it thinks of it.
const LONGEST: usize = 4096;

/// Greets, and answers EHLO until the client says what it wants: STARTTLS, or anything else.
///
/// # Errors
/// The stream's, and a client that sends octets along with STARTTLS, which could be anybody's.
pub(super) async fn open(stream: &mut TcpStream, mut session: Session) -> io::Result<Opening> {
    let mut input = Vec::new();
    let greeting = session.output().to_vec();
    send(stream, &mut session, &greeting).await?;
    loop {
        let Some(end) = input.iter().position(|octet| *octet == b'\n') else {
            if input.len() > LONGEST {
                return Ok(Opening::Plaintext(Box::new(session), input));
            }
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(Opening::Left);
            }
            continue;
        };
        let line: Vec<u8> = input.iter().copied().take(end + 1).collect();
        match verb(&line).as_str() {
            "EHLO" => {
                input.drain(..=end);
                let _nothing_to_store = session.feed(&mut line.as_slice());
                let reply = with_starttls(session.output());
                send(stream, &mut session, &reply).await?;
            }
            "STARTTLS" if input.len() > end + 1 => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "octets behind STARTTLS"));
            }
            "STARTTLS" => {
                stream.write_all(b"220 2.0.0 Ready to start TLS\r\n").await?;
                return Ok(Opening::Encrypt);
            }
            _ => return Ok(Opening::Plaintext(Box::new(session), input)),
        }
    }
}

async fn send(stream: &mut TcpStream, session: &mut Session, reply: &[u8]) -> io::Result<()> {
    stream.write_all(reply).await?;
    session.written(session.output().len());
    Ok(())
}

fn verb(line: &[u8]) -> String {
    let word = line.split(|octet| octet.is_ascii_whitespace()).next().unwrap_or_default();
    String::from_utf8_lossy(word).to_ascii_uppercase()
}

/// The dialogue's reply to EHLO with one line more, behind the first.
fn with_starttls(reply: &[u8]) -> Vec<u8> {
    let mut lines = reply.split_inclusive(|octet| *octet == b'\n');
    match lines.next() {
        Some(first) if first.starts_with(b"250-") => {
            [first, b"250-STARTTLS\r\n"].into_iter().chain(lines).flatten().copied().collect()
        }
        _ => reply.to_vec(),
    }
}
