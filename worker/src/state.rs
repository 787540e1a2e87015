//! What travels with a parked session, sealed so that only workers can have made it.
//!
//! A plaintext session holds no secret, so its seal is a check sum under a key (HMAC-SHA-256) that scache
//! does not have; it binds the state to the key under which it was parked.

use hmac::{Hmac, Mac};
use proto::clock::Boottime;
use proto::key::{DestinationKey, EndpointKey};
use proto::secret::Secret;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::Sha256;
use smtp::EhloFacts;

const TAG: usize = 32;

/// All that is known of a session between two deliveries. Move-only.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What the server said of itself.
    pub facts: EhloFacts,
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
    /// The destination has no other host.
    pub alone: bool,
}

/// The blob was not made by a worker of this relay for this key, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed state does not belong to this session")]
pub struct Forged;

/// Seals a session's state for the endpoint it is connected to.
#[must_use]
pub fn seal_session(secret: &Secret, endpoint: &EndpointKey, state: &SessionState) -> Vec<u8> {
    seal(secret, &[b"session", endpoint.as_bytes()], state)
}

/// Opens what [`seal_session`] made.
///
/// # Errors
/// [`Forged`]: close the descriptor, write nothing.
pub fn open_session(secret: &Secret, endpoint: &EndpointKey, blob: &[u8]) -> Result<SessionState, Forged> {
    open(secret, &[b"session", endpoint.as_bytes()], blob)
}

/// Seals a route from a destination to an endpoint.
#[must_use]
pub fn seal_route(secret: &Secret, from: &DestinationKey, to: &EndpointKey, route: &RouteState) -> Vec<u8> {
    seal(secret, &[b"route", from.as_bytes(), to.as_bytes()], route)
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
    open(secret, &[b"route", from.as_bytes(), to.as_bytes()], blob)
}

fn seal<T: Serialize>(secret: &Secret, context: &[&[u8]], state: &T) -> Vec<u8> {
    // postcard cannot fail on these types; an empty blob would open for nobody.
    let mut blob = postcard::to_stdvec(state).unwrap_or_default();
    let tag = mac(secret, context, &blob).finalize().into_bytes();
    blob.extend_from_slice(&tag);
    blob
}

fn open<T: DeserializeOwned>(secret: &Secret, context: &[&[u8]], blob: &[u8]) -> Result<T, Forged> {
    let body = blob.len().checked_sub(TAG).ok_or(Forged)?;
    let (body, tag) = blob.split_at_checked(body).ok_or(Forged)?;
    mac(secret, context, body).verify_slice(tag).map_err(|_| Forged)?;
    postcard::from_bytes(body).map_err(|_| Forged)
}

fn mac(secret: &Secret, context: &[&[u8]], body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose()).expect("any length is accepted");
    for part in context {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.update(body);
    mac
}
