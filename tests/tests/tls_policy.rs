//! TLS policy, case by case, beside Debian's Postfix 3.7: same verdict, code, text and log lines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::path::Path;
use std::process::Output;
use testkit::policy::{cases, differences, namespace};
use testkit::programs;

/// Runs the demonstration in its namespaces, which this test's own process cannot enter.
fn demonstration(words: &[&str]) -> (Output, String) {
    let mut command = namespace::command(Path::new(env!("CARGO_BIN_EXE_show")));
    command.args(["tls-policy", "--inside"]).args(words).env("BATON_PROGRAMS", programs::folder());
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output, text)
}

#[test]
fn every_outcome_that_postfix_can_be_driven_into_is_ours_too() {
    let (output, text) = demonstration(&[]);
    assert!(output.status.success(), "{text}");
}

#[test]
fn every_difference_is_about_a_case_that_exists() {
    let all = cases::all();
    for (pattern, _, reason) in differences::DIFFERENCES {
        let known = all.iter().any(|case| differences::is_about(pattern, &case.name));
        assert!(known, "{pattern}: no such case ({reason})");
    }
}
