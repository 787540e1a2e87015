//! What the operator sees and does.

use super::*;
use crate::{Outcome, SiteState};

fn kill(scheduler: &mut Scheduler<u64>, smtp: TransportId, site: &str) {
    fill(scheduler, smtp, site, 0..9);
    for assignment in all(scheduler, Duration::ZERO) {
        let _ = scheduler.finished(Duration::ZERO, assignment, Outcome::SiteFailed(down()));
    }
    assert!(put(scheduler, seconds(1), smtp, site, 1, 1).is_some());
}

#[test]
fn a_flush_ends_every_suspension() {
    let (mut scheduler, smtp) = relay(100, TransportSettings::documented());
    kill(&mut scheduler, smtp, "a");
    kill(&mut scheduler, smtp, "b");
    scheduler.flush_destination(seconds(1), smtp, "a");
    assert_eq!(put(&mut scheduler, seconds(1), smtp, "a", 1, 1), None);
    assert!(put(&mut scheduler, seconds(1), smtp, "b", 1, 1).is_some());
    assert_eq!(scheduler.transport_failed(seconds(1), smtp).len(), 1);
    scheduler.flush(seconds(1));
    assert_eq!(put(&mut scheduler, seconds(1), smtp, "b", 1, 1), None);
}

#[test]
fn a_removed_message_leaves_every_queue() {
    let (mut scheduler, smtp) = relay(100, TransportSettings::documented());
    for site in ["a", "b"] {
        fill(&mut scheduler, smtp, site, 0..3);
    }
    let out = scheduler.next(seconds(1)).unwrap();
    assert_eq!((*out.message(), &**out.nexthop()), (0, "a"));
    assert_eq!(scheduler.remove(seconds(1), &0), [0], "what is with a worker stays there");
    assert_eq!(scheduler.remove(seconds(1), &1), [0, 0]);
    assert_eq!(scheduler.remove(seconds(1), &1), [0; 0]);
    assert_eq!((scheduler.totals().queued, scheduler.totals().octets), (2, 2000));
    assert!(all(&mut scheduler, seconds(1)).iter().all(|it| *it.message() == 2));
}

#[test]
fn status_tells_queue_window_and_reason() {
    let (mut scheduler, smtp) = relay(100, TransportSettings::documented());
    fill(&mut scheduler, smtp, "a", 0..9);
    let next = scheduler.next(seconds(1)).unwrap();
    let _ = scheduler.finished(seconds(1), next, Outcome::SiteFailed(down()));
    let _held = scheduler.next(seconds(1)).unwrap();
    let status = scheduler.destinations().next().unwrap();
    assert_eq!((status.transport, status.nexthop), ("smtp", "a"));
    assert_eq!((status.queued, status.recipients, status.octets, status.busy), (7, 7, 7000, 1));
    assert_eq!(status.state, SiteState::Alive { window: 3 });
    assert_eq!(status.last_failure, Some(&down()));
    let transport = scheduler.transports(seconds(1)).next().unwrap();
    assert_eq!(
        (transport.name, transport.busy, transport.limit, transport.dead_until),
        ("smtp", 1, 100, None)
    );
}

#[test]
fn a_dead_site_is_remembered_while_dead_and_forgotten_after() {
    let settings = TransportSettings { remember_idle: seconds(10), ..TransportSettings::documented() };
    let (mut scheduler, smtp) = relay(100, settings);
    kill(&mut scheduler, smtp, "dead");
    assert_eq!(scheduler.forget_idle(seconds(299)), 0);
    assert_eq!(scheduler.forget_idle(seconds(300)), 1);
    assert_eq!(scheduler.totals().destinations, 0);
}

#[test]
fn a_stream_of_new_destinations_does_not_grow_memory() {
    let limits = Limits { idle_destinations: 50, ..Limits::of_workers(count(100)) };
    let mut scheduler = Scheduler::new(limits);
    let smtp = scheduler.add_transport(Duration::ZERO, "smtp", TransportSettings::documented());
    for message in 0..1000 {
        let now = milliseconds(message);
        assert_eq!(put(&mut scheduler, now, smtp, &format!("site{message}"), message, 1), None);
        let next = scheduler.next(now).unwrap();
        assert!(scheduler.finished(now, next, Outcome::Completed).is_empty());
        assert!(scheduler.totals().destinations <= 50);
    }
    // With time alone, the next new ones clear the old ones away.
    for message in 0..25 {
        assert_eq!(put(&mut scheduler, seconds(1000), smtp, &format!("new{message}"), message, 1), None);
    }
    assert_eq!(scheduler.totals().destinations, 25);
}

#[test]
fn new_settings_hold_for_what_is_already_there() {
    let (mut scheduler, smtp) = relay(100, TransportSettings::documented());
    fill(&mut scheduler, smtp, "a", 0..9);
    let narrow = TransportSettings {
        destination_concurrency_limit: Some(count(2)),
        ..TransportSettings::documented()
    };
    assert_eq!(scheduler.add_transport(seconds(1), "smtp", narrow), smtp);
    assert_eq!(all(&mut scheduler, seconds(1)).len(), 2);
    scheduler.reconfigure(seconds(1), smtp, TransportSettings::documented());
    assert_eq!(scheduler.destinations().next().unwrap().state, SiteState::Alive { window: 2 });
    scheduler.set_limits(seconds(1), Limits::of_workers(count(1)));
    fill(&mut scheduler, smtp, "b", 0..1);
    assert!(scheduler.next(seconds(1)).is_none(), "two are out, one worker is allowed");
}
