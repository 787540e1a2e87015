//! How much the queue holds.

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::Positive;

params! {
    /// How much the queue holds.
    Queue {
        /// Most messages that are being delivered, with their recipients in memory.
        active_limit: Positive<u32> = "qmgr_message_active_limit", "20000", Shared, Act;
        /// Largest message. Octets.
        message_size_limit: Option<Positive<u64>> = "message_size_limit", "10240000", Shared, Act;
        /// Free space below which nothing is accepted. Octets.
        minimum_free: u64 = "queue_minfree", "0", Shared, Act;
    }
}
