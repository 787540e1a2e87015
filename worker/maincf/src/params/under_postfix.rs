//! What a delivery process needs to know of the Postfix that it serves.

use std::time::Duration;

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::DomainList;
use crate::value::{Keywords, NonEmpty, Positive};

params! {
    /// The neighbours of a delivery process under Postfix.
    UnderPostfix {
        /// Who is told of mail that failed.
        bounce_service: NonEmpty = "bounce_service_name", "bounce", Shared, Act;
        /// Who is told of mail that waits.
        defer_service: NonEmpty = "defer_service_name", "defer", Shared, Act;
        /// Who is told of mail whose sender wants to hear of it.
        trace_service: NonEmpty = "trace_service_name", "trace", Shared, Act;
        /// Who is told what probes found.
        verify_service: NonEmpty = "address_verify_service_name", "verify", Shared, Act;
        /// Whether it is told of addresses that do not take mail.
        negative_cache: bool = "address_verify_negative_cache", "yes", Shared, Act;
        /// Who is told which sites mail waits for.
        flush_service: NonEmpty = "flush_service_name", "flush", Shared, Act;
        /// Of which sites.
        flush_domains: DomainList = "fast_flush_domains", "$relay_domains", Shared, Act;
        /// Who keeps connections between deliveries.
        cache_service: NonEmpty = "connection_cache_service_name", "scache", Shared, Act;
        /// Queues with folders in them.
        hash_queue_names: Keywords = "hash_queue_names", "deferred, defer", Shared, Act;
        /// How deep.
        hash_queue_depth: Positive<u32> = "hash_queue_depth", "1", Shared, Act;
        /// Who opens tables that are named with `proxy:`.
        proxymap_service: NonEmpty = "proxymap_service_name", "proxymap", Shared, Act;
        /// For how long a connection to it is kept that is not used.
        ipc_idle: Positive<Duration> = "ipc_idle", "5s", Shared, Act;
        /// For how long one is kept that is.
        ipc_ttl: Positive<Duration> = "ipc_ttl", "1000s", Shared, Act;
        /// How long a neighbour may take.
        ipc_timeout: Positive<Duration> = "ipc_timeout", "3600s", Shared, Act;
        /// How long one step of the process may take.
        daemon_timeout: Positive<Duration> = "daemon_timeout", "18000s", Shared, Act;
    }
}
