//! The path of one delivery: a request in, exactly one result per recipient out.
//!
//! In order: where to ([`route`] finds the hosts), a parked session or a connection ([`reuse`], [`connect`]), the first
//! commands ([`greet`]), the message ([`transact`]), what errors mean ([`fate`]), and whether the session is worth
//! keeping ([`keep`]).

pub mod connect;
pub mod fate;
mod greet;
mod keep;
pub mod recipients;
mod reuse;
mod session;
mod transact;

use crate::cache::Cache;
use crate::context::Context;
use crate::duty::{Abandoned, Duty};
use crate::log::delivery::{self as log, Delays, Relay, Stamps};
use crate::supervisor::Job;
use crate::wire::Mail;
use connect::ConnectError;
use fate::{Bounces, Fate, Position};
use proto::job::{self, RecipientResult, Report, Request, SessionUse, Site};
use recipients::{Failure, Recipients};
use route::dns::Budget;
use route::{Candidate, Dialect, Nexthop, RouteError, Syntax, Utf8Names};
use session::Session;
use smtp::Outcome;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// The end of a request.
#[derive(Debug)]
pub struct Done {
    /// In the order of the request; complete unless the supervisor went away.
    pub results: Vec<RecipientResult>,
    /// The rest.
    pub report: Report,
    /// The message, whose lock is held until this goes.
    pub mail: Mail,
}

/// How long all lookups of one request may take, and one of them.
const LOOKUPS: Duration = Duration::from_secs(100);
const LOOKUP: Duration = Duration::from_secs(30);

/// Delivers one message to the recipients of one request.
pub async fn deliver(context: &Context, cache: &mut Cache, duty: &Duty, job: Job) -> Done {
    let Job { request, recipients, message } = job;
    let mail = Mail::new(message, request.content_offset, request.content_length);
    let mut delivery = Delivery {
        context,
        cache,
        duty,
        request: &request,
        mail: &mail,
        left: Recipients::new(recipients),
        last_failure: None,
        dead: None,
        reached: false,
        session: None,
    };
    // Abandoned: recipients without a result stay without one, and the next supervisor delivers to them.
    let abandoned = delivery.run().await;
    if abandoned.is_ok() {
        delivery.settle_leftovers();
    }
    let Delivery { left, dead, reached, session, .. } = delivery;
    let site = match dead {
        Some(failure) if !reached && left.any_deferred() => {
            Site::Dead { status: failure.status, reason: failure.reason }
        }
        _ => Site::Reached,
    };
    let report = Report { job: request.job, results: Vec::new(), site, session, leaving: false };
    Done { results: left.into_results(), report, mail }
}

/// A request on its way.
struct Delivery<'a> {
    context: &'a Context,
    cache: &'a mut Cache,
    duty: &'a Duty,
    request: &'a Request,
    mail: &'a Mail,
    left: Recipients,
    /// What the last host or lookup said: the reason of those for whom no other is left.
    last_failure: Option<Failure>,
    /// The last failure that concerns the destination as a whole.
    dead: Option<Failure>,
    /// A session came to its end as it should.
    reached: bool,
    session: Option<SessionUse>,
}

/// What remains to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Go on with the next next hop.
    GoOn,
    /// Nothing after this next hop.
    Final,
}

