//! Whether a session is worth keeping, and how it is parted with: parked, or ended with QUIT.

use super::session::Session;
use super::{greet, reuse};
use crate::cache::Cache;
use crate::context::Context;
use crate::duty::Duty;
use proto::clock::Boottime;
use proto::job::Request;
use proto::parked::Label;
use route::{Nexthop, Route};
use smtp::{Ending, Stage};

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
    pub(super) fn for_session(self, context: &Context, session: &Session, duty: &Duty) -> Ending {
        let history = &session.history;
        let worth_it = self.store
            && history.uses_left > 1
            && history.retire_at > Boottime::now()
            && duty.check().is_ok()
            && idle_ms(context) > 0;
        if worth_it { Ending::Keep } else { Ending::Quit }
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

/// Parks the session if it is wanted and fit, else ends it. Parking that fails is never an error.
#[expect(clippy::too_many_arguments, reason = "parts of one delivery, each used once")]
pub(super) async fn part(
    context: &Context,
    cache: &mut Cache,
    duty: &Duty,
    mut session: Session,
    nexthop: &Nexthop,
    request: &Request,
    ending: Ending,
    state: smtp::Session,
) {
    let quiet = !session.wire.has_unread();
    if ending == Ending::Keep && state == smtp::Session::Usable && quiet {
        let label = Label {
            service: context.service.clone(),
            nexthop: nexthop.text().to_owned(),
            relay: session.relay(),
        };
        let parked = reuse::parked(context, &session, label, idle_ms(context));
        let _ = request;
        let Some(Ok(descriptor)) = session.wire.into_quiet_socket().map(|socket| socket.into_descriptor())
        else {
            return;
        };
        if let Err(descriptor) = cache.park(parked, descriptor) {
            let _best_effort = rustix::net::send(&descriptor, smtp::quit(), rustix::net::SendFlags::NOSIGNAL);
        }
        return;
    }
    if state < smtp::Session::Doubtful {
        return;
    }
    if ending == Ending::Keep {
        session.wire.write_and_forget(smtp::quit());
    }
    if !context.config.hello.skip_quit_response {
        let _whatever_it_says = session.wire.reply(duty, greet::patience(context, Stage::Quit)).await;
    }
}
