//! Each parameter of the worker, set and not set: what server, DNS, cache and log see of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod cache;
mod content;
mod lookups;
mod paced;
mod rig;
mod row;
mod session;
mod stages;
