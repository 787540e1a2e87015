//! The scheduler: entries in, assignments out, outcomes back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::delivery::{Admission, Assignment, Cause, Deferred, Delivery, Entry, Outcome};
use crate::destination::{Destination, Ran, Standing};
use crate::gate::{Class, Gate};
use crate::registry::Registry;
use crate::ring::{RingId, Rings, Slot};
use crate::settings::{Limits, TransportSettings};
use crate::transport::{Transport, TransportId};
use crate::window::Survival;

/// How many forgettable destinations a new one clears away: more than one, so that they become fewer.
const FORGOTTEN_PER_NEW: usize = 2;

/// Which delivery goes to a worker next, over all transports. `M` names a message; it is cloned per entry.
#[derive(Debug)]
pub struct Scheduler<M> {
    pub(crate) idle_destinations: usize,
    pub(crate) transports: Vec<Transport>,
    pub(crate) destinations: Registry<M>,
    pub(crate) rings: Rings,
    /// Destinations that rest, by the end of it. A slot may have been given to another one since; that does no harm.
    resting: BTreeSet<(Duration, Slot)>,
    /// Workers of all transports together.
    pub(crate) gate: Gate,
}

impl<M: Clone + Eq> Scheduler<M> {
    /// No transports, no mail.
    pub fn new(limits: Limits) -> Self {
        Self {
            idle_destinations: limits.idle_destinations,
            transports: Vec::new(),
            destinations: Registry::new(),
            rings: Rings::default(),
            resting: BTreeSet::new(),
            gate: Gate::new(limits.workers),
        }
    }

    /// A transport by its `master.cf` name. A name that exists already gets the new settings.
    pub fn add_transport(&mut self, now: Duration, name: &str, settings: TransportSettings) -> TransportId {
        if let Some(id) = self.transport(name) {
            self.reconfigure(now, id, settings);
            return id;
        }
        self.transports.push(Transport::new(name, settings, &mut self.rings));
        TransportId(u32::try_from(self.transports.len() - 1).unwrap_or(u32::MAX))
    }

    /// Put recipients at the end of their destination's queue; of one message in one piece, as far as
    /// `destination_recipient_limit` allows. Given back when the site or the transport is suspended.
    pub fn enqueue(&mut self, now: Duration, delivery: Delivery<'_, M>) -> Admission<M> {
        if delivery.recipients.is_empty() {
            return Admission::Queued;
        }
        let id = delivery.transport;
        let slot = self.slot_for(now, id, delivery.nexthop);
        let (Some(slot), Some(transport)) = (slot, self.transports.get(id.0 as usize)) else {
            return Admission::Suspended(deferred(delivery, Cause::TransportUnavailable));
        };
        let Some(destination) = self.destinations.get_mut(slot) else {
            return Admission::Suspended(deferred(delivery, Cause::TransportUnavailable));
        };
        if let Some(failure) = destination.suspended(now, &transport.settings) {
            return Admission::Suspended(deferred(delivery, Cause::Suspended(failure)));
        }
        destination.push(delivery, transport.recipient_limit());
        self.place(now, slot);
        Admission::Queued
    }

    /// The next delivery, if a worker may have one: the destination that waits longest among those that may send.
    ///
    /// O(1) in destinations and entries, counted over many calls: a success that is no longer recent costs one move.
    pub fn next(&mut self, now: Duration) -> Option<Assignment<M>> {
        self.end_rests(now);
        loop {
            let (slot, class) = self.longest_waiting()?;
            // Time alone ends recent success: such a destination is moved when its turn comes.
            if self.destinations.get(slot).is_some_and(|destination| destination.class(now) == class) {
                return self.hand_out(now, slot, class);
            }
            self.place(now, slot);
        }
    }

