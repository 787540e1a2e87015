//! Mail by the hundred under a real Postfix: each copy once, also when processes are killed; what the cache is good for at
//! each level of TLS. `tests/show/postfix-volume`, `postfix-kill` and `postfix-hits` are the same in full length.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;
use testkit::policy::namespace;
use testkit::programs;

/// Runs a demonstration in its namespaces, which this test's own process cannot enter.
fn demonstration(words: &[&str]) {
    let mut command = namespace::command(Path::new(env!("CARGO_BIN_EXE_show")));
    command.args(words).arg("--inside").env("BATON_PROGRAMS", programs::folder());
    let output = command.output().unwrap();
    let (told, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{told}");
    assert!(output.status.success(), "{told}{complaint}");
}

#[test]
fn each_copy_arrives_once_and_the_log_has_no_complaint_of_its_own() {
    demonstration(&["postfix-volume", "--messages", "400", "--stock", "100"]);
}

#[test]
fn killed_agents_and_caches_lose_nothing_and_each_second_copy_has_its_reason() {
    demonstration(&["postfix-kill", "--messages", "150", "--kills", "30", "--reload", "60", "--stock", "0"]);
}

#[test]
fn sessions_are_found_by_domain_at_every_level_of_tls() {
    demonstration(&["postfix-hits", "--messages", "240"]);
}
