//! The worker processes: started when there is a delivery and nobody idle, told what to do, heard.
//!
//! One task per worker owns its channel; the pool owns who is idle. A worker that ends, for whatever reason, is an event
//! like a report: the dispatcher decides what becomes of the job it had.

mod keys;
mod link;
mod programs;
mod steward;

pub use keys::{ROTATE_EVERY, new_secret};
pub use link::Job;
pub use programs::{Program, ProgramError, Programs};
pub use steward::{Steward, StewardError};

use keys::RotatingKeys;
use link::{Order, WorkerLink};
use proto::channel::Channel;
use proto::job::{RecipientResult, Report};
use proto::secret::Secret;
use proto::steward::ToSteward;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::process::Child;
use tokio::sync::mpsc;

/// Names a worker process for as long as this relay runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WorkerId(u64);

/// How a worker of one transport is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The transport's name.
    pub name: String,
    /// `smtp` or `lmtp`.
    pub protocol: maincf::Protocol,
    /// `--config`, `-o` and the like.
    pub arguments: Vec<std::ffi::OsString>,
}

/// What a worker has to say.
#[derive(Debug)]
pub enum Event {
    /// A request is done.
    Done {
        /// Who did it.
        worker: WorkerId,
        /// One per recipient.
        results: Vec<RecipientResult>,
        /// The rest.
        report: Report,
    },
    /// The process has ended.
    Ended {
        /// Which one.
        worker: WorkerId,
        /// The job it had and did not report.
        job: Option<u64>,
        /// What it had said of that job.
        results: Vec<RecipientResult>,
        /// It never said hello: the program cannot be used.
        silent: bool,
    },
    /// Its connection to scache failed.
    CacheLost(WorkerId),
    /// It wants to end, and asks whether its last report was written down.
    Leaving(WorkerId),
}

/// What the pool is made with.
#[derive(Debug)]
pub struct PoolSettings {
    /// Where the programs are.
    pub programs: Programs,
    /// The key of cache keys and seals, for workers only.
    pub secret: Secret,
    /// The file for verdicts of workers that outlive this relay.
    pub results: OwnedFd,
    /// How long a key of deposits is the current one; [`ROTATE_EVERY`] outside tests.
    pub rotate_every: Duration,
}

/// All worker processes.
#[derive(Debug)]
pub struct Pool {
    programs: Programs,
    secret: Secret,
    keys: RotatingKeys,
    results: Rc<OwnedFd>,
    workers: HashMap<WorkerId, Member>,
    /// Most recently used last: the others reach `max_idle` and end.
    idle: HashMap<String, Vec<WorkerId>>,
    events: mpsc::UnboundedSender<Event>,
    next_id: u64,
    started: u64,
}

#[derive(Debug)]
struct Member {
    service: String,
    pid: u32,
    link: WorkerLink,
    /// No new job: it drains.
    leaving: bool,
    cache_again_after: Instant,
}

/// How soon a worker whose scache channel failed gets another.
const CACHE_RETRY: Duration = Duration::from_secs(5);

