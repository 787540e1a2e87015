//! A process that is confined as scache is: what it needs works, and nothing gives a parked socket another connection.
//!
//! Each test here starts its program once more, for one of the tests that are ignored: there is no way back from it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

mod attempts;
mod raw;

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

/// What became of a process that did this.
fn outcome(deed: &str) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", deed, "--ignored", "--nocapture", "--test-threads=1"]);
    let output = command.env_remove("RUST_BACKTRACE").output().unwrap();
    println!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    output
}

fn succeeds(deed: &str) {
    let output = outcome(deed);
    assert!(output.status.success(), "{}", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "it was done");
}

#[test]
fn a_parked_socket_keeps_its_connection() {
    succeeds("attempts::another_connection");
}

#[test]
fn calls_that_are_not_on_the_list_are_refused() {
    succeeds("attempts::everything_else");
}

#[test]
fn what_the_cache_needs_works() {
    succeeds("attempts::the_daily_work");
}

#[test]
fn threads_that_were_there_before_are_confined_too() {
    succeeds("attempts::another_thread");
}

#[test]
fn an_abort_ends_the_process() {
    assert_eq!(outcome("attempts::abort").status.signal(), Some(libc::SIGABRT));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_call_of_another_machine_kills() {
    let signal = outcome("attempts::another_machine").status.signal();
    // The other: this kernel does not know such calls at all.
    assert!(matches!(signal, Some(libc::SIGSYS | libc::SIGSEGV)), "{signal:?}");
}
