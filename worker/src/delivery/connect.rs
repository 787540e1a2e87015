//! A candidate becomes a connection, within one deadline.

use crate::context::Context;
use crate::delivery::recipients::Failure;
use crate::duty::{Abandoned, Duty};
use crate::wire::Socket;
use route::{Candidate, Endpoint};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// For the log, and for the recipients if no other host helps: 4.4.1.
    Failed(Failure),
    /// The supervisor is gone.
    Abandoned(Abandoned),
}

impl From<Abandoned> for ConnectError {
    fn from(abandoned: Abandoned) -> Self {
        Self::Abandoned(abandoned)
    }
}

/// Connects; `*_connect_timeout` bounds the whole of it.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(context: &Context, candidate: &Candidate, duty: &Duty) -> Result<Socket, ConnectError> {
    let connecting = async {
        match &candidate.endpoint {
            Endpoint::Inet(address) => Ok(Socket::Tcp(tcp(context, *address).await?)),
            Endpoint::Unix(path) => Ok(Socket::Unix(unix(context, path).await?)),
        }
    };
    let limit = context.config.timeouts.connect.map(|limit| limit.get());
    let timed = async {
        match limit {
            Some(limit) => tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or_else(|_| Err(rustix::io::Errno::TIMEDOUT.into())),
            None => connecting.await,
        }
    };
    duty.guard(timed).await?.map_err(|error| ConnectError::Failed(failure(candidate, &error)))
}

async fn tcp(context: &Context, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Large writes leave at once: what follows them does not wait for an acknowledgement.
    socket.set_nodelay(true)?;
    if let Some(local) = bind_address(context, address)
        && let Err(error) = socket.bind(SocketAddr::new(local, 0))
    {
        if context.config.connect.bind_address_enforce {
            return Err(error);
        }
        tracing::warn!("bind {local}: {error}");
    }
    socket.connect(address).await
}

/// The local address that is asked for, if one is.
#[must_use]
pub fn bind_address(context: &Context, remote: SocketAddr) -> Option<IpAddr> {
    let connect = &context.config.connect;
    match remote {
        SocketAddr::V4(_) => connect.bind_address.map(IpAddr::V4),
        SocketAddr::V6(_) => connect.bind_address6.map(IpAddr::V6),
    }
    .or_else(|| context.only_own_address(remote))
}

async fn unix(context: &Context, path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(context.queue_directory.join(path)).await
}

/// `connect to host[address]:port: reason`, or without port for a Unix socket.
fn failure(candidate: &Candidate, error: &io::Error) -> Failure {
    let reason = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(errno) => strerror(errno),
        None => error.to_string(),
    };
    Failure::new("4.4.1", format!("connect to {}: {reason}", super::relay_name(candidate)))
}

/// The system's words without Rust's "(os error 111)".
fn strerror(errno: rustix::io::Errno) -> String {
    let text = io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
