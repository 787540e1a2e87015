//! Tests of the hand-over: the seal, and marks and claims of real sockets, also from a second process.

mod deposits;
mod sockets;
