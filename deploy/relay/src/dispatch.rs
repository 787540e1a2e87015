//! The relay's centre: messages in, deliveries to workers, results back, until every recipient is settled.
//!
//! One task owns everything here, so nothing is shared and nothing is locked. What happens is an event; after each
//! event whatever can be handed out is handed out. Files: [`recovery`] takes in what earlier relays left, [`waiting`] and
//! [`active`] hold messages before and while they are delivered, [`rounds`] begins and ends a message's turn, [`reports`] takes
//! results, [`operator`] and [`listing`] answer commands.

mod active;
mod listing;
mod operator;
mod recovery;
mod reports;
mod rounds;
mod transports;
mod verdicts;
mod waiting;

pub use transports::Transports;
pub(crate) use verdicts::{Verdict, is_text};

use crate::control::Asked;
use crate::pool::{self, Job, Pool, Steward, WorkerId};
use crate::routing::Routing;
use active::{Active, Written};
use listing::Listing;
use maincf::RelayConfig;
use proto::control::RelayStatistics;
use proto::job::{Body, CacheUse, Client, ClientSource, Purpose, Recipient, Request, Ret, SmtpUtf8, Times};
use schedule::{Assignment, BackOff, Deferred, Outcome, RetryTimer, Scheduler};
use spool::{Message, QueueId, Recovery, Spool};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::mpsc;
use waiting::{Waiting, Why};

/// What the relay is told from outside its centre.
#[derive(Debug)]
pub enum Command {
    /// A message was accepted and is on stable storage.
    Accepted(Box<Message>),
    /// New settings, checked.
    Reload(Box<Policy>),
    /// Finish what is being delivered, then end.
    Drain,
}

/// Everything the operator decides that this module needs.
#[derive(Debug)]
pub struct Policy {
    /// The parameters.
    pub config: RelayConfig,
    /// Transport tables.
    pub routing: Routing,
    /// How workers of each transport are started, and their limits.
    pub transports: Transports,
}

/// What the centre is made of.
pub struct Parts {
    /// The operator's decisions.
    pub policy: Policy,
    /// The queue on disk.
    pub spool: Spool,
    /// What earlier relays left there.
    pub recovery: Recovery,
    /// Worker processes.
    pub pool: Pool,
    /// What they say.
    pub events: mpsc::UnboundedReceiver<pool::Event>,
    /// The connection cache.
    pub steward: Steward,
    /// It was started again.
    pub restarted: mpsc::UnboundedReceiver<()>,
    /// Commands from other tasks of the relay.
    pub commands: mpsc::UnboundedReceiver<Command>,
    /// Questions from the control socket.
    pub asked: mpsc::UnboundedReceiver<Asked>,
    /// Whether deliveries are handed out from the start.
    pub paused: bool,
}

/// The state of the centre.
pub struct Dispatcher {
    policy: Policy,
    back_off: BackOff,
    spool: Spool,
    scheduler: Scheduler<QueueId>,
    active: HashMap<QueueId, Active>,
    /// Due, but `qmgr_message_active_limit` messages are active.
    waiting: Waiting,
    timer: RetryTimer<QueueId>,
    recovery: Option<Recovery>,
    /// When to look at it next.
    recover_at: Duration,
    listing: Listing,
    pool: Pool,
    steward: Steward,
    jobs: HashMap<u64, Running>,
    next_job: u64,
    paused: bool,
    draining: bool,
    counters: RelayStatistics,
    delivered_by: HashSet<WorkerId>,
    started: Instant,
}

/// A delivery that a worker has.
struct Running {
    assignment: Assignment<QueueId>,
    worker: WorkerId,
}

impl Dispatcher {
    /// Runs until drained.
    pub async fn run(parts: Parts) {
        let Parts {
            policy,
            spool,
            recovery,
            pool,
            mut events,
            steward,
            mut restarted,
            mut commands,
            mut asked,
            paused,
        } = parts;
        let mut centre = Self::new(policy, spool, recovery, pool, steward, paused);
        loop {
            centre.fill_active();
            // Here and not when the timer says so: that may not come to speak for long on a busy machine.
            centre.pool.rotate_deposit_keys(Instant::now());
            centre.hand_out();
            if centre.is_drained() {
                return centre.write_last_facts();
            }
            let wake = centre.next_wake();
            tokio::select! {
                biased;
                Some(event) = events.recv() => centre.on_worker(event),
                Some(()) = restarted.recv() => centre.pool.reconnect_all(&centre.steward),
                Some(command) = commands.recv() => centre.on_command(command),
                Some((question, answer)) = asked.recv() => centre.on_question(question, answer),
                () = tokio::time::sleep_until(wake.into()) => centre.on_time(),
            }
        }
    }

