//! The scheduler from outside: rules one by one, then properties over random histories, then simulated traffic.

mod cases;
mod operator;
mod properties;
mod rates;
mod retry;
mod simulation;

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{
    Admission, Assignment, Deferred, Delivery, Limits, Scheduler, SiteFailure, TransportId, TransportSettings,
};

fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn milliseconds(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn down() -> SiteFailure {
    SiteFailure::new("4.4.1", "connect: timed out")
}

/// One transport, `smtp`, that may use all of `workers`.
fn relay(workers: u32, settings: TransportSettings) -> (Scheduler<u64>, TransportId) {
    let mut scheduler = Scheduler::new(Limits::of_workers(count(workers)));
    let settings = TransportSettings { process_limit: count(workers), ..settings };
    let smtp = scheduler.add_transport(Duration::ZERO, "smtp", settings);
    (scheduler, smtp)
}

fn put(
    scheduler: &mut Scheduler<u64>,
    now: Duration,
    transport: TransportId,
    nexthop: &str,
    message: u64,
    recipients: u32,
) -> Option<Deferred<u64>> {
    let delivery =
        Delivery { transport, nexthop, message, recipients: (0..recipients).collect(), size: 1000 };
    match scheduler.enqueue(now, delivery) {
        Admission::Queued => None,
        Admission::Suspended(deferred) => Some(deferred),
    }
}

/// Messages `from..to`, one recipient each.
fn fill(
    scheduler: &mut Scheduler<u64>,
    transport: TransportId,
    nexthop: &str,
    messages: std::ops::Range<u64>,
) {
    for message in messages {
        assert_eq!(put(scheduler, Duration::ZERO, transport, nexthop, message, 1), None);
    }
}

/// Everything that may go out at `now`.
fn all(scheduler: &mut Scheduler<u64>, now: Duration) -> Vec<Assignment<u64>> {
    std::iter::from_fn(|| scheduler.next(now)).collect()
}
