//! Everything that crosses a process border: messages, their bytes, and the descriptors that travel with them.
//!
//! ```text
//!   baton command ──control──► relay ──job──► worker ──cache──► scache
//!                                │                                ▲
//!                                └────────────steward─────────────┘
//! ```
//!
//! Every arrow is a `SOCK_SEQPACKET` pair; one packet is one [`packet::Packet`] of at most
//! [`packet::MAX_PACKET`] bytes with an exact number of descriptors. The first packet in each direction is a
//! greeting that carries [`VERSION`]. No policy lives here, and no other crate derives serialisation for
//! what it sends to another process.

pub mod cache;
pub mod channel;
pub mod clock;
pub mod control;
pub mod deposit;
pub mod job;
pub mod key;
pub mod orphan;
pub mod packet;
pub mod parked;
pub mod secret;
pub mod steward;

/// The version of every message in this crate. Raised with any change of bytes; `tests/golden.rs` notices.
pub const VERSION: u16 = 7;
