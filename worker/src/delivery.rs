//! The path of one delivery: a request in, exactly one result per recipient out.
//!
//! In order: where to ([`lookup`], [`hosts`]), a parked session or a connection ([`reuse`], [`open`], [`connect`]), the
//! first commands ([`greet`]), TLS ([`secure`]) and AUTH ([`login`]), what of the message changes ([`outgoing`], [`content`]),
//! the message ([`transact`]), what errors mean ([`fate`]), and whether the session is worth keeping ([`keep`]).

mod additions;
pub mod connect;
mod content;
mod converse;
mod dane;
pub mod explain;
pub mod fate;
mod greet;
mod hosts;
mod keep;
mod login;
mod lookup;
mod open;
mod outgoing;
mod race;
pub mod recipients;
mod reuse;
mod secure;
mod session;
mod transact;
mod watch;

use crate::cache::Cache;
use crate::context::Context;
use crate::duty::{Abandoned, Duty};
use crate::log::delivery::{Delays, Relay, Stamps};
use crate::register::{Register, Settled};
use crate::wire::Message;
use fate::{Bounces, Fate, Position};
use proto::clock::Boottime;
use proto::job::{self, Recipient, RecipientResult, Report, Request, SessionUse, Site};
use recipients::{Failure, Recipients};
use route::{Candidate, Nexthop};
use session::Session;
use smtp::{Broken, Outcome, SessionEnd};
use std::time::SystemTime;

/// The end of a request.
#[derive(Debug)]
pub struct Done {
    /// In the order of the request; complete unless the supervisor went away.
    pub results: Vec<RecipientResult>,
    /// The rest.
    pub report: Report,
}

/// What is delivered.
#[derive(Debug)]
pub struct Order<'a> {
    /// What to do; its own list of recipients is not looked at.
    pub request: &'a Request,
    /// For whom; never empty.
    pub recipients: Vec<Recipient>,
    /// The message.
    pub mail: &'a dyn Message,
    /// Hears of results as they come.
    pub register: &'a mut dyn Register,
}

