//! TLS of deliveries: who asks for how much of it, the handshake, the record layer, and the hand-over of a live session
//! from one process to the next.

pub mod handover;
pub mod handshake;
pub mod provider;
pub mod records;
pub mod stream;
