//! Which hosts are tried, in which order, and over which sessions: a parked one of the destination, a parked one of the
//! best endpoints, then connections to one candidate after the other.

use super::connect::{self, ConnectError};
use super::fate::{Class, Position};
use super::recipients::Failure;
use super::session::{Place, Session};
use super::{Carried, Delivery, Rest, greet, keep, relay_name, reuse};
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use proto::clock::Boottime;
use route::dns::Budget;
use route::{Candidate, Nexthop, Origin, Route, RouteError};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long all lookups of one request may take, and one of them.
const LOOKUPS: Duration = Duration::from_secs(100);
const LOOKUP: Duration = Duration::from_secs(30);

/// What is left to try of one next hop.
struct Hosts<'a> {
    nexthop: &'a Nexthop,
    candidates: VecDeque<Candidate>,
    /// `*_mx_session_limit`, counted down.
    sessions: u32,
    rest: Rest,
    keep: keep::Wish,
    /// Whether the whole route leads to more than one host, tried or not.
    others: reuse::Others,
    fresh_until: Boottime,
}

impl Hosts<'_> {
    /// Whether another host of the request may be tried after the one that was just taken from the list.
    fn position(&self) -> Position {
        let last_here = self.candidates.is_empty() || self.sessions <= 1;
        if last_here && self.rest == Rest::Final { Position::Last } else { Position::NotLast }
    }
}

