//! Rests between deliveries: `destination_rate_delay` and `transport_rate_delay`.

use super::*;
use crate::Outcome;

const NOW: Duration = Duration::from_secs(1000);
const REST: Duration = Duration::from_secs(10);

fn resting_destinations() -> TransportSettings {
    TransportSettings { destination_rate_delay: REST, ..TransportSettings::documented() }
}

fn resting_transport() -> TransportSettings {
    TransportSettings { transport_rate_delay: REST, ..TransportSettings::documented() }
}

/// Where everything goes that may go out now.
fn nexthops(scheduler: &mut Scheduler<u64>, now: Duration) -> (Vec<String>, Vec<Assignment<u64>>) {
    let assignments = all(scheduler, now);
    (assignments.iter().map(|it| it.nexthop().to_string()).collect(), assignments)
}

#[test]
fn a_destination_rests_after_each_delivery_and_others_go_on() {
    let (mut scheduler, smtp) = relay(100, resting_destinations());
    fill(&mut scheduler, smtp, "a", 0..3);
    let (sent, assignments) = nexthops(&mut scheduler, NOW);
    assert_eq!(sent, ["a"]);
    assert_eq!(scheduler.next_rest_over(), None);
    for assignment in assignments {
        scheduler.finished(NOW, assignment, Outcome::Completed);
    }
    fill(&mut scheduler, smtp, "b", 10..11);
    assert_eq!(nexthops(&mut scheduler, NOW).0, ["b"]);
    assert_eq!(scheduler.next_rest_over(), Some(NOW + REST));
    assert!(scheduler.next(NOW + REST - milliseconds(1)).is_none());
    assert_eq!(nexthops(&mut scheduler, NOW + REST).0, ["a"]);
    assert_eq!(scheduler.next_rest_over(), None);
}

#[test]
fn mail_that_comes_while_its_destination_rests_waits_for_the_end() {
    let (mut scheduler, smtp) = relay(100, resting_destinations());
    fill(&mut scheduler, smtp, "a", 0..1);
    let first = scheduler.next(NOW).unwrap();
    scheduler.finished(NOW, first, Outcome::Completed);
    fill(&mut scheduler, smtp, "a", 1..2);
    assert!(scheduler.next(NOW).is_none());
    assert!(scheduler.next(NOW + REST).is_some());
}

#[test]
fn a_delivery_that_did_not_begin_is_no_reason_to_rest() {
    for settings in [resting_destinations(), resting_transport()] {
        let (mut scheduler, smtp) = relay(100, settings);
        fill(&mut scheduler, smtp, "a", 0..1);
        let first = scheduler.next(NOW).unwrap();
        assert!(scheduler.finished(NOW, first, Outcome::NotStarted).is_empty());
        assert!(scheduler.next(NOW).is_some());
    }
}

#[test]
fn a_transport_rests_after_each_delivery_wherever_it_went() {
    let (mut scheduler, smtp) = relay(100, resting_transport());
    let settings = TransportSettings { transport_rate_delay: Duration::ZERO, ..resting_transport() };
    let other = scheduler.add_transport(NOW, "other", settings);
    fill(&mut scheduler, smtp, "a", 0..1);
    fill(&mut scheduler, smtp, "b", 1..2);
    let first = scheduler.next(NOW).unwrap();
    assert!(scheduler.next(NOW).is_none(), "one at a time");
    scheduler.finished(NOW, first, Outcome::SiteFailed(down()));
    fill(&mut scheduler, other, "c", 2..3);
    assert_eq!(nexthops(&mut scheduler, NOW).0, ["c"]);
    assert_eq!(scheduler.next_rest_over(), Some(NOW + REST));
    assert_eq!(nexthops(&mut scheduler, NOW + REST).0, ["b"]);
}
