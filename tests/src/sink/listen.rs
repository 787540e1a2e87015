//! A sink's sockets and its thread.

use super::Shared;
use super::session;
use super::settings::Listen;
use super::stream::Duplex;
use rustix::net::{AddressFamily, SocketType, bind, listen, socket, sockopt};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Connections the kernel may hold for us; a blackhole gets them by the hundred.
const BACKLOG: i32 = 4096;

/// Listening sockets.
pub(super) struct Sockets {
    tcp: Vec<TcpListener>,
    unix: Vec<(UnixListener, PathBuf)>,
}

impl Sockets {
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp.iter().map(|socket| socket.local_addr().expect("bound")).collect()
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.unix.iter().map(|(_, path)| path.clone()).collect()
    }
}

/// Opens all of them; a port that is free at one address may be taken at another, so this may take some tries.
pub(super) fn open(wanted: &[Listen]) -> Sockets {
    let mut reason = String::new();
    for _ in 0..50 {
        match try_open(wanted) {
            Ok(sockets) => return sockets,
            Err(error) => reason = error.to_string(),
        }
    }
    panic!("cannot listen at {wanted:?}: {reason}");
}

fn try_open(wanted: &[Listen]) -> std::io::Result<Sockets> {
    let mut sockets = Sockets { tcp: Vec::new(), unix: Vec::new() };
    for one in wanted {
        let address: SocketAddr = match one {
            Listen::Tcp(address) => *address,
            Listen::SamePort(ip) => {
                (*ip, sockets.tcp.first().expect("a TCP listener before it").local_addr()?.port()).into()
            }
            Listen::Unix(path) => {
                let _ = std::fs::remove_file(path);
                let socket = UnixListener::bind(path)?;
                // The daemons of a private Postfix run as another user.
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))?;
                sockets.unix.push((socket, path.clone()));
                continue;
            }
        };
        assert!(address.ip().is_loopback(), "{address} is not on the loopback");
        sockets.tcp.push(tcp(address)?);
    }
    Ok(sockets)
}

fn tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}

/// Serves until told to stop.
pub(super) fn run(sockets: Sockets, shared: Arc<Shared>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        for socket in sockets.tcp {
            tokio::spawn(accept_tcp(socket, Arc::clone(&shared)));
        }
        for (socket, path) in sockets.unix {
            tokio::spawn(accept_unix(socket, path, Arc::clone(&shared)));
        }
        let _ = stopped.await;
    });
}

async fn accept_tcp(socket: TcpListener, shared: Arc<Shared>) {
    socket.set_nonblocking(true).expect("own socket");
    let socket = tokio::net::TcpListener::from_std(socket).expect("own socket");
    let local = socket.local_addr().expect("bound").to_string();
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                let _ = stream.set_nodelay(true);
                tokio::spawn(session::serve(Duplex::Tcp(stream), local.clone(), Arc::clone(&shared)));
            }
            Err(error) => refuse(&shared, &error).await,
        }
    }
}

async fn accept_unix(socket: UnixListener, path: PathBuf, shared: Arc<Shared>) {
    socket.set_nonblocking(true).expect("own socket");
    let socket = tokio::net::UnixListener::from_std(socket).expect("own socket");
    loop {
        match socket.accept().await {
            Ok((stream, _)) => {
                let local = path.display().to_string();
                tokio::spawn(session::serve(Duplex::Unix(stream), local, Arc::clone(&shared)));
            }
            Err(error) => refuse(&shared, &error).await,
        }
    }
}

/// Accepting failed (out of descriptors, most likely): say so, and do not spin.
async fn refuse(shared: &Shared, error: &std::io::Error) {
    shared.note(|record| record.violations.push(format!("the sink itself: accept: {error}")));
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}