    /// An assignment ended. What comes back was not tried and will not be: the caller's again, to be deferred.
    pub fn finished(
        &mut self,
        now: Duration,
        assignment: Assignment<M>,
        outcome: Outcome,
    ) -> Vec<Deferred<M>> {
        let Assignment { slot, class, transport, entry, cache, .. } = assignment;
        let (Some(transport), Some(destination)) =
            (self.transports.get_mut(transport.0 as usize), self.destinations.get_mut(slot))
        else {
            return Vec::new();
        };
        self.gate.give_back(class);
        transport.gate.give_back(class);
        let settings = &transport.settings;
        let mut leaving = Vec::new();
        let mut ran = Ran::Yes;
        match outcome {
            Outcome::Completed => {
                destination.succeeded(now, cache.store, settings);
                if cache.store {
                    transport.last_stored = Some(now);
                }
            }
            Outcome::SiteFailed(failure) => {
                if destination.failed(now, failure, settings) == Survival::Dead {
                    leaving = suspend(now, destination, transport);
                    // It may have been this one's session; another destination's next success says otherwise.
                    transport.last_stored = None;
                }
            }
            Outcome::Inconclusive => {}
            Outcome::NotStarted => {
                leaving.extend(take_back(now, destination, transport, entry));
                ran = Ran::No;
            }
            Outcome::WorkerDied => {
                let entry = Entry { deaths: entry.deaths.saturating_add(1), ..entry };
                leaving.extend(take_back(now, destination, transport, entry));
            }
        }
        let rest = destination.released(now, ran, &transport.settings);
        if ran == Ran::Yes {
            transport.begin_rest(now);
        }
        self.resting.extend(rest.map(|until| (until, slot)));
        self.place(now, slot);
        leaving
    }

    /// The end of the first rest that [`next`](Self::next) has not seen the end of: it may have something then although
    /// nothing else happens.
    pub fn next_rest_over(&self) -> Option<Duration> {
        let transports = self.transports.iter().filter_map(|transport| transport.rests_until);
        transports.chain(self.resting.first().map(|(until, _)| *until)).min()
    }

    fn end_rests(&mut self, now: Duration) {
        for transport in &mut self.transports {
            transport.rests_until = transport.rests_until.filter(|until| now < *until);
        }
        while let Some((until, slot)) = self.resting.first().copied().filter(|(until, _)| *until <= now) {
            self.resting.remove(&(until, slot));
            self.place(now, slot);
        }
    }

    /// The transport's worker program cannot be started or used: everything it had waiting is the caller's again,
    /// and so is what is enqueued before `transport_retry_time` is over. Assignments in progress are finished as usual.
    pub fn transport_failed(&mut self, now: Duration, id: TransportId) -> Vec<Deferred<M>> {
        let Some(transport) = self.transports.get_mut(id.0 as usize) else { return Vec::new() };
        transport.dead_until = Some(now.saturating_add(transport.settings.transport_retry_time));
        let mut leaving = Vec::new();
        for slot in self.destinations.slots() {
            let Some(destination) = self.destinations.get_mut(slot) else { continue };
            if destination.transport == id {
                leaving.extend(leave(destination, &Cause::TransportUnavailable));
                self.place(now, slot);
            }
        }
        leaving
    }

    /// Forget destinations that had no mail for `remember_idle`; returns how many. Called now and then it frees
    /// memory early; without it the bound is `idle_destinations` per transport.
    pub fn forget_idle(&mut self, now: Duration) -> usize {
        (0..self.transports.len()).map(|index| self.forget_some(now, index, usize::MAX)).sum()
    }

    /// The destination's slot; it is made when there is none. `None`: no such transport, or it is suspended.
    fn slot_for(&mut self, now: Duration, id: TransportId, nexthop: &str) -> Option<Slot> {
        let transport = self.transports.get_mut(id.0 as usize)?;
        if transport.is_suspended(now) {
            return None;
        }
        if let Some(slot) = self.destinations.find(id, nexthop) {
            return Some(slot);
        }
        let destination = Destination::new(id, nexthop.into(), &transport.settings);
        self.forget_some(now, id.0 as usize, FORGOTTEN_PER_NEW);
        Some(self.destinations.insert(destination))
    }

    fn forget_some(&mut self, now: Duration, transport: usize, most: usize) -> usize {
        let Some(transport) = self.transports.get(transport) else { return 0 };
        let (idle, remembered) = (transport.idle, transport.settings.remembered());
        let mut forgotten = 0;
        while forgotten < most {
            let Some((slot, _)) = self.rings.front(idle) else { break };
            let over = self
                .destinations
                .get(slot)
                .is_none_or(|destination| destination.idle_since.saturating_add(remembered) <= now);
            if !over {
                break;
            }
            self.forget_longest_idle(idle);
            forgotten += 1;
        }
        forgotten
    }

    fn forget_longest_idle(&mut self, idle: RingId) {
        if let Some((slot, _)) = self.rings.front(idle) {
            self.rings.leave(slot);
            self.destinations.forget(slot);
        }
    }

