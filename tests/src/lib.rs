//! Instruments for tests that need real processes and real sockets: peers, the relay itself, faults, DNS.
//!
//! A test takes a [`Sandbox`], starts a [`sink::Sink`] to receive mail, a [`relay::Relay`] that sends to it,
//! injects with [`injector`], and then compares what was sent with what the sink recorded:
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::{injector, mail, relay::Relay, sandbox::Sandbox, sink::{Settings, Sink}};
//!
//! let sandbox = Sandbox::new("first-mail");
//! let sink = Sink::start(Settings::smtp());
//! let relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).start();
//! let sent = injector::send(relay.intake(), 2, mail::distinct(10, 4_000));
//! sink.expect("ten messages", Duration::from_secs(30), |record| record.messages.len() == 10);
//! assert_eq!(testkit::ledger::compare(&sent, &sink.messages()).faults(), 0);
//! ```
//!
//! How to write a test here:
//! * It is named as the promise it holds: `killed_worker_loses_nothing`, in the file of its topic.
//! * It waits for an event with a deadline ([`wait`]), never for time to pass.
//! * It takes ports from the kernel ([`sandbox::free_port`] or port 0) and ends only what it started.
//! * Everything is on 127.0.0.0/8 or a Unix socket.
//!
//! The longer demonstrations are the subcommands of the program `show` ([`show`]); `tests/show/NAME` runs one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "an instrument reports what is wrong by ending the test"
)]

pub mod sandbox;
pub mod wait;

pub mod daemon;
pub mod maincf;
pub mod process;
pub mod programs;
pub mod relay;

pub mod injector;
pub mod ledger;
pub mod mail;
pub mod maillog;
pub mod milter;
pub mod peer;
pub mod script;
pub mod secrets;
pub mod sink;
pub mod site;
pub mod zone;

pub mod alone;
pub mod dovecot;
pub mod farm;
pub mod lab;
pub mod parity;
pub mod policy;
pub mod postfix;
pub mod show;
pub mod strace;
pub mod table;
pub mod tls_server;
pub mod tracer;
pub mod wire;

pub use sandbox::Sandbox;