    fn new(
        policy: Policy,
        spool: Spool,
        recovery: Recovery,
        pool: Pool,
        steward: Steward,
        paused: bool,
    ) -> Self {
        let limits = crate::settings::limits(&policy.config);
        let mut centre = Self {
            back_off: crate::settings::back_off(&policy.config),
            policy,
            scheduler: Scheduler::new(limits),
            active: HashMap::new(),
            waiting: Waiting::default(),
            timer: RetryTimer::new(),
            recovery: Some(recovery),
            recover_at: Duration::ZERO,
            listing: Listing::new(spool.clone()),
            spool,
            pool,
            steward,
            jobs: HashMap::new(),
            next_job: 1,
            paused,
            draining: false,
            counters: RelayStatistics::default(),
            delivered_by: HashSet::new(),
            started: Instant::now(),
        };
        centre.install_transports();
        centre
    }

    /// Time since this relay started: the scheduler's clock.
    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn next_wake(&self) -> Instant {
        if self.may_fill() {
            return self.started;
        }
        let recovery = self.recovery.as_ref().map(|_| self.recover_at);
        let hourly = self.now() + Duration::from_secs(3600);
        let rest = self.scheduler.next_rest_over().filter(|_| !self.paused && !self.draining);
        let next =
            [recovery, self.timer.next_deadline(), rest].into_iter().flatten().fold(hourly, Duration::min);
        (self.started + next).min(self.pool.rotation_due())
    }

    fn on_time(&mut self) {
        let now = self.now();
        if self.recovery.is_some() && self.recover_at <= now {
            self.recover_some();
        }
        while let Some(id) = self.timer.due(now) {
            self.wake(id, Why::Due);
        }
        self.scheduler.forget_idle(now);
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Accepted(message) => {
                self.counters.accepted += 1;
                self.admit(*message);
            }
            Command::Reload(policy) => self.reload(*policy),
            Command::Drain => {
                self.pool.drain();
                self.draining = true;
            }
        }
    }

    /// New settings: workers finish what they have and are replaced; parked sessions stay.
    fn reload(&mut self, policy: Policy) {
        self.policy = policy;
        self.back_off = crate::settings::back_off(&self.policy.config);
        let now = self.now();
        self.scheduler.set_limits(now, crate::settings::limits(&self.policy.config));
        self.install_transports();
        self.pool.drain();
        let steward = self.steward.clone();
        let caps = crate::settings::caps(&self.policy.config);
        tokio::task::spawn_local(async move {
            if let Err(error) = steward.ask(proto::steward::ToSteward::Reconfigure(caps)).await {
                tracing::warn!("cannot pass new limits on: {error}");
            }
        });
    }

    /// What could not be written down when it became known gets its last chance.
    fn write_last_facts(&mut self) {
        for active in self.active.values_mut() {
            if active.write_down() == Written::NotYet {
                tracing::error!(
                    service = "qmgr",
                    "{}: what became of it is not written down: it may be delivered twice",
                    active.message.id()
                );
            }
        }
    }

    fn is_drained(&self) -> bool {
        self.draining && self.jobs.is_empty() && self.pool.running() == 0
    }

    /// Gives workers everything that may go out now.
    fn hand_out(&mut self) {
        if self.paused || self.draining {
            return;
        }
        let now = self.now();
        while let Some(assignment) = self.scheduler.next(now) {
            self.start(now, assignment);
        }
    }

    fn start(&mut self, now: Duration, assignment: Assignment<QueueId>) {
        let Some(service) = self.policy.transports.service(assignment.transport()) else {
            return self.transport_failed(now, assignment);
        };
        let job = self.next_job;
        let Some(active) = self.active.get_mut(assignment.message()) else {
            // Taken out by the operator.
            return self.finished(now, assignment, Outcome::Inconclusive);
        };
        let opened = match active.message.open_for_delivery() {
            Ok(opened) => opened,
            Err(error) => return self.unreadable(now, assignment, &error),
        };
        let recipients = active.recipients(assignment.recipients());
        let mut request = request(active, &assignment, job);
        (request.content_offset, request.content_length) = (opened.offset, opened.length);
        let order = Job { request, recipients, message: opened.fd };
        match self.pool.assign(service, &self.steward, order) {
            Ok(worker) => {
                self.next_job += 1;
                self.jobs.insert(job, Running { assignment, worker });
            }
            Err((_, error)) => {
                tracing::error!("{error}");
                self.transport_failed(now, assignment);
            }
        }
    }

    /// An assignment has ended; what the scheduler gives back with it was never tried.
    fn finished(&mut self, now: Duration, assignment: Assignment<QueueId>, outcome: Outcome) {
        let given_back = self.scheduler.finished(now, assignment, outcome);
        self.defer_untried(given_back);
    }

    fn transport_failed(&mut self, now: Duration, assignment: Assignment<QueueId>) {
        let transport = assignment.transport();
        self.finished(now, assignment, Outcome::NotStarted);
        let given_back = self.scheduler.transport_failed(now, transport);
        self.defer_untried(given_back);
    }

    fn defer_untried(&mut self, given_back: Vec<Deferred<QueueId>>) {
        for deferred in given_back {
            let id = deferred.message.clone();
            if let Some(active) = self.active.get_mut(&id) {
                active.untried(&deferred, &self.back_off);
                self.counters.deferred += deferred.recipients.len() as u64;
            }
            self.entry_ended(&id);
        }
    }
}

