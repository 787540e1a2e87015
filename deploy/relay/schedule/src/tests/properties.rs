//! Random histories against a plain model: nothing lost, nothing twice, every rule kept, no worker idle without reason.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::{Cause, Outcome, SiteState};

const SITES: [&str; 5] = ["a", "b", "c", "d", "e"];
const RECIPIENT_LIMIT: u32 = 3;
const RECENT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone)]
enum Step {
    /// To a site: recipients of a new message, or further ones of the last.
    Enqueue {
        site: usize,
        recipients: u32,
        again: bool,
    },
    Next,
    Finish {
        which: usize,
        end: End,
    },
    Wait(u64),
    TransportFailed,
    Flush,
    Remove {
        site: usize,
    },
    ForgetIdle,
    ConcurrencyLimit(u32),
}

#[derive(Debug, Clone, Copy)]
enum End {
    Completed,
    SiteFailed,
    Inconclusive,
    NotStarted,
    /// After it finished so many recipients.
    WorkerDied(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        4 => Just(End::Completed),
        4 => Just(End::SiteFailed),
        1 => Just(End::Inconclusive),
        1 => Just(End::NotStarted),
        2 => (0usize..4).prop_map(End::WorkerDied),
    ];
    prop_oneof![
        20 => (0..SITES.len(), 1u32..8, any::<bool>())
            .prop_map(|(site, recipients, again)| Step::Enqueue { site, recipients, again }),
        30 => Just(Step::Next),
        20 => (any::<usize>(), end).prop_map(|(which, end)| Step::Finish { which, end }),
        5 => (1u64..200).prop_map(Step::Wait),
        1 => Just(Step::TransportFailed),
        1 => Just(Step::Flush),
        1 => (0..SITES.len()).prop_map(|site| Step::Remove { site }),
        1 => Just(Step::ForgetIdle),
        1 => (1u32..8).prop_map(Step::ConcurrencyLimit),
    ]
}

/// What one site must look like. A recipient is (message, index).
#[derive(Default)]
struct Site {
    queue: VecDeque<(u64, u32)>,
    busy: u32,
    proven_until: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq)]
enum Known {
    Proven,
    First,
    Further,
}

struct World {
    scheduler: Scheduler<u64>,
    smtp: TransportId,
    workers: u32,
    limit: u32,
    now: Duration,
    sites: HashMap<&'static str, Site>,
    out: Vec<(Assignment<u64>, Known)>,
    message: u64,
    used: u32,
}

impl World {
    fn new(workers: u32) -> Self {
        let (scheduler, smtp) = relay(workers, Self::settings(workers, 20));
        let sites = SITES.into_iter().map(|site| (site, Site::default())).collect();
        let now = seconds(1);
        Self { scheduler, smtp, workers, limit: 20, now, sites, out: Vec::new(), message: 0, used: 0 }
    }

    fn settings(workers: u32, limit: u32) -> TransportSettings {
        TransportSettings {
            process_limit: count(workers),
            destination_concurrency_limit: NonZeroU32::new(limit),
            destination_recipient_limit: NonZeroU32::new(RECIPIENT_LIMIT),
            recent_success: RECENT,
            ..TransportSettings::documented()
        }
    }

    fn known(&self, site: &str) -> Known {
        let site = &self.sites[site];
        match site.proven_until {
            Some(until) if self.now < until => Known::Proven,
            _ if site.busy == 0 => Known::First,
            _ => Known::Further,
        }
    }

    /// The worker rules, said once more without the scheduler's words.
    fn pool_allows(&self, known: Known) -> bool {
        let held = |wanted: &[Known]| self.out.iter().filter(|(_, known)| wanted.contains(known)).count();
        let (workers, quarter) = (self.workers as usize, (self.workers / 4).max(1) as usize);
        let kept_back = workers / 4;
        self.out.len() < workers
            && (known == Known::Proven || held(&[Known::First, Known::Further]) < workers - kept_back)
            && (known != Known::Further || held(&[Known::Further]) < quarter)
    }

    fn window(&self, site: &str) -> u32 {
        self.scheduler.destinations().find(|status| status.nexthop == site).map_or(0, |status| {
            match status.state {
                SiteState::Alive { window } => window,
                SiteState::Dead { .. } => 0,
            }
        })
    }

