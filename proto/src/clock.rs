//! The clock of limits and deadlines: CLOCK_BOOTTIME, the same in every process of one machine.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Milliseconds since the machine started, suspended time included. Never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Boottime(pub u64);

impl Boottime {
    /// What the clock shows.
    #[must_use]
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
        Self(seconds.saturating_mul(1000).saturating_add(millis))
    }

    /// `self + wait`, at most the end of time.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long from `now` until `self`; zero when that is past.
    #[must_use]
    pub fn until(self, now: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(now.0))
    }
}
