//! Parking and taking of sessions.

use std::time::Duration;

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::DomainList;
use crate::value::Positive;

params! {
    /// Which sessions are parked, for how long, and how often they are used again.
    SessionCache {
        /// Destinations whose sessions are always parked.
        destinations: DomainList = "connection_cache_destinations", "", Same, Act;
        /// Park sessions while a destination has a backlog.
        on_demand: bool = "connection_cache_on_demand", "yes", Same, Act;
        /// How long a session may stay parked between two uses.
        time_limit: Positive<Duration> = "connection_cache_time_limit", "2s", Same, Act;
        /// How long after its connect a session may be used again.
        reuse_time_limit: Positive<Duration> = "connection_reuse_time_limit", "300s", Same, Act;
        /// How often a session may be used again.
        reuse_count_limit: Option<Positive<u32>> = "connection_reuse_count_limit", "0", Same, Act;
        /// The cache's own bound on `smtp_connection_cache_time_limit`.
        ttl_limit: Positive<Duration> = "connection_cache_ttl_limit", "2s", Shared, Act;
        /// How long one exchange with the cache may take.
        protocol_timeout: Positive<Duration> = "connection_cache_protocol_timeout", "5s", Shared, Act;
        /// How often the cache logs its statistics.
        status_update_time: Positive<Duration> = "connection_cache_status_update_time", "600s", Shared, Act;
        /// How many sessions of one remote endpoint may be parked.
        endpoint_session_limit: Option<Positive<u32>> = "baton_endpoint_session_limit", "20", Shared, Act;
    }
}

impl SessionCache {
    /// How long a session may stay parked: the destination's limit under the cache's own.
    pub fn idle_limit(&self) -> Duration {
        self.time_limit.get().min(self.ttl_limit.get())
    }
}
