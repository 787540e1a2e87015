//! TLS without any certificate, which only OpenSSL still does: the handshake is that of `openssl s_server`, the dialogue
//! ours, through its standard input and output.

use super::{Peer, Seen, session};
use crate::programs;
use crate::sandbox::free_port;
use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixStream};

/// How often a program that starts is asked whether it listens, and how long between.
const TRIES: usize = 2_000;
const INTERVAL: Duration = Duration::from_millis(2);

/// A child that is ended with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The handshake, and the dialogue inside.
pub(super) async fn secure(mut client: TcpStream, peer: &Peer, seen: &Mutex<Seen>) -> io::Result<()> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let port = free_port().release();
    let _server = Ended(start(port, theirs)?);
    let mut server = connect(port).await?;
    let dialogue = UnixStream::from_std(ours)?;
    tokio::select! {
        relayed = copy_bidirectional(&mut client, &mut server) => relayed.map(drop),
        // It is the client that ends the connection, once it was answered.
        failed = async { session::dialogue(dialogue, peer, seen).await?; std::future::pending().await } => failed,
    }
}

fn start(port: u16, dialogue: std::os::unix::net::UnixStream) -> io::Result<Child> {
    let mut openssl = Command::new(programs::debian("openssl"));
    openssl.args([
        "s_server",
        "-quiet",
        "-nocert",
        "-tls1_2",
        "-cipher",
        "aNULL:@SECLEVEL=0",
        "-naccept",
        "1",
    ]);
    openssl.args(["-accept", &format!("127.0.0.1:{port}")]);
    openssl.stdin(OwnedFd::from(dialogue.try_clone()?)).stdout(OwnedFd::from(dialogue)).stderr(Stdio::null());
    openssl.spawn()
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for _ in 0..TRIES {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
        tokio::time::sleep(INTERVAL).await;
    }
    Err(last)
}
