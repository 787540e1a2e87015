//! A connection cache that does everything wrong, against the real worker: nothing doubtful is ever written to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod conduct;
mod descriptors;
mod dialogue;
mod farewell;
mod issue;
mod rig;
mod routes;
mod scene;
mod server;
mod swaps;
mod tampering;
mod worth;
