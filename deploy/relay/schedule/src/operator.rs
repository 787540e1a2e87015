//! What the operator sees and does: status of transports and destinations, flush, remove, new settings.

use std::sync::Arc;
use std::time::Duration;

use crate::delivery::SiteFailure;
use crate::destination::{Destination, Site};
use crate::ring::Slot;
use crate::scheduler::Scheduler;
use crate::settings::{Limits, TransportSettings};
use crate::transport::TransportId;

/// One destination, for `baton queue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationStatus<'a> {
    /// Name of its transport.
    pub transport: &'a str,
    /// The next hop.
    pub nexthop: &'a str,
    /// Entries waiting.
    pub queued: usize,
    /// Recipients waiting.
    pub recipients: usize,
    /// Octets waiting: the message's size once per entry.
    pub octets: u64,
    /// Entries with workers.
    pub busy: u32,
    /// Alive or suspended.
    pub state: SiteState,
    /// The last failure since the last success.
    pub last_failure: Option<&'a SiteFailure>,
}

/// Whether a site is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteState {
    /// Up to `window` deliveries at a time.
    Alive {
        /// The present concurrency window.
        window: u32,
    },
    /// Not before `until`, since the boot-time zero.
    Dead {
        /// End of the suspension.
        until: Duration,
    },
}

/// One transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportStatus<'a> {
    /// Its `master.cf` name.
    pub name: &'a str,
    /// Workers in use.
    pub busy: u32,
    /// Workers it may hold.
    pub limit: u32,
    /// Suspended until then, if that is after `now`.
    pub dead_until: Option<Duration>,
}

/// Sums over everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Destinations known, idle ones included.
    pub destinations: usize,
    /// Entries waiting.
    pub queued: usize,
    /// Recipients waiting.
    pub recipients: usize,
    /// Octets waiting.
    pub octets: u64,
    /// Entries with workers.
    pub busy: u32,
}

impl<M: Clone + Eq> Scheduler<M> {
    /// The transport of this name.
    pub fn transport(&self, name: &str) -> Option<TransportId> {
        let index = self.transports.iter().position(|transport| &*transport.name == name)?;
        u32::try_from(index).ok().map(TransportId)
    }

    /// New limits over all transports. Workers above a lower limit are not recalled.
    pub fn set_limits(&mut self, now: Duration, limits: Limits) {
        self.gate.set_limit(limits.workers);
        self.idle_destinations = limits.idle_destinations;
        self.place_all(now);
    }

    /// New settings for a transport, for the destinations it has as well. Learned windows stay, within the new limit.
    pub fn reconfigure(&mut self, now: Duration, id: TransportId, settings: TransportSettings) {
        let Some(transport) = self.transports.get_mut(id.0 as usize) else { return };
        transport.gate.set_limit(settings.process_limit);
        transport.settings = settings.paced();
        for slot in self.destinations.slots() {
            if let Some(destination) = self.destinations.get_mut(slot).filter(|it| it.transport == id) {
                destination.reconfigured(&transport.settings);
            }
        }
        self.place_all(now);
    }

    /// Every suspension ends: transports and destinations are tried again. The queue flush of `baton queue flush`
    /// is this and [`RetryTimer::flush`](crate::RetryTimer::flush).
    pub fn flush(&mut self, now: Duration) {
        for slot in self.destinations.slots() {
            self.reopen(slot);
        }
        self.transports.iter_mut().for_each(|transport| transport.dead_until = None);
        self.place_all(now);
    }

    /// End the suspension of one destination.
    pub fn flush_destination(&mut self, now: Duration, transport: TransportId, nexthop: &str) {
        if let Some(slot) = self.destinations.find(transport, nexthop) {
            self.reopen(slot);
            self.place(now, slot);
        }
    }

    /// Take a message out of every queue; returns the recipients that were waiting. What a worker has is not recalled.
    pub fn remove(&mut self, now: Duration, message: &M) -> Vec<u32> {
        let mut removed = Vec::new();
        for slot in self.destinations.slots() {
            let Some(destination) = self.destinations.get_mut(slot) else { continue };
            let entries = destination.remove(|entry| entry.message == *message);
            if !entries.is_empty() {
                removed.extend(entries.into_iter().flat_map(|entry| entry.recipients));
                self.place(now, slot);
            }
        }
        removed
    }

    /// Every destination known, in no particular order; idle ones included.
    pub fn destinations(&self) -> impl Iterator<Item = DestinationStatus<'_>> {
        self.destinations.iter().map(|destination| self.status(destination))
    }

    /// Every transport, as added.
    pub fn transports(&self, now: Duration) -> impl Iterator<Item = TransportStatus<'_>> {
        self.transports.iter().map(move |transport| TransportStatus {
            name: &transport.name,
            busy: transport.gate.busy(),
            limit: transport.gate.limit(),
            dead_until: transport.dead_until.filter(|until| now < *until),
        })
    }

    /// Sums over all destinations.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { busy: self.gate.busy(), ..Totals::default() };
        for destination in self.destinations.iter() {
            totals.destinations += 1;
            totals.queued += destination.waiting.len();
            totals.recipients += destination.waiting_recipients;
            totals.octets = totals.octets.saturating_add(destination.waiting_octets);
        }
        totals
    }

    fn status<'a>(&'a self, destination: &'a Destination<M>) -> DestinationStatus<'a> {
        let transport = self.transports.get(destination.transport.0 as usize);
        DestinationStatus {
            transport: transport.map_or("", |transport| &*transport.name),
            nexthop: &destination.nexthop,
            queued: destination.waiting.len(),
            recipients: destination.waiting_recipients,
            octets: destination.waiting_octets,
            busy: destination.busy,
            state: match &destination.site {
                Site::Alive(window) => SiteState::Alive { window: window.size() },
                Site::Dead { until, .. } => SiteState::Dead { until: *until },
            },
            last_failure: destination.last_failure.as_ref().map(Arc::as_ref),
        }
    }

    fn reopen(&mut self, slot: Slot) {
        let Some(destination) = self.destinations.get_mut(slot) else { return };
        if let Some(transport) = self.transports.get(destination.transport.0 as usize) {
            destination.reopen(&transport.settings);
        }
    }

    fn place_all(&mut self, now: Duration) {
        for slot in self.destinations.slots() {
            self.place(now, slot);
        }
    }
}
