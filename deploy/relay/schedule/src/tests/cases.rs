//! One rule of the scheduler per test.

use super::*;
use crate::{CacheFlags, Caching, CachingRule, Cause, Outcome, SiteState};

const NOW: Duration = Duration::from_secs(1000);

fn settings() -> TransportSettings {
    TransportSettings::documented()
}

/// `site` answered once, so that the quarter rule no longer holds for it.
fn proven(workers: u32, settings: TransportSettings) -> (Scheduler<u64>, TransportId) {
    let (mut scheduler, smtp) = relay(workers, settings);
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 0, 1), None);
    let first = scheduler.next(NOW).unwrap();
    assert!(scheduler.finished(NOW, first, Outcome::Completed).is_empty());
    (scheduler, smtp)
}

#[test]
fn recipients_of_one_message_fill_entries_up_to_the_limit() {
    let (mut scheduler, smtp) = relay(100, settings());
    for (message, recipients) in [(1, 30), (1, 90), (2, 10), (1, 5)] {
        assert_eq!(put(&mut scheduler, NOW, smtp, "site", message, recipients), None);
    }
    let sizes: Vec<_> =
        all(&mut scheduler, NOW).iter().map(|it| (*it.message(), it.recipients().len())).collect();
    assert_eq!(sizes, [(1, 50), (1, 50), (1, 20), (2, 10), (1, 5)]);
}

#[test]
fn what_killed_a_worker_gets_no_further_recipients() {
    let (mut scheduler, smtp) = relay(100, settings());
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 1, 1), None);
    let next = scheduler.next(NOW).unwrap();
    assert!(scheduler.finished(NOW, next, Outcome::WorkerDied).is_empty());
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 1, 1), None);
    assert_eq!(all(&mut scheduler, NOW).len(), 2);
}

#[test]
fn without_a_recipient_limit_a_message_is_one_entry() {
    let (mut scheduler, smtp) =
        relay(100, TransportSettings { destination_recipient_limit: None, ..settings() });
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 1, 10_000), None);
    assert_eq!(scheduler.next(NOW).unwrap().recipients().len(), 10_000);
}

#[test]
fn a_delivery_to_nobody_is_no_entry() {
    let (mut scheduler, smtp) = relay(100, settings());
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 1, 0), None);
    assert!(scheduler.next(NOW).is_none());
    assert_eq!(scheduler.totals().destinations, 0);
}

#[test]
fn destinations_take_turns_and_each_keeps_its_order() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "a", 0..3);
    fill(&mut scheduler, smtp, "b", 10..13);
    fill(&mut scheduler, smtp, "c", 20..21);
    let order: Vec<u64> = all(&mut scheduler, NOW).iter().map(|it| *it.message()).collect();
    assert_eq!(order, [0, 10, 20, 1, 11, 2, 12]);
}

#[test]
fn a_fresh_destination_gets_its_initial_concurrency() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..50);
    assert_eq!(all(&mut scheduler, NOW).len(), 5);
}

#[test]
fn successes_widen_the_window_to_the_limit() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..1000);
    for _ in 0..10 {
        for assignment in all(&mut scheduler, NOW) {
            assert!(scheduler.finished(NOW, assignment, Outcome::Completed).is_empty());
        }
    }
    assert_eq!(all(&mut scheduler, NOW).len(), 20);
    assert_eq!(scheduler.destinations().next().unwrap().state, SiteState::Alive { window: 20 });
}

#[test]
fn a_quarter_of_the_workers_until_the_first_success() {
    let wide = TransportSettings { initial_destination_concurrency: count(20), ..settings() };
    let (mut scheduler, smtp) = relay(16, wide);
    fill(&mut scheduler, smtp, "site", 0..50);
    let mut out = all(&mut scheduler, NOW);
    assert_eq!(out.len(), 4);
    assert!(scheduler.finished(NOW, out.remove(0), Outcome::Completed).is_empty());
    out.extend(all(&mut scheduler, NOW));
    assert_eq!(out.len(), 16);
}

