//! The parked sessions and the orders in which they are asked for, always in step.

use super::packed::Packed;
use proto::clock::Boottime;
use proto::key::EndpointKey;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Names one parked session. A session parked later has a greater ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// One parked session.
#[derive(Debug)]
pub(super) struct Entry<D> {
    pub(super) descriptor: D,
    pub(super) endpoint: EndpointKey,
    pub(super) idle_since: Boottime,
    /// When it expires: idle for too long or too old, whichever is first.
    pub(super) deadline: Boottime,
    pub(super) retire_at: Boottime,
    /// How long it may lie idle, as the worker asked.
    pub(super) idle_ms: u32,
    pub(super) uses_left: u32,
    pub(super) pace_us: u32,
    pub(super) parked_by: u32,
    pub(super) packed: Packed,
}

/// The order of choice within one endpoint: the fastest, then the one used last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    endpoint: EndpointKey,
    pace_us: u32,
    ticket: Reverse<Ticket>,
}

impl Rank {
    /// The order of choice between endpoints.
    pub(super) fn merit(&self) -> (u32, Reverse<Ticket>) {
        (self.pace_us, self.ticket)
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.ticket.0
    }
}

/// All parked sessions. Every order below names exactly the sessions in `entries`.
///
/// Trees throughout: no pause while a table grows, nothing to clean up behind a session that was taken.
#[derive(Debug)]
pub(super) struct Shelf<D> {
    /// In the order of parking: the first has been idle for the longest time. Boxed, because the nodes of
    /// a tree that grows at one end are half empty.
    entries: BTreeMap<Ticket, Box<Entry<D>>>,
    by_rank: BTreeSet<Rank>,
    by_deadline: BTreeSet<(Boottime, Ticket)>,
    per_endpoint: BTreeMap<EndpointKey, u32>,
}

impl<D> Shelf<D> {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            by_rank: BTreeSet::new(),
            by_deadline: BTreeSet::new(),
            per_endpoint: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn endpoints(&self) -> usize {
        self.per_endpoint.len()
    }

    pub(super) fn at_endpoint(&self, endpoint: &EndpointKey) -> u32 {
        self.per_endpoint.get(endpoint).copied().unwrap_or(0)
    }

    /// Puts a session in. `ticket` is not in use: tickets are given out once, and again only to the session
    /// that had it.
    pub(super) fn insert(&mut self, ticket: Ticket, entry: Entry<D>) {
        self.by_rank.insert(rank(ticket, &entry));
        self.by_deadline.insert((entry.deadline, ticket));
        *self.per_endpoint.entry(entry.endpoint).or_insert(0) += 1;
        self.entries.insert(ticket, Box::new(entry));
    }

    /// Takes a session out of all orders at once.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Entry<D>> {
        let entry = *self.entries.remove(&ticket)?;
        self.by_rank.remove(&rank(ticket, &entry));
        self.by_deadline.remove(&(entry.deadline, ticket));
        if let Some(count) = self.per_endpoint.get_mut(&entry.endpoint) {
            *count -= 1;
            if *count == 0 {
                self.per_endpoint.remove(&entry.endpoint);
            }
        }
        Some(entry)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry<D>> {
        self.entries.get_mut(&ticket).map(Box::as_mut)
    }

    /// The best session of one endpoint.
    pub(super) fn best(&self, endpoint: &EndpointKey) -> Option<Rank> {
        self.of_endpoint(endpoint).next().copied()
    }

    /// The session of one endpoint that has been idle for the longest time.
    pub(super) fn oldest_at(&self, endpoint: &EndpointKey) -> Option<Ticket> {
        self.of_endpoint(endpoint).map(Rank::ticket).min()
    }

    /// The session that has been idle for the longest time.
    pub(super) fn oldest(&self) -> Option<Ticket> {
        self.entries.first_key_value().map(|(&ticket, _)| ticket)
    }

    /// When the next session expires.
    pub(super) fn next_deadline(&self) -> Option<Boottime> {
        self.by_deadline.first().map(|&(deadline, _)| deadline)
    }

    /// The session that expires next, if it has by `now`.
    pub(super) fn expired(&self, now: Boottime) -> Option<Ticket> {
        self.by_deadline.first().filter(|&&(deadline, _)| deadline <= now).map(|&(_, ticket)| ticket)
    }

    /// Sessions in the order of parking, from `ticket` on.
    pub(super) fn iter_from(&self, ticket: Ticket) -> impl Iterator<Item = (Ticket, &Entry<D>)> {
        self.entries.range(ticket..).map(|(&ticket, entry)| (ticket, entry.as_ref()))
    }

    fn of_endpoint(&self, endpoint: &EndpointKey) -> impl Iterator<Item = &Rank> {
        let first = Rank { endpoint: *endpoint, pace_us: 0, ticket: Reverse(Ticket(u64::MAX)) };
        let endpoint = *endpoint;
        self.by_rank.range(first..).take_while(move |rank| rank.endpoint == endpoint)
    }
}

fn rank<D>(ticket: Ticket, entry: &Entry<D>) -> Rank {
    Rank { endpoint: entry.endpoint, pace_us: entry.pace_us, ticket: Reverse(ticket) }
}
