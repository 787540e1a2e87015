//! Parked sessions: by the destination that asks, then by the endpoints its route leads to.

use super::login::{Footing, known_footing};
use super::secure::Host;
use super::session::{Connection, History, Place, Security, Session, destination_key, endpoint_key};
use crate::cache::{Answer, Cache, Found};
use crate::context::Context;
use crate::state::{self, ParkedTls, RouteState, SessionState};
use crate::wire::{Family, Socket, Wire};
use proto::clock::Boottime;
use proto::job::Request;
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::{Label, Parked, Taken};
use route::{Candidate, Endpoint, Nexthop};
use smtp::{Ready, ReplyReader};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tls::handover::{self, SocketMark};
use tls::records::Records;
use tls::{Effective, PeerFacts};

/// Whether a destination has other hosts than the one that a session leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    None,
    Some,
}

/// What is known of a destination without a lookup.
#[derive(Debug)]
pub(super) enum Known {
    /// A session, and whether the destination has other hosts.
    Session(Box<Session>, Others),
    /// Its only host, and until when.
    Host(Box<Host>, Boottime),
    /// Nothing.
    Nothing,
}

/// A session that serves this destination by a route that is still fresh, or the destination's only host.
pub(super) fn by_destination(
    context: &Context,
    cache: &mut Cache,
    request: &Request,
    nexthop: &Nexthop,
) -> Known {
    let key = destination_key(context, request, nexthop);
    match cache.take_by_destination(key) {
        None => Known::Nothing,
        Some(Answer::Way { endpoint, sealed }) => {
            match fresh_route(context, &key, &endpoint, &sealed) {
                // With several hosts the lookup decides which of them is next.
                Ok(route) if route.alone => {
                    let until = route.fresh_until;
                    host_of(route)
                        .filter(|host| footing_for(context, request, nexthop, host, &endpoint).is_some())
                        .map_or(Known::Nothing, |host| Known::Host(Box::new(host), until))
                }
                _ => Known::Nothing,
            }
        }
        Some(Answer::Session(found)) => {
            let session = by_route(context, cache, request, nexthop, &key, found);
            session.map_or(Known::Nothing, |(session, others)| Known::Session(Box::new(session), others))
        }
    }
}

/// A route that was sealed for these two, and that DNS still vouches for.
fn fresh_route(
    context: &Context,
    from: &DestinationKey,
    to: &EndpointKey,
    sealed: &[u8],
) -> Result<RouteState, state::Forged> {
    let route = state::open_route(&context.secret, from, to, sealed)?;
    let grace = Duration::from_millis(LATE_MS);
    if route.fresh_until.after(grace) > Boottime::now() { Ok(route) } else { Err(state::Forged) }
}

/// How long the answer of scache may have been on its way.
const LATE_MS: u64 = 1000;

/// The host that a route leads to, as it was found.
fn host_of(route: RouteState) -> Option<Host> {
    let RouteState { host, address, port, fresh_until: _, alone: _, exchanger, dane } = route;
    let endpoint = match port {
        0 => Endpoint::Unix(address.into()),
        port => Endpoint::Inet(SocketAddr::new(address.parse().ok()?, port)),
    };
    // What its address was worth is in what was found by it.
    let candidate = Candidate { host, canonical: None, endpoint, preference: 0, best: true, secure: false };
    let mut host = Host::new(candidate, exchanger);
    host.dane = dane;
    Some(host)
}

fn by_route(
    context: &Context,
    cache: &mut Cache,
    request: &Request,
    nexthop: &Nexthop,
    key: &DestinationKey,
    found: Found,
) -> Option<(Session, Others)> {
    let endpoint = found.taken.endpoint;
    let sealed = found.taken.route.as_deref().ok_or(state::Forged);
    let opened = sealed.and_then(|blob| fresh_route(context, key, &endpoint, blob));
    let Ok(route) = opened else {
        tracing::warn!("a parked session came without its route, or with one of the past: closed");
        return None;
    };
    let others = if route.alone { Others::None } else { Others::Some };
    let host = host_of(route)?;
    let place = Place::of(&host.candidate);
    let Some(footing) = footing_for(context, request, nexthop, &host, &endpoint) else {
        put_back(context, cache, found);
        return None;
    };
    let mut session = wake(context, found, &footing.policy)?;
    session.connection.place = place;
    Some((session, others))
}