    fn may_send(&self, name: &str) -> bool {
        let site = &self.sites[name];
        let known = self.known(name);
        !site.queue.is_empty()
            && site.busy < self.window(name)
            && (known == Known::Proven || site.busy < (self.workers / 4).max(1))
            && self.pool_allows(known)
    }

    fn enqueue(&mut self, site: usize, recipients: u32, again: bool) {
        if !again {
            self.message += 1;
            self.used = 0;
        }
        let nexthop = SITES[site];
        let indexes: Vec<u32> = (self.used..self.used + recipients).collect();
        self.used += recipients;
        let (transport, message) = (self.smtp, self.message);
        let delivery = Delivery { transport, nexthop, message, recipients: indexes.clone(), size: 10 };
        match self.scheduler.enqueue(self.now, delivery) {
            Admission::Queued => {
                let queue = &mut self.sites.get_mut(nexthop).unwrap().queue;
                queue.extend(indexes.into_iter().map(|index| (message, index)));
            }
            Admission::Suspended(deferred) => {
                assert_eq!((deferred.message, deferred.recipients), (message, indexes));
                assert!(self.sites[nexthop].queue.is_empty(), "a suspended site has no queue");
            }
        }
    }

    fn next(&mut self) -> bool {
        let eligible: Vec<&str> = SITES.into_iter().filter(|site| self.may_send(site)).collect();
        let Some(assignment) = self.scheduler.next(self.now) else {
            assert_eq!(eligible, [""; 0], "workers and mail, but nothing handed out");
            return false;
        };
        let name = SITES.into_iter().find(|site| **site == **assignment.nexthop()).unwrap();
        assert!(eligible.contains(&name), "{name} may not send");
        let known = self.known(name);
        let site = self.sites.get_mut(name).unwrap();
        assert!((1..=RECIPIENT_LIMIT as usize).contains(&assignment.recipients().len()));
        for index in assignment.recipients() {
            assert_eq!(site.queue.pop_front(), Some((*assignment.message(), *index)), "first in, first out");
        }
        site.busy += 1;
        let busy = site.busy;
        assert!(busy <= self.window(name) && self.window(name) <= self.limit);
        self.out.push((assignment, known));
        true
    }

    fn finish(&mut self, which: usize, end: End) {
        if self.out.is_empty() {
            return;
        }
        let (mut assignment, _) = self.out.swap_remove(which % self.out.len());
        let name = SITES.into_iter().find(|site| **site == **assignment.nexthop()).unwrap();
        if let End::WorkerDied(done) = end {
            let finished: Vec<u32> = assignment.recipients().iter().copied().take(done).collect();
            assignment.keep_recipients(|index| !finished.contains(&index));
        }
        let returned: Vec<_> =
            assignment.recipients().iter().map(|index| (*assignment.message(), *index)).collect();
        let outcome = match end {
            End::Completed => Outcome::Completed,
            End::SiteFailed => Outcome::SiteFailed(down()),
            End::Inconclusive => Outcome::Inconclusive,
            End::NotStarted => Outcome::NotStarted,
            End::WorkerDied(_) => Outcome::WorkerDied,
        };
        let site = self.sites.get_mut(name).unwrap();
        site.busy -= 1;
        match end {
            End::Completed => site.proven_until = Some(self.now + RECENT),
            End::SiteFailed => site.proven_until = None,
            End::NotStarted | End::WorkerDied(_) => {
                returned.iter().rev().for_each(|it| site.queue.push_front(*it))
            }
            End::Inconclusive => {}
        }
        let back = self.scheduler.finished(self.now, assignment, outcome);
        self.give_up(back);
    }

    /// What the scheduler gives back must have waited, at the head of the queue and in order.
    fn give_up(&mut self, back: Vec<Deferred<u64>>) {
        for deferred in back {
            let site = self.sites.get_mut(&*deferred.nexthop).unwrap();
            for index in deferred.recipients {
                assert_eq!(site.queue.pop_front(), Some((deferred.message, index)));
            }
            if !matches!(deferred.cause, Cause::WorkersDied(_)) {
                assert!(
                    self.scheduler
                        .destinations()
                        .all(|it| it.nexthop != &*deferred.nexthop || it.queued == 0)
                );
            }
        }
    }

