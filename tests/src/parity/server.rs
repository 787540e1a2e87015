//! All scripted servers of a run, on one thread.

use super::dialogue::{self, Script};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Where a server listens.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// On the loopback.
    Tcp(SocketAddr),
    /// At a path.
    Unix(PathBuf),
}

/// What clients said on one connection, line by line.
pub(super) type Transcript = Vec<String>;

/// What a server heard: its connections in the order they came.
pub(super) type Heard = Arc<Mutex<Vec<Transcript>>>;

/// Running servers.
#[derive(Debug)]
pub(super) struct Servers {
    heard: Vec<Heard>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Servers {
    /// Listens everywhere.
    pub(super) fn start(wanted: Vec<(Place, Script)>) -> Self {
        let mut heard = Vec::new();
        let mut listening = Vec::new();
        for (place, script) in wanted {
            let record = Heard::default();
            heard.push(Arc::clone(&record));
            listening.push((open(&place), Arc::new(script), record));
        }
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("parity".into());
        let thread = thread.spawn(move || serve(listening, stopped)).expect("a thread");
        Self { heard, stop: Some(stop), thread: Some(thread) }
    }

    /// Every connection is over.
    pub(super) fn are_quiet(&self) -> bool {
        let over = |one: &Transcript| one.last().is_some_and(|line| line.starts_with("= "));
        self.heard.iter().all(|one| one.lock().expect("no session failed").iter().all(over))
    }

    /// What the server with this number heard.
    pub(super) fn heard(&self, number: usize) -> Vec<Transcript> {
        self.heard[number].lock().expect("no session failed").clone()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(place: &Place) -> Listening {
    match place {
        Place::Tcp(address) => {
            assert!(address.ip().is_loopback(), "{address} is not on the loopback");
            let socket = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
            socket.set_nonblocking(true).expect("own socket");
            Listening::Tcp(socket)
        }
        Place::Unix(path) => {
            let socket = UnixListener::bind(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("own socket");
            socket.set_nonblocking(true).expect("own socket");
            Listening::Unix(socket)
        }
    }
}

fn serve(listening: Vec<(Listening, Arc<Script>, Heard)>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        for (socket, script, heard) in listening {
            tokio::spawn(accept(socket, script, heard));
        }
        let _ = stopped.await;
    });
}

async fn accept(socket: Listening, script: Arc<Script>, heard: Heard) {
    match socket {
        Listening::Tcp(socket) => {
            let socket = tokio::net::TcpListener::from_std(socket).expect("own socket");
            while let Ok((stream, _)) = socket.accept().await {
                let _ = stream.set_nodelay(true);
                let resettable = stream.into_std().expect("own socket");
                let twin = resettable.try_clone().ok();
                let stream = tokio::net::TcpStream::from_std(resettable).expect("own socket");
                tokio::spawn(dialogue::hold(Box::new(stream), twin, Arc::clone(&script), Arc::clone(&heard)));
            }
        }
        Listening::Unix(socket) => {
            let socket = tokio::net::UnixListener::from_std(socket).expect("own socket");
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(dialogue::hold(Box::new(stream), None, Arc::clone(&script), Arc::clone(&heard)));
            }
        }
    }
}