impl Pool {
    /// No workers yet; the first key of deposits is drawn.
    ///
    /// # Errors
    /// The kernel gives no random octets.
    pub fn new(settings: PoolSettings) -> std::io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let PoolSettings { programs, secret, results, rotate_every } = settings;
        let (events, receiver) = mpsc::unbounded_channel();
        let pool = Self {
            programs,
            secret,
            keys: RotatingKeys::new(Instant::now(), rotate_every)?,
            results: Rc::new(results),
            workers: HashMap::new(),
            idle: HashMap::new(),
            events,
            next_id: 0,
            started: 0,
        };
        Ok((pool, receiver))
    }

    /// Gives `job` to an idle worker of `service`, or to a new one.
    ///
    /// # Errors
    /// The job, when no process could be started.
    pub fn assign(
        &mut self,
        service: &Service,
        steward: &Steward,
        mut job: Job,
    ) -> Result<WorkerId, (Box<Job>, ProgramError)> {
        while let Some(id) = self.idle.get_mut(&service.name).and_then(Vec::pop) {
            let Some(member) = self.workers.get_mut(&id) else { continue };
            match member.link.order(Order::Deliver(Box::new(job))) {
                Ok(()) => return Ok(id),
                Err(Order::Deliver(unsent)) => job = *unsent,
                Err(_) => unreachable!("an order comes back as it was"),
            }
        }
        match self.start(service, steward) {
            Ok(id) => {
                let Some(member) = self.workers.get(&id) else { unreachable!("it was just inserted") };
                // A new link's task has not run yet, so its queue is open.
                let _queued = member.link.order(Order::Deliver(Box::new(job)));
                Ok(id)
            }
            Err(error) => Err((Box::new(job), error)),
        }
    }

    /// The worker is free again.
    pub fn release(&mut self, id: WorkerId) {
        let Some(member) = self.workers.get(&id) else { return };
        if !member.leaving {
            self.idle.entry(member.service.clone()).or_default().push(id);
        }
    }

    /// The worker's last report was recorded: it may end.
    pub fn dismiss(&mut self, id: WorkerId) {
        if let Some(member) = self.workers.get_mut(&id) {
            member.leaving = true;
            let _ended = member.link.order(Order::Recorded);
        }
        self.no_longer_idle(id);
    }

    /// The worker's process has ended.
    pub fn forget(&mut self, id: WorkerId) {
        self.no_longer_idle(id);
        self.workers.remove(&id);
    }

    fn no_longer_idle(&mut self, id: WorkerId) {
        let service = self.workers.get(&id).map(|member| &member.service);
        if let Some(idle) = service.and_then(|service| self.idle.get_mut(service)) {
            idle.retain(|other| *other != id);
        }
    }

    /// A worker asked for another channel to scache; it gets one if scache answers, and not in a tight loop.
    pub fn reconnect(&mut self, id: WorkerId, steward: &Steward) {
        let Some(member) = self.workers.get_mut(&id) else { return };
        let now = Instant::now();
        if now < member.cache_again_after {
            return;
        }
        member.cache_again_after = now + CACHE_RETRY;
        let (link, steward) = (member.link.clone(), steward.clone());
        tokio::task::spawn_local(async move {
            // One that hangs is started again by its keeper, and then everybody gets a new channel.
            if steward.ask(ToSteward::Statistics).await.is_ok()
                && let Some(channel) = steward.client()
            {
                let _ended = link.order(Order::Cache(channel));
            }
        });
    }

    /// scache was started again: every worker gets a new channel.
    pub fn reconnect_all(&mut self, steward: &Steward) {
        for member in self.workers.values() {
            if let Some(channel) = steward.client() {
                let _ended = member.link.order(Order::Cache(channel));
            }
        }
    }

    /// Lets every worker finish what it has and end.
    pub fn drain(&mut self) {
        self.idle.clear();
        for member in self.workers.values_mut() {
            member.leaving = true;
            let _ended = member.link.order(Order::Drain);
        }
    }

    /// Worker processes that have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.workers.len()
    }

    /// Worker processes started so far.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started
    }

    /// The process number of a worker, for the log.
    #[must_use]
    pub fn pid(&self, id: WorkerId) -> Option<u32> {
        self.workers.get(&id).map(|member| member.pid)
    }

    /// Rotates the keys of deposits if it is time to, and tells every worker.
    pub fn rotate_deposit_keys(&mut self, now: Instant) {
        let Some(keys) = self.keys.rotate(now) else { return };
        for member in self.workers.values() {
            let _ended = member.link.order(Order::DepositKeys(keys.clone()));
        }
    }

    /// When that has to be called next.
    #[must_use]
    pub fn rotation_due(&self) -> Instant {
        self.keys.due()
    }

    fn start(&mut self, service: &Service, steward: &Steward) -> Result<WorkerId, ProgramError> {
        let (child, channel) = link::launch(&self.programs, service, steward.client())?;
        let id = self.take_in(&service.name, child, channel)?;
        self.started += 1;
        Ok(id)
    }

    /// A new process becomes one of ours.
    fn take_in(&mut self, service: &str, child: Child, channel: Channel) -> Result<WorkerId, ProgramError> {
        let id = WorkerId(self.next_id);
        self.next_id += 1;
        let pid = child.id().unwrap_or_default();
        let greeting = link::Greeting {
            id,
            secret: &self.secret,
            deposit: self.keys.valid(),
            results: &self.results,
            events: self.events.clone(),
        };
        let link = greeting.send(child, channel)?;
        let (service, cache_again_after) = (service.to_owned(), Instant::now());
        self.workers.insert(id, Member { service, pid, link, leaving: false, cache_again_after });
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