/// The policy and credential of a host that a route leads to. What decides about a connection now must be what decided
/// then: the configuration may have changed since.
fn footing_for(
    context: &Context,
    request: &Request,
    nexthop: &Nexthop,
    host: &Host,
    endpoint: &EndpointKey,
) -> Option<Footing> {
    let place = Place::of(&host.candidate);
    known_footing(context, request, nexthop, host)
        .filter(|footing| endpoint_key(context, request, &place, footing) == *endpoint)
}

/// A session to one of these candidates, each on its footing, and which of them.
pub(super) fn by_endpoint(
    context: &Context,
    cache: &mut Cache,
    request: &Request,
    candidates: &[(Candidate, Arc<Footing>)],
) -> Option<(Session, usize)> {
    let key = |(candidate, footing): &(Candidate, Arc<Footing>)| {
        endpoint_key(context, request, &Place::of(candidate), footing)
    };
    let keys: Vec<EndpointKey> = candidates.iter().map(key).collect();
    let found = cache.take_by_endpoint(keys.clone())?;
    let Some(at) = keys.iter().position(|key| *key == found.taken.endpoint) else {
        tracing::warn!("a parked session came under another endpoint than was asked for: closed");
        return None;
    };
    let (_, footing) = candidates.get(at)?;
    Some((wake(context, found, &footing.policy)?, at))
}

/// The session as it was parked, for use under this policy. One that cannot be trusted is closed without a word: what
/// is doubtful must not encrypt anything.
fn wake(context: &Context, found: Found, policy: &Effective) -> Option<Session> {
    let Found { taken, descriptor } = found;
    let opened = state::open_session(&context.deposit.borrow(), &taken.endpoint, &taken.sealed);
    let state = match opened {
        Ok(state) => state,
        Err(handover::SealError::OtherEpoch) => {
            tracing::info!("a parked session was sealed under a key of another period: closed");
            return None;
        }
        Err(error) => {
            tracing::warn!("a parked session came with a state that is not its own ({error}): closed");
            return None;
        }
    };
    let SessionState { serial, uses, handovers, parked_by, born, host, address, port, cookie, facts, tls } =
        state;
    let family = if port == 0 { Family::Unix } else { Family::Tcp };
    let place = Place { host, address, port };
    let peer = place.peer();
    let (mut wire, security) =
        match own(descriptor, family, cookie).and_then(|socket| secure(socket, tls, &place, policy)) {
            Ok(resumed) => resumed,
            Err(Unfit::Over) => {
                tracing::info!("a parked session with {peer} was over: closed");
                return None;
            }
            Err(why) => {
                tracing::warn!("a parked session with {peer} {why}: closed");
                return None;
            }
        };
    wire.replies = ReplyReader::filtered(context.rewordings.replies_of(|| place.relay()));
    let handed_over = parked_by != context.pid;
    let Taken { endpoint, retire_at, uses_left, pace_us, .. } = taken;
    let handovers = handovers.saturating_add(u32::from(handed_over));
    let history = History { serial, born, uses, handovers, handed_over, retire_at, uses_left, pace_us };
    let session = Session {
        connection: Connection { wire, endpoint, place, history, route: None, security },
        ready: Ready::from_facts(context.dialect, facts),
    };
    session.connection.log_reuse(context);
    Some(session)
}

