//! What the administrator decides: limits of the whole, and of each transport, by Postfix's parameter names.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::feedback::Feedback;

/// Limits over all transports together.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Workers that all transports share: `default_process_limit`.
    pub workers: NonZeroU32,
    /// Destinations without mail whose state is kept, at most, per transport; the longest idle is forgotten first.
    pub idle_destinations: usize,
}

impl Limits {
    /// `workers` workers and 10 000 remembered destinations.
    pub fn of_workers(workers: NonZeroU32) -> Self {
        Self { workers, idle_destinations: 10_000 }
    }
}

/// Whether sessions to a destination are kept for the next delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// `smtp_connection_cache_on_demand = no` and not listed.
    Never,
    /// While the destination has a backlog: `smtp_connection_cache_on_demand = yes`.
    OnDemand,
    /// Always: listed in `smtp_connection_cache_destinations`.
    Permanent,
}

/// Decides [`Caching`] from the next hop text; asked once when a destination appears, and again on
/// [`reconfigure`](crate::Scheduler::reconfigure).
#[derive(Clone)]
pub struct CachingRule(Arc<dyn Fn(&str) -> Caching + Send + Sync>);

impl CachingRule {
    /// A rule from a function of the next hop.
    pub fn new(rule: impl Fn(&str) -> Caching + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// The same for every destination.
    pub fn always(caching: Caching) -> Self {
        Self::new(move |_| caching)
    }

    pub(crate) fn decide(&self, nexthop: &str) -> Caching {
        (self.0)(nexthop)
    }
}

impl fmt::Debug for CachingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachingRule")
    }
}

/// One transport's parameters. `None` stands where main.cf has 0 for "no limit", so `NonZeroU32::new` reads them.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// Workers this transport may hold: the process limit of its service, `default_process_limit`.
    pub process_limit: NonZeroU32,
    /// `initial_destination_concurrency`.
    pub initial_destination_concurrency: NonZeroU32,
    /// `<transport>_destination_concurrency_limit`.
    pub destination_concurrency_limit: Option<NonZeroU32>,
    /// `<transport>_destination_recipient_limit`.
    pub destination_recipient_limit: Option<NonZeroU32>,
    /// Rest of a destination after each of its deliveries, of which there is then one at a time:
    /// `<transport>_destination_rate_delay`.
    pub destination_rate_delay: Duration,
    /// Rest of the whole transport after each delivery, of which there is then one at a time:
    /// `<transport>_transport_rate_delay`.
    pub transport_rate_delay: Duration,
    /// `<transport>_destination_concurrency_positive_feedback`.
    pub positive_feedback: Feedback,
    /// `<transport>_destination_concurrency_negative_feedback`.
    pub negative_feedback: Feedback,
    /// `<transport>_destination_concurrency_failed_cohort_limit`; `None`: a destination never dies.
    pub failed_cohort_limit: Option<NonZeroU32>,
    /// How long a dead destination stays suspended: `minimal_backoff_time`.
    pub minimal_backoff_time: Duration,
    /// How long a transport without usable workers stays suspended: `transport_retry_time`.
    pub transport_retry_time: Duration,
    /// How long a success counts as recent for the quarter rule.
    pub recent_success: Duration,
    /// How long a stored session can still be met: `smtp_connection_cache_time_limit`.
    pub session_lifetime: Duration,
    /// How often an entry may end a worker before it is deferred.
    pub worker_death_limit: NonZeroU32,
    /// How long a destination without mail is remembered; never shorter than it may be suspended.
    pub remember_idle: Duration,
    /// Which destinations' sessions are kept.
    pub caching: CachingRule,
}

impl TransportSettings {
    /// Postfix's documented defaults and our own for what Postfix does not have; callers with a main.cf replace them.
    pub fn documented() -> Self {
        Self {
            process_limit: count(100),
            initial_destination_concurrency: count(5),
            destination_concurrency_limit: Some(count(20)),
            destination_recipient_limit: Some(count(50)),
            destination_rate_delay: Duration::ZERO,
            transport_rate_delay: Duration::ZERO,
            positive_feedback: Feedback::ONE,
            negative_feedback: Feedback::ONE,
            failed_cohort_limit: Some(count(1)),
            minimal_backoff_time: Duration::from_secs(300),
            transport_retry_time: Duration::from_secs(60),
            recent_success: Duration::from_secs(60),
            session_lifetime: Duration::from_secs(2),
            worker_death_limit: count(3),
            remember_idle: Duration::from_secs(300),
            caching: CachingRule::always(Caching::OnDemand),
        }
    }

    pub(crate) fn remembered(&self) -> Duration {
        self.remember_idle.max(self.minimal_backoff_time).max(self.destination_rate_delay)
    }

    /// With a destination's rest goes a window of one.
    pub(crate) fn paced(self) -> Self {
        if self.destination_rate_delay.is_zero() {
            return self;
        }
        Self {
            initial_destination_concurrency: count(1),
            destination_concurrency_limit: Some(count(1)),
            ..self
        }
    }
}

const fn count(n: u32) -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(n.saturating_sub(1))
}
