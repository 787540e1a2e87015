//! The delivery path: one message, one next hop, and exactly one result for every recipient.
//!
//! [`serve`] takes requests from the [`supervisor`]; [`delivery`] is the story of one; [`wire`] moves octets; [`cache`]
//! takes sessions from scache and parks them, with their [`state`]. Between two requests a worker keeps what
//! [`context`] holds and nothing else.

pub mod args;
pub mod cache;
pub mod checks;
pub mod context;
pub mod delivery;
pub mod duty;
pub mod farewells;
pub mod generic;
pub mod log;
pub mod memory;
pub mod probe;
pub mod process;
pub mod refused;
pub mod register;
pub mod serve;
pub mod state;
pub mod supervisor;
pub mod wire;