#[test]
fn the_quarter_is_of_the_smaller_pool() {
    for (shared, own, want) in [(100, 8, 2), (8, 100, 2), (100, 100, 5)] {
        let mut scheduler = Scheduler::new(Limits::of_workers(count(shared)));
        let settings = TransportSettings { process_limit: count(own), ..settings() };
        let smtp = scheduler.add_transport(NOW, "smtp", settings);
        fill(&mut scheduler, smtp, "site", 0..50);
        assert_eq!(all(&mut scheduler, NOW).len(), want, "{own} of {shared}");
    }
}

#[test]
fn success_is_recent_for_a_while_and_a_site_failure_ends_that() {
    let wide = TransportSettings { initial_destination_concurrency: count(20), ..settings() };
    for (then, fails, want) in [(59, false, 16), (60, false, 4), (1, true, 4)] {
        let (mut scheduler, smtp) = proven(16, wide.clone());
        fill(&mut scheduler, smtp, "site", 1..50);
        if fails {
            let next = scheduler.next(NOW).unwrap();
            assert!(scheduler.finished(NOW, next, Outcome::SiteFailed(down())).is_empty());
        }
        assert_eq!(all(&mut scheduler, NOW + seconds(then)).len(), want, "after {then} s, failure: {fails}");
    }
}

#[test]
fn workers_are_shared_within_the_transport_and_over_all() {
    let mut scheduler = Scheduler::new(Limits::of_workers(count(12)));
    let limited = |n| TransportSettings { process_limit: count(n), ..settings() };
    let smtp = scheduler.add_transport(NOW, "smtp", limited(10));
    let lmtp = scheduler.add_transport(NOW, "lmtp", limited(4));
    for site in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        fill(&mut scheduler, smtp, site, 0..1);
        fill(&mut scheduler, lmtp, site, 0..1);
    }
    let out = all(&mut scheduler, NOW);
    let of = |id| out.iter().filter(|it| it.transport() == id).count();
    // Nobody has answered yet: a quarter of each pool is kept back.
    assert_eq!((of(smtp), of(lmtp), out.len()), (6, 3, 9));
    assert_eq!(scheduler.transports(NOW).map(|it| it.busy).collect::<Vec<_>>(), [6, 3]);
}

#[test]
fn three_site_failures_suspend_the_site_and_give_its_queue_back() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..10);
    let mut out = all(&mut scheduler, NOW).into_iter();
    let mut fail = |scheduler: &mut Scheduler<u64>| {
        scheduler.finished(NOW, out.next().unwrap(), Outcome::SiteFailed(down()))
    };
    assert!(fail(&mut scheduler).is_empty());
    assert!(fail(&mut scheduler).is_empty());
    let back = fail(&mut scheduler);
    assert_eq!(back.iter().map(|it| it.message).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    assert_eq!(back[0].cause.to_string(), "delivery temporarily suspended: connect: timed out");
    assert_eq!((back[0].cause.dsn(), &*back[0].nexthop), ("4.4.1", "site"));
    // The rest of the first five fail as well: nothing more to say.
    assert!(fail(&mut scheduler).is_empty() && fail(&mut scheduler).is_empty());
    // Until minimal_backoff_time is over, what comes is given back.
    assert!(put(&mut scheduler, NOW + milliseconds(299_999), smtp, "site", 11, 1).is_some());
    assert_eq!(put(&mut scheduler, NOW + seconds(300), smtp, "site", 12, 1), None);
    assert_eq!(*scheduler.next(NOW + seconds(300)).unwrap().message(), 12);
}

#[test]
fn a_success_on_the_way_revives_a_dead_site() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..5);
    let mut out = all(&mut scheduler, NOW).into_iter();
    for _ in 0..3 {
        let _ = scheduler.finished(NOW, out.next().unwrap(), Outcome::SiteFailed(down()));
    }
    assert!(matches!(scheduler.destinations().next().unwrap().state, SiteState::Dead { .. }));
    assert!(scheduler.finished(NOW, out.next().unwrap(), Outcome::Completed).is_empty());
    let status = scheduler.destinations().next().unwrap();
    assert_eq!((status.state, status.last_failure), (SiteState::Alive { window: 2 }, None));
}

