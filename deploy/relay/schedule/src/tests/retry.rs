//! Retry times and expiry.

use std::collections::BTreeMap;
use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
use crate::{BackOff, RetryTimer, SenderKind};

const BACK_OFF: BackOff = BackOff {
    minimal: Duration::from_secs(300),
    maximal: Duration::from_secs(4000),
    lifetime: Duration::from_secs(432_000),
    bounce_lifetime: Duration::from_secs(86_400),
};

#[test]
fn the_delay_is_the_age_between_the_bounds() {
    for (age, delay) in
        [(0, 300), (299, 300), (300, 300), (301, 301), (3999, 3999), (4000, 4000), (500_000, 4000)]
    {
        assert_eq!(BACK_OFF.delay(seconds(age)), seconds(delay), "age {age}");
    }
}

#[test]
fn bounds_in_the_wrong_order_do_not_panic() {
    let back_off = BackOff { minimal: seconds(10), maximal: seconds(5), ..BACK_OFF };
    assert_eq!(back_off.delay(seconds(7)), seconds(10));
}

#[test]
fn null_senders_have_their_own_lifetime() {
    for (age, address, null) in
        [(86_399, false, false), (86_400, false, true), (431_999, false, true), (432_000, true, true)]
    {
        assert_eq!(BACK_OFF.is_expired(seconds(age), SenderKind::Address), address, "age {age}");
        assert_eq!(BACK_OFF.is_expired(seconds(age), SenderKind::Null), null, "age {age}");
    }
    let once = BackOff { lifetime: Duration::ZERO, ..BACK_OFF };
    assert!(once.is_expired(Duration::ZERO, SenderKind::Address));
}

#[test]
fn a_clock_set_back_makes_no_message_old() {
    let arrival = SystemTime::UNIX_EPOCH + seconds(1000);
    assert_eq!(BackOff::age(arrival, arrival + seconds(7)), seconds(7));
    assert_eq!(BackOff::age(arrival, arrival - seconds(7)), Duration::ZERO);
}

#[test]
fn messages_come_back_in_the_order_they_are_due() {
    let mut timer = RetryTimer::new();
    for (message, at) in [("c", 30), ("a", 10), ("b", 20), ("b2", 20)] {
        timer.schedule(message, seconds(at));
    }
    assert_eq!((timer.next_deadline(), timer.due(milliseconds(9_999))), (Some(seconds(10)), None));
    assert_eq!(timer.due(seconds(10)), Some("a"));
    assert_eq!(timer.due(seconds(10)), None);
    let rest: Vec<_> = std::iter::from_fn(|| timer.due(seconds(99))).collect();
    assert_eq!(rest, ["b", "b2", "c"]);
    assert_eq!((timer.next_deadline(), timer.is_empty()), (None, true));
}

#[derive(Debug, Clone)]
enum Step {
    Schedule(u8, u64),
    Due(u64),
    Cancel(u8),
    Flush,
    FlushMessage(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..10, 0u64..50).prop_map(|(message, at)| Step::Schedule(message, at)),
        4 => (0u64..50).prop_map(Step::Due),
        1 => (0u8..10).prop_map(Step::Cancel),
        1 => Just(Step::Flush),
        1 => (0u8..10).prop_map(Step::FlushMessage),
    ]
}

proptest! {
    /// Against a plain map: nothing is lost, nothing comes twice, nothing comes early, and what is due comes.
    #[test]
    fn the_timer_is_a_map_of_deadlines(steps in prop::collection::vec(step(), 0..100)) {
        let mut timer = RetryTimer::new();
        let mut model = BTreeMap::new();
        for step in steps {
            match step {
                Step::Schedule(message, at) => {
                    timer.schedule(message, seconds(at));
                    model.insert(message, seconds(at));
                }
                Step::Due(now) => match timer.due(seconds(now)) {
                    Some(message) => {
                        let at = model.remove(&message);
                        prop_assert!(at.is_some_and(|at| at <= seconds(now)), "{message} at {at:?}");
                        prop_assert!(model.values().all(|other| Some(*other) >= at));
                    }
                    None => prop_assert!(model.values().all(|at| *at > seconds(now))),
                },
                Step::Cancel(message) => prop_assert_eq!(timer.cancel(&message), model.remove(&message).is_some()),
                Step::Flush => {
                    timer.flush();
                    model.values_mut().for_each(|at| *at = Duration::ZERO);
                }
                Step::FlushMessage(message) => {
                    prop_assert_eq!(timer.flush_message(&message), model.contains_key(&message));
                    model.entry(message).and_modify(|at| *at = Duration::ZERO);
                }
            }
            prop_assert_eq!(timer.len(), model.len());
            prop_assert_eq!(timer.next_deadline(), model.values().min().copied());
            for message in 0u8..10 {
                prop_assert_eq!(timer.deadline(&message), model.get(&message).copied());
            }
        }
    }
}