/// Delivers one message to the recipients of one request.
pub async fn deliver(context: &Context, cache: &mut Cache, duty: &Duty, order: Order<'_>) -> Done {
    let Order { request, recipients, mail, register } = order;
    let mut delivery = Delivery {
        context,
        cache,
        duty,
        request,
        mail,
        register,
        left: Recipients::new(recipients),
        last_failure: None,
        last_relay: Relay::default(),
        loops: false,
        dead: None,
        reached: false,
        session: None,
        used: None,
        known: None,
        fallback: None,
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
    Done { results: left.into_results(), report }
}

/// A request on its way.
struct Delivery<'a> {
    context: &'a Context,
    cache: &'a mut Cache,
    duty: &'a Duty,
    request: &'a Request,
    mail: &'a dyn Message,
    register: &'a mut dyn Register,
    left: Recipients,
    /// What the last host or lookup said: the reason of those for whom no other is left.
    last_failure: Option<Failure>,
    /// The host that said so; none if it was a lookup, or a connection that was not made.
    last_relay: Relay,
    /// The last lookup led back to us.
    loops: bool,
    /// The last failure that concerns the destination as a whole.
    dead: Option<Failure>,
    /// A session came to its end as it should.
    reached: bool,
    session: Option<SessionUse>,
    /// Where a parked session of this destination led: not tried again in this request.
    used: Option<session::Place>,
    /// The only host of the first next hop, known without a lookup, and until when.
    known: Option<(secure::Host, Boottime)>,
    /// A connection that breaks is tried again in plaintext.
    fallback: Option<secure::Fallback>,
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
        if let Some(failure) = additions::obstacle(self) {
            self.last_failure = Some(failure);
            self.last_relay = Relay { name: self.context.service.to_string(), uses: 1 };
            return Ok(());
        }
        let nexthops = match lookup::nexthops(self.context, &self.request.nexthop) {
            Ok(nexthops) => nexthops,
            Err(error) => {
                let failure = Failure::new(error.status.to_string(), error.text);
                if failure.class() == fate::Class::Soft {
                    self.dead = Some(failure.clone());
                }
                self.last_failure = Some(failure);
                return Ok(());
            }
        };
        let last = nexthops.len().saturating_sub(1);
        for (at, nexthop) in nexthops.iter().enumerate() {
            if self.left.is_settled() {
                return Ok(());
            }
            let keep = keep::Wish::of(self.context, self.request, nexthop);
            let rest = if at == last { Rest::Final } else { Rest::GoOn };
            if at == 0 && keep.load && self.by_destination(nexthop, rest, keep).await? {
                continue;
            }
            if self.by_route(nexthop, rest, keep).await? == Rest::Final {
                return Ok(());
            }
        }
        Ok(())
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
        let success = transact::success(&ready, self.context.flags);
        let started = now_micros();
        let mut settlement = transact::Settlement { open: &open, position, success, started, concluded: 0 };
        let carried = transact::transact(self, &mut connection, ready, &mut settlement, afterwards).await;
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
        let lost = matches!(settled.session, SessionEnd::Broken(Broken::Lost(_)));
        let again = lost && self.fallback.is_some();
        if again {
            settlement.position = Position::NotLast;
        }
        settlement.finish(self, &connection, &settled, finished);
        keep::part(self, connection, nexthop, settled.session, afterwards);
        Ok(if again { Carried::Lost } else { Carried::Used })
    }

    /// A failure that concerns every recipient that is left.
    fn apply_to_all(&mut self, failure: &Failure, position: Position, relay: &Relay) {
        for at in self.left.left() {
            self.apply(at, failure, position, relay, Stamps::default());
        }
    }

    /// What a failure means for one recipient.
    fn apply(&mut self, at: usize, failure: &Failure, position: Position, relay: &Relay, stamps: Stamps) {
        let probe = self.request.purpose == job::Purpose::Probe;
        let softened = self.context.config.errors.soft_bounce && !probe;
        let bounces = if softened { Bounces::Softened } else { Bounces::AsUsual };
        if fate::fate(failure.class(), position, bounces) == Fate::TryNext {
            // One line for a failure that all recipients share.
            if self.last_failure.as_ref() != Some(failure) {
                tracing::info!("{}: {}", self.request.queue_id, failure.reason);
                self.last_failure = Some(failure.clone());
            }
            self.last_relay = relay.clone();
            return;
        }
        let failure = self.context.rewordings.result(failure.clone());
        let (fate, word) = match fate::fate(failure.class(), Position::Last, bounces) {
            _ if probe => (job::Fate::Undeliverable, "undeliverable"),
            Fate::Defer | Fate::TryNext => (job::Fate::Deferred, "deferred"),
            Fate::Bounce => (job::Fate::Bounced, "bounced"),
            Fate::SoftBounce => (job::Fate::Deferred, "SOFTBOUNCE"),
        };
        let failure = if word == "SOFTBOUNCE" { failure.softened() } else { failure };
        self.conclude(at, Ending { fate, word, failure, success: job::Fate::Sent }, relay, stamps);
    }

    /// Everybody for whom no host is left.
    fn settle_leftovers(&mut self) {
        if self.left.is_settled() {
            return;
        }
        let none = || Failure::new("4.3.0", "server unavailable or unable to receive mail");
        let failure = self.last_failure.clone().unwrap_or_else(none);
        let relay = self.last_relay.clone();
        if self.loops && self.pass_on(&failure) {
            return;
        }
        self.apply_to_all(&failure, Position::Last, &relay);
    }

    /// The one way to a result.
    fn conclude(&mut self, at: usize, ending: Ending, relay: &Relay, stamps: Stamps) {
        let Ending { fate, word, failure, success } = ending;
        let Some((recipient, result)) = self.left.settle(at, fate, failure) else { return };
        let resolution = u8::try_from(self.context.config.log.delay_resolution.get()).unwrap_or(6);
        let delays = Delays::new(&self.request.times, stamps, now_micros(), resolution);
        self.register.settled(&Settled { recipient, result, word, success, relay, delays });
    }
}

/// What became of a recipient.
struct Ending {
    fate: job::Fate,
    word: &'static str,
    failure: Failure,
    /// Where success would leave the sender's wish to hear of it.
    success: job::Fate,
}

/// What became of an attempt over a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Recipients were offered.
    Used,
    /// Recipients were offered, and the connection broke where another attempt in plaintext is allowed.
    Lost,
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
