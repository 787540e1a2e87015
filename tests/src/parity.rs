//! Parity with Postfix's own delivery agents, case by case: one private instance runs each case twice, with the stock
//! programs and with ours, against the same scripted server, and everything that can be seen afterwards is compared.
//!
//! The cases are in `tests/postfix/cases`, what is meant to differ in `tests/postfix/differences.tsv`.

mod case;
mod dialogue;
mod diff;
mod differences;
mod log;
mod observation;
mod plain;
mod rule;
mod server;
mod site;
mod stage;
mod trace;

pub use case::{Case, all};
pub use differences::{Differences, Found};
pub use observation::Observation;
pub use site::run;
pub use stage::{SIDES, Side, Stage};
