//! A small receiving server for the demo: takes everything, counts connections, remembers every message.

use intake::{Event, Session, Settings};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Connections accepted.
    pub(super) connections: u64,
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
    pub(super) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        tokio::spawn(serve(listener, Arc::clone(&seen)));
        Ok(Self { address, seen })
    }

    /// Looks at what was seen so far.
    pub(super) fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Seen>>) {
    let settings = Arc::new(Settings::new("receiver.demo"));
    while let Ok((stream, _)) = listener.accept().await {
        seen.lock().unwrap_or_else(PoisonError::into_inner).connections += 1;
        tokio::spawn(converse(stream, Arc::clone(&settings), Arc::clone(&seen)));
    }
}

async fn converse(
    mut stream: TcpStream,
    settings: Arc<Settings>,
    seen: Arc<Mutex<Seen>>,
) -> std::io::Result<()> {
    let mut session = Session::new(settings);
    let mut buffer = vec![0; 16 * 1024];
    let _no_delay = stream.set_nodelay(true);
    loop {
        stream.write_all(session.output()).await?;
        session.written(session.output().len());
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            session.disconnected();
        }
        let mut input = buffer.get(..length).unwrap_or_default();
        loop {
            match session.feed(&mut input) {
                Some(Event::Open(_, opening)) => session.begin(opening),
                Some(Event::EndOfContent(facts, committing)) => {
                    let id = facts.header.message_id.unwrap_or_default();
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    *seen.messages.entry(id).or_default() += 1;
                    session.accepted(committing, "demo");
                }
                Some(Event::Content(_) | Event::Abort(_)) => {}
                Some(Event::Close(_)) => {
                    stream.write_all(session.output()).await?;
                    return Ok(());
                }
                None if input.is_empty() => break,
                None => {
                    stream.write_all(session.output()).await?;
                    session.written(session.output().len());
                }
            }
        }
    }
}
