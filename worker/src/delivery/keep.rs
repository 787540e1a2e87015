//! Whether a session is worth keeping, and how it is parted with: parked, or ended with QUIT.

use super::session::{Connection, History, Security, Session, state_of};
use super::{Delivery, converse, reuse};
use crate::context::Context;
use crate::duty::Duty;
use crate::state::{self, ParkedTls};
use proto::clock::Boottime;
use proto::job::Request;
use proto::parked::{Label, Parked};
use route::Nexthop;
use smtp::{Afterwards, SessionEnd, Stage};
use std::os::fd::{AsFd, OwnedFd};
use tls::PeerFacts;
use tls::handover::{self, SocketMark};
use tls::records::Records;

/// What is wanted of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// Look for a parked session.
    pub(super) load: bool,
    /// Park the session afterwards.
    pub(super) store: bool,
}

impl Wish {
    /// Permanent for listed destinations, else as the scheduler sees the backlog.
    pub(super) fn of(context: &Context, request: &Request, nexthop: &Nexthop) -> Self {
        let permanent = is_permanent(context, nexthop);
        let on_demand = context.config.cache.on_demand;
        Self {
            load: permanent || on_demand && request.cache.load,
            store: permanent || on_demand && request.cache.store,
        }
    }

    /// Decided before the final dot, since QUIT goes with it: the session's own limits, counted with this message.
    pub(super) fn for_session(self, context: &Context, session: &Session, duty: &Duty) -> Afterwards {
        let history = &session.connection.history;
        let worth_it = self.store
            && history.uses_left > 1
            && history.retire_at > Boottime::now()
            && duty.check().is_ok()
            && idle_ms(context) > 0
            && session.connection.may_be_kept();
        if worth_it { Afterwards::Keep } else { Afterwards::Quit }
    }
}

/// Whether `*_connection_cache_destinations` has the next hop.
pub(super) fn is_permanent(context: &Context, nexthop: &Nexthop) -> bool {
    context.permanent.matches(nexthop.domain()).unwrap_or_else(|error| {
        // Whether to keep a session is not worth deferring mail for.
        tracing::warn!("{}_connection_cache_destinations: {error}", context.dialect.name.to_lowercase());
        false
    })
}

/// `*_connection_cache_time_limit`; scache caps it.
pub(super) fn idle_ms(context: &Context) -> u32 {
    u32::try_from(context.config.cache.time_limit.get().as_millis()).unwrap_or(u32::MAX)
}

/// Parks what can go on, and leaves the rest as the dialogue left it. Parking that fails is never an error.
pub(super) fn part(
    delivery: &mut Delivery<'_>,
    mut connection: Connection,
    nexthop: &Nexthop,
    end: SessionEnd,
    afterwards: Afterwards,
) {
    match end {
        SessionEnd::Ready(ready)
            if afterwards == Afterwards::Keep
                && !connection.wire.has_unread()
                && delivery.cache.is_connected() =>
        {
            park(delivery, Session { connection, ready }, nexthop);
        }
        SessionEnd::Ready(ready) => {
            ready.quit(&mut connection.wire.outgoing);
            connection.wire.write_and_forget();
            await_farewell(delivery, connection);
        }
        SessionEnd::Quitting => await_farewell(delivery, connection),
        SessionEnd::Broken(_) => {}
    }
}

fn park(delivery: &mut Delivery<'_>, session: Session, nexthop: &Nexthop) {
    let context = delivery.context;
    let relay = session.connection.place.relay();
    let label = Label { service: context.service.clone(), nexthop: nexthop.text().to_owned(), relay };
    let Some((parked, descriptor)) = deposit(context, session, label) else { return };
    let farewell = parked.farewell.clone();
    if let Err(descriptor) = delivery.cache.park(parked, descriptor) {
        let _best_effort = rustix::net::send(&descriptor, &farewell, rustix::net::SendFlags::NOSIGNAL);
    }
}

/// What goes to scache. From here on this process cannot use the session any more; `None`: it was closed.
fn deposit(context: &Context, session: Session, label: Label) -> Option<(Parked, OwnedFd)> {
    let Session { connection, ready } = session;
    let Connection { wire, endpoint, place, history, route, security } = connection;
    let (socket, records) = wire.into_quiet_parts()?;
    let descriptor = socket.into_descriptor().ok()?;
    let cookie = handover::cookie(descriptor.as_fd()).ok()?;
    let tls = match (records, security) {
        (None, _) => None,
        (Some(records), Security::Encrypted { peer, .. }) => {
            Some(seal_off(records, *peer, cookie, &descriptor)?)
        }
        (Some(_), Security::Plaintext { .. }) => return None,
    };
    // The lock goes last, but before the descriptor: a quick taker must not be refused.
    handover::release(descriptor.as_fd());
    let farewell = reuse::farewell(tls.is_some());
    let state = state_of(place, &history, cookie, ready.into_facts(), context.pid, tls);
    let sealed = state::seal_session(&context.deposit.borrow(), &endpoint, &state).ok()?;
    let History { retire_at, uses_left, pace_us, .. } = history;
    let idle_ms = idle_ms(context);
    Some((
        Parked { endpoint, route, label, farewell, idle_ms, retire_at, uses_left, pace_us, sealed },
        descriptor,
    ))
}

/// Takes the keys out of a session's hands and remembers how far the socket has come.
fn seal_off(records: Records, peer: PeerFacts, cookie: u64, socket: &OwnedFd) -> Option<ParkedTls> {
    let state = records.into_state().ok()?;
    let mark = SocketMark::beside(cookie, socket.as_fd()).ok()?;
    Some(ParkedTls { state, mark, peer })
}

/// `*_skip_quit_response`, `tls_fast_shutdown_enable`. The result is known and must be reported: nobody waits here, a task
/// of its own does.
fn await_farewell(delivery: &Delivery<'_>, mut connection: Connection) {
    let context = delivery.context;
    let hears_reply = !context.config.hello.skip_quit_response;
    let hears_close = connection.wire.is_encrypted() && !context.config.tls.fast_shutdown;
    if (hears_reply || hears_close) && context.farewells.has_room() {
        let quit = hears_reply.then(|| converse::patience(context, Stage::Quit));
        let close = hears_close.then(|| converse::patience(context, Stage::StartTls));
        context.farewells.wait_for(connection.wire.farewell(quit, close));
    } else {
        connection.wire.close_notify();
    }
}
