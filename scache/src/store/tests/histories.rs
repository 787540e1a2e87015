//! Random histories: every descriptor is in exactly one place, whatever happens.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Debug, Clone)]
enum Step {
    Park {
        endpoint: u16,
        from: u16,
        idle_ms: u32,
        retire_in: u64,
        fresh_for: u64,
        uses: u32,
        pace: u32,
    },
    TakeByDestination(u16),
    TakeByEndpoint(Vec<u16>),
    /// Park what was taken last again, or put it back.
    Return {
        put_back: bool,
    },
    Evict(usize),
    Flush(Option<u16>),
    Limits {
        sessions: u32,
        per_endpoint: u32,
        idle_ms: u32,
        routes: u32,
    },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let park = (0..6_u16, 0..6_u16, 0..400_u32, 0..900_u64, 0..900_u64, 0..4_u32, 0..4_u32).prop_map(
        |(endpoint, from, idle_ms, retire_in, fresh_for, uses, pace)| Step::Park {
            endpoint,
            from,
            idle_ms,
            retire_in,
            fresh_for,
            uses,
            pace,
        },
    );
    let limits = (0..12_u32, 0..5_u32, 0..500_u32, 0..5_u32);
    prop_oneof![
        8 => park,
        4 => (0..6_u16).prop_map(Step::TakeByDestination),
        4 => proptest::collection::vec(0..6_u16, 0..3).prop_map(Step::TakeByEndpoint),
        4 => any::<bool>().prop_map(|put_back| Step::Return { put_back }),
        2 => (0..40_usize).prop_map(Step::Evict),
        1 => proptest::option::of(0..6_u16).prop_map(Step::Flush),
        1 => limits.prop_map(|(sessions, per_endpoint, idle_ms, routes)| {
            Step::Limits { sessions, per_endpoint, idle_ms, routes }
        }),
        4 => (0..120_u64).prop_map(Step::Wait),
    ]
}

/// Where every descriptor is, as seen from outside.
struct World {
    store: Store<u32>,
    now: u64,
    limits: Limits,
    made: u32,
    tickets: Vec<Ticket>,
    taken: Vec<(u32, Taken, Origin)>,
    ended: BTreeSet<u32>,
}

impl World {
    fn new() -> Self {
        let limits = Limits { idle_ms: 300, sessions: 10, per_endpoint: 4, routes: 4 };
        let store = Store::new(limits);
        Self { store, now: 0, limits, made: 0, tickets: vec![], taken: vec![], ended: BTreeSet::new() }
    }

    fn end(&mut self, descriptor: u32) {
        assert!(self.ended.insert(descriptor), "descriptor {descriptor} ended twice");
    }

    fn note(&mut self, handed: Option<Handed<u32>>) {
        let Some(Handed { descriptor, taken, origin }) = handed else { return };
        assert!(taken.retire_at > at(self.now) && taken.uses_left > 0, "an unusable session was handed out");
        assert!(self.taken.iter().all(|(other, ..)| *other != descriptor), "handed out twice");
        assert!(!self.ended.contains(&descriptor), "handed out after its end");
        self.taken.push((descriptor, taken, origin));
    }

    fn take(&mut self, step: Step) {
        let now = at(self.now);
        match step {
            Step::Park { endpoint, from, idle_ms, retire_in, fresh_for, uses, pace } => {
                self.made += 1;
                let parked = Parked {
                    idle_ms,
                    retire_at: at(self.now + retire_in),
                    uses_left: uses,
                    pace_us: pace,
                    ..routed(endpoint, from, self.now + fresh_for)
                };
                self.tickets.extend(self.store.park(parked, self.made, ALICE, now));
            }
            Step::TakeByDestination(number) => {
                let handed = self.store.take_by_destination(&destination(number), BOB, now);
                self.note(handed);
            }
            Step::TakeByEndpoint(numbers) => {
                let endpoints: Vec<_> = numbers.into_iter().map(endpoint).collect();
                let handed = self.store.take_by_endpoint(&endpoints, BOB, now);
                self.note(handed);
            }
            Step::Return { put_back } => {
                let Some((descriptor, taken, origin)) = self.taken.pop() else { return };
                let Taken { endpoint, retire_at, uses_left, pace_us, .. } = taken;
                let parked = Parked { endpoint, retire_at, uses_left, pace_us, idle_ms: 200, ..parked(0) };
                let ticket = if put_back {
                    self.store.put_back(parked, descriptor, Some(origin), BOB, now)
                } else {
                    self.store.park(parked, descriptor, BOB, now)
                };
                self.tickets.extend(ticket);
            }
            Step::Evict(index) => {
                let ticket = self.tickets.get(index).copied().unwrap_or(Ticket(u64::MAX));
                if let Some(descriptor) = self.store.evict(ticket) {
                    self.end(descriptor);
                }
            }
            Step::Flush(number) => {
                self.store.flush(number.map(|number| format!("d{number}")).as_deref());
            }
            Step::Limits { sessions, per_endpoint, idle_ms, routes } => {
                self.limits = Limits { idle_ms, sessions, per_endpoint, routes };
                self.store.set_limits(self.limits, now);
            }
            Step::Wait(millis) => {
                self.now += millis;
                self.store.expire(at(self.now));
            }
        }
    }

    fn check(&mut self) {
        for descriptor in departed(&mut self.store) {
            self.end(descriptor);
        }
        let counted = self.store.statistics();
        let held = counted.held as usize;
        assert_eq!(held + self.taken.len() + self.ended.len(), self.made as usize, "one is lost or doubled");
        let hits = counted.destination_hits + counted.endpoint_hits;
        let gone = counted.expired + counted.evicted + counted.displaced + counted.flushed;
        assert_eq!(
            counted.parked + counted.put_back,
            hits + gone + held as u64,
            "the counters do not add up"
        );
        let listed: Vec<_> = self.store.list(0, at(self.now)).collect();
        assert_eq!(listed.len(), held);
        assert!(held <= self.limits.sessions as usize);
        assert_eq!(self.store.next_deadline().is_some(), held > 0);
        for number in 0..6 {
            assert!(self.store.shelf.at_endpoint(&endpoint(number)) <= self.limits.per_endpoint);
        }
        assert!(self.store.routes.len() <= self.limits.routes as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_descriptor_is_in_exactly_one_place(steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
            world.check();
        }
        world.store.flush(None);
        world.check();
        prop_assert_eq!(world.store.statistics().held, 0);
    }
}
