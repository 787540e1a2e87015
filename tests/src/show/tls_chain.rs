//! One TLS session through a chain of processes: each message by a worker of its own, one handshake in all.

mod mails;
mod provider;

pub use provider::Provider;

use super::Verdict;
use crate::injector;
use crate::ledger::{self, Balance};
use crate::mail::Mail;
use crate::maillog::Line;
use crate::peer::{Kind, Peer, Seen, Suite};
use crate::relay::{Launch, Relay};
use crate::sandbox::Sandbox;
use crate::table::Table;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;
use std::time::{Duration, Instant};

/// What is run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Against which servers.
    pub servers: Vec<Kind>,
    /// Under which suites.
    pub suites: Vec<Suite>,
    /// What the worker must be built with, if it matters.
    pub provider: Option<Provider>,
    /// Messages of each chain; no fewer than [`Plan::LEAST`].
    pub messages: usize,
}

impl Plan {
    /// Enough for every size of content, and for as many processes as a chain must have.
    pub const LEAST: usize = 52;
    /// How long one chain may take.
    const LIMIT: Duration = Duration::from_secs(120);
}

/// How many processes a session must have passed through.
const PROCESSES: usize = 50;

/// What came of one chain.
#[derive(Debug)]
pub struct Outcome {
    /// The suite that the server offered.
    suite: Suite,
    /// Messages that were sent.
    messages: usize,
    /// Worker processes that delivered.
    pub processes: usize,
    /// Processes that the session passed through, as the relay counts.
    pub chain: u64,
    /// What the server counted.
    pub seen: Seen,
    /// What arrived behind the server.
    pub balance: Balance,
    /// Exact sizes of content that the server did not get. Only our own sink counts them.
    pub sizes_missed: Vec<usize>,
    /// Messages left in the queue.
    pub queued: usize,
    /// Seconds from release to the last message.
    pub seconds: f64,
    /// For the explanation of a failure.
    pub logs: String,
}

impl Outcome {
    /// One handshake of this suite and one connection for all processes, every message once and unchanged.
    pub fn holds(&self) -> bool {
        let Self { suite, messages, processes, chain, seen, balance, sizes_missed, .. } = self;
        seen.connections == 1
            && seen.handshakes == [format!("{} {suite}", suite.protocol)]
            && *processes >= PROCESSES
            && *chain >= PROCESSES as u64
            && balance.good == *messages
            && balance.faults() == 0
            && sizes_missed.is_empty()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { suite, processes, chain, seen, balance, sizes_missed, queued, logs, .. } = self;
        writeln!(
            f,
            "{suite}: {balance}, {queued} left in the queue; {processes} processes, chain of {chain}"
        )?;
        writeln!(f, "{seen:?}, sizes missed: {sizes_missed:?}\n{logs}")
    }
}

/// Every server with every suite, as a table.
pub fn show(plan: &Plan) -> Verdict {
    let provider = Provider::of_worker();
    println!("{} messages each, max_use = 1, a worker on {provider}", plan.messages);
    if plan.provider.is_some_and(|wanted| wanted != provider) {
        println!("not the worker that was asked for");
        return Verdict::Fails;
    }
    let mut table = Table::new(&[
        "server",
        "protocol",
        "suite",
        "messages",
        "processes",
        "chain",
        "handshakes",
        "connections",
        "faults",
        "seconds",
        "holds",
    ]);
    let mut holds = true;
    for &kind in &plan.servers {
        for &suite in &plan.suites {
            let outcome = run(kind, suite, plan.messages);
            holds &= outcome.holds();
            row(&mut table, kind, suite, &outcome);
        }
    }
    print!("{table}");
    holds.into()
}

fn row(table: &mut Table, kind: Kind, suite: Suite, outcome: &Outcome) {
    let seconds = format!("{:.1}", outcome.seconds);
    let holds = if outcome.holds() { "yes" } else { "NO" };
    table.row(&[
        &kind,
        &suite.protocol,
        &suite,
        &outcome.messages,
        &outcome.processes,
        &outcome.chain,
        &outcome.seen.handshakes.len(),
        &outcome.seen.connections,
        &outcome.balance.faults(),
        &seconds,
        &holds,
    ]);
    if !outcome.holds() {
        println!("{kind} {outcome}");
    }
}

/// One chain.
pub fn run(kind: Kind, suite: Suite, messages: usize) -> Outcome {
    let sandbox = Sandbox::new("chain");
    let mut peer = Peer::start(&sandbox, kind, suite);
    let mut relay = launch(&sandbox, &peer.nexthop()).held().start();
    let mails = inject(&relay, messages);
    let released = Instant::now();
    relay.resume();
    relay.wait_empty(Plan::LIMIT);
    let seconds = released.elapsed().as_secs_f64();
    let statistics: Value = serde_json::from_str(&relay.command(&["statistics", "--json"])).expect("JSON");
    relay.stop();
    peer.deliver();
    let sent: Vec<_> = mails.iter().map(Mail::sent).collect();
    let sizes_missed = mails::missed(kind, &peer.sink().record());
    let log = relay.log();
    let lines = log.lines().filter_map(Line::parse).filter(|line| line.status == "sent");
    Outcome {
        suite,
        messages,
        processes: lines.map(|line| line.pid).collect::<HashSet<_>>().len(),
        chain: statistics["longest_chain"].as_u64().expect("a number"),
        seen: peer.seen(),
        balance: ledger::compare(&sent, &peer.sink().messages()),
        sizes_missed,
        queued: relay.queued(),
        seconds,
        logs: format!("end of the relay's log:\n{}\nend of the server's:\n{}", end(&log), end(&peer.log())),
    }
}

/// The last lines, of which failures speak.
fn end(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// One connection at a time, which is kept whatever the scheduler thinks; a process for each message.
fn launch(sandbox: &Sandbox, nexthop: &str) -> Launch {
    Relay::in_sandbox(sandbox)
        .option("relayhost", nexthop)
        .option("max_use", "1")
        .option("initial_destination_concurrency", "1")
        .option("smtp_destination_concurrency_limit", "1")
        .option("smtp_connection_cache_destinations", "127.0.0.1, [127.0.0.1]")
        .option("smtp_connection_cache_time_limit", "120s")
        .option("connection_cache_ttl_limit", "120s")
        .option("smtp_connection_reuse_time_limit", "600s")
        .option("smtp_tls_security_level", "encrypt")
}

/// Fills the queue. What the relay puts before a message is as long for each: sizes on the wire are exact.
fn inject(relay: &Relay, number: usize) -> Vec<Mail> {
    let probe = mails::empty();
    injector::send(relay.intake(), 1, vec![probe.clone()]);
    let listing: Value = serde_json::from_str(&relay.command(&["queue", "list", "--json"])).expect("JSON");
    let size = size_in(&listing).expect("the size of the first message");
    let trace = usize::try_from(size).expect("small") - probe.content.len();
    let rest = mails::of_all_sizes(number - 1, trace);
    injector::send(relay.intake(), 1, rest.clone());
    [vec![probe], rest].concat()
}

fn size_in(listing: &Value) -> Option<u64> {
    listing.get("size").or_else(|| listing.get(0)?.get("size"))?.as_u64()
}