impl Delivery<'_> {
    async fn run(&mut self) -> Result<(), Abandoned> {
        let nexthops = match self.nexthops() {
            Ok(nexthops) => nexthops,
            Err(error) => {
                self.last_failure = Some(Failure::new(error.status.to_string(), error.text));
                return Ok(());
            }
        };
        let last = nexthops.len().saturating_sub(1);
        for (at, nexthop) in nexthops.iter().enumerate() {
            if self.left.is_settled() {
                return Ok(());
            }
            let keep = keep::Wish::of(self.context, self.request, nexthop);
            if at == 0 && keep.load && self.by_destination(nexthop, keep).await? {
                continue;
            }
            let rest = if at == last { Rest::Final } else { Rest::GoOn };
            if self.by_route(nexthop, rest, keep).await? == Rest::Final {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The request's next hops, then the fallback relays.
    fn nexthops(&self) -> Result<Vec<Nexthop>, RouteError> {
        let config = &self.context.config;
        let dialect = match config.protocol {
            maincf::Protocol::Smtp => Dialect::Smtp,
            maincf::Protocol::Lmtp => Dialect::Lmtp,
        };
        let syntax = Syntax { dialect, utf8: Utf8Names::Converted, services: &self.context.services };
        let mut nexthops =
            Nexthop::parse_list(&self.request.nexthop, &syntax).map_err(|error| RouteError::from(&error))?;
        for relay in &config.nexthop.fallback_relay {
            match Nexthop::parse(relay, &syntax) {
                Ok(relay) => nexthops.push(relay),
                Err(error) => tracing::warn!("fallback relay: {error}"),
            }
        }
        Ok(nexthops)
    }

    /// A parked session that a fresh route leads to: no lookup at all. True when everybody is settled by it.
    async fn by_destination(&mut self, nexthop: &Nexthop, keep: keep::Wish) -> Result<bool, Abandoned> {
        let Some(session) = reuse::by_destination(self.context, self.cache, self.request, nexthop) else {
            return Ok(false);
        };
        // Whether another host could help is not known without a lookup: soft failures stay for the route.
        self.carry(session, nexthop, keep, Position::NotLast).await?;
        Ok(self.left.is_settled())
    }

    async fn by_route(&mut self, nexthop: &Nexthop, rest: Rest, keep: keep::Wish) -> Result<Rest, Abandoned> {
        let route = match self.find(nexthop).await? {
            Ok(route) => route,
            Err(error) => return Ok(self.no_route(nexthop, rest, &error)),
        };
        let rest = if route.i_am_mx { Rest::Final } else { rest };
        let fresh_until = keep::fresh_until(&route);
        let limit =
            self.context.config.connect.mx_address_limit.map_or(usize::MAX, |limit| limit.get() as usize);
        let mut candidates: VecDeque<_> = route.candidates.into_iter().take(limit).collect();
        let mut sessions = self.context.config.connect.mx_session_limit.map_or(u32::MAX, |limit| limit.get());
        if keep.load {
            self.by_endpoint(nexthop, keep, &mut candidates, fresh_until).await?;
        }
        while let Some(candidate) = candidates.pop_front() {
            if self.left.is_settled() {
                return Ok(Rest::Final);
            }
            let last_here = candidates.is_empty() || sessions <= 1;
            let position = if last_here && rest == Rest::Final { Position::Last } else { Position::NotLast };
            match self.open(&candidate, position).await? {
                Some(mut session) => {
                    session.connection.came_by(nexthop, self.context, self.request, &candidate, fresh_until);
                    sessions = sessions.saturating_sub(1);
                    self.carry(session, nexthop, keep, position).await?;
                    if sessions == 0 {
                        return Ok(rest);
                    }
                }
                None if last_here => return Ok(rest),
                None => {}
            }
        }
        Ok(rest)
    }

    async fn find(&mut self, nexthop: &Nexthop) -> Result<Result<route::Route, RouteError>, Abandoned> {
        let now = Instant::now();
        let budget = Budget { now, until: now + LOOKUPS, per_lookup: LOOKUP };
        let options = self.context.route_options(Some(nexthop.port_or(self.context.default_port())));
        let seed = self.request.job ^ self.request.times.handed;
        self.duty.guard(route::find(&self.context.resolver, nexthop, &options, budget, seed)).await
    }

    /// No hosts: a permanent reason is final, unless this is a configured relay, where it is our mistake.
    fn no_route(&mut self, nexthop: &Nexthop, rest: Rest, error: &RouteError) -> Rest {
        let mut failure = Failure::new(error.status.to_string(), error.text.clone());
        if failure.class() == fate::Class::Hard
            && error.class != route::Class::Loop
            && self.is_our_choice(nexthop)
        {
            tracing::warn!("{}: {}: configuration problem", self.request.queue_id, failure.reason);
            failure = Failure { status: "4.3.5".into(), ..failure };
        }
        let rest = if error.i_am_mx { Rest::Final } else { rest };
        if rest == Rest::GoOn {
            tracing::info!("{}: {}", self.request.queue_id, failure.reason);
        }
        if failure.class() == fate::Class::Soft {
            self.dead = Some(failure.clone());
        }
        self.last_failure = Some(failure);
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
    async fn by_endpoint(
        &mut self,
        nexthop: &Nexthop,
        keep: keep::Wish,
        candidates: &mut VecDeque<Candidate>,
        fresh_until: proto::clock::Boottime,
    ) -> Result<(), Abandoned> {
        let best: Vec<_> = candidates.iter().filter(|candidate| candidate.best).cloned().collect();
        let Some((mut session, at)) = reuse::by_endpoint(self.context, self.cache, self.request, &best)
        else {
            return Ok(());
        };
        let Some(candidate) = best.get(at) else { return Ok(()) };
        session.connection.came_by(nexthop, self.context, self.request, candidate, fresh_until);
        let position = if candidates.len() == 1 { Position::Last } else { Position::NotLast };
        let used = self.carry(session, nexthop, keep, position).await?;
        if used == Carried::Used {
            candidates.retain(|other| other != candidate);
        }
        Ok(())
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
                return Ok(None);
            }
        };
        match greet::greet(self.context, self.duty, candidate, socket, self.request).await {
            Ok(session) => Ok(Some(session)),
            Err(greet::GreetError::Abandoned(abandoned)) => Err(abandoned),
            Err(greet::GreetError::Failed(failure)) => {
                self.dead = Some(failure.clone());
                self.apply_to_all(&failure, position, &relay_name(candidate));
                self.last_failure = Some(failure);
                Ok(None)
            }
        }
    }

    /// Carries the message over one session, settles recipients, and parks the session or says QUIT.
    async fn carry(
        &mut self,
        session: Session,
        nexthop: &Nexthop,
        keep: keep::Wish,
        position: Position,
    ) -> Result<Carried, Abandoned> {
        let afterwards = keep.for_session(self.context, &session, self.duty);
        let open = self.left.left();
        let Session { mut connection, ready } = session;
        let started = now_micros();
        let carried = transact::transact(self, &mut connection, ready, &open, afterwards).await;
        self.duty.release();
        let settled = match carried? {
            Outcome::Settled(settled) => settled,
            // Nothing was accepted and nobody was refused: as if it had never been parked.
            Outcome::Stale(stale) => {
                tracing::debug!("{}", stale.reason);
                return Ok(Carried::Stale);
            }
        };
        let finished = now_micros();
        connection.history.carried(finished.saturating_sub(started));
        self.session = Some(connection.history.usage());
        let stamps = Stamps { ready: Some(started), done: Some(finished) };
        transact::settle(self, &connection, &open, &settled.verdicts, position, stamps);
        keep::part(self, connection, nexthop, settled.session, afterwards).await;
        Ok(Carried::Used)
    }

    /// A failure that concerns every recipient that is left.
    fn apply_to_all(&mut self, failure: &Failure, position: Position, relay: &str) {
        for at in self.left.left() {
            self.apply(at, failure, position, &Relay { name: relay.to_owned(), uses: 1 }, Stamps::default());
        }
    }

    /// What a failure means for one recipient.
    fn apply(&mut self, at: usize, failure: &Failure, position: Position, relay: &Relay, stamps: Stamps) {
        let bounces =
            if self.context.config.errors.soft_bounce { Bounces::Softened } else { Bounces::AsUsual };
        let (fate, word) = match fate::fate(failure.class(), position, bounces) {
            Fate::TryNext => {
                tracing::info!("{}: {}", self.request.queue_id, failure.reason);
                self.last_failure = Some(failure.clone());
                return;
            }
            Fate::Defer => (job::Fate::Deferred, "deferred"),
            Fate::Bounce => (job::Fate::Bounced, "bounced"),
            Fate::SoftBounce => (job::Fate::Deferred, "SOFTBOUNCE"),
        };
        let failure = if word == "SOFTBOUNCE" { failure.clone().softened() } else { failure.clone() };
        self.log(at, relay, stamps, &failure.status, word, &failure.reason);
        self.left.settle(at, fate, failure);
    }

    /// Everybody for whom no host is left.
    fn settle_leftovers(&mut self) {
        let none = || Failure::new("4.3.0", "server unavailable or unable to receive mail");
        let failure = self.last_failure.clone().unwrap_or_else(none);
        self.apply_to_all(&failure, Position::Last, "");
    }

    fn log(&self, at: usize, relay: &Relay, stamps: Stamps, dsn: &str, status: &str, reason: &str) {
        let Some(recipient) = self.left.at(at) else { return };
        let resolution = u8::try_from(self.context.config.log.delay_resolution.get()).unwrap_or(6);
        let delays = Delays::new(&self.request.times, stamps, now_micros(), resolution);
        let result = log::Result { dsn, status, reason };
        log::line(&self.context.service, &self.request.queue_id, recipient, relay, &delays, result);
    }
}

/// What became of an attempt over a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Recipients were offered.
    Used,
    /// It was dead already.
    Stale,
}

/// `host[address]:port`, or `host[path]` for a Unix socket.
#[must_use]
pub fn relay_name(candidate: &Candidate) -> String {
    match &candidate.endpoint {
        route::Endpoint::Inet(address) => format!("{}[{}]:{}", candidate.host, address.ip(), address.port()),
        route::Endpoint::Unix(path) => format!("{}[{}]", candidate.host, path.display()),
    }
}

/// Microseconds since the epoch.
#[must_use]
pub fn now_micros() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
