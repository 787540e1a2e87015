//! A small receiving server for the demo: takes everything, counts connections, remembers every message.

use super::starttls::{Offer, Opening, open};
use intake::{Event, Session, Settings};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Connections accepted.
    pub(super) connections: u64,
    /// TLS handshakes that came to their end.
    pub(super) handshakes: u64,
    /// How often each message arrived, by its Message-ID.
    pub(super) messages: HashMap<String, u64>,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Receiver {
    /// Where it listens.
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    /// Listens on a free port of the loopback; serves on the current runtime.
    ///
    /// # Errors
    /// What bind(2) says.
    pub(super) async fn start(offer: &Offer) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Shared {
            settings: Arc::new(Settings::new("receiver.demo")),
            seen: Arc::clone(&seen),
            offer: offer.clone(),
        };
        tokio::spawn(serve(listener, shared));
        Ok(Self { address, seen })
    }

    /// Looks at what was seen so far.
    pub(super) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What all connections share.
#[derive(Clone)]
struct Shared {
    settings: Arc<Settings>,
    seen: Arc<Mutex<Seen>>,
    offer: Offer,
}

impl Shared {
    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

async fn serve(listener: TcpListener, shared: Shared) {
    while let Ok((stream, _)) = listener.accept().await {
        shared.note(|seen| seen.connections += 1);
        tokio::spawn(connection(stream, shared.clone()));
    }
}

async fn connection(mut stream: TcpStream, shared: Shared) -> std::io::Result<()> {
    let _no_delay = stream.set_nodelay(true);
    let session = Session::new(Arc::clone(&shared.settings));
    let Offer::Encryption(acceptor) = &shared.offer else {
        return converse(stream, session, Vec::new(), &shared).await;
    };
    match open(&mut stream, session).await? {
        Opening::Encrypt => {
            let stream = acceptor.accept(stream).await?;
            shared.note(|seen| seen.handshakes += 1);
            // RFC 3207 section 4.2: as if the client had just connected, but without a greeting.
            let mut session = Session::new(Arc::clone(&shared.settings));
            session.written(session.output().len());
            converse(stream, session, Vec::new(), &shared).await
        }
        Opening::Plaintext(session, ahead) => converse(stream, *session, ahead, &shared).await,
        Opening::Left => Ok(()),
    }
}

/// The dialogue to its end; `ahead` was read already.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut session: Session,
    ahead: Vec<u8>,
    shared: &Shared,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    if !ahead.is_empty() && feed(&mut session, &ahead, &mut stream, shared).await? == Goes::Away {
        return stream.shutdown().await;
    }
    loop {
        write_out(&mut session, &mut stream).await?;
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            session.disconnected();
        }
        let input = buffer.get(..length).unwrap_or_default();
        if feed(&mut session, input, &mut stream, shared).await? == Goes::Away {
            return stream.shutdown().await;
        }
    }
}

/// Whether the client is still there.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Away,
}

async fn feed(
    session: &mut Session,
    mut input: &[u8],
    stream: &mut (impl AsyncWrite + Unpin),
    shared: &Shared,
) -> std::io::Result<Goes> {
    loop {
        match session.feed(&mut input) {
            Some(Event::Open(_, opening)) => session.begin(opening),
            Some(Event::EndOfContent(facts, committing)) => {
                let id = facts.header.message_id.unwrap_or_default();
                shared.note(|seen| *seen.messages.entry(id).or_default() += 1);
                session.accepted(committing, "demo");
            }
            Some(Event::Content(_) | Event::Abort(_)) => {}
            Some(Event::Close(_)) => {
                write_out(session, stream).await?;
                return Ok(Goes::Away);
            }
            None if input.is_empty() => return Ok(Goes::On),
            None => write_out(session, stream).await?,
        }
    }
}

async fn write_out(session: &mut Session, stream: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    let length = session.output().len();
    if length > 0 {
        stream.write_all(session.output()).await?;
        stream.flush().await?;
        session.written(length);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