/// Makes a socket that was taken this process's own, if it is the one that was parked, and nothing came since.
fn own(descriptor: OwnedFd, family: Family, parked: u64) -> Result<Socket, Unfit> {
    // First of all, since only a socket has one: to lock a file may take as long as its file system likes.
    if !handover::cookie(descriptor.as_fd()).is_ok_and(|cookie| cookie == parked) {
        return Err(Unfit::OtherSocket);
    }
    // Of two processes that were given the same session one is refused here.
    handover::claim(descriptor.as_fd()).map_err(|_| Unfit::HeldByAnother)?;
    let socket = Socket::received(descriptor, family);
    // What a server says unasked would be taken for the answer to our first command, and each answer for the next one's.
    if socket.is_quiet() { Ok(socket) } else { Err(Unfit::Over) }
}

/// The session on a socket that this process owns.
fn secure(
    socket: Socket,
    tls: Option<ParkedTls>,
    place: &Place,
    policy: &Effective,
) -> Result<(Wire, Security), Unfit> {
    let Some(tls) = tls else {
        if policy.level.is_mandatory() {
            return Err(Unfit::NotEncrypted);
        }
        // One that was disconnected would only never be ready.
        if !leads_to(&socket, place) {
            return Err(Unfit::OtherSocket);
        }
        return Ok((Wire::new(socket), Security::Plaintext { makeshift: false }));
    };
    let (records, peer) = resume(tls, socket.descriptor().map_err(|_| Unfit::OtherSocket)?, policy)?;
    let security = Security::Encrypted { peer: Box::new(peer), reuse: policy.reuse };
    Ok((Wire::resumed(socket, records), security))
}

/// Whether a socket is connected to this place. One to a path was told by its cookie.
fn leads_to(socket: &Socket, place: &Place) -> bool {
    if socket.family() == Family::Unix {
        return true;
    }
    let peer = socket.descriptor().ok().and_then(|socket| rustix::net::getpeername(socket).ok().flatten());
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    peer.is_some_and(|peer| place.address.parse() == Ok(peer.ip()) && place.port == peer.port())
}

/// The encryption of a session that this process owns, if nobody has used it and it is worth what the policy asks.
fn resume(tls: ParkedTls, socket: BorrowedFd<'_>, policy: &Effective) -> Result<(Records, PeerFacts), Unfit> {
    let ParkedTls { state, mark, peer } = tls;
    // The cookie was read when the socket was made our own; it was sealed together with the mark.
    if !SocketMark::beside(mark.cookie, socket).is_ok_and(|now| now == mark) {
        return Err(Unfit::UsedSince);
    }
    if peer.policy_digest != policy.digest() || !peer.holds_at(SystemTime::now()) {
        return Err(Unfit::NotForThisPolicy);
    }
    let records = Records::from_state(state).map_err(|_| Unfit::Unusable)?;
    Ok((records, peer))
}

/// Why a parked session is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Unfit {
    #[error("is held by another process")]
    HeldByAnother,
    #[error("came with another connection")]
    OtherSocket,
    /// The server spoke or left, which is its right.
    #[error("was over")]
    Over,
    #[error("was used since it was parked")]
    UsedSince,
    #[error("was verified for another policy, or too long ago")]
    NotForThisPolicy,
    #[error("cannot go on")]
    Unusable,
    #[error("is not encrypted, as the policy asks")]
    NotEncrypted,
}

/// A session that does not fit goes back as it was.
fn put_back(context: &Context, cache: &mut Cache, found: Found) {
    let Found { taken: Taken { endpoint, route: _, retire_at, uses_left, pace_us, sealed }, descriptor } =
        found;
    let Ok(state) = state::open_session(&context.deposit.borrow(), &endpoint, &sealed) else { return };
    let farewell = farewell(state.tls.is_some());
    let (label, idle_ms) = (Label::default(), super::keep::idle_ms(context));
    let parked =
        Parked { endpoint, route: None, label, farewell, idle_ms, retire_at, uses_left, pace_us, sealed };
    // Not taken: it is closed, which the server will survive.
    drop(cache.put_back(parked, descriptor));
}

/// What scache says before it closes a session: inside TLS it can say nothing.
pub(super) fn farewell(encrypted: bool) -> Vec<u8> {
    if encrypted { Vec::new() } else { smtp::QUIT.to_vec() }
}