    /// First by ticket over all rings whose class has workers left.
    fn longest_waiting(&self) -> Option<(Slot, Class)> {
        let mut best = None;
        for transport in self.transports.iter().filter(|transport| !transport.is_resting()) {
            for class in Class::ALL {
                if !self.gate.admits(class) || !transport.gate.admits(class) {
                    continue;
                }
                let Some((slot, ticket)) = self.rings.front(transport.ready(class)) else { continue };
                if best.is_none_or(|(earliest, _, _)| ticket < earliest) {
                    best = Some((ticket, slot, class));
                }
            }
        }
        best.map(|(_, slot, class)| (slot, class))
    }

    fn hand_out(&mut self, now: Duration, slot: Slot, class: Class) -> Option<Assignment<M>> {
        let destination = self.destinations.get_mut(slot)?;
        let transport = self.transports.get_mut(destination.transport.0 as usize)?;
        let entry = destination.pop()?;
        destination.busy += 1;
        self.gate.take(class);
        transport.gate.take(class);
        let room = destination
            .room(now, transport.quarter(self.gate.limit()))
            .min(transport.gate.free())
            .min(self.gate.free());
        let cache = destination.cache_flags(now, room, transport.last_stored, &transport.settings);
        let nexthop = Arc::clone(&destination.nexthop);
        let transport = destination.transport;
        self.rings.leave(slot);
        self.place(now, slot);
        Some(Assignment { slot, class, transport, nexthop, entry, cache })
    }

    /// Bring the destination into the ring it belongs to; as the last there, unless it is in it already.
    pub(crate) fn place(&mut self, now: Duration, slot: Slot) {
        let Some(destination) = self.destinations.get_mut(slot) else { return self.rings.leave(slot) };
        let Some(transport) = self.transports.get(destination.transport.0 as usize) else { return };
        let ring = match destination.standing(now, transport.quarter(self.gate.limit())) {
            Standing::Ready(class) => Some(transport.ready(class)),
            Standing::Blocked => None,
            Standing::Idle => Some(transport.idle),
        };
        if ring == self.rings.ring_of(slot) {
            return;
        }
        match ring {
            Some(ring) => {
                if ring == transport.idle {
                    destination.idle_since = now;
                }
                self.rings.join(ring, slot);
                if ring == transport.idle && self.rings.members(ring) > self.idle_destinations {
                    self.forget_longest_idle(ring);
                }
            }
            None => self.rings.leave(slot),
        }
    }
}

/// An entry whose delivery did not take place: to the head of the queue, unless it may not wait there.
fn take_back<M>(
    now: Duration,
    destination: &mut Destination<M>,
    transport: &mut Transport,
    entry: Entry<M>,
) -> Option<Deferred<M>> {
    if entry.recipients.is_empty() {
        return None;
    }
    let limit = transport.settings.worker_death_limit;
    let cause = if entry.deaths >= limit.get() {
        Cause::WorkersDied(limit)
    } else if transport.is_suspended(now) {
        Cause::TransportUnavailable
    } else if let Some(failure) = destination.suspended(now, &transport.settings) {
        Cause::Suspended(failure)
    } else {
        destination.push_front(entry);
        return None;
    };
    Some(untried(destination, entry, &cause))
}

/// Everything that waits for a site that just died.
fn suspend<M>(now: Duration, destination: &mut Destination<M>, transport: &Transport) -> Vec<Deferred<M>> {
    match destination.suspended(now, &transport.settings) {
        Some(failure) => leave(destination, &Cause::Suspended(failure)),
        // Suspended for no time at all: the queue stays and is tried again.
        None => Vec::new(),
    }
}

fn leave<M>(destination: &mut Destination<M>, cause: &Cause) -> Vec<Deferred<M>> {
    let waiting = destination.drain();
    waiting.into_iter().map(|entry| untried(destination, entry, cause)).collect()
}

fn untried<M>(destination: &Destination<M>, entry: Entry<M>, cause: &Cause) -> Deferred<M> {
    Deferred {
        transport: destination.transport,
        nexthop: Arc::clone(&destination.nexthop),
        message: entry.message,
        recipients: entry.recipients,
        cause: cause.clone(),
    }
}

fn deferred<M>(delivery: Delivery<'_, M>, cause: Cause) -> Deferred<M> {
    let Delivery { transport, nexthop, message, recipients, .. } = delivery;
    Deferred { transport, nexthop: nexthop.into(), message, recipients, cause }
}