impl Delivery<'_> {
    /// A parked session that a fresh route leads to: no lookup at all. True when everybody is settled by it.
    pub(super) async fn by_destination(
        &mut self,
        nexthop: &Nexthop,
        rest: Rest,
        keep: keep::Wish,
    ) -> Result<bool, Abandoned> {
        let found = reuse::by_destination(self.context, self.cache, self.request, nexthop);
        let (session, others) = match found {
            reuse::Known::Session(session, others) => (*session, others),
            reuse::Known::Host(host) => {
                self.known = Some(host);
                return Ok(false);
            }
            reuse::Known::Nothing => return Ok(false),
        };
        let limit = self.context.config.connect.mx_session_limit;
        let no_other = others == reuse::Others::None || limit.is_some_and(|limit| limit.get() <= 1);
        let alone = rest == Rest::Final && no_other;
        let position = if alone { Position::Last } else { Position::NotLast };
        let place = session.connection.place.clone();
        if self.carry(session, nexthop, keep, position).await? == Carried::Used {
            self.used = Some(place);
        }
        Ok(self.left.is_settled())
    }

    /// The hosts that the route of a next hop leads to.
    pub(super) async fn by_route(
        &mut self,
        nexthop: &Nexthop,
        rest: Rest,
        keep: keep::Wish,
    ) -> Result<Rest, Abandoned> {
        // Its only host is known, and that no session to it is free.
        let known = self.known.take();
        let look = keep.load && known.is_none();
        let route = match self.find(nexthop, known).await? {
            Ok(route) => route,
            Err(error) => return Ok(self.no_route(nexthop, rest, &error)),
        };
        let mut hosts = self.hosts(nexthop, route, rest, keep);
        if look {
            self.by_endpoint(&mut hosts).await?;
        }
        while let Some(candidate) = hosts.candidates.pop_front() {
            if self.left.is_settled() || hosts.sessions == 0 {
                break;
            }
            let position = hosts.position();
            if keep.load && !candidate.best && self.by_parked(&mut hosts, &candidate, position).await? {
                continue;
            }
            if let Some(mut session) = self.open(&candidate, position).await? {
                self.remember_way(&mut session, &hosts, &candidate);
                hosts.sessions = hosts.sessions.saturating_sub(1);
                self.carry(session, nexthop, keep, position).await?;
            }
        }
        Ok(hosts.rest)
    }

    fn hosts<'n>(&self, nexthop: &'n Nexthop, route: Route, rest: Rest, keep: keep::Wish) -> Hosts<'n> {
        let connect = &self.context.config.connect;
        let fresh_until = keep::fresh_until(&route);
        // Where we are an exchanger ourselves only a lookup shows that there is nobody after this host.
        let alone = route.candidates.len() <= 1 && !route.i_am_mx;
        let sessions = connect.mx_session_limit.map_or(u32::MAX, |limit| limit.get());
        let addresses = connect.mx_address_limit.map_or(usize::MAX, |limit| limit.get() as usize);
        let tried = |candidate: &Candidate| {
            let place = Place::of(candidate);
            self.used.as_ref().is_some_and(|used| used.address == place.address && used.port == place.port)
        };
        // The session that was taken by destination is one of them.
        let sessions = sessions.saturating_sub(u32::from(route.candidates.iter().any(tried)));
        let untried = route.candidates.into_iter().filter(|candidate| !tried(candidate));
        Hosts {
            nexthop,
            candidates: untried.take(addresses).collect(),
            sessions,
            rest: if route.i_am_mx { Rest::Final } else { rest },
            keep,
            others: if alone { reuse::Others::None } else { reuse::Others::Some },
            fresh_until,
        }
    }

    async fn find(
        &mut self,
        nexthop: &Nexthop,
        known: Option<Candidate>,
    ) -> Result<Result<Route, RouteError>, Abandoned> {
        if let Some(candidate) = known {
            // Fresh for no time: scache knows for how long, and keeps its own word.
            let (candidates, origin, i_am_mx, fresh_for) =
                (vec![candidate], Origin::Host, false, Duration::ZERO);
            return Ok(Ok(Route { candidates, origin, i_am_mx, fresh_for }));
        }
        let now = Instant::now();
        let budget = Budget { now, until: now + LOOKUPS, per_lookup: LOOKUP };
        let options = self.context.route_options(Some(nexthop.port_or(self.context.default_port())));
        let seed = self.request.job ^ self.request.times.handed;
        self.duty.guard(route::find(&self.context.resolver, nexthop, &options, budget, seed)).await
    }

    /// No hosts: a permanent reason is final, unless this is a configured relay, where it is our mistake.
    fn no_route(&mut self, nexthop: &Nexthop, rest: Rest, error: &RouteError) -> Rest {
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

    /// A parked session to one of the best candidates; its address is not tried again.
    async fn by_endpoint(&mut self, hosts: &mut Hosts<'_>) -> Result<(), Abandoned> {
        let best: Vec<_> = hosts.candidates.iter().filter(|candidate| candidate.best).cloned().collect();
        let found = reuse::by_endpoint(self.context, self.cache, self.request, &best);
        let Some((mut session, at)) = found else { return Ok(()) };
        let Some(candidate) = best.get(at) else { return Ok(()) };
        self.remember_way(&mut session, hosts, candidate);
        let alone = (hosts.candidates.len() == 1 || hosts.sessions <= 1) && hosts.rest == Rest::Final;
        let position = if alone { Position::Last } else { Position::NotLast };
        if self.carry(session, hosts.nexthop, hosts.keep, position).await? == Carried::Used {
            hosts.candidates.retain(|other| other != candidate);
            hosts.sessions = hosts.sessions.saturating_sub(1);
        }
        Ok(())
    }

    /// A parked session to a candidate that is not one of the best, now that it is this one's turn. True when it was used.
    async fn by_parked(
        &mut self,
        hosts: &mut Hosts<'_>,
        candidate: &Candidate,
        position: Position,
    ) -> Result<bool, Abandoned> {
        let one = std::slice::from_ref(candidate);
        let found = reuse::by_endpoint(self.context, self.cache, self.request, one);
        let Some((mut session, _)) = found else { return Ok(false) };
        self.remember_way(&mut session, hosts, candidate);
        if self.carry(session, hosts.nexthop, hosts.keep, position).await? == Carried::Stale {
            return Ok(false);
        }
        hosts.sessions = hosts.sessions.saturating_sub(1);
        Ok(true)
    }

    /// The next request for this destination finds the session without a lookup.
    fn remember_way(&self, session: &mut Session, hosts: &Hosts<'_>, candidate: &Candidate) {
        session.connection.came_by(
            self.context,
            self.request,
            hosts.nexthop,
            candidate,
            hosts.others,
            hosts.fresh_until,
        );
    }

    /// A greeted connection; `None` when this host cannot be used, which was noted.
    async fn open(
        &mut self,
        candidate: &Candidate,
        position: Position,
    ) -> Result<Option<Session>, Abandoned> {
        let socket = match connect::connect(self.context, candidate, self.duty).await {
            Ok(socket) => socket,
            Err(ConnectError::Abandoned(abandoned)) => return Err(abandoned),
            Err(ConnectError::Failed(failure)) => {
                tracing::info!("{}", failure.reason);
                self.dead = Some(failure.clone());
                self.last_failure = Some(failure);
                self.last_relay = Relay::default();
                return Ok(None);
            }
        };
        match greet::greet(self.context, self.duty, candidate, socket, self.request).await {
            Ok(session) => Ok(Some(session)),
            Err(greet::GreetError::Abandoned(abandoned)) => Err(abandoned),
            Err(greet::GreetError::Failed(failure)) => {
                self.dead = Some(failure.clone());
                self.apply_to_all(&failure, position, &Relay { name: relay_name(candidate), uses: 1 });
                self.last_failure = Some(failure);
                Ok(None)
            }
        }
    }
}