/// What the worker is told, without the place of the content.
fn request(active: &Active, assignment: &Assignment<QueueId>, job: u64) -> Request {
    let envelope = active.message.envelope();
    let flags = assignment.cache();
    Request {
        job,
        purpose: match envelope.purpose {
            spool::Purpose::Delivery => Purpose::Delivery,
            spool::Purpose::Probe => Purpose::Probe,
        },
        queue_id: active.message.id().to_string(),
        nexthop: assignment.nexthop().to_string(),
        sender: envelope.sender.clone(),
        envid: envelope.envid.clone(),
        ret: envelope.ret.map(|ret| match ret {
            spool::Ret::Full => Ret::Full,
            spool::Ret::Headers => Ret::Hdrs,
        }),
        body: match envelope.body {
            // What has 8-bit octets is 8-bit content, whatever its sender said or forgot to say.
            spool::BodyType::EightBitMime => Body::EightBitMime,
            _ if envelope.has_8bit => Body::EightBitMime,
            spool::BodyType::SevenBit => Body::SevenBit,
            spool::BodyType::Unspecified => Body::Unset,
        },
        smtputf8: match envelope.smtputf8 {
            spool::SmtpUtf8::NotAsked => SmtpUtf8::NotAsked,
            spool::SmtpUtf8::Asked => SmtpUtf8::Asked,
            spool::SmtpUtf8::Needed => SmtpUtf8::Needed,
        },
        client: Box::new(client(&envelope.client, active.message.id())),
        content_offset: 0,
        content_length: 0,
        cache: CacheUse { load: flags.load, store: flags.store },
        times: Times {
            arrival: micros(envelope.arrival),
            active: micros(active.since),
            handed: micros(SystemTime::now()),
        },
        recipient_count: 0,
        recipients: Vec::new(),
    }
}

/// Who handed the message in. Mail comes from nobody's queue before it is in ours.
fn client(of: &spool::Client, id: &QueueId) -> Client {
    let spool::Client { name, address, port, helo, protocol, remote } = of.clone();
    let source = if remote { ClientSource::Remote } else { ClientSource::Local };
    Client { name, address, port, helo, protocol, ident: id.to_string(), source }
}

/// Microseconds since the epoch.
fn micros(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A recipient as the worker is told of it.
fn recipient(index: u32, from: &spool::Recipient) -> Recipient {
    let spool::Recipient { address, original, orcpt, notify } = from;
    Recipient {
        index,
        address: address.clone(),
        original: original.clone().unwrap_or_default(),
        orcpt: orcpt.clone(),
        notify: match *notify {
            spool::Notify::Unspecified => None,
            spool::Notify::Never => Some(proto::job::Notify::default()),
            spool::Notify::On { success, failure, delay } => {
                Some(proto::job::Notify { success, failure, delay })
            }
        },
    }
}
