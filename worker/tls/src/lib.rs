//! TLS of deliveries: who asks for how much of it, the handshake, the record layer, and the hand-over of a live session
//! from one process to the next.

pub mod handover;
pub mod handshake;
pub mod provider;
pub mod records;
pub mod stream;

// What is asked for, and what a certificate is worth.
mod engine;
#[cfg(test)]
mod lab;
mod level;
pub mod policy;
mod summary;
mod verify;
pub use engine::{ClientSession, Engine, EngineError, Observed, TlsUse};
pub use level::Level;
pub use policy::{
    DaneFinding, Effective, HostNames, MxNames, Policies, Policy, PolicyError, PolicyTable, Source, Tlsa,
    Transport,
};
pub use summary::Summary;
pub use verify::{Matched, PeerFacts, Problem, Trust, Verified, peer_line, verify};
