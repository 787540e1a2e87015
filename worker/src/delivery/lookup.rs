//! From a next hop to its route, and what it means that there is none.

use super::fate::Class;
use super::recipients::Failure;
use super::{Delivery, Rest};
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use route::dns::Budget;
use route::{Nexthop, Route, RouteError};
use std::time::{Duration, Instant};

/// How long all lookups of one request may take, and one of them.
const LOOKUPS: Duration = Duration::from_secs(100);
const LOOKUP: Duration = Duration::from_secs(30);

/// The time that lookups have from now on.
pub(super) fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + LOOKUPS, per_lookup: LOOKUP }
}

impl Delivery<'_> {
    pub(super) async fn find(&mut self, nexthop: &Nexthop) -> Result<Result<Route, RouteError>, Abandoned> {
        let options = self.context.route_options(Some(nexthop.port_or(self.context.default_port())));
        let seed = self.request.job ^ self.request.times.handed;
        self.duty.guard(route::find(&self.context.resolver, nexthop, &options, budget(), seed)).await
    }

    /// No hosts: a permanent reason is final, unless this is a configured relay, where it is our mistake.
    pub(super) fn no_route(&mut self, nexthop: &Nexthop, rest: Rest, error: &RouteError) -> Rest {
        let mut failure = Failure::new(error.status.to_string(), error.text.clone());
        let loops = error.class == route::Class::Loop;
        if failure.class() == Class::Hard && !loops && self.is_our_choice(nexthop) {
            tracing::warn!("{}: {}: configuration problem", self.request.queue_id, failure.reason);
            failure = Failure { status: "4.3.5".into(), ..failure };
        }
        let rest = if error.i_am_mx { Rest::Final } else { rest };
        if rest == Rest::GoOn {
            tracing::info!("{}: {}", self.request.queue_id, failure.reason);
        }
        if failure.class() == Class::Soft {
            self.dead = Some(failure.clone());
        }
        self.last_failure = Some(failure);
        self.last_relay = Relay::default();
        rest
    }

    /// Whether the operator named this host, and not the recipient's domain.
    fn is_our_choice(&self, nexthop: &Nexthop) -> bool {
        let config = &self.context.config.nexthop;
        let relayhost = config.relayhost.join(", ");
        let is_relayhost = !relayhost.is_empty() && self.request.nexthop.eq_ignore_ascii_case(&relayhost);
        is_relayhost || config.fallback_relay.iter().any(|relay| relay == nexthop.text())
    }
}
