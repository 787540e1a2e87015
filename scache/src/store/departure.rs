//! What has to go: expired, evicted, displaced by a limit, flushed.

use super::packed::Packed;
use super::{Store, Ticket};
use crate::limits::Limits;
use proto::clock::Boottime;
use proto::key::EndpointKey;
use std::time::Duration;

/// A session that ends here. Its server is owed the farewell.
#[derive(Debug)]
pub struct Departed<D> {
    pub(super) descriptor: D,
    pub(super) packed: Packed,
}

impl<D> Departed<D> {
    /// What to write before closing; may be empty.
    #[must_use]
    pub fn farewell(&self) -> &[u8] {
        self.packed.farewell()
    }

    /// Where to write it. Closed when this is dropped.
    #[must_use]
    pub fn descriptor(&self) -> &D {
        &self.descriptor
    }
}

/// Why a session departs.
#[derive(Debug, Clone, Copy)]
enum Why {
    Expired,
    Displaced,
    Flushed,
}

impl<D> Store<D> {
    /// Takes out a session whose server has ended it, or has said something nobody asked for. It gets no
    /// farewell.
    pub fn evict(&mut self, ticket: Ticket) -> Option<D> {
        let entry = self.shelf.remove(ticket)?;
        self.counters.evicted += 1;
        Some(entry.descriptor)
    }

    /// Ends all sessions, or those that served `nexthop` last, and says how many.
    pub fn flush(&mut self, nexthop: Option<&str>) -> u32 {
        let all = self.shelf.iter_from(Ticket(0));
        let named =
            all.filter(|(_, entry)| nexthop.is_none_or(|name| entry.packed.nexthop() == name.as_bytes()));
        let tickets: Vec<_> = named.map(|(ticket, _)| ticket).collect();
        for &ticket in &tickets {
            self.depart(ticket, Why::Flushed);
        }
        u32::try_from(tickets.len()).unwrap_or(u32::MAX)
    }

    /// Ends every session that is idle for too long or too old, and forgets routes that are not fresh.
    pub fn expire(&mut self, now: Boottime) {
        while let Some(ticket) = self.shelf.expired(now) {
            self.depart(ticket, Why::Expired);
        }
        self.routes.expire(now);
    }

    /// Obeys other limits from now on, and says how many sessions that ended.
    pub fn set_limits(&mut self, limits: Limits, now: Boottime) -> u32 {
        let before = self.shelf.len();
        let old = std::mem::replace(&mut self.limits, limits);
        self.routes.set_capacity(limits.routes as usize);
        if limits.idle_ms != old.idle_ms || limits.per_endpoint < old.per_endpoint {
            self.shelve_again();
        }
        self.displace();
        self.expire(now);
        u32::try_from(before - self.shelf.len()).unwrap_or(u32::MAX)
    }

    /// When there is something to [`Store::expire`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<Boottime> {
        self.shelf.next_deadline()
    }

    /// A session that has left the shelf and is still owed its farewell; the caller's now.
    pub fn next_departed(&mut self) -> Option<Departed<D>> {
        let departed = self.departed.pop_front();
        if self.departed.is_empty() {
            self.departed.shrink_to(64);
        }
        departed
    }

    /// Whether [`Store::next_departed`] has something.
    #[must_use]
    pub fn has_departed(&self) -> bool {
        !self.departed.is_empty()
    }

    fn depart(&mut self, ticket: Ticket, why: Why) {
        let Some(entry) = self.shelf.remove(ticket) else { return };
        let counter = match why {
            Why::Expired => &mut self.counters.expired,
            Why::Displaced => &mut self.counters.displaced,
            Why::Flushed => &mut self.counters.flushed,
        };
        *counter += 1;
        self.departed.push_back(Departed { descriptor: entry.descriptor, packed: entry.packed });
    }

    /// Over the session cap the one that has been idle for the longest time goes.
    pub(super) fn displace(&mut self) {
        while self.shelf.len() > self.limits.sessions as usize
            && let Some(oldest) = self.shelf.oldest()
        {
            self.depart(oldest, Why::Displaced);
        }
    }

    pub(super) fn displace_at(&mut self, endpoint: &EndpointKey) {
        while self.shelf.at_endpoint(endpoint) > self.limits.per_endpoint
            && let Some(oldest) = self.shelf.oldest_at(endpoint)
        {
            self.depart(oldest, Why::Displaced);
        }
    }

    /// Computes every deadline again and applies the cap per endpoint to all.
    fn shelve_again(&mut self) {
        let tickets: Vec<_> = self.shelf.iter_from(Ticket(0)).map(|(ticket, _)| ticket).collect();
        for ticket in tickets {
            let Some(mut entry) = self.shelf.remove(ticket) else { continue };
            let endpoint = entry.endpoint;
            entry.deadline = deadline(entry.idle_since, entry.idle_ms, entry.retire_at, &self.limits);
            self.shelf.insert(ticket, entry);
            self.displace_at(&endpoint);
        }
    }
}

/// When a session expires: idle for too long, or too old.
pub(super) fn deadline(idle_since: Boottime, idle_ms: u32, retire_at: Boottime, limits: &Limits) -> Boottime {
    let idle = Duration::from_millis(u64::from(idle_ms.min(limits.idle_ms)));
    idle_since.after(idle).min(retire_at)
}
