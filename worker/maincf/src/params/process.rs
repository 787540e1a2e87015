//! How long a delivery process lives.

use std::time::Duration;

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::Positive;

params! {
    /// How long a delivery process lives.
    Process {
        /// How many deliveries it makes before it retires.
        max_use: Positive<u32> = "max_use", "100", Shared, Act;
        /// How long it waits for work before it retires.
        max_idle: Positive<Duration> = "max_idle", "100s", Shared, Act;
    }
}
