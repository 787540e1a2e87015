//! What travels with a parked session, sealed so that only workers can have made it, and can open it.
//!
//! A session's state is encrypted under the deposit key, which the supervisor gives to workers and draws anew from time to
//! time: it may hold the keys of a TLS session. A route holds no secret, and outlives sessions: its seal is a check sum
//! (HMAC-SHA-256) under a key that stays. Either is bound to the keys under which it was parked.

use hmac::{Hmac, Mac};
use proto::clock::Boottime;
use proto::deposit::{DepositKey, DepositKeys};
use proto::key::{DestinationKey, EndpointKey};
use proto::secret::Secret;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use smtp::EhloFacts;
use tls::DaneFinding;
use tls::PeerFacts;
use tls::handover::{self, SealError, SocketMark};
use tls::records::TlsState;
use zeroize::Zeroizing;

const TAG: usize = 32;
/// Room for nearly every state, and for the largest there is. It does not grow, so that no copy is left behind; and what is
/// wiped costs time.
const ROOM: [usize; 2] = [1024, 16 * 1024];

/// All that is known of a session between two deliveries. Move-only.
#[derive(Debug, Serialize, Deserialize)]
pub struct SessionState {
    /// Names the session among all of this machine.
    pub serial: u64,
    /// How many messages it has carried.
    pub uses: u32,
    /// How many times it passed from one process to another.
    pub handovers: u32,
    /// The process that parked it.
    pub parked_by: u32,
    /// When it was connected.
    pub born: Boottime,
    /// The remote host's name as looked up, for the log.
    pub host: String,
    /// The remote address as text: an IP address, or the path of a Unix socket.
    pub address: String,
    /// The remote port; 0 for a Unix socket.
    pub port: u16,
    /// Which socket it is: whoever has another one has another connection, to whatever server.
    pub cookie: u64,
    /// What the server said of itself.
    pub facts: EhloFacts,
    /// Its encryption.
    pub tls: Option<ParkedTls>,
}

/// The encryption of a parked session.
#[derive(Debug, Serialize, Deserialize)]
pub struct ParkedTls {
    /// Keys and counters.
    pub state: TlsState,
    /// What the system knew of the socket: whoever has other numbers has another socket, or is late.
    pub mark: SocketMark,
    /// Who the server is, and what that was worth under which policy.
    pub peer: PeerFacts,
}

/// What is known of the way from a destination to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteState {
    /// The host name by which this destination knows the endpoint.
    pub host: String,
    /// The remote address as text: an IP address, or the path of a Unix socket.
    pub address: String,
    /// The remote port; 0 for a Unix socket.
    pub port: u16,
    /// When the DNS answers that led there expire. scache knows it too; here it cannot say otherwise.
    pub fresh_until: Boottime,
    /// The destination has no other host.
    pub alone: bool,
    /// How MX records led to it, where there are any.
    pub exchanger: Option<Exchanger>,
    /// What DNS said of its certificate, where the policy asks. No older than the route.
    pub dane: Option<DaneFinding>,
}

/// A host that MX records named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchanger {
    /// The records and all aliases to them were validated (DNSSEC).
    pub secure: bool,
    /// The name at the end of the domain's aliases, where it has any.
    pub canonical: Option<String>,
}

/// The route was not made by a worker of this relay for these keys, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a route that does not belong to this destination")]
pub struct Forged;

/// Seals a session's state for the endpoint it is connected to. After this the session is scache's.
///
/// # Errors
/// No nonce could be drawn.
pub fn seal_session(
    keys: &DepositKeys,
    endpoint: &EndpointKey,
    state: &SessionState,
) -> Result<Vec<u8>, SealError> {
    let in_room = |size: usize| {
        let mut room = Zeroizing::new(vec![0; size]);
        let length = postcard::to_slice(state, &mut room).ok()?.len();
        room.truncate(length);
        Some(room)
    };
    // A state that fits nowhere is one that nobody could open.
    let plain = ROOM.into_iter().find_map(in_room).ok_or(SealError::Forged)?;
    opened(keys).seal(&[b"session", endpoint.as_bytes()], plain)
}

/// Opens what [`seal_session`] made.
///
/// # Errors
/// [`SealError`]: close the descriptor, write nothing.
pub fn open_session(
    keys: &DepositKeys,
    endpoint: &EndpointKey,
    blob: &[u8],
) -> Result<SessionState, SealError> {
    let state = opened(keys).open(&[b"session", endpoint.as_bytes()], blob)?;
    postcard::from_bytes(&state).map_err(|_| SealError::Forged)
}

/// The keys as the sealing knows them.
fn opened(keys: &DepositKeys) -> handover::DepositKeys {
    let key = |key: &DepositKey| handover::DepositKey::new(key.epoch, *key.key.expose());
    handover::DepositKeys { current: key(&keys.current), previous: keys.previous.as_ref().map(key) }
}

/// Seals a route from a destination to an endpoint.
#[must_use]
pub fn seal_route(secret: &Secret, from: &DestinationKey, to: &EndpointKey, route: &RouteState) -> Vec<u8> {
    // postcard cannot fail on this type; an empty blob would open for nobody.
    let mut blob = postcard::to_stdvec(route).unwrap_or_default();
    let tag = mac(secret, from, to, &blob).finalize().into_bytes();
    blob.extend_from_slice(&tag);
    blob
}

/// Opens what [`seal_route`] made.
///
/// # Errors
/// [`Forged`]: the session does not serve this destination.
pub fn open_route(
    secret: &Secret,
    from: &DestinationKey,
    to: &EndpointKey,
    blob: &[u8],
) -> Result<RouteState, Forged> {
    let body = blob.len().checked_sub(TAG).ok_or(Forged)?;
    let (body, tag) = blob.split_at_checked(body).ok_or(Forged)?;
    mac(secret, from, to, body).verify_slice(tag).map_err(|_| Forged)?;
    postcard::from_bytes(body).map_err(|_| Forged)
}

fn mac(secret: &Secret, from: &DestinationKey, to: &EndpointKey, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose()).expect("any length is accepted");
    // Fixed lengths: nothing can be shifted from one part into another.
    for part in [b"route", &from.as_bytes()[..], &to.as_bytes()[..], body] {
        mac.update(part);
    }
    mac
}
