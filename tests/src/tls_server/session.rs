//! One connection: the dialogue before and after the handshake.

use super::behaviour::{Behaviour, Handshake, Inside, Start, Versions};
use super::{Peer, Seen, anonymous, raw};
use std::io;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{CipherSuite, ServerConfig, version};
use tokio_rustls::server::TlsStream;

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, peer: &Peer, seen: &Mutex<Seen>) -> io::Result<()> {
    let behaviour = &peer.behaviour;
    if behaviour.start == Start::Wrapper {
        return secure(stream, peer, seen).await;
    }
    let mut stream = BufReader::new(stream);
    let mut dialogue = Dialogue { peer, seen, encrypted: false };
    stream.write_all(format!("220 {} ESMTP\r\n", peer.host).as_bytes()).await?;
    if let Fate::StartTls = dialogue.run(&mut stream).await? {
        return secure(stream.into_inner(), peer, seen).await;
    }
    Ok(())
}

/// The handshake, and what comes after it.
async fn secure(stream: TcpStream, peer: &Peer, seen: &Mutex<Seen>) -> io::Result<()> {
    let behaviour = &peer.behaviour;
    if behaviour.handshake != Handshake::Complete {
        return raw::break_off(stream, behaviour.handshake).await;
    }
    if behaviour.versions == Versions::Anonymous {
        return anonymous::secure(stream, peer, seen).await;
    }
    // With a buffer below, records that are written without a flush between them go out in one segment.
    let stream = TlsAcceptor::from(configuration(peer)).accept(BufWriter::new(stream)).await?;
    {
        let mut seen = seen.lock().expect("no session failed");
        seen.handshakes += 1;
        seen.sni = stream.get_ref().1.server_name().map(str::to_owned);
        seen.commands.push("tls".into());
    }
    inside(stream, peer, seen).await
}

async fn inside(
    mut stream: TlsStream<BufWriter<TcpStream>>,
    peer: &Peer,
    seen: &Mutex<Seen>,
) -> io::Result<()> {
    match peer.behaviour.inside {
        Inside::CloseAtOnce => return stream.shutdown().await,
        Inside::Lost => return stream.get_mut().0.shutdown().await,
        _ => {}
    }
    let mut stream = BufReader::new(stream);
    if peer.behaviour.start == Start::Wrapper {
        let greeting = match peer.behaviour.inside {
            Inside::Greeting(text) => format!("{text}\r\n"),
            _ => format!("220 {} ESMTP\r\n", peer.host),
        };
        stream.write_all(greeting.as_bytes()).await?;
        stream.flush().await?;
    }
    let mut dialogue = Dialogue { peer, seen, encrypted: true };
    dialogue.run(&mut stream).await?;
    stream.shutdown().await
}

/// The dialogue inside, over a stream that somebody else decrypts.
pub(super) async fn dialogue<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: &Peer,
    seen: &Mutex<Seen>,
) -> io::Result<()> {
    let mut dialogue = Dialogue { peer, seen, encrypted: true };
    dialogue.run(&mut BufReader::new(stream)).await.map(drop)
}

