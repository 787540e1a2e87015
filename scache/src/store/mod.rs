//! What is parked, who may have it next, and what has to go: pure, time is a parameter, nothing is awaited.
//!
//! Every descriptor that is given to the store is in exactly one place: on the shelf, in the hands of the
//! caller of a `take_…` or [`Store::evict`], or among the departed, which the caller says farewell to.

mod departure;
mod packed;
mod routes;
mod shelf;
#[cfg(test)]
mod tests;

pub use departure::Departed;
pub use shelf::Ticket;

use crate::limits::Limits;
use departure::deadline;
use packed::Packed;
use proto::clock::Boottime;
use proto::key::{DestinationKey, EndpointKey};
use proto::parked::{Parked, Taken};
use proto::steward::{Listed, Statistics};
use routes::Routes;
use shelf::{Entry, Rank, Shelf};
use std::collections::VecDeque;

/// A session on its way out to a worker.
#[derive(Debug)]
pub struct Handed<D> {
    /// Now the caller's.
    pub descriptor: D,
    /// What the worker is told.
    pub taken: Taken,
    /// What is kept of it, should it come back unused.
    pub origin: Origin,
}

/// What a session was before it was taken. Good for one [`Store::put_back`].
#[derive(Debug)]
pub struct Origin {
    endpoint: EndpointKey,
    /// By which destination it was found.
    destination: Option<DestinationKey>,
    standing: Standing,
}

/// Since when a session is idle, and by whom it was parked.
#[derive(Debug)]
struct Standing {
    ticket: Ticket,
    idle_since: Boottime,
    parked_by: u32,
}

/// The most that was there at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peaks {
    /// Destinations with a fresh route.
    pub destinations: usize,
    /// Endpoints with a parked session.
    pub endpoints: usize,
    /// Parked sessions.
    pub sessions: usize,
}

/// The parked sessions and the routes to them, with descriptors of any kind.
#[derive(Debug)]
pub struct Store<D> {
    shelf: Shelf<D>,
    routes: Routes,
    limits: Limits,
    departed: VecDeque<Departed<D>>,
    next_ticket: u64,
    counters: Statistics,
    peaks: Peaks,
}

