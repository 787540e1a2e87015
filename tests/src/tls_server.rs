//! A scripted SMTP server with STARTTLS: one behaviour for each address, and a record of what came there.

mod anonymous;
mod behaviour;
mod identity;
mod raw;
mod session;

pub use behaviour::{Behaviour, Handshake, Inside, Start, Versions};
pub use identity::{Authorities, Identity, Issued, Issuer, Key, Names, Purpose, Sends, Validity};

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// One address with its behaviour.
#[derive(Debug, Clone)]
pub struct Peer {
    /// On the loopback; port 0 takes a free one.
    pub address: SocketAddr,
    /// How it calls itself.
    pub host: String,
    /// What it does.
    pub behaviour: Behaviour,
    /// Its certificate.
    pub identity: Arc<Issued>,
}

/// What happened at an address, over all its connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections.
    pub connections: usize,
    /// Handshakes that were completed.
    pub handshakes: usize,
    /// The name in the last completed handshake.
    pub sni: Option<String>,
    /// Messages that were taken in the clear.
    pub in_the_clear: usize,
    /// Messages that were taken inside TLS.
    pub encrypted: usize,
    /// Commands in the order they came, verbs only; `tls` stands for a completed handshake.
    pub commands: Vec<String>,
}

/// All peers, on one thread.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<SocketAddr>,
    seen: Vec<Arc<Mutex<Seen>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at every address.
    pub fn start(peers: Vec<Peer>) -> Self {
        let mut addresses = Vec::new();
        let mut listening = Vec::new();
        for peer in peers {
            assert!(peer.address.ip().is_loopback(), "{} is not on the loopback", peer.address);
            let socket = TcpListener::bind(peer.address).unwrap_or_else(|e| panic!("{}: {e}", peer.address));
            socket.set_nonblocking(true).expect("own socket");
            addresses.push(socket.local_addr().expect("bound"));
            listening.push((socket, peer, Arc::new(Mutex::new(Seen::default()))));
        }
        let seen = listening.iter().map(|(_, _, seen)| Arc::clone(seen)).collect();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("tls-server".into());
        let thread = thread.spawn(move || run(listening, stopped)).expect("a thread");
        Self { addresses, seen, stop: Some(stop), thread: Some(thread) }
    }

    /// Where the peers listen, in the order they were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What happened at the peer with this number.
    pub fn seen(&self, number: usize) -> Seen {
        self.seen[number].lock().expect("no session failed").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Listening = (TcpListener, Peer, Arc<Mutex<Seen>>);

fn run(listening: Vec<Listening>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        for (socket, peer, seen) in listening {
            tokio::spawn(accept(socket, Arc::new(peer), seen));
        }
        let _ = stopped.await;
    });
}

async fn accept(socket: TcpListener, peer: Arc<Peer>, seen: Arc<Mutex<Seen>>) {
    let socket = tokio::net::TcpListener::from_std(socket).expect("own socket");
    while let Ok((stream, _)) = socket.accept().await {
        let _ = stream.set_nodelay(true);
        seen.lock().expect("no session failed").connections += 1;
        let (peer, seen) = (Arc::clone(&peer), Arc::clone(&seen));
        // An error is the client going away, which many behaviours are there to provoke.
        tokio::spawn(async move { drop(session::serve(stream, &peer, &seen).await) });
    }
}
