//! One transport: its parameters, its share of the workers, its rings of destinations.

use std::sync::Arc;
use std::time::Duration;

use crate::gate::{Class, Gate, quarter};
use crate::ring::{RingId, Rings};
use crate::settings::TransportSettings;

/// A transport of one [`Scheduler`](crate::Scheduler).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransportId(pub(crate) u32);

#[derive(Debug)]
pub(crate) struct Transport {
    pub(crate) name: Arc<str>,
    pub(crate) settings: TransportSettings,
    pub(crate) gate: Gate,
    /// Suspended until then: its workers cannot be used.
    pub(crate) dead_until: Option<Duration>,
    /// `transport_rate_delay`: the end of the rest after its last delivery.
    pub(crate) rests_until: Option<Duration>,
    /// When a session of any of its destinations was kept last: another destination on the same host may use it.
    pub(crate) last_stored: Option<Duration>,
    pub(crate) idle: RingId,
    proven: RingId,
    first: RingId,
    further: RingId,
}

impl Transport {
    pub(crate) fn new(name: &str, settings: TransportSettings, rings: &mut Rings) -> Self {
        Self {
            name: name.into(),
            gate: Gate::new(settings.process_limit),
            settings: settings.paced(),
            dead_until: None,
            rests_until: None,
            last_stored: None,
            idle: rings.add_ring(),
            proven: rings.add_ring(),
            first: rings.add_ring(),
            further: rings.add_ring(),
        }
    }

    /// Destinations of `class` that could send.
    pub(crate) fn ready(&self, class: Class) -> RingId {
        match class {
            Class::Proven => self.proven,
            Class::First => self.first,
            Class::Further => self.further,
        }
    }

    /// Whether it is suspended; forgets that it was when the time is over.
    pub(crate) fn is_suspended(&mut self, now: Duration) -> bool {
        self.dead_until = self.dead_until.filter(|until| now < *until);
        self.dead_until.is_some()
    }

    /// Whether `transport_rate_delay` lets nothing out.
    pub(crate) fn is_resting(&self) -> bool {
        self.rests_until.is_some() || (!self.settings.transport_rate_delay.is_zero() && self.gate.busy() > 0)
    }

    /// A delivery has ended.
    pub(crate) fn begin_rest(&mut self, now: Duration) {
        let rest = self.settings.transport_rate_delay;
        self.rests_until = (!rest.is_zero()).then(|| now.saturating_add(rest));
    }

    /// The most workers a destination without recent success may hold, of a pool that all transports share.
    pub(crate) fn quarter(&self, workers: u32) -> u32 {
        quarter(self.gate.limit().min(workers))
    }

    /// The most recipients of one entry.
    pub(crate) fn recipient_limit(&self) -> usize {
        self.settings.destination_recipient_limit.map_or(usize::MAX, |limit| limit.get() as usize)
    }
}
