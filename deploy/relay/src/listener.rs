//! The SMTP listener: who may connect, how many, and one task per client.

mod client;
mod limits;

pub use limits::Occupancy;

use crate::dispatch::Command;
use client::Client;
use intake::{GreetingRefusal, Session};
use limits::{Limits, Refused};
use maincf::RelayConfig;
use spool::Spool;
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// What every client's task needs.
#[derive(Debug)]
pub struct Shared {
    /// For the dialogue.
    pub dialogue: Arc<intake::Settings>,
    /// `smtpd_timeout`.
    pub timeout: Duration,
    /// Who may send.
    pub clients: maincf::value::Networks,
    /// Where messages go.
    pub spool: Spool,
    /// Where accepted messages are told.
    pub accepted: mpsc::UnboundedSender<Command>,
    limits: Limits,
}

impl Shared {
    /// From the configuration; `occupancy` is the same for as long as the relay runs.
    ///
    /// # Errors
    /// The file that myorigin names cannot be read.
    pub fn new(
        config: &RelayConfig,
        spool: Spool,
        accepted: mpsc::UnboundedSender<Command>,
        occupancy: &Occupancy,
    ) -> std::io::Result<Self> {
        let settings = intake::Settings {
            banner: config.intake.banner.clone(),
            origin: config.identity.origin.read()?,
            message_size_limit: config.queue.message_size_limit.map_or(0, |limit| limit.get()),
            recipient_limit: config.intake.recipient_limit.get() as usize,
            hard_error_limit: config.intake.hard_error_limit.get(),
            alphabet: if config.identity.smtputf8 { intake::Alphabet::Utf8 } else { intake::Alphabet::Ascii },
            ..intake::Settings::new(config.identity.hostname.to_string())
        };
        Ok(Self {
            dialogue: Arc::new(settings),
            timeout: config.intake.timeout.get(),
            clients: config.intake.clients.clone(),
            spool,
            accepted,
            limits: Limits::new(&config.intake, occupancy),
        })
    }
}

/// Accepts clients on `listener` until `ending` says so, then lets those that are there finish. Each holds a copy of
/// `presence` until it is gone.
pub async fn serve(
    listener: TcpListener,
    settings: watch::Receiver<Arc<Shared>>,
    ending: watch::Receiver<bool>,
    presence: mpsc::Sender<Infallible>,
) {
    let mut end = ending.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = end.wait_for(|ending| *ending) => return,
        };
        match accepted {
            Ok((stream, address)) => {
                let shared = settings.borrow().clone();
                let (ending, presence) = (ending.clone(), presence.clone());
                tokio::task::spawn_local(async move {
                    greet(stream, address, shared, ending).await;
                    drop(presence);
                });
            }
            Err(error) => {
                tracing::warn!(service = "smtpd", "cannot accept a client: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn greet(
    mut stream: TcpStream,
    address: SocketAddr,
    shared: Arc<Shared>,
    ending: watch::Receiver<bool>,
) {
    let ip = address.ip().to_canonical();
    let refused = if shared.clients.contains(ip) {
        match shared.limits.admit(ip) {
            Ok(place) => {
                let _no_delay = stream.set_nodelay(true);
                let own = stream.local_addr().map(|own| own.ip().to_canonical());
                let remote = !ip.is_loopback() && own.is_ok_and(|own| own != ip);
                let peer = Peer { name: name_of(ip), ip, port: address.port(), remote };
                tracing::info!(service = "smtpd", "connect from {peer}");
                return Client::new(stream, peer, shared, place).run(ending).await;
            }
            Err(Refused) => GreetingRefusal::TooManyConnections,
        }
    } else {
        GreetingRefusal::NotAllowed
    };
    tracing::warn!(service = "smtpd", "client [{ip}] refused: {refused:?}");
    let farewell = Session::refused_greeting(&shared.dialogue, refused);
    let _gone = tokio::time::timeout(Duration::from_secs(5), stream.write_all(&farewell)).await;
}

/// The other side, as the log names it.
#[derive(Debug, Clone)]
struct Peer {
    name: &'static str,
    ip: IpAddr,
    port: u16,
    /// It is another machine.
    remote: bool,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.name, self.ip)
    }
}

/// No name is looked up: the listener is for this machine, and a slow resolver must not delay mail.
fn name_of(ip: IpAddr) -> &'static str {
    if ip.is_loopback() { "localhost" } else { "unknown" }
}
