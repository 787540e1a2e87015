//! The delivery path: one message, one next hop, and exactly one verdict for every recipient.
pub mod args;
pub mod cache;
pub mod context;
pub mod log;
pub mod process;
pub mod state;
pub mod supervisor;
