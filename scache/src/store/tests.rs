//! The store in virtual time: choice, limits, routes, and that no descriptor is ever lost or doubled.

mod histories;

use super::*;
use proto::key::{DestinationScope, EndpointScope, Needs};
use proto::parked::{Label, Route};
use proto::secret::Secret;

const LIMITS: Limits = Limits { idle_ms: 2000, sessions: 100, per_endpoint: 10, routes: 50 };
const ALICE: u32 = 100;
const BOB: u32 = 200;

fn at(millis: u64) -> Boottime {
    Boottime(1_000_000 + millis)
}

fn endpoint(number: u16) -> EndpointKey {
    let scope = EndpointScope {
        service: "smtp",
        protocol: "smtp",
        address: "192.0.2.1",
        port: number,
        bind: None,
        helo: "h",
        introduction: "",
        sender: None,
        credential: None,
        proxy: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    EndpointKey::new(&Secret::new([0; 32]), &scope)
}

fn destination(number: u16) -> DestinationKey {
    let scope = DestinationScope {
        service: "smtp",
        nexthop: &number.to_string(),
        sender: None,
        credential: None,
        tls_policy: &[0; 32],
        needs: Needs::default(),
    };
    DestinationKey::new(&Secret::new([0; 32]), &scope)
}

fn parked(number: u16) -> Parked {
    Parked {
        endpoint: endpoint(number),
        route: None,
        label: Label { service: "smtp".into(), nexthop: format!("d{number}"), relay: "r".into() },
        farewell: b"QUIT\r\n".to_vec(),
        idle_ms: 60_000,
        retire_at: at(300_000),
        uses_left: 5,
        pace_us: 1000,
        sealed: vec![9],
    }
}

fn routed(number: u16, from: u16, fresh_until: u64) -> Parked {
    let (destination, fresh_until) = (destination(from), at(fresh_until));
    let sealed = from.to_be_bytes().to_vec();
    Parked { route: Some(Route { destination, fresh_until, sealed }), ..parked(number) }
}

fn departed(store: &mut Store<u32>) -> Vec<u32> {
    std::iter::from_fn(|| store.next_departed()).map(|departed| *departed.descriptor()).collect()
}

fn take(store: &mut Store<u32>, number: u16, now: u64) -> Option<u32> {
    store.take_by_endpoint(&[endpoint(number)], BOB, at(now)).map(|handed| handed.descriptor)
}

fn ask(store: &mut Store<u32>, number: u16, now: u64) -> Option<u32> {
    store.take_by_destination(&destination(number), BOB, at(now)).map(|handed| handed.descriptor)
}

#[test]
fn a_session_is_handed_out_once_with_what_was_parked() {
    let mut store = Store::new(LIMITS);
    store.park(parked(1), 7, ALICE, at(0)).unwrap();
    let handed = store.take_by_endpoint(&[endpoint(9), endpoint(1)], BOB, at(5)).unwrap();
    let taken = Taken {
        endpoint: endpoint(1),
        route: None,
        retire_at: at(300_000),
        uses_left: 5,
        pace_us: 1000,
        sealed: vec![9],
    };
    assert_eq!((handed.descriptor, handed.taken), (7, taken));
    assert_eq!(take(&mut store, 1, 5), None);
    let counted = store.statistics();
    assert_eq!((counted.endpoint_hits, counted.endpoint_misses, counted.handed_over), (1, 1, 1));
}

#[test]
fn the_first_endpoint_that_has_a_session_wins() {
    let mut store = Store::new(LIMITS);
    store.park(Parked { pace_us: 1, ..parked(1) }, 1, ALICE, at(0));
    store.park(Parked { pace_us: 900, ..parked(2) }, 2, ALICE, at(0));
    let wanted = [endpoint(3), endpoint(2), endpoint(1)];
    assert_eq!(store.take_by_endpoint(&wanted, BOB, at(1)).unwrap().descriptor, 2);
}

#[test]
fn the_fastest_goes_first_then_the_one_used_last() {
    let mut store = Store::new(LIMITS);
    for (descriptor, pace_us) in [(1, 50), (2, 20), (3, 20), (4, 70)] {
        store.park(Parked { pace_us, ..parked(1) }, descriptor, ALICE, at(0));
    }
    let order: Vec<_> = std::iter::from_fn(|| take(&mut store, 1, 1)).collect();
    assert_eq!(order, [3, 2, 1, 4]);
}

#[test]
fn an_idle_session_expires_at_its_deadline_and_not_before() {
    for (parked, deadline) in [
        (parked(1), 2000),                                 // the cap of all
        (Parked { idle_ms: 500, ..parked(1) }, 500),       // its own wish
        (Parked { retire_at: at(300), ..parked(1) }, 300), // its age
    ] {
        let copy = |parked: &Parked| Parked {
            idle_ms: parked.idle_ms,
            retire_at: parked.retire_at,
            ..self::parked(1)
        };
        let mut store = Store::new(LIMITS);
        store.park(copy(&parked), 1, ALICE, at(0));
        assert_eq!(store.next_deadline(), Some(at(deadline)));
        store.expire(at(deadline - 1));
        assert_eq!(take(&mut store, 1, deadline - 1), Some(1));
        store.park(copy(&parked), 2, ALICE, at(0));
        assert_eq!(take(&mut store, 1, deadline), None, "an expired session is never handed out");
        assert_eq!(departed(&mut store), [2]);
        assert_eq!(store.statistics().expired, 1);
    }
}

#[test]
fn what_cannot_be_used_again_departs_at_once() {
    let mut store = Store::new(LIMITS);
    assert!(store.park(Parked { uses_left: 0, ..parked(1) }, 1, ALICE, at(0)).is_none());
    assert!(store.park(Parked { idle_ms: 0, ..parked(1) }, 2, ALICE, at(0)).is_none());
    assert!(store.park(Parked { retire_at: at(0), ..parked(1) }, 3, ALICE, at(0)).is_none());
    assert_eq!(departed(&mut store), [1, 2, 3]);
    assert_eq!(take(&mut store, 1, 0), None);
}

#[test]
fn the_farewell_departs_with_its_session() {
    let mut store = Store::new(LIMITS);
    store.park(parked(1), 1, ALICE, at(0));
    store.expire(at(2000));
    assert_eq!(store.next_departed().unwrap().farewell(), b"QUIT\r\n");
    assert!(!store.has_departed());
}

#[test]
fn over_a_cap_the_one_idle_for_the_longest_time_goes() {
    let mut store = Store::new(Limits { sessions: 3, per_endpoint: 2, ..LIMITS });
    for (descriptor, number) in [(1, 1), (2, 2), (3, 2), (4, 2)] {
        store.park(parked(number), descriptor, ALICE, at(u64::from(descriptor)));
    }
    assert_eq!(departed(&mut store), [2], "the oldest of its endpoint");
    store.park(parked(3), 5, ALICE, at(5));
    assert_eq!(departed(&mut store), [1], "the oldest of all");
    assert_eq!(store.statistics().displaced, 2);
    assert_eq!((store.statistics().held, store.statistics().peak), (3, 3));
}

#[test]
fn lower_limits_apply_to_what_is_there() {
    let mut store = Store::new(LIMITS);
    for number in 0..8 {
        store.park(parked(number / 4), u32::from(number), ALICE, at(u64::from(number)));
    }
    assert_eq!(store.set_limits(Limits { per_endpoint: 3, ..LIMITS }, at(8)), 2);
    assert_eq!(departed(&mut store), [0, 4]);
    assert_eq!(store.set_limits(Limits { per_endpoint: 3, sessions: 4, ..LIMITS }, at(8)), 2);
    assert_eq!(departed(&mut store), [1, 2]);
    assert_eq!(store.set_limits(Limits { idle_ms: 10, ..LIMITS }, at(16)), 3);
    assert_eq!(departed(&mut store), [3, 5, 6]);
    assert_eq!(store.next_deadline(), Some(at(17)));
    store.set_limits(LIMITS, at(16));
    assert_eq!(store.next_deadline(), Some(at(2007)), "a raised cap gives back what the worker asked for");
}

#[test]
fn a_destination_finds_what_another_one_parked() {
    let mut store = Store::new(LIMITS);
    store.park(routed(1, 50, 1000), 1, ALICE, at(0));
    assert_eq!(ask(&mut store, 50, 1), Some(1));
    store.park(routed(1, 51, 1000), 2, ALICE, at(2));
    let handed = store.take_by_destination(&destination(50), BOB, at(3)).unwrap();
    assert_eq!((handed.descriptor, handed.taken.route), (2, Some(50_u16.to_be_bytes().to_vec())));
}

#[test]
fn a_stale_route_leads_nowhere() {
    let mut store = Store::new(LIMITS);
    store.park(routed(1, 50, 1000), 1, ALICE, at(0));
    assert_eq!(ask(&mut store, 50, 1000), None);
    store.park(routed(1, 50, 500), 2, ALICE, at(1001));
    assert_eq!(ask(&mut store, 50, 1001), None, "it was stale when it came");
    assert_eq!(take(&mut store, 1, 1001), Some(2), "the session is as good as any");
}

#[test]
fn a_destination_chooses_among_all_its_endpoints() {
    let mut store = Store::new(LIMITS);
    for (number, pace_us) in [(1, 30), (2, 10), (3, 20)] {
        store.park(Parked { pace_us, ..routed(number, 50, 1000) }, u32::from(number), ALICE, at(0));
    }
    let order: Vec<_> = std::iter::from_fn(|| ask(&mut store, 50, 1)).collect();
    assert_eq!(order, [2, 3, 1]);
}

#[test]
fn a_destination_keeps_a_bounded_number_of_routes_the_freshest() {
    let mut store = Store::new(LIMITS);
    for number in 0..20 {
        store.park(routed(number, 50, 1000 + u64::from(number)), u32::from(number), ALICE, at(0));
    }
    let mut found: Vec<_> = std::iter::from_fn(|| ask(&mut store, 50, 1)).collect();
    found.sort_unstable();
    assert_eq!(found, (12..20).collect::<Vec<u32>>());
    assert_eq!(routes::ROUTES_PER_DESTINATION, 8);
}

#[test]
fn the_table_of_routes_is_bounded_and_the_oldest_goes() {
    let mut store = Store::new(Limits { routes: 3, per_endpoint: 100, ..LIMITS });
    for from in 0..4 {
        store.park(routed(1, from, 1000), u32::from(from), ALICE, at(0));
    }
    assert_eq!(ask(&mut store, 0, 1), None);
    assert!(ask(&mut store, 1, 1).is_some());
    assert_eq!(store.take_peaks().destinations, 3);
    store.expire(at(1000));
    store.take_peaks();
    assert_eq!(store.take_peaks().destinations, 0, "routes that are not fresh take no memory");
}

#[test]
fn put_back_restores_what_the_session_was() {
    let mut store = Store::new(LIMITS);
    store.park(parked(1), 1, ALICE, at(0));
    store.park(parked(1), 2, ALICE, at(10));
    let first = store.take_by_endpoint(&[endpoint(1)], BOB, at(500)).unwrap();
    assert_eq!(first.descriptor, 2);
    store.put_back(parked(1), 2, Some(first.origin), BOB, at(600)).unwrap();
    let listed: Vec<_> = store.list(0, at(600)).map(|(_, listed)| listed).collect();
    assert_eq!(listed[1].idle_ms, 590);
    assert_eq!(listed[1].expires_ms, 1410);
    assert_eq!((listed[1].uses_left, listed[1].parked_by), (5, ALICE));
    let counted = store.statistics();
    assert_eq!((counted.parked, counted.put_back), (2, 1));
}

#[test]
fn put_back_corrects_the_route_that_led_astray() {
    let mut store = Store::new(LIMITS);
    store.park(routed(1, 50, 1000), 1, ALICE, at(0));
    let handed = store.take_by_destination(&destination(50), BOB, at(1)).unwrap();
    store.put_back(parked(1), 1, Some(handed.origin), BOB, at(2));
    assert_eq!(ask(&mut store, 50, 3), None, "it was put back without a route");
    let handed = store.take_by_endpoint(&[endpoint(1)], BOB, at(4)).unwrap();
    store.put_back(routed(1, 50, 1000), 1, Some(handed.origin), BOB, at(5));
    assert_eq!(ask(&mut store, 50, 6), Some(1), "it was put back with one");
}

#[test]
fn put_back_of_another_session_or_of_an_expired_one_gains_nothing() {
    let mut store = Store::new(LIMITS);
    store.park(parked(1), 1, ALICE, at(0));
    let handed = store.take_by_endpoint(&[endpoint(1)], BOB, at(1)).unwrap();
    store.put_back(parked(2), 2, Some(handed.origin), BOB, at(900)).unwrap();
    assert_eq!(store.list(0, at(900)).next().unwrap().1.idle_ms, 0);
    let handed = store.take_by_endpoint(&[endpoint(2)], BOB, at(901)).unwrap();
    assert!(store.put_back(parked(2), 2, Some(handed.origin), BOB, at(2900)).is_none());
    assert_eq!(departed(&mut store), [2]);
}

#[test]
fn flush_ends_all_or_those_of_one_next_hop() {
    let mut store = Store::new(LIMITS);
    for number in 0..3 {
        store.park(parked(number), u32::from(number), ALICE, at(0));
    }
    assert_eq!(store.flush(Some("d1")), 1);
    assert_eq!(departed(&mut store), [1]);
    assert_eq!(store.flush(None), 2);
    assert_eq!(store.statistics().flushed, 3);
}

#[test]
fn an_evicted_session_is_gone_and_gets_no_farewell() {
    let mut store = Store::new(LIMITS);
    let ticket = store.park(parked(1), 1, ALICE, at(0)).unwrap();
    assert_eq!(store.evict(ticket), Some(1));
    assert_eq!(store.evict(ticket), None);
    assert!(!store.has_departed());
    assert_eq!(take(&mut store, 1, 1), None);
}