impl<D> Store<D> {
    /// An empty store.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let mut routes = Routes::default();
        routes.set_capacity(limits.routes as usize);
        Self {
            shelf: Shelf::new(),
            routes,
            limits,
            departed: VecDeque::new(),
            next_ticket: 1,
            counters: Statistics::default(),
            peaks: Peaks::default(),
        }
    }

    /// Keeps a session that process `by` has used; its idle time begins now.
    ///
    /// The answer is `None` when a limit does not let it stay: then it is among the departed. Others may
    /// have departed in its favour.
    pub fn park(&mut self, parked: Parked, descriptor: D, by: u32, now: Boottime) -> Option<Ticket> {
        self.counters.parked += 1;
        let standing = self.new_standing(by, now);
        self.keep(standing, parked, descriptor, now)
    }

    /// Takes back a session that a worker could not use after all, to where it was.
    ///
    /// Without `origin`, or with one of another endpoint, it is as if it had been parked by `by` now.
    pub fn put_back(
        &mut self,
        parked: Parked,
        descriptor: D,
        origin: Option<Origin>,
        by: u32,
        now: Boottime,
    ) -> Option<Ticket> {
        self.counters.put_back += 1;
        let Some(origin) = origin.filter(|origin| origin.endpoint == parked.endpoint) else {
            let standing = self.new_standing(by, now);
            return self.keep(standing, parked, descriptor, now);
        };
        if let Some(destination) = origin.destination {
            self.routes.forget(&destination, &origin.endpoint);
        }
        self.keep(origin.standing, parked, descriptor, now)
    }

    /// The best session that a fresh route of `destination` leads to, for process `by`.
    pub fn take_by_destination(
        &mut self,
        destination: &DestinationKey,
        by: u32,
        now: Boottime,
    ) -> Option<Handed<D>> {
        self.expire(now);
        let ways = self.routes.fresh(destination, now);
        let reachable = ways.filter_map(|way| Some((self.shelf.best(&way.endpoint)?, way)));
        let best = reachable.min_by_key(|(rank, _)| rank.merit());
        let Some((ticket, route)) = best.map(|(rank, way)| (rank.ticket(), way.sealed.to_vec())) else {
            self.counters.destination_misses += 1;
            return None;
        };
        self.counters.destination_hits += 1;
        self.hand_over(ticket, Some((*destination, route)), by)
    }

    /// A fresh route of `destination`, for a worker that found no free session: it can connect without DNS.
    pub fn way(&self, destination: &DestinationKey, now: Boottime) -> Option<(EndpointKey, Vec<u8>)> {
        let way = self.routes.fresh(destination, now).next()?;
        Some((way.endpoint, way.sealed.to_vec()))
    }

    /// The best session of the first of `endpoints` that has one, for process `by`.
    pub fn take_by_endpoint(
        &mut self,
        endpoints: &[EndpointKey],
        by: u32,
        now: Boottime,
    ) -> Option<Handed<D>> {
        self.expire(now);
        let Some(rank) = endpoints.iter().find_map(|endpoint| self.shelf.best(endpoint)) else {
            self.counters.endpoint_misses += 1;
            return None;
        };
        self.counters.endpoint_hits += 1;
        self.hand_over(Rank::ticket(&rank), None, by)
    }

    /// The descriptor of a session that is still parked.
    pub fn descriptor_mut(&mut self, ticket: Ticket) -> Option<&mut D> {
        self.shelf.get_mut(ticket).map(|entry| &mut entry.descriptor)
    }

    /// Parked sessions for people, each with its cursor, from `cursor` on, in the order of parking.
    pub fn list(&self, cursor: u64, now: Boottime) -> impl Iterator<Item = (u64, Listed)> {
        self.shelf.iter_from(Ticket(cursor)).map(move |(Ticket(cursor), entry)| (cursor, listed(entry, now)))
    }

    /// The counters since start.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics { held: u32::try_from(self.shelf.len()).unwrap_or(u32::MAX), ..self.counters }
    }

    /// The peaks since the last call, or since start.
    pub fn take_peaks(&mut self) -> Peaks {
        let peaks = std::mem::take(&mut self.peaks);
        self.note_peaks();
        peaks
    }

    fn new_standing(&mut self, parked_by: u32, idle_since: Boottime) -> Standing {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        Standing { ticket, idle_since, parked_by }
    }

    fn keep(&mut self, standing: Standing, parked: Parked, descriptor: D, now: Boottime) -> Option<Ticket> {
        let Standing { ticket, idle_since, parked_by } = standing;
        let Parked { endpoint, route, label, farewell, idle_ms, retire_at, uses_left, pace_us, sealed } =
            parked;
        if let Some(route) = route {
            self.routes.learn(route, endpoint, now);
        }
        let packed = Packed::new(&label, &farewell, &sealed);
        let deadline = deadline(idle_since, idle_ms, retire_at, &self.limits);
        if uses_left == 0 || deadline <= now {
            self.counters.expired += 1;
            self.departed.push_back(Departed { descriptor, packed });
            return None;
        }
        let entry = Entry {
            descriptor,
            endpoint,
            idle_since,
            deadline,
            retire_at,
            idle_ms,
            uses_left,
            pace_us,
            parked_by,
            packed,
        };
        self.shelf.insert(ticket, entry);
        self.displace_at(&endpoint);
        self.displace();
        self.note_peaks();
        self.shelf.get_mut(ticket).map(|_| ticket)
    }

    fn hand_over(
        &mut self,
        ticket: Ticket,
        asked: Option<(DestinationKey, Vec<u8>)>,
        by: u32,
    ) -> Option<Handed<D>> {
        let entry = self.shelf.remove(ticket)?;
        if entry.parked_by != by {
            self.counters.handed_over += 1;
        }
        let (destination, route) = asked.unzip();
        let Entry { descriptor, endpoint, idle_since, retire_at, uses_left, pace_us, parked_by, .. } = entry;
        let sealed = entry.packed.sealed().to_vec();
        let taken = Taken { endpoint, route, retire_at, uses_left, pace_us, sealed };
        let origin = Origin { endpoint, destination, standing: Standing { ticket, idle_since, parked_by } };
        Some(Handed { descriptor, taken, origin })
    }

    fn note_peaks(&mut self) {
        let peaks = &mut self.peaks;
        peaks.destinations = peaks.destinations.max(self.routes.len());
        peaks.endpoints = peaks.endpoints.max(self.shelf.endpoints());
        peaks.sessions = peaks.sessions.max(self.shelf.len());
        let held = u32::try_from(self.shelf.len()).unwrap_or(u32::MAX);
        self.counters.peak = self.counters.peak.max(held);
    }
}

fn listed<D>(entry: &Entry<D>, now: Boottime) -> Listed {
    Listed {
        label: entry.packed.label(),
        idle_ms: now.0.saturating_sub(entry.idle_since.0),
        expires_ms: entry.deadline.0.saturating_sub(now.0),
        uses_left: entry.uses_left,
        parked_by: entry.parked_by,
    }
}