fn configuration(peer: &Peer) -> Arc<ServerConfig> {
    let provider = provider(peer.behaviour.versions);
    let versions: &[_] = match peer.behaviour.versions {
        Versions::Tls12 | Versions::Tls12ChaCha | Versions::Anonymous => &[&version::TLS12],
        Versions::Tls13 => &[&version::TLS13],
        Versions::Both | Versions::Aes128 => &[&version::TLS12, &version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let builder =
        builder.with_protocol_versions(versions).expect("versions with suites").with_no_client_auth();
    Arc::new(builder.with_cert_resolver(Arc::new(Always(peer.identity.certified()))))
}

fn provider(versions: Versions) -> CryptoProvider {
    let mut provider = ring::default_provider();
    let only: &[CipherSuite] = match versions {
        Versions::Both | Versions::Tls12 | Versions::Tls13 | Versions::Anonymous => return provider,
        Versions::Tls12ChaCha => &[
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ],
        Versions::Aes128 => &[
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
    };
    provider.cipher_suites.retain(|suite| only.contains(&suite.suite()));
    provider
}

/// One certificate whatever the client asks for, and whatever is wrong with it.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// Stands in a reply where a new record begins.
const NEXT_RECORD: char = '\u{1e}';

/// How a dialogue ended.
enum Fate {
    /// The client may begin the handshake.
    StartTls,
    /// The connection is over.
    Over,
}

struct Dialogue<'a> {
    peer: &'a Peer,
    seen: &'a Mutex<Seen>,
    encrypted: bool,
}

/// What a command is answered with.
enum Answer {
    Say(String),
    Nothing,
    Close,
    Content,
    StartTls(String),
}

impl Dialogue<'_> {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut BufReader<S>,
    ) -> io::Result<Fate> {
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(Fate::Over);
            }
            let verb = line.split(&[' ', '\r', ':'][..]).next().unwrap_or_default().to_ascii_uppercase();
            self.seen.lock().expect("no session failed").commands.push(verb.clone());
            let (reply, after) = match self.answer(&verb) {
                Answer::Say(reply) => (reply, None),
                Answer::Nothing => continue,
                Answer::Close => return Ok(Fate::Over),
                Answer::StartTls(reply) => (reply, Some(Fate::StartTls)),
                Answer::Content => match self.content(stream).await? {
                    Some(reply) => (reply, None),
                    None => return Ok(Fate::Over),
                },
            };
            for part in reply.split_inclusive(NEXT_RECORD) {
                stream.write_all(part.trim_end_matches(NEXT_RECORD).as_bytes()).await?;
            }
            stream.flush().await?;
            if let Some(fate) = after {
                return Ok(fate);
            }
            if verb == "QUIT" || reply.starts_with("421") {
                return Ok(Fate::Over);
            }
        }
    }

    fn answer(&self, verb: &str) -> Answer {
        let inside = if self.encrypted { self.peer.behaviour.inside } else { Inside::Accept };
        match (verb, inside) {
            (_, Inside::Reply(at, text)) if at == verb => Answer::Say(format!("{text}\r\n")),
            ("EHLO", Inside::HeloOnly) => Answer::Say("502 5.5.1 not known\r\n".into()),
            ("EHLO" | "HELO", Inside::Hello(text)) => Answer::Say(format!("{text}\r\n")),
            ("EHLO", Inside::CloseAtHello) | ("MAIL", Inside::CloseAtMail) => Answer::Close,
            ("EHLO", Inside::Silence) => Answer::Nothing,
            ("EHLO", _) => Answer::Say(self.hello(inside)),
            ("HELO", _) => Answer::Say(format!("250 {}\r\n", self.peer.host)),
            ("STARTTLS", _) => start_tls(&self.peer.behaviour),
            ("DATA", _) => Answer::Content,
            ("QUIT", _) => Answer::Say("221 2.0.0 bye\r\n".into()),
            _ => Answer::Say("250 2.0.0 ok\r\n".into()),
        }
    }

    fn hello(&self, inside: Inside) -> String {
        let host = &self.peer.host;
        let offers = match self.peer.behaviour.start {
            Start::HeloOnly => return "502 5.5.1 not known\r\n".into(),
            Start::Nothing | Start::Wrapper => false,
            _ => !self.encrypted || inside == Inside::OfferAgain,
        };
        let offer = if offers { "250-STARTTLS\r\n" } else { "" };
        let extra = match inside {
            Inside::Extra(text) => format!("{text}\r\n"),
            Inside::ExtraRecord(text) => format!("{NEXT_RECORD}{text}\r\n"),
            _ => String::new(),
        };
        format!("250-{host}\r\n{offer}250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n{extra}")
    }

    /// Takes the content and answers the dot; nothing when the connection ends there.
    async fn content<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
    ) -> io::Result<Option<String>> {
        stream.write_all(b"354 go\r\n").await?;
        stream.flush().await?;
        let mut line = Vec::new();
        while line != b".\r\n" {
            line.clear();
            if stream.read_until(b'\n', &mut line).await? == 0 {
                return Ok(None);
            }
        }
        if self.encrypted && self.peer.behaviour.inside == Inside::CloseAtDot {
            return Ok(None);
        }
        if let (true, Inside::Reply(".", text)) = (self.encrypted, self.peer.behaviour.inside) {
            return Ok(Some(format!("{text}\r\n")));
        }
        let mut seen = self.seen.lock().expect("no session failed");
        *(if self.encrypted { &mut seen.encrypted } else { &mut seen.in_the_clear }) += 1;
        Ok(Some("250 2.0.0 taken\r\n".into()))
    }
}

fn start_tls(behaviour: &Behaviour) -> Answer {
    match behaviour.start {
        Start::Refuse(reply) => Answer::Say(format!("{reply}\r\n")),
        Start::Inject(text) => Answer::StartTls(format!("220 2.0.0 go\r\n{text}\r\n")),
        Start::Close => Answer::Close,
        Start::Silence => Answer::Nothing,
        _ => Answer::StartTls("220 2.0.0 go\r\n".into()),
    }
}
