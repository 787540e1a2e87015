//! Parked sessions: by the destination that asks, then by the endpoints its route leads to.

use super::session::{Connection, History, Place, Session, destination_key, endpoint_key};
use crate::cache::{Answer, Cache, Found};
use crate::context::Context;
use crate::state::{self, RouteState, SessionState};
use crate::wire::{Family, Socket, Wire};
use proto::job::Request;
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::{Label, Parked};
use route::{Candidate, Nexthop};
use smtp::Ready;

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
    /// Its only host.
    Host(Candidate),
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
            match state::open_route(&context.secret, &key, &endpoint, &sealed) {
                // With several hosts the lookup decides which of them is next.
                Ok(RouteState { host, address, port, alone: true }) => {
                    Place { host, address, port }.candidate().map_or(Known::Nothing, Known::Host)
                }
                _ => Known::Nothing,
            }
        }
        Some(Answer::Session(found)) => {
            let session = by_route(context, cache, request, &key, found);
            session.map_or(Known::Nothing, |(session, others)| Known::Session(Box::new(session), others))
        }
    }
}

fn by_route(
    context: &Context,
    cache: &mut Cache,
    request: &Request,
    key: &DestinationKey,
    found: Found,
) -> Option<(Session, Others)> {
    let endpoint = found.taken.endpoint;
    let sealed = found.taken.route.as_deref().ok_or(state::Forged);
    let opened = sealed.and_then(|blob| state::open_route(&context.secret, key, &endpoint, blob));
    let Ok(RouteState { host, alone, .. }) = opened else {
        tracing::warn!("a parked session came without its route: closed");
        return None;
    };
    let mut session = wake(context, found)?;
    session.connection.place.host = host;
    // The configuration may have changed since: what decides about a connection now must be what decided then.
    if endpoint_key(context, request, &session.connection.place) != session.connection.endpoint {
        put_back(context, cache, session);
        return None;
    }
    Some((session, if alone { Others::None } else { Others::Some }))
}

/// A session to one of these candidates, and which of them.
pub(super) fn by_endpoint(
    context: &Context,
    cache: &mut Cache,
    request: &Request,
    candidates: &[Candidate],
) -> Option<(Session, usize)> {
    let keys: Vec<EndpointKey> =
        candidates.iter().map(|candidate| endpoint_key(context, request, &Place::of(candidate))).collect();
    let found = cache.take_by_endpoint(keys.clone())?;
    let at = keys.iter().position(|key| *key == found.taken.endpoint)?;
    Some((wake(context, found)?, at))
}

/// The session as it was parked. One that cannot be trusted is closed without a word.
fn wake(context: &Context, found: Found) -> Option<Session> {
    let Found { taken, descriptor } = found;
    let opened = state::open_session(&context.secret, &taken.endpoint, &taken.sealed);
    let Ok(state) = opened else {
        tracing::warn!("a parked session came with a state that is not its own: closed");
        return None;
    };
    let SessionState { serial, uses, handovers, parked_by, born, host, address, port, facts } = state;
    let family = if port == 0 { Family::Unix } else { Family::Tcp };
    let socket = Socket::received(descriptor, family).ok()?;
    // What a server says unasked would be taken for the answer to our first command, and each answer for the next one's.
    if !socket.is_quiet() {
        tracing::debug!("a parked session with {host}[{address}] was over: closed");
        return None;
    }
    let handed_over = parked_by != context.pid;
    let history = History {
        serial,
        born,
        uses,
        handovers: handovers.saturating_add(u32::from(handed_over)),
        handed_over,
        retire_at: taken.retire_at,
        uses_left: taken.uses_left,
        pace_us: taken.pace_us,
    };
    let (wire, place) = (Wire::new(socket), Place { host, address, port });
    let connection = Connection { wire, endpoint: taken.endpoint, place, history, route: None };
    Some(Session { connection, ready: Ready::from_facts(context.dialect, facts) })
}

/// A session that does not fit goes back as it was.
fn put_back(context: &Context, cache: &mut Cache, session: Session) {
    let idle_ms = super::keep::idle_ms(context);
    let parked = parked(context, &session, Label::default(), idle_ms);
    let Some(descriptor) =
        session.connection.wire.into_quiet_socket().and_then(|socket| socket.into_descriptor().ok())
    else {
        return;
    };
    // Not taken: it is closed, which the server will survive.
    drop(cache.put_back(parked, descriptor));
}

/// What goes to scache beside the descriptor.
pub(super) fn parked(context: &Context, session: &Session, label: Label, idle_ms: u32) -> Parked {
    let connection = &session.connection;
    Parked {
        endpoint: connection.endpoint,
        route: connection.route.clone(),
        label,
        farewell: smtp::QUIT.to_vec(),
        idle_ms,
        retire_at: connection.history.retire_at,
        uses_left: connection.history.uses_left,
        pace_us: connection.history.pace_us,
        sealed: state::seal_session(&context.secret, &connection.endpoint, &session.state(context.pid)),
    }
}