#[test]
fn an_inconclusive_end_moves_nothing() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..10);
    for _ in 0..3 {
        let next = scheduler.next(NOW).unwrap();
        assert!(scheduler.finished(NOW, next, Outcome::Inconclusive).is_empty());
    }
    assert_eq!(scheduler.destinations().next().unwrap().state, SiteState::Alive { window: 5 });
}

#[test]
fn an_entry_that_was_not_tried_is_first_again() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..10);
    for _ in 0..20 {
        let next = scheduler.next(NOW).unwrap();
        assert_eq!(*next.message(), 0);
        assert!(scheduler.finished(NOW, next, Outcome::NotStarted).is_empty());
    }
    assert_eq!(scheduler.totals().queued, 10);
}

#[test]
fn an_entry_that_kills_workers_is_deferred() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..2);
    for deaths in 1..=3 {
        let next = scheduler.next(NOW).unwrap();
        assert_eq!(*next.message(), 0);
        let back = scheduler.finished(NOW, next, Outcome::WorkerDied);
        assert_eq!(back.len(), usize::from(deaths == 3));
        if let Some(deferred) = back.first() {
            assert_eq!((deferred.message, &deferred.cause), (0, &Cause::WorkersDied(count(3))));
        }
    }
    assert_eq!(*scheduler.next(NOW).unwrap().message(), 1);
}

#[test]
fn only_recipients_without_a_result_go_back_after_a_crash() {
    let (mut scheduler, smtp) = relay(100, settings());
    assert_eq!(put(&mut scheduler, NOW, smtp, "site", 1, 4), None);
    let mut next = scheduler.next(NOW).unwrap();
    next.keep_recipients(|recipient| recipient >= 2);
    assert!(scheduler.finished(NOW, next, Outcome::WorkerDied).is_empty());
    let mut again = scheduler.next(NOW).unwrap();
    assert_eq!(again.recipients(), [2, 3]);
    again.keep_recipients(|_| false);
    assert!(scheduler.finished(NOW, again, Outcome::WorkerDied).is_empty());
    assert!(scheduler.next(NOW).is_none());
    assert_eq!((scheduler.totals().recipients, scheduler.totals().busy), (0, 0));
}

#[test]
fn a_transport_without_workers_gives_everything_back_for_a_while() {
    let (mut scheduler, smtp) = relay(100, settings());
    let lmtp = scheduler.add_transport(NOW, "lmtp", settings());
    fill(&mut scheduler, smtp, "a", 0..3);
    fill(&mut scheduler, lmtp, "b", 10..11);
    let out = scheduler.next(NOW).unwrap();
    let back = scheduler.transport_failed(NOW, smtp);
    assert_eq!(
        back.iter().map(|it| (it.message, it.cause.to_string())).collect::<Vec<_>>(),
        [(1, "mail transport unavailable".to_owned()), (2, "mail transport unavailable".to_owned())]
    );
    let back = scheduler.finished(NOW, out, Outcome::NotStarted);
    assert_eq!(back.iter().map(|it| it.message).collect::<Vec<_>>(), [0]);
    assert!(put(&mut scheduler, NOW + seconds(59), smtp, "other", 4, 1).is_some());
    assert_eq!(put(&mut scheduler, NOW + seconds(60), smtp, "other", 5, 1), None);
    let order: Vec<u64> = all(&mut scheduler, NOW + seconds(60)).iter().map(|it| *it.message()).collect();
    assert_eq!(order, [10, 5]);
}

#[test]
fn sessions_are_kept_while_there_is_a_backlog() {
    const OFF: CacheFlags = CacheFlags { load: false, store: false };
    const BOTH: CacheFlags = CacheFlags { load: true, store: true };
    let (mut scheduler, smtp) = relay(100, settings());
    // As many as can go out at once are no backlog; one more is.
    fill(&mut scheduler, smtp, "small", 0..5);
    assert!(all(&mut scheduler, NOW).iter().all(|it| it.cache() == OFF));
    fill(&mut scheduler, smtp, "large", 0..6);
    let out = all(&mut scheduler, NOW);
    assert!(out.len() == 5 && out.iter().all(|it| it.cache() == BOTH));
    for assignment in out {
        assert!(scheduler.finished(NOW, assignment, Outcome::Completed).is_empty());
    }
    // The last one starts as the others end: back to back.
    let last = scheduler.next(NOW + seconds(1)).unwrap();
    assert_eq!(last.cache(), BOTH);
    assert!(scheduler.finished(NOW + seconds(2), last, Outcome::Completed).is_empty());
    // A kept session may still be there, but is not needed any more after this; later there is none.
    for (at, want) in [(4, CacheFlags { load: true, store: false }), (9, OFF)] {
        assert_eq!(put(&mut scheduler, NOW + seconds(at), smtp, "large", 9, 1), None);
        let next = scheduler.next(NOW + seconds(at)).unwrap();
        assert_eq!(next.cache(), want, "at {at}");
        assert!(scheduler.finished(NOW + seconds(at), next, Outcome::Completed).is_empty());
    }
}

