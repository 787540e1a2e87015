//! System calls per delivery in the steady state, by program.

use super::Verdict;
use crate::mail;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{Settings, Sink, Tls};
use crate::strace::Trace;
use crate::table::Table;
use crate::{injector, programs};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Programs and their aims, in calls per delivery; 0 is no aim. Those of `baton` include taking the mail in. TLS needs the
/// socket's counters at both ends of a hand-over, and a nonce.
const fn aims(way: Way) -> [(&'static str, f64); 3] {
    let worker = match way {
        Way::Plaintext => 30.0,
        Way::Tls => 34.0,
    };
    [("baton-worker", worker), ("scache", 8.0), ("baton", 0.0)]
}
/// strace slows everything down a lot.
const LIMIT: Duration = Duration::from_secs(300);

/// What the sessions are carried by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nothing.
    Plaintext,
    /// STARTTLS.
    Tls,
}

/// Calls per delivery by program and name.
pub type PerDelivery = BTreeMap<String, BTreeMap<String, f64>>;

/// Two runs, of n and 2n messages; what the second made more, over n, is the steady state without start-up.
pub fn show(messages: usize, concurrency: usize, way: Way) -> Verdict {
    let steady = run(messages, concurrency, way);
    let mut table = Table::new(&["program", "calls", "aim", "by name"]);
    let mut holds = true;
    for (program, aim) in aims(way) {
        let empty = BTreeMap::new();
        let calls = steady.get(program).unwrap_or(&empty);
        let total: f64 = calls.values().sum();
        let mut names: Vec<_> = calls.iter().filter(|(_, count)| **count >= 0.05).collect();
        names.sort_by(|a, b| b.1.total_cmp(a.1));
        let names: Vec<String> =
            names.into_iter().map(|(name, count)| format!("{name} {count:.1}")).collect();
        let aim_text = if aim > 0.0 { format!("{aim:.0}") } else { "-".into() };
        table.row(&[&program, &format!("{total:.1}"), &aim_text, &names.join(", ")]);
        holds &= total > 0.0 && (aim == 0.0 || total <= aim);
    }
    print!("{table}");
    holds.into()
}

/// The steady state, as numbers.
pub fn run(messages: usize, concurrency: usize, way: Way) -> PerDelivery {
    let (few, many) = (counted(messages, concurrency, way), counted(2 * messages, concurrency, way));
    many.into_iter()
        .map(|(program, calls)| {
            let calls = calls.into_iter().map(|(name, count)| {
                let before = few.get(&program).and_then(|calls| calls.get(&name)).copied().unwrap_or(0);
                (name, (count as f64 - before as f64) / messages as f64)
            });
            let calls = calls.collect();
            (program, calls)
        })
        .collect()
}

fn counted(messages: usize, concurrency: usize, way: Way) -> BTreeMap<String, BTreeMap<String, u64>> {
    let sandbox = Sandbox::new("calls");
    let mut settings = Settings::smtp();
    settings.verbose = false;
    if way == Way::Tls {
        settings = settings.tls(&Tls::default());
    }
    let sink = Sink::start(settings);
    let (strace, output) = (programs::debian("strace"), sandbox.join("trace"));
    let wrapper = [path(&strace), "-f", "-s", "0", "-o", path(&output), "--"];
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_destination_concurrency_limit", concurrency.to_string())
        .option("max_use", "1000000")
        .under(&wrapper)
        .held()
        .start();
    injector::send(relay.intake(), 4, mail::distinct(messages, 4_096));
    relay.resume();
    relay.expect_empty(LIMIT);
    assert_eq!(sink.record().messages.len(), messages, "every message once");
    relay.stop();
    Trace::read(&output).by_program("baton")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
