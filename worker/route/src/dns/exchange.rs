//! One question to the servers in turn, through hickory. The only file that knows its transport.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts, ServerOrderingStrategy};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::FirstAnswer;
use hickory_resolver::net::{DnsError, DnsHandle, NetError};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};
use tokio::time::{Instant, timeout_at};

use super::{Outcome, Trouble};

/// The UDP payload we take; larger answers come over TCP. RFC 9715.
const EDNS_PAYLOAD: u16 = 1232;

/// What a server said.
pub(super) enum Answer {
    /// A message with answers; its RCODE may still be NXDOMAIN (an alias to nothing).
    Message(Box<Message>),
    /// NXDOMAIN or "no such records", with the zone's TTL for that, in seconds.
    Negative(Outcome, Option<u32>),
}

/// How patiently servers are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For one server and one question.
    pub(super) timeout: Duration,
    /// How often the list is gone through.
    pub(super) attempts: u32,
    /// Begin each question with the next server.
    pub(super) rotate: bool,
    /// TCP only.
    pub(super) use_vc: bool,
}

/// The servers, each with its own hickory pool.
///
/// One pool for all would share one timeout among them, so that a dead first server hides the second,
/// and would stop at the first SERVFAIL; the C library goes on, and so do we.
pub(super) struct Exchange {
    servers: Vec<NameServerPool<TokioRuntimeProvider>>,
    patience: Patience,
    next: AtomicUsize,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("servers", &self.servers.len())
            .field("patience", &self.patience)
            .finish()
    }
}

impl Exchange {
    /// Opens nothing yet.
    pub(super) fn new(servers: &[SocketAddr], patience: Patience) -> Result<Self, NetError> {
        let servers = servers.iter().map(|server| pool(*server, patience)).collect::<Result<_, _>>()?;
        Ok(Self { servers, patience, next: AtomicUsize::new(0) })
    }

    /// Asks until a server answers, every server has failed for good, or `until`.
    pub(super) async fn ask(&self, name: &Name, kind: RecordType, until: Instant) -> Result<Answer, Outcome> {
        let mut trouble = Trouble::Network("no DNS server is configured".into());
        let first = if self.patience.rotate { self.next.fetch_add(1, Ordering::Relaxed) } else { 0 };
        let mut silent: Vec<_> = (0..self.servers.len())
            .filter_map(|place| self.servers.get((first.wrapping_add(place)) % self.servers.len()))
            .collect();
        for _ in 0..self.patience.attempts {
            let round = std::mem::take(&mut silent);
            for server in round {
                let now = Instant::now();
                if now >= until {
                    return Err(Outcome::Temporary(Trouble::Timeout));
                }
                let end = until.min(now + self.patience.timeout);
                let said =
                    timeout_at(end, ask_one(server, name, kind)).await.unwrap_or(Err(NetError::Timeout));
                match said.map_err(failure) {
                    Ok(response) => return Ok(response),
                    Err(Failure::Negative(outcome, ttl)) => return Ok(Answer::Negative(outcome, ttl)),
                    Err(Failure::Final(rcode)) => return Err(Outcome::Unrecoverable(rcode)),
                    // It has said that it cannot help; asking again at once is no use.
                    Err(Failure::Trouble(answered @ Trouble::Rcode(_))) => trouble = answered,
                    Err(Failure::Trouble(other)) => {
                        trouble = other;
                        silent.push(server);
                    }
                }
            }
        }
        Err(Outcome::Temporary(trouble))
    }
}

fn pool(server: SocketAddr, patience: Patience) -> Result<NameServerPool<TokioRuntimeProvider>, NetError> {
    let mut options = ResolverOpts::default();
    options.timeout = patience.timeout;
    options.edns0 = true;
    options.edns_payload_len = EDNS_PAYLOAD;
    options.num_concurrent_reqs = 1;
    options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    if patience.use_vc {
        connections.remove(0);
    }
    for connection in &mut connections {
        connection.port = server.port();
    }
    let config = NameServerConfig::new(server.ip(), true, connections);
    let context = Arc::new(PoolContext::new(options, TlsConfig::new()?));
    Ok(NameServerPool::from_config([config], context, TokioRuntimeProvider::default()))
}

/// One question to one server; without EDNS if it does not understand that (RFC 6891 §6.2.2).
async fn ask_one(
    server: &NameServerPool<TokioRuntimeProvider>,
    name: &Name,
    kind: RecordType,
) -> Result<Answer, NetError> {
    let with_edns = server.send(request(name, kind, Edns::On)).first_answer().await;
    let response = match with_edns {
        Err(NetError::Dns(DnsError::ResponseCode(ResponseCode::FormErr | ResponseCode::BADVERS))) => {
            server.send(request(name, kind, Edns::Off)).first_answer().await?
        }
        other => other?,
    };
    Ok(Answer::Message(Box::new(response.into_message())))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Edns {
    On,
    Off,
}

/// Every request has AD set: "I understand AD" (RFC 6840 §5.7). The pool joins equal questions without
/// looking at AD, so it must be the same on all.
fn request(name: &Name, kind: RecordType, edns: Edns) -> DnsRequest {
    let mut options = DnsRequestOptions::default();
    options.use_edns = edns == Edns::On;
    options.edns_payload_len = EDNS_PAYLOAD;
    let (mut message, options) =
        DnsRequest::from_query(Query::query(name.clone(), kind), options).into_parts();
    message.metadata.authentic_data = true;
    DnsRequest::new(message, options)
}

enum Failure {
    /// An answer after all.
    Negative(Outcome, Option<u32>),
    /// Another server, or the same one later, may know.
    Trouble(Trouble),
    /// No server will ever answer this.
    Final(u16),
}

fn failure(error: NetError) -> Failure {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => Failure::Negative(Outcome::NxDomain, none.negative_ttl),
            ResponseCode::NoError => Failure::Negative(Outcome::NoData, none.negative_ttl),
            other => Failure::Trouble(Trouble::Rcode(other.into())),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => match code {
            // As the C library does: the next server may be willing.
            ResponseCode::ServFail | ResponseCode::Refused | ResponseCode::NotImp => {
                Failure::Trouble(Trouble::Rcode(code.into()))
            }
            other => Failure::Final(other.into()),
        },
        NetError::Timeout => Failure::Trouble(Trouble::Timeout),
        NetError::Io(_) | NetError::NoConnections | NetError::Busy => {
            Failure::Trouble(Trouble::Network(error.to_string()))
        }
        other => Failure::Trouble(Trouble::Malformed(other.to_string())),
    }
}
