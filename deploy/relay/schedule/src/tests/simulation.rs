//! Simulated traffic under a virtual clock: silent sites beside one that works.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::{BackOff, Outcome, RetryTimer};

/// Messages of the site that works; those of silent sites count from here.
const SILENT: u64 = 1_000_000;
const PER_SITE: u64 = 1000;
const ANSWER: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_secs(30);
const BACK_OFF: BackOff = BackOff {
    minimal: Duration::from_secs(300),
    maximal: Duration::from_secs(4000),
    lifetime: Duration::from_secs(432_000),
    bounce_lifetime: Duration::from_secs(432_000),
};

/// A relay, its workers and the network.
struct Simulation {
    scheduler: Scheduler<u64>,
    smtp: TransportId,
    now: Duration,
    /// Deliveries by the time they end; the number finds them in `out`.
    ends: BinaryHeap<Reverse<(Duration, usize)>>,
    out: Vec<Option<Assignment<u64>>>,
    retry: RetryTimer<u64>,
    silent_most: usize,
    silent_now: usize,
    delivered: Vec<(u64, Duration)>,
}

impl Simulation {
    fn new(workers: u32) -> Self {
        let (scheduler, smtp) = relay(workers, TransportSettings::documented());
        Self {
            scheduler,
            smtp,
            now: Duration::ZERO,
            ends: BinaryHeap::new(),
            out: Vec::new(),
            retry: RetryTimer::new(),
            silent_most: 0,
            silent_now: 0,
            delivered: Vec::new(),
        }
    }

    fn put(&mut self, message: u64) {
        let site = match message.checked_sub(SILENT) {
            Some(silent) => format!("silent{}", silent / PER_SITE),
            None => "healthy".to_owned(),
        };
        if put(&mut self.scheduler, self.now, self.smtp, &site, message, 1).is_some() {
            self.defer(message);
        }
    }

    fn defer(&mut self, message: u64) {
        self.retry.schedule(message, self.now + BACK_OFF.delay(self.now));
    }

    fn hand_out(&mut self) {
        while let Some(assignment) = self.scheduler.next(self.now) {
            let silent = *assignment.message() >= SILENT;
            self.silent_now += usize::from(silent);
            self.silent_most = self.silent_most.max(self.silent_now);
            let takes = if silent { SILENCE } else { ANSWER };
            self.ends.push(Reverse((self.now + takes, self.out.len())));
            self.out.push(Some(assignment));
        }
    }

    /// The next delivery ends, if that is before `until`.
    fn end_one(&mut self, until: Duration) -> bool {
        let Some(Reverse((at, number))) = self.ends.peek().copied().filter(|Reverse((at, _))| *at <= until)
        else {
            return false;
        };
        self.ends.pop();
        self.now = at;
        let assignment = self.out[number].take().unwrap();
        let message = *assignment.message();
        let outcome = if message >= SILENT {
            self.silent_now -= 1;
            self.defer(message);
            Outcome::SiteFailed(down())
        } else {
            self.delivered.push((message, self.now));
            Outcome::Completed
        };
        for deferred in self.scheduler.finished(self.now, assignment, outcome) {
            self.defer(deferred.message);
        }
        true
    }

    /// Deliveries and retries up to `until`.
    fn run(&mut self, until: Duration) {
        loop {
            while let Some(message) = self.retry.due(self.now) {
                self.put(message);
            }
            self.hand_out();
            let wake = self.retry.next_deadline().unwrap_or(until).min(until);
            if !self.end_one(wake) {
                self.now = wake;
                if wake == until {
                    break;
                }
            }
        }
    }
}

/// When the last of the healthy site's mail was out, with so many silent sites whose mail came first.
fn healthy_takes(workers: u32, silent_sites: u64) -> (Duration, usize) {
    let mut simulation = Simulation::new(workers);
    (SILENT..SILENT + silent_sites * PER_SITE).for_each(|message| simulation.put(message));
    (0..PER_SITE).for_each(|message| simulation.put(message));
    simulation.run(seconds(1200));
    assert_eq!(simulation.delivered.len() as u64, PER_SITE);
    let held: usize = simulation.out.iter().flatten().count();
    let silent = simulation.scheduler.totals().queued + simulation.retry.len() + held;
    assert_eq!(silent as u64, silent_sites * PER_SITE, "every message is somewhere");
    (simulation.delivered.iter().map(|(_, at)| *at).max().unwrap(), simulation.silent_most)
}

#[test]
fn five_silent_sites_do_not_slow_a_healthy_one() {
    for workers in [40, 100, 200] {
        let (alone, _) = healthy_takes(workers, 0);
        let (beside, silent) = healthy_takes(workers, 5);
        assert!(beside <= alone * 6 / 5, "{workers} workers: {beside:?} beside, {alone:?} alone");
        assert!(silent > 0 && silent <= 25);
    }
}

/// Too few workers for everybody: a quarter is still there for the site that answers, instead of nothing for 30 s.
#[test]
fn with_few_workers_a_quarter_is_kept_for_who_answers() {
    for workers in [8, 12, 20] {
        let (alone, _) = healthy_takes(workers, 0);
        let (beside, silent) = healthy_takes(workers, 5);
        assert!(beside <= alone * 5, "{workers} workers: {beside:?} beside, {alone:?} alone");
        assert!(silent as u32 <= workers - workers / 4);
    }
}

#[test]
fn hundreds_of_silent_sites_leave_a_quarter() {
    let (alone, _) = healthy_takes(100, 0);
    let mut simulation = Simulation::new(100);
    // The site is known when the flood comes.
    simulation.put(0);
    simulation.run(seconds(1));
    (SILENT..SILENT + 300 * PER_SITE).step_by(100).for_each(|message| simulation.put(message));
    let start = simulation.now;
    (1..=PER_SITE).for_each(|message| simulation.put(message));
    simulation.run(start + seconds(25));
    assert_eq!((simulation.delivered.len() as u64, simulation.silent_now), (PER_SITE + 1, 75));
    assert!(simulation.delivered.iter().all(|(_, at)| *at <= start + alone * 6 / 5));
}

/// An hour: the silent sites' mail comes due again and again, while the healthy site gets 20 messages a second.
#[test]
fn retries_to_silent_sites_never_delay_steady_traffic() {
    let mut simulation = Simulation::new(100);
    (SILENT..SILENT + 5 * PER_SITE).step_by(10).for_each(|message| simulation.put(message));
    for message in 0..72_000 {
        let at = milliseconds(50 * message);
        simulation.run(at);
        simulation.put(message);
        simulation.hand_out();
    }
    let slowest = simulation.delivered.iter().map(|(message, at)| *at - milliseconds(50 * message)).max();
    assert_eq!(slowest, Some(ANSWER), "nobody ever waited for a worker");
    assert!(simulation.silent_most >= 15, "the silent sites were tried");
}
