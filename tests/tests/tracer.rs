//! The tracer itself: it kills where it was told, before the call does anything.
#![allow(clippy::unwrap_used, reason = "a test")]
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use testkit::tracer::{Tracer, name_of, wait_dead};
use testkit::wait;

fn cat() -> Child {
    Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits until cat sleeps in its read.
fn settle(child: &Child) {
    let path = format!("/proc/{}/wchan", child.id());
    wait::expect("cat reads", || std::fs::read_to_string(&path).ok().filter(|place| place.contains("pipe")));
}

/// What cat gave back of a line, and the names of the calls that were seen.
fn cut(kill_at: Option<usize>) -> (String, Vec<String>) {
    let mut child = cat();
    settle(&child);
    let tracer = Tracer::attach(child.id(), kill_at, Duration::ZERO);
    tracer.arm();
    let _ = child.stdin.take().unwrap().write_all(b"line\n");
    if kill_at.is_some() {
        wait_dead(child.id());
    }
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let calls = tracer.finish().into_iter().map(name_of).collect();
    child.wait().unwrap();
    (text, calls)
}

#[test]
fn a_process_is_killed_before_the_call_at_which_it_was_to_be_killed() {
    let (text, calls) = cut(None);
    assert_eq!(text, "line\n");
    let write = calls.iter().position(|name| name == "write").expect("cat writes");
    let before = cut(Some(write + 1));
    assert_eq!(before.0, "", "killed at the write: {:?}", before.1);
    let after = cut(Some(write + 2));
    assert_eq!(after.0, "line\n", "killed after the write: {:?}", after.1);
}
