//! The durable queue: one file per message
