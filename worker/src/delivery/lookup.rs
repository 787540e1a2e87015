//! From a next hop to its route, and what it means that there is none.

use super::fate::Class;
use super::recipients::Failure;
use super::{Delivery, Rest};
use crate::context::Context;
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use route::dns::{Budget, Lookup};
use route::{Dialect, Nexthop, Origin, Route, RouteError, Syntax, Utf8Names};
use std::time::{Duration, Instant};

/// How long all lookups of one request may take, and one of them.
const LOOKUPS: Duration = Duration::from_secs(100);
const LOOKUP: Duration = Duration::from_secs(30);

/// The time that lookups have from now on.
pub(super) fn budget() -> Budget {
    let now = Instant::now();
    Budget { now, until: now + LOOKUPS, per_lookup: LOOKUP }
}

/// A request's next hops, then the fallback relays.
///
/// # Errors
/// The text is not a list of destinations.
pub(super) fn nexthops(context: &Context, text: &str) -> Result<Vec<Nexthop>, RouteError> {
    let syntax = syntax(context);
    let mut nexthops = asked(context, text)?;
    for relay in &context.config.nexthop.fallback_relay {
        match Nexthop::parse(relay, &syntax) {
            Ok(relay) => nexthops.push(relay),
            Err(error) => tracing::warn!("fallback relay: {error}"),
        }
    }
    Ok(nexthops)
}

/// A request's next hops, without the fallback relays.
///
/// # Errors
/// The text is not a list of destinations.
pub(super) fn asked(context: &Context, text: &str) -> Result<Vec<Nexthop>, RouteError> {
    Nexthop::parse_list(text, &syntax(context)).map_err(|error| RouteError::from(&error))
}

fn syntax(context: &Context) -> Syntax<'_> {
    let dialect = match context.config.protocol {
        maincf::Protocol::Smtp => Dialect::Smtp,
        maincf::Protocol::Lmtp => Dialect::Lmtp,
    };
    let utf8 = if context.config.identity.smtputf8 { Utf8Names::Converted } else { Utf8Names::Refused };
    Syntax { dialect, utf8, services: &context.services }
}

/// The hosts of a next hop.
///
/// # Errors
/// There are none; [`no_route`] says what that means.
pub(super) async fn route<L: Lookup>(
    context: &Context,
    lookup: &L,
    nexthop: &Nexthop,
    seed: u64,
) -> Result<Route, RouteError> {
    let options = context.route_options(Some(nexthop.port_or(context.default_port())));
    let mut route = route::find(lookup, nexthop, &options, budget(), seed).await?;
    if route.origin == Origin::Unix {
        // As in Postfix: for the log, notices, and certificates.
        route.candidates.iter_mut().for_each(|here| here.host = context.config.identity.hostname.to_string());
    }
    Ok(route)
}

/// What it means that there are no hosts: a permanent reason is final, unless this is a configured relay, where it is our
/// mistake. `asked` is the request's next hop, of which `nexthop` is one.
pub(super) fn no_route(context: &Context, asked: &str, nexthop: &Nexthop, error: &RouteError) -> Failure {
    let failure = Failure::new(error.status.to_string(), error.text.clone());
    if failure.class() == Class::Hard && is_our_choice(context, asked, nexthop) {
        return Failure { status: "4.3.5".into(), ..failure };
    }
    failure
}

/// Whether the operator named this host, and not the recipient's domain.
fn is_our_choice(context: &Context, asked: &str, nexthop: &Nexthop) -> bool {
    let config = &context.config.nexthop;
    let relayhost = config.relayhost.join(", ");
    let is_relayhost = !relayhost.is_empty() && asked.eq_ignore_ascii_case(&relayhost);
    is_relayhost || config.fallback_relay.iter().any(|relay| relay == nexthop.text())
}

impl Delivery<'_> {
    pub(super) async fn find(&mut self, nexthop: &Nexthop) -> Result<Result<Route, RouteError>, Abandoned> {
        let seed = self.request.job ^ self.request.times.handed;
        self.duty.guard(route(self.context, &self.context.resolver, nexthop, seed)).await
    }

    /// Mail that would come back goes to `best_mx_transport`, unless that is what this request is. False where it bounces.
    pub(super) fn pass_on(&mut self, failure: &Failure) -> bool {
        let config = &self.context.config;
        let Some(other) = config.nexthop.best_mx_transport.as_ref() else { return false };
        let same_hop =
            other.nexthop.as_ref().is_none_or(|hop| hop.eq_ignore_ascii_case(&self.request.nexthop));
        if config.protocol != maincf::Protocol::Smtp || (other.transport == self.context.service && same_hop)
        {
            return false;
        }
        for at in self.left.left() {
            if let Some(recipient) = self.left.at(at) {
                let (id, address) = (&self.request.queue_id, &recipient.address);
                tracing::info!("{id}: passing <{address}> to transport={}", other.transport);
            }
            self.left.settle(at, proto::job::Fate::Passed, failure.clone());
        }
        true
    }

    /// No hosts: see [`no_route`].
    pub(super) fn no_route(&mut self, nexthop: &Nexthop, rest: Rest, error: &RouteError) -> Rest {
        let failure = no_route(self.context, &self.request.nexthop, nexthop, error);
        let our_mistake = failure.status != error.status.to_string();
        if our_mistake {
            tracing::warn!("{}: {}: configuration problem", self.request.queue_id, failure.reason);
        }
        let rest = if error.i_am_mx { Rest::Final } else { rest };
        if rest == Rest::GoOn {
            tracing::info!("{}: {}", self.request.queue_id, failure.reason);
        }
        if failure.class() == Class::Soft {
            self.dead = Some(failure.clone());
        }
        // A relay of our choice that is ourselves is no domain that `best_mx_transport` could take.
        self.loops = error.class == route::Class::Loop && !our_mistake;
        self.last_failure = Some(failure);
        self.last_relay = Relay::default();
        rest
    }
}
