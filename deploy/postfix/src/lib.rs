//! Delivery under Postfix: what smtp(8) and lmtp(8) do for master(8) and qmgr(8), with Baton's delivery path inside.
//!
//! ```text
//!  command_line ─► start ─► skeleton ── one connection ─► conversation ─► worker::delivery
//!                             │ master: TAKEN, AVAIL          │ queue file: read, marked
//!                             └ ends with it                  └ results ─► results ─► bounce, defer, trace, verify
//! ```
//!
//! tables: what tables agents open how, and by whom: proxymap(8) opens some for them.
//!
//! cache_daemon: baton-scache, whose sessions agents reach by introduction, under the keys of keyring.
//!
//! One process, one delivery at a time. A recipient is reported, then marked in the queue file, and only when all are does
//! the queue manager get its answer: whatever dies in between, no mail is lost.

pub mod cache_daemon;
pub mod command_line;
pub mod conversation;
pub mod inherited;
pub mod install;
pub mod introduction;
pub mod keyring;
pub mod log;
pub mod order;
pub mod proxymap;
pub mod release;
pub mod results;
pub mod services;
pub mod setup;
pub mod skeleton;
pub mod start;
pub mod tables;
pub mod waiting_sites;
pub mod watchdog;
