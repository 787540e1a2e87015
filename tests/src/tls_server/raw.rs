//! Handshakes that no TLS library would make.

use super::behaviour::Handshake;
use rustix::net::sockopt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Breaks the handshake in this way; the client has been told that it may begin.
pub(super) async fn break_off(mut stream: TcpStream, how: Handshake) -> io::Result<()> {
    if how == Handshake::CloseBefore {
        stream.shutdown().await?;
        return drain(stream).await;
    }
    read_record(&mut stream).await?;
    match how {
        Handshake::Complete | Handshake::CloseBefore | Handshake::CloseAfterHello => {}
        Handshake::CloseInRecord => stream.write_all(&[22, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3]).await?,
        Handshake::Reset => {
            sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
            return Ok(());
        }
        Handshake::Garbage => stream.write_all(b"500 5.5.1 unrecognised command\r\n").await?,
        Handshake::Alert(description) => stream.write_all(&[21, 3, 3, 0, 2, 2, description]).await?,
        Handshake::Tls10Hello => stream.write_all(&tls10_hello()).await?,
        Handshake::Silence => return drain(stream).await,
    }
    stream.shutdown().await?;
    drain(stream).await
}

/// Reads until the client closes, so that no reset overtakes what was said.
async fn drain(mut stream: TcpStream) -> io::Result<()> {
    let mut octets = [0; 1024];
    while stream.read(&mut octets).await? > 0 {}
    Ok(())
}

async fn read_record(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let mut body = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut body).await?;
    Ok(())
}

/// Record, handshake header, version 1.0, random, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
fn tls10_hello() -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    hello
}
