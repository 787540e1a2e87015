//! Which endpoints a destination leads to, as long as the DNS answers behind that are fresh.
//!
//! A route outlives the session it came with: a destination is served by any parked session of an endpoint
//! that one of its fresh routes leads to, whoever parked it. So 500 domains on 20 shared hosts find a session
//! without DNS.

use proto::clock::Boottime;
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::Route;
use std::collections::{BTreeMap, BTreeSet};

/// How many routes one destination may have: enough for the hosts of one preference of a large site.
pub(super) const ROUTES_PER_DESTINATION: usize = 8;

/// One route.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) endpoint: EndpointKey,
    pub(super) sealed: Box<[u8]>,
    fresh_until: Boottime,
}

/// The routes of one destination.
#[derive(Debug, Default)]
struct Ways {
    list: Box<[Way]>,
    /// Its place in [`Routes::by_age`].
    learned: u64,
    /// When all of them have stopped being fresh: with `learned` its place in [`Routes::by_staleness`].
    stale_at: Boottime,
}

/// All routes of all destinations.
#[derive(Debug, Default)]
pub(super) struct Routes {
    destinations: BTreeMap<DestinationKey, Ways>,
    by_age: BTreeMap<u64, DestinationKey>,
    by_staleness: BTreeSet<(Boottime, u64)>,
    lessons: u64,
    capacity: usize,
}

impl Routes {
    pub(super) fn len(&self) -> usize {
        self.destinations.len()
    }

    /// How many destinations may have routes; the one that learned nothing for the longest time goes first.
    pub(super) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity;
        while self.len() > capacity
            && let Some((_, &oldest)) = self.by_age.first_key_value()
        {
            self.remove(&oldest);
        }
    }

    /// Takes note that `route` leads to `endpoint`; replaces what was known of that.
    pub(super) fn learn(&mut self, route: Route, endpoint: EndpointKey, now: Boottime) {
        let Route { destination, fresh_until, sealed } = route;
        if fresh_until <= now {
            return;
        }
        self.lessons += 1;
        let ways = self.destinations.entry(destination).or_default();
        self.by_age.remove(&ways.learned);
        self.by_staleness.remove(&(ways.stale_at, ways.learned));
        ways.note(Way { endpoint, sealed: sealed.into_boxed_slice(), fresh_until }, now);
        ways.learned = self.lessons;
        self.by_age.insert(ways.learned, destination);
        self.by_staleness.insert((ways.stale_at, ways.learned));
        self.set_capacity(self.capacity);
    }

    /// Takes note that `destination` does not lead to `endpoint` after all.
    pub(super) fn forget(&mut self, destination: &DestinationKey, endpoint: &EndpointKey) {
        let Some(ways) = self.destinations.get_mut(destination) else { return };
        if let Some(way) = ways.list.iter_mut().find(|way| way.endpoint == *endpoint) {
            way.fresh_until = Boottime::default();
        }
    }

    /// The routes of `destination` that may be used without asking DNS.
    pub(super) fn fresh(&self, destination: &DestinationKey, now: Boottime) -> impl Iterator<Item = &Way> {
        let ways = self.destinations.get(destination);
        ways.into_iter().flat_map(|ways| ways.list.iter()).filter(move |way| way.fresh_until > now)
    }

    /// Drops every destination that has no fresh route left.
    pub(super) fn expire(&mut self, now: Boottime) {
        while let Some(&(stale_at, learned)) = self.by_staleness.first()
            && stale_at <= now
            && let Some(&destination) = self.by_age.get(&learned)
        {
            self.remove(&destination);
        }
    }

    fn remove(&mut self, destination: &DestinationKey) {
        if let Some(Ways { learned, stale_at, .. }) = self.destinations.remove(destination) {
            self.by_age.remove(&learned);
            self.by_staleness.remove(&(stale_at, learned));
        }
    }
}

impl Ways {
    /// Puts in a route in place of what was known of its endpoint, of one that is stale, or of the one that
    /// will be first.
    fn note(&mut self, way: Way, now: Boottime) {
        if let Some(known) = self.list.iter_mut().find(|known| known.endpoint == way.endpoint) {
            *known = way;
        } else {
            let mut list = std::mem::take(&mut self.list).into_vec();
            list.retain(|known| known.fresh_until > now);
            if list.len() >= ROUTES_PER_DESTINATION {
                list.sort_by_key(|known| std::cmp::Reverse(known.fresh_until));
                list.truncate(ROUTES_PER_DESTINATION - 1);
            }
            list.reserve_exact(1);
            list.push(way);
            self.list = list.into_boxed_slice();
        }
        self.stale_at = self.list.iter().map(|way| way.fresh_until).max().unwrap_or_default();
    }
}