#[test]
fn caching_goes_on_while_other_deliveries_of_the_site_do() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..6);
    let out = all(&mut scheduler, NOW);
    assert_eq!(scheduler.remove(NOW, &5), [0]);
    drop(scheduler.finished(NOW, out.into_iter().next().unwrap(), Outcome::Completed));
    let later = NOW + seconds(20);
    assert_eq!(put(&mut scheduler, later, smtp, "site", 7, 1), None);
    assert_eq!(scheduler.next(later).unwrap().cache(), CacheFlags { load: true, store: true });
}

#[test]
fn mail_that_waits_for_a_worker_is_a_backlog() {
    for (shared, own) in [(3, 100), (100, 3)] {
        let mut scheduler = Scheduler::new(Limits::of_workers(count(shared)));
        let smtp = scheduler.add_transport(
            NOW,
            "smtp",
            TransportSettings { process_limit: count(own), ..settings() },
        );
        fill(&mut scheduler, smtp, "site", 0..1);
        let first = scheduler.next(NOW).unwrap();
        drop(scheduler.finished(NOW, first, Outcome::Completed));
        // Proven, with a window of six; but of four messages one has to wait for a worker.
        let later = NOW + seconds(10);
        fill(&mut scheduler, smtp, "site", 1..5);
        assert_eq!(scheduler.next(later).unwrap().cache(), CacheFlags { load: true, store: true });
    }
}

#[test]
fn a_dead_site_has_no_sessions() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..8);
    let mut out = all(&mut scheduler, NOW).into_iter();
    drop(scheduler.finished(NOW, out.next().unwrap(), Outcome::Completed));
    for _ in 0..4 {
        drop(scheduler.finished(NOW, out.next().unwrap(), Outcome::SiteFailed(down())));
    }
    let next = scheduler.next(NOW).into_iter().chain(all(&mut scheduler, NOW));
    next.for_each(|it| drop(scheduler.finished(NOW, it, Outcome::SiteFailed(down()))));
    assert!(matches!(scheduler.destinations().next().unwrap().state, SiteState::Dead { .. }));
    scheduler.flush(NOW + seconds(2));
    assert_eq!(put(&mut scheduler, NOW + seconds(2), smtp, "site", 9, 1), None);
    assert_eq!(scheduler.next(NOW + seconds(2)).unwrap().cache(), CacheFlags::default());
}

#[test]
fn an_entry_that_no_worker_had_is_not_back_to_back() {
    let (mut scheduler, smtp) = relay(100, settings());
    fill(&mut scheduler, smtp, "site", 0..1);
    let next = scheduler.next(NOW).unwrap();
    assert!(scheduler.finished(NOW, next, Outcome::NotStarted).is_empty());
    assert_eq!(scheduler.next(NOW).unwrap().cache(), CacheFlags::default());
}

#[test]
fn caching_is_decided_per_destination() {
    let rule = CachingRule::new(|nexthop| match nexthop {
        "listed" => Caching::Permanent,
        _ => Caching::Never,
    });
    let (mut scheduler, smtp) = relay(100, TransportSettings { caching: rule, ..settings() });
    fill(&mut scheduler, smtp, "listed", 0..1);
    fill(&mut scheduler, smtp, "other", 0..50);
    for assignment in all(&mut scheduler, NOW) {
        let listed = &**assignment.nexthop() == "listed";
        assert_eq!(assignment.cache(), CacheFlags { load: listed, store: listed });
    }
}
