//! When mail is tried again, and when it is given up.

use std::time::Duration;

use crate::param::Mirror::Shared;
use crate::param::Today::{Act, Warn};
use crate::param::params;
use crate::value::Positive;

params! {
    /// When mail is tried again, and when it is given up.
    Retry {
        /// Shortest wait between two attempts of one message.
        minimal_backoff: Positive<Duration> = "minimal_backoff_time", "300s", Shared, Act;
        /// Longest wait between two attempts.
        maximal_backoff: Positive<Duration> = "maximal_backoff_time", "4000s", Shared, Act;
        /// How long mail is tried before it bounces. 0: one attempt.
        queue_lifetime: Duration = "maximal_queue_lifetime", "5d", Shared, Act;
        /// The same for bounces, which are then dropped. 0: one attempt.
        bounce_lifetime: Duration = "bounce_queue_lifetime", "5d", Shared, Act;
        /// How often deferred mail is looked through.
        queue_run_delay: Positive<Duration> = "queue_run_delay", "300s", Shared,
            Warn("every deferred message has a timer of its own");
        /// How long a transport that does not work is left alone.
        transport_retry: Positive<Duration> = "transport_retry_time", "60s", Shared, Act;
    }
}
