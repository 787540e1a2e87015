//! Under a real Postfix our agents do what its own do: case by case, with everything that can be seen.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use testkit::policy::namespace;
use testkit::programs;

#[test]
fn whatever_a_server_does_queue_log_notices_and_wire_are_as_with_postfix_s_own_agents() {
    // The demonstration runs in namespaces, which this test's own process cannot enter.
    let mut command = namespace::command(Path::new(env!("CARGO_BIN_EXE_show")));
    command.args(["postfix-parity", "--inside"]).env("BATON_PROGRAMS", programs::folder());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    print!("{text}");
}
