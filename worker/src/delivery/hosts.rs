//! Which hosts are tried, in which order, and over which sessions: a parked one of the destination, a parked one of the
//! best endpoints, then connections to one candidate after the other.

use super::fate::Position;
use super::greet::Attempt;
use super::login::Footing;
use super::open::{FirstHost, Reached};
use super::recipients::Failure;
use super::secure::Host;
use super::session::{Place, Session, Way};
use super::{Carried, Delivery, Rest, keep, race, reuse};
use crate::context::Context;
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use crate::state::Exchanger;
use crate::wire::Socket;
use proto::clock::Boottime;
use route::{Nexthop, Origin, Route};
use std::collections::VecDeque;
use std::sync::Arc;

/// What is left to try of one next hop.
pub(super) struct Hosts<'a> {
    nexthop: &'a Nexthop,
    hosts: VecDeque<Host>,
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
        let last_here = self.hosts.is_empty() || self.sessions <= 1;
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
            reuse::Known::Host(host, until) => {
                self.known = Some((*host, until));
                return Ok(false);
            }
            reuse::Known::Nothing => return Ok(false),
        };
        let limit = self.context.config.connect.mx_session_limit;
        let no_other = others == reuse::Others::None || limit.is_some_and(|limit| limit.get() <= 1);
        let alone = rest == Rest::Final && no_other;
        let position = if alone { Position::Last } else { Position::NotLast };
        let place = session.connection.place.clone();
        if self.carry(session, nexthop, keep, position).await? != Carried::Stale {
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
        let mut hosts = match known {
            Some((host, until)) => self.hosts(nexthop, vec![host], rest, keep, until),
            None => match self.find(nexthop).await? {
                Ok(route) => {
                    let rest = if route.i_am_mx { Rest::Final } else { rest };
                    let fresh_until = Boottime::now().after(route.fresh_for);
                    let others = others(&route);
                    Hosts {
                        others,
                        ..self.hosts(nexthop, hosts_of(self.context, route), rest, keep, fresh_until)
                    }
                }
                Err(error) => return Ok(self.no_route(nexthop, rest, &error)),
            },
        };
        if look {
            self.by_endpoint(&mut hosts).await?;
        }
        while let Some(host) = hosts.hosts.pop_front() {
            if self.left.is_settled() || hosts.sessions == 0 {
                break;
            }
            self.try_host(&mut hosts, host).await?;
        }
        Ok(hosts.rest)
    }

    fn hosts<'n>(
        &self,
        nexthop: &'n Nexthop,
        hosts: Vec<Host>,
        rest: Rest,
        keep: keep::Wish,
        fresh_until: Boottime,
    ) -> Hosts<'n> {
        let connect = &self.context.config.connect;
        let sessions = connect.mx_session_limit.map_or(u32::MAX, |limit| limit.get());
        let addresses = connect.mx_address_limit.map_or(usize::MAX, |limit| limit.get() as usize);
        let tried = |host: &Host| {
            let place = Place::of(&host.candidate);
            self.used.as_ref().is_some_and(|used| used.address == place.address && used.port == place.port)
        };
        // The session that was taken by destination is one of them.
        let sessions = sessions.saturating_sub(u32::from(hosts.iter().any(tried)));
        let hosts = hosts.into_iter().filter(|host| !tried(host)).take(addresses).collect();
        Hosts { nexthop, hosts, sessions, rest, keep, others: reuse::Others::None, fresh_until }
    }

    /// A parked session to one of the best candidates; its address is not tried again.
    async fn by_endpoint(&mut self, hosts: &mut Hosts<'_>) -> Result<(), Abandoned> {
        let mut best = Vec::new();
        for host in hosts.hosts.iter_mut().filter(|host| host.candidate.best) {
            // A host that the policy forbids is noted when its turn comes.
            if let Ok(footing) = self.footing_of(hosts.nexthop, host).await? {
                best.push((host.candidate.clone(), footing));
            }
        }
        let found = reuse::by_endpoint(self.context, self.cache, self.request, &best);
        let Some((mut session, at)) = found else { return Ok(()) };
        let Some((candidate, _)) = best.get(at) else { return Ok(()) };
        let alone = (hosts.hosts.len() == 1 || hosts.sessions <= 1) && hosts.rest == Rest::Final;
        let position = if alone { Position::Last } else { Position::NotLast };
        if let Some(host) = hosts.hosts.iter().find(|host| host.candidate == *candidate) {
            self.remember_way(&mut session, hosts, host);
        }
        if self.carry(session, hosts.nexthop, hosts.keep, position).await? != Carried::Stale {
            hosts.hosts.retain(|other| other.candidate != *candidate);
            hosts.sessions = hosts.sessions.saturating_sub(1);
        }
        Ok(())
    }

    /// One host, as its policy and credential say: a parked session if it is not one of the best, which were asked for, else a connection.
    async fn try_host(&mut self, hosts: &mut Hosts<'_>, mut host: Host) -> Result<(), Abandoned> {
        let footing = match self.footing_of(hosts.nexthop, &mut host).await? {
            Ok(footing) => footing,
            Err(failure) => {
                self.skip(failure);
                return Ok(());
            }
        };
        let position = hosts.position();
        if hosts.keep.load && !host.candidate.best && self.by_parked(hosts, &host, &footing, position).await?
        {
            return Ok(());
        }
        let Some((host, footing, socket)) = self.connect(hosts, host, footing).await? else {
            return Ok(());
        };
        // A rival was sooner: the first may still come.
        let position = hosts.position();
        let (fallback, attempt) = (self.plaintext_fallback(&footing), Attempt::AsPolicySays);
        let opened = self.open_on(socket, &host.candidate, &footing, position, attempt, fallback).await?;
        let Some(mut session) = opened else { return Ok(()) };
        self.remember_way(&mut session, hosts, &host);
        hosts.sessions = hosts.sessions.saturating_sub(1);
        self.fallback = fallback.filter(|_| session.connection.wire.is_encrypted());
        let carried = self.carry(session, hosts.nexthop, hosts.keep, position).await;
        let fallback = self.fallback.take();
        if carried? == Carried::Lost
            && !self.left.is_settled()
            && let Some(fallback) = fallback
        {
            // TLS is up, and the connection does not last: this server may do better without.
            let attempt = Attempt::InPlaintext(fallback);
            let session = self.open(&host.candidate, &footing, position, attempt, None).await?;
            if let Some(session) = session {
                self.carry(session, hosts.nexthop, hosts.keep, position).await?;
            }
        }
        Ok(())
    }

    /// A connection to a host, or to its rival of the other family where that is there sooner: the host keeps its turn then.
    /// `None` when neither can be had, which was noted.
    async fn connect(
        &mut self,
        hosts: &mut Hosts<'_>,
        host: Host,
        footing: Arc<Footing>,
    ) -> Result<Option<(Host, Arc<Footing>, Socket)>, Abandoned> {
        let Some((rival, footing_there)) = self.rival(hosts, &host).await? else {
            let socket = self.connect_alone(&host.candidate).await?;
            return Ok(socket.map(|socket| (host, footing, socket)));
        };
        match self.reach(&host.candidate, &rival.candidate).await? {
            Reached::First(socket) => {
                hosts.hosts.push_front(rival);
                Ok(Some((host, footing, socket)))
            }
            Reached::Rival(socket, first) => {
                if first == FirstHost::Slow {
                    hosts.hosts.push_front(host);
                }
                Ok(Some((rival, footing_there, socket)))
            }
            Reached::Nobody { rival_failed } => {
                if !rival_failed {
                    hosts.hosts.push_front(rival);
                }
                Ok(None)
            }
        }
    }

    /// Takes the host that may be connected to beside this one, and how it would be used. One that the policy forbids is
    /// noted when its turn comes.
    async fn rival(
        &mut self,
        hosts: &mut Hosts<'_>,
        host: &Host,
    ) -> Result<Option<(Host, Arc<Footing>)>, Abandoned> {
        if self.context.config.connect.stagger == 0 {
            return Ok(None);
        }
        let after = hosts.hosts.iter().map(|other| &other.candidate);
        let Some(at) = race::rival(&host.candidate, after) else { return Ok(None) };
        let Some(other) = hosts.hosts.get_mut(at) else { return Ok(None) };
        let Ok(footing) = self.footing_of(hosts.nexthop, other).await? else { return Ok(None) };
        Ok(hosts.hosts.remove(at).map(|rival| (rival, footing)))
    }

    /// A host that is not connected to.
    fn skip(&mut self, failure: Failure) {
        self.dead = Some(failure.clone());
        self.last_failure = Some(failure);
        self.last_relay = Relay::default();
    }

    /// A parked session to a candidate that is not one of the best, now that it is this one's turn. True when it was used.
    async fn by_parked(
        &mut self,
        hosts: &mut Hosts<'_>,
        host: &Host,
        footing: &Arc<Footing>,
        position: Position,
    ) -> Result<bool, Abandoned> {
        let one = [(host.candidate.clone(), Arc::clone(footing))];
        let found = reuse::by_endpoint(self.context, self.cache, self.request, &one);
        let Some((mut session, _)) = found else { return Ok(false) };
        self.remember_way(&mut session, hosts, host);
        if self.carry(session, hosts.nexthop, hosts.keep, position).await? == Carried::Stale {
            return Ok(false);
        }
        hosts.sessions = hosts.sessions.saturating_sub(1);
        Ok(true)
    }

    /// The next request for this destination finds the session without a lookup.
    fn remember_way(&self, session: &mut Session, hosts: &Hosts<'_>, host: &Host) {
        let fresh_until = hosts.fresh_until.min(host.dane_until.unwrap_or(hosts.fresh_until));
        let way = Way { nexthop: hosts.nexthop, host, others: hosts.others, fresh_until };
        session.connection.came_by(self.context, self.request, way, hosts.keep);
    }
}

/// Where we are an exchanger ourselves only a lookup shows that there is nobody after a host.
fn others(route: &Route) -> reuse::Others {
    let alone = route.candidates.len() <= 1 && !route.i_am_mx;
    if alone { reuse::Others::None } else { reuse::Others::Some }
}

/// The hosts of a route, in order.
pub(super) fn hosts_of(context: &Context, route: Route) -> Vec<Host> {
    let exchanger = match route.origin {
        Origin::Mx { secure, canonical, .. } | Origin::Srv { secure, canonical } => {
            Some(Exchanger { secure, canonical: canonical.map(|name| name.to_string()) })
        }
        Origin::ImplicitMx | Origin::Host | Origin::Literal | Origin::Unix => None,
    };
    let canonical_names = context.config.dns.cname_overrides_servername;
    let host = |candidate| {
        let host = Host::new(candidate, exchanger.clone());
        if canonical_names { host.under_its_canonical_name() } else { host }
    };
    route.candidates.into_iter().map(host).collect()
}
