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
                .unwrap_or_else(|_| Err(io::Error::from(rustix::io::Errno::TIMEDOUT).into())),
            None => connecting.await,
        }
    };
    duty.guard(timed).await?.map_err(|error| {
        let failure = failure(candidate, &error);
        // That nobody listens at a path of this machine is told with the result, as by Postfix.
        if matches!(candidate.endpoint, Endpoint::Inet(_)) {
            tracing::info!("{}", failure.reason);
        }
        ConnectError::Failed(failure)
    })
}

/// Why a socket is not connected.
#[derive(Debug, thiserror::Error)]
enum NotConnected {
    /// It cannot have the local address that is asked for, and must not have another (`*_bind_address_enforce`).
    #[error("server configuration error")]
    NotBound,
    /// The system says so.
    #[error("{0}")]
    System(#[from] io::Error),
}

async fn tcp(context: &Context, address: SocketAddr) -> Result<TcpStream, NotConnected> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Large writes leave at once: what follows them does not wait for an acknowledgement.
    socket.set_nodelay(true)?;
    limit_window(context.config.connect.tcp_windowsize.get(), &socket);
    if let Some(local) = bind_address(context, address)
        && let Err(error) = socket.bind(SocketAddr::new(local, 0))
    {
        tracing::warn!("smtp_connect_addr: bind {local}: {}", reason(&error));
        if context.config.connect.bind_address_enforce {
            return Err(NotConnected::NotBound);
        }
    }
    Ok(socket.connect(address).await?)
}

/// Before the connection is made: its first packet says how large windows can become.
fn limit_window(size: u32, socket: &TcpSocket) {
    if size == 0 {
        return;
    }
    if let Err(error) = socket.set_send_buffer_size(size).and_then(|()| socket.set_recv_buffer_size(size)) {
        tracing::warn!("tcp_windowsize {size}: {error}");
    }
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
fn failure(candidate: &Candidate, error: &NotConnected) -> Failure {
    let error = match error {
        NotConnected::NotBound => return Failure::new("4.4.0", error.to_string()),
        NotConnected::System(error) => error,
    };
    Failure::new("4.4.1", format!("connect to {}: {}", super::relay_name(candidate), reason(error)))
}

/// The system's words without Rust's "(os error 111)".
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_windowsize_is_the_size_of_both_buffers() {
        let buffers = |size| {
            let socket = TcpSocket::new_v4().unwrap();
            limit_window(size, &socket);
            (socket.send_buffer_size().unwrap(), socket.recv_buffer_size().unwrap())
        };
        // Linux doubles what it is asked for.
        assert_eq!(buffers(16384), (32768, 32768));
        assert_ne!(buffers(0), (32768, 32768));
    }
}
