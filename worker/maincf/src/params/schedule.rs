//! How many deliveries at once, and how that number moves.

use std::time::Duration;

use crate::param::Mirror::{PerTransport, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{DeliveryFlags, Feedback, Positive};

params! {
    /// Worker processes, and the limits that transports begin with.
    Pool {
        /// Most worker processes of one transport.
        process_limit: Positive<u32> = "default_process_limit", "100", Shared, Act;
        /// Concurrency of a destination that nothing is known of.
        initial_concurrency: Positive<u32> = "initial_destination_concurrency", "5", Shared, Act;
        /// Most deliveries to one destination at once.
        concurrency_limit: Option<Positive<u32>> = "default_destination_concurrency_limit", "20", Shared, Act;
        /// Most recipients in one delivery.
        recipient_limit: Option<Positive<u32>> = "default_destination_recipient_limit", "50", Shared, Act;
        /// How long a destination rests after each of its deliveries; they then go one at a time.
        destination_rate_delay: Duration = "default_destination_rate_delay", "0s", Shared, Act;
        /// How long a whole transport rests after each of its deliveries; they then go one at a time.
        transport_rate_delay: Duration = "default_transport_rate_delay", "0s", Shared, Act;
        /// How a delivery that worked raises the concurrency.
        positive_feedback: Feedback = "default_destination_concurrency_positive_feedback", "1", Shared, Act;
        /// How a delivery that failed lowers it.
        negative_feedback: Feedback = "default_destination_concurrency_negative_feedback", "1", Shared, Act;
        /// After how many whole windows of failures a destination counts as dead.
        failed_cohort_limit: Option<Positive<u32>> = "default_destination_concurrency_failed_cohort_limit", "1", Shared, Act;
    }
}

params! {
    /// The limits of one transport; its name stands before each of these.
    TransportLimits {
        /// Concurrency of a destination that nothing is known of.
        initial_concurrency: Positive<u32> = "initial_destination_concurrency", "$initial_destination_concurrency", PerTransport, Act;
        /// Most deliveries to one destination at once.
        concurrency_limit: Option<Positive<u32>> = "destination_concurrency_limit", "$default_destination_concurrency_limit", PerTransport, Act;
        /// Most recipients in one delivery. 1 makes each recipient a destination of its own.
        recipient_limit: Option<Positive<u32>> = "destination_recipient_limit", "$default_destination_recipient_limit", PerTransport, Act;
        /// How long a destination rests after each of its deliveries; they then go one at a time.
        destination_rate_delay: Duration = "destination_rate_delay", "$default_destination_rate_delay", PerTransport, Act;
        /// How long the transport rests after each of its deliveries; they then go one at a time.
        transport_rate_delay: Duration = "transport_rate_delay", "$default_transport_rate_delay", PerTransport, Act;
        /// How a delivery that worked raises the concurrency.
        positive_feedback: Feedback = "destination_concurrency_positive_feedback", "$default_destination_concurrency_positive_feedback", PerTransport, Act;
        /// How a delivery that failed lowers it.
        negative_feedback: Feedback = "destination_concurrency_negative_feedback", "$default_destination_concurrency_negative_feedback", PerTransport, Act;
        /// After how many whole windows of failures a destination counts as dead.
        failed_cohort_limit: Option<Positive<u32>> = "destination_concurrency_failed_cohort_limit", "$default_destination_concurrency_failed_cohort_limit", PerTransport, Act;
        /// What a delivery to a mail store adds, as `flags=` in Postfix's master.cf: D a Delivered-To header (and mail that has it already bounces), O X-Original-To, R Return-Path; X says that success is delivery. D and O make each recipient a delivery of its own.
        flags: DeliveryFlags = "delivery_flags", "", PerTransport, Act;
    }
}
