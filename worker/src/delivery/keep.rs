//! Whether a session is worth keeping, and how it is parted with: parked, or ended with QUIT.

use super::session::{Connection, Session};
use super::{Delivery, greet, reuse};
use crate::context::Context;
use crate::duty::Duty;
use proto::clock::Boottime;
use proto::job::Request;
use proto::parked::Label;
use route::{Nexthop, Route};
use smtp::{Afterwards, Ready, SessionEnd, Stage};

/// How many connections may wait for the answer to QUIT while other mail is delivered; more are closed at once.
const MOST_FAREWELLS: usize = 32;

/// What is wanted of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    /// Look for a parked session.
    pub(super) load: bool,
    /// Park the session afterwards.
    store: bool,
}

impl Wish {
    /// Permanent for listed destinations, else as the scheduler sees the backlog.
    pub(super) fn of(context: &Context, request: &Request, nexthop: &Nexthop) -> Self {
        let permanent = context.permanent.matches(nexthop.domain()).unwrap_or_else(|error| {
            // Whether to keep a session is not worth deferring mail for.
            tracing::warn!("{}_connection_cache_destinations: {error}", context.dialect.name.to_lowercase());
            false
        });
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
            && idle_ms(context) > 0;
        if worth_it { Afterwards::Keep } else { Afterwards::Quit }
    }
}

/// `*_connection_cache_time_limit`; scache caps it.
pub(super) fn idle_ms(context: &Context) -> u32 {
    u32::try_from(context.config.cache.time_limit.get().as_millis()).unwrap_or(u32::MAX)
}

/// When the lookups that led to a route have to be done again.
pub(super) fn fresh_until(route: &Route) -> Boottime {
    Boottime::now().after(route.fresh_for)
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
        SessionEnd::Ready(ready) if afterwards == Afterwards::Keep && !connection.wire.has_unread() => {
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
    let label = Label {
        service: context.service.clone(),
        nexthop: nexthop.text().to_owned(),
        relay: session.connection.place.relay(),
    };
    let parked = reuse::parked(context, &session, label, idle_ms(context));
    let Session { connection, ready: Ready { .. } } = session;
    let Some(Ok(descriptor)) = connection.wire.into_quiet_socket().map(crate::wire::Socket::into_descriptor)
    else {
        return;
    };
    if let Err(descriptor) = delivery.cache.park(parked, descriptor) {
        let _best_effort = rustix::net::send(&descriptor, smtp::QUIT, rustix::net::SendFlags::NOSIGNAL);
    }
}

/// `*_skip_quit_response`. The result is known and must be reported: nobody waits here, a task of its own does.
fn await_farewell(delivery: &Delivery<'_>, connection: Connection) {
    let context = delivery.context;
    let waiting = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    if !context.config.hello.skip_quit_response && waiting < MOST_FAREWELLS {
        tokio::spawn(connection.wire.farewell(greet::patience(context, Stage::Quit)));
    }
}
