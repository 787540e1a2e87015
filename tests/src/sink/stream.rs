//! A connected stream of a sink: TCP or a Unix socket, in plaintext or under TLS.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConnection;
use tokio_rustls::server::TlsStream;

/// A stream of either kind.
pub(super) enum Duplex {
    Tcp(TcpStream),
    Unix(UnixStream),
    SecuredTcp(Box<TlsStream<TcpStream>>),
    SecuredUnix(Box<TlsStream<UnixStream>>),
}

impl Duplex {
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Unix(stream) => stream.read_buf(buffer).await,
            Self::SecuredTcp(stream) => stream.read_buf(buffer).await,
            Self::SecuredUnix(stream) => stream.read_buf(buffer).await,
        }
    }

    pub(super) async fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(octets).await,
            Self::Unix(stream) => stream.write_all(octets).await,
            Self::SecuredTcp(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
            Self::SecuredUnix(stream) => {
                stream.write_all(octets).await?;
                stream.flush().await
            }
        }
    }

    /// The handshake, as the server.
    ///
    /// # Errors
    /// Why it failed; the stream is gone.
    pub(super) async fn secure(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => Ok(Self::SecuredTcp(Box::new(acceptor.accept(stream).await?))),
            Self::Unix(stream) => Ok(Self::SecuredUnix(Box::new(acceptor.accept(stream).await?))),
            Self::SecuredTcp(_) | Self::SecuredUnix(_) => Err(io::Error::other("TLS within TLS")),
        }
    }

    /// The TLS session, if there is one.
    pub(super) fn tls(&mut self) -> Option<&mut ServerConnection> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => None,
            Self::SecuredTcp(stream) => Some(stream.get_mut().1),
            Self::SecuredUnix(stream) => Some(stream.get_mut().1),
        }
    }

    /// Says farewell as TLS does; without TLS the end of the stream is all there is to say.
    pub(super) async fn close_notify(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => Ok(()),
            Self::SecuredTcp(stream) => stream.shutdown().await,
            Self::SecuredUnix(stream) => stream.shutdown().await,
        }
    }

    /// Makes the coming close a reset.
    pub(super) fn reset_on_close(&self) {
        let stream = match self {
            Self::Tcp(stream) => stream,
            Self::SecuredTcp(stream) => stream.get_ref().0,
            Self::Unix(_) | Self::SecuredUnix(_) => return,
        };
        let _ = rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO));
    }
}