    fn remove(&mut self, site: usize) {
        let Some((message, _)) = self.sites[SITES[site]].queue.back().copied() else { return };
        let removed = self.scheduler.remove(self.now, &message).len();
        let before: usize = self.sites.values().map(|site| site.queue.len()).sum();
        self.sites.values_mut().for_each(|site| site.queue.retain(|(other, _)| *other != message));
        let after: usize = self.sites.values().map(|site| site.queue.len()).sum();
        assert_eq!(removed, before - after);
    }

    fn limit(&mut self, limit: u32) {
        self.limit = limit;
        self.scheduler.reconfigure(self.now, self.smtp, Self::settings(self.workers, limit));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Enqueue { site, recipients, again } => self.enqueue(site, recipients, again),
            Step::Next => {
                self.next();
            }
            Step::Finish { which, end } => self.finish(which, end),
            Step::Wait(time) => self.now += seconds(time),
            Step::TransportFailed => {
                let back = self.scheduler.transport_failed(self.now, self.smtp);
                self.give_up(back);
            }
            Step::Flush => self.scheduler.flush(self.now),
            Step::Remove { site } => self.remove(site),
            Step::ForgetIdle => {
                self.scheduler.forget_idle(self.now);
            }
            Step::ConcurrencyLimit(limit) => self.limit(limit),
        }
        self.check_sums();
    }

    fn check_sums(&self) {
        let totals = self.scheduler.totals();
        assert_eq!(totals.recipients, self.sites.values().map(|site| site.queue.len()).sum::<usize>());
        assert_eq!(totals.busy as usize, self.out.len());
        assert_eq!(totals.octets, 10 * totals.queued as u64);
        for status in self.scheduler.destinations() {
            assert_eq!(status.recipients, self.sites[status.nexthop].queue.len());
            assert_eq!(status.busy, self.sites[status.nexthop].busy);
        }
    }

    /// Everything gets out in the end.
    fn run_dry(&mut self) {
        while self.next() || !self.out.is_empty() {
            if !self.next() {
                self.finish(0, End::Completed);
            }
        }
        self.check_sums();
        assert_eq!((self.scheduler.totals().queued, self.scheduler.totals().busy), (0, 0));
    }
}

/// 400, unless PROPTEST_CASES asks for another number.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_rule(workers in 1u32..24, steps in prop::collection::vec(step(), 1..250)) {
        let mut world = World::new(workers);
        steps.into_iter().for_each(|step| world.step(step));
        world.run_dry();
    }

    /// A destination whose deliveries are all done waits for one turn of each other one. Where that turn needs one of
    /// the three quarters of workers open to sites not known to work, each of those ends within 2 * workers turns here.
    #[test]
    fn turns_are_fair(sites in 2usize..40, workers in 1u32..30, picks in prop::collection::vec(any::<usize>(), 500)) {
        let (mut scheduler, smtp) = relay(workers, TransportSettings::documented());
        for site in 0..sites {
            fill(&mut scheduler, smtp, &site.to_string(), 0..600);
        }
        let mut waits_since = vec![0usize; sites];
        let mut busy = vec![0usize; sites];
        let mut out: VecDeque<Assignment<u64>> = VecDeque::new();
        let site_of = |assignment: &Assignment<u64>| assignment.nexthop().parse::<usize>().unwrap();
        for (turn, pick) in picks.into_iter().enumerate() {
            while let Some(assignment) = scheduler.next(seconds(1)) {
                busy[site_of(&assignment)] += 1;
                out.push_back(assignment);
            }
            // Deliveries take about equally long: the oldest ends in every second turn, any in the others.
            let ended = out.remove(if turn % 2 == 0 { 0 } else { pick % out.len() }).unwrap();
            let site = site_of(&ended);
            busy[site] -= 1;
            waits_since[site] = turn + 1;
            prop_assert!(scheduler.finished(seconds(1), ended, Outcome::Completed).is_empty());
            for (site, since) in waits_since.iter_mut().enumerate() {
                if busy[site] > 0 {
                    *since = turn + 1;
                }
                prop_assert!(turn + 1 - *since <= 3 * sites + 2 * workers as usize, "{site} waits since {since}, now {turn}");
            }
        }
    }
}
