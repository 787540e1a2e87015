//! A table of next hops and what they lead to, each a question to real zones, a scripted server or a table in memory.
//!
//! `cargo test -p baton-route --test routing_cases -- --nocapture` prints it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "clippy.toml's rule for tests does not see functions outside them"
)]

mod case;
#[path = "../fake_server/mod.rs"]
mod fake_server;
mod hosts;
mod mx;
mod names;
mod srv;
mod world;

use case::{Case, Found};
use std::collections::HashSet;
use testkit::Sandbox;
use world::World;

#[tokio::test]
async fn every_row_of_the_table_holds() {
    let sandbox = Sandbox::new("routing-cases");
    let world = World::start(&sandbox).await;
    let mut wrong = Vec::new();
    let cases: Vec<Case> = [mx::cases(), hosts::cases(), srv::cases(), names::cases()].concat();
    let names: HashSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "every row has a name of its own");
    println!("| case | question | outcome | status | text |\n|---|---|---|---|---|");
    for case in &cases {
        let found = case.run(&world).await;
        let Found { outcome, status, text } = &found;
        println!("| {} | {} | {outcome} | {status} | {text} |", case.name, case.nexthop);
        if !case.holds(&found) {
            wrong.push(format!("{}: {found:?}, and not {:?}", case.name, case.want));
        }
    }
    println!("{} cases, {} as they should be", cases.len(), cases.len() - wrong.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
