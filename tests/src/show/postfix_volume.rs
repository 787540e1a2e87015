//! Thousands of messages of every kind through a real queue manager: each recipient's copy arrives once and unchanged,
//! the queue is empty, and the log has no complaint that Postfix's own agents do not write.

use super::Verdict;
use crate::farm::{Agents, Farm, KINDS, Kind, Log, Run, mails};
use crate::injector;
use crate::ledger::Balance;
use crate::mail::{Mail, Sent};
use crate::policy::namespace;
use crate::sandbox::Sandbox;
use crate::sink::{FinalReply, Record};
use crate::table::Table;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Size of a run.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// Messages that our agents deliver.
    #[arg(long, default_value_t = 20_000)]
    pub messages: usize,
    /// Messages that Postfix's own agents deliver, to compare the log.
    #[arg(long, default_value_t = 2_000)]
    pub stock: usize,
    /// Octets each.
    #[arg(long, default_value_t = 4_000)]
    pub size: usize,
    /// Sessions that inject at once.
    #[arg(long, default_value_t = 10)]
    pub sessions: usize,
    /// How long a run may take, in seconds.
    #[arg(long, default_value_t = 1_200)]
    pub limit: u64,
}

/// What one kind of server saw.
#[derive(Debug)]
struct Row {
    kind: Kind,
    balance: Balance,
    record: Record,
}

/// What came of a run.
#[derive(Debug)]
struct Outcome {
    rows: Vec<Row>,
    left: usize,
    violations: Vec<String>,
    log: Log,
    seconds: f64,
}

impl Outcome {
    fn faults(&self) -> usize {
        self.rows.iter().map(|row| row.balance.faults()).sum()
    }

    /// Each copy once and unchanged, at the first attempt, and nothing left.
    fn holds(&self) -> bool {
        let failed = self.log.with_status("deferred") + self.log.with_status("bounced");
        self.faults() == 0 && self.left == 0 && failed == 0 && self.violations.is_empty()
    }
}

/// Ours in full, then stock for comparison; inside the namespace. Seconds are those from the release of the backlog.
pub fn show(plan: &Plan) -> Verdict {
    let sandbox = Sandbox::new("volume");
    namespace::enter(&sandbox);
    let mut table = Table::new(&[
        "agents",
        "servers",
        "copies",
        "once",
        "lost",
        "twice",
        "changed",
        "connections",
        "most on one",
        "handshakes",
    ]);
    let mut summary = Table::new(&[
        "agents",
        "messages",
        "seconds",
        "msg/s",
        "deferred",
        "bounced",
        "queued",
        "complaints",
        "by domain",
        "by address",
    ]);
    let mut outcomes = Vec::new();
    for (agents, messages) in [(Agents::Ours, plan.messages), (Agents::StockWithProxy, plan.stock)] {
        let outcome = run(agents, messages, plan);
        outcome.rows(agents, &mut table);
        let Log { complaints, statistics, .. } = &outcome.log;
        summary.row(&[
            &agents,
            &messages,
            &format!("{:.1}", outcome.seconds),
            &format!("{:.0}", messages as f64 / outcome.seconds),
            &outcome.log.with_status("deferred"),
            &outcome.log.with_status("bounced"),
            &outcome.left,
            &complaints.values().sum::<usize>(),
            &statistics.domain,
            &statistics.address,
        ]);
        outcomes.push(outcome);
    }
    println!("{table}\n{summary}");
    let [ours, stock] = outcomes.as_slice() else { return Verdict::Fails };
    for (reason, number) in ours.log.deferrals() {
        println!("deferred: {number:5} x {reason}");
    }
    let foreign = foreign(&ours.log.complaints, &stock.log.complaints, Judged::Everybody);
    for violation in ours.violations.iter().take(10) {
        println!("on the wire: {violation}");
    }
    (ours.holds() && foreign.is_empty()).into()
}

/// They never speak to a delivery agent, but with one another, which a reload interrupts.
const ON_THE_WAY_IN: [&str; 3] = ["postfix/smtpd:", "postfix/cleanup:", "postfix/pickup:"];
/// What master and the queue manager say of agents that are killed is theirs, whoever delivers.
const WHO_DELIVERS: [&str; 3] = ["postfix/smtp:", "postfix/lmtp:", "postfix/scache:"];
/// The same in our words and in Postfix's: the cache has gone.
const COUNTERPARTS: [(&str, &str); 1] =
    [("going on without the connection cache", "problem talking to service private/scache")];

/// Whose complaints decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// All that have to do with deliveries.
    Everybody,
    /// The agents and the cache; of others what ends them.
    WhoDelivers,
}

/// Lists kinds of complaints; gives those of our run that stock's does not have.
pub(super) fn foreign(
    ours: &BTreeMap<String, usize>,
    stock: &BTreeMap<String, usize>,
    judged: Judged,
) -> Vec<String> {
    let mut foreign = Vec::new();
    for (kind, number) in ours {
        let by = |programs: &[&str]| programs.iter().any(|program| kind.starts_with(program));
        // Programs have other names, and are where they were built.
        let known = stock.keys().any(|other| neutral(other) == neutral(kind));
        let ends = kind.contains("fatal:") || kind.contains("panic:");
        let judged = match judged {
            Judged::Everybody => !by(&ON_THE_WAY_IN),
            Judged::WhoDelivers => by(&WHO_DELIVERS) || ends && !by(&ON_THE_WAY_IN),
        };
        let counterpart = COUNTERPARTS.iter().find(|(own, _)| kind.contains(own));
        let verdict = match (known, judged, counterpart) {
            (true, ..) => "as stock:     ",
            (_, false, _) => "of others:    ",
            (_, _, Some((_, theirs))) => &format!("for {theirs:?}:"),
            (false, true, None) => {
                foreign.push(kind.clone());
                "OURS ALONE:   "
            }
        };
        println!("{verdict} {number:5} x {kind}");
    }
    for (kind, number) in stock {
        println!("stock:         {number:5} x {kind}");
    }
    foreign
}

/// Without the paths of programs.
fn neutral(kind: &str) -> String {
    let words = kind.split(' ').map(|word| if word.starts_with('/') { "PROGRAM" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

impl Outcome {
    fn rows(&self, agents: Agents, table: &mut Table) {
        for Row { kind, balance, record } in &self.rows {
            table.row(&[
                &agents,
                kind,
                &(balance.good + balance.faults() - balance.unknown.len()),
                &balance.good,
                &balance.lost.len(),
                &balance.duplicated.len(),
                &(balance.changed.len() + balance.unknown.len()),
                &record.connections.len(),
                &record.longest(),
                &record.handshakes,
            ]);
        }
    }
}

fn run(agents: Agents, messages: usize, plan: &Plan) -> Outcome {
    let run = Run::start(&KINDS, agents, FinalReply::Prompt, |launch| {
        // What is deferred is a fault; it need not take long.
        let soon = launch.option("minimal_backoff_time", "5s").option("maximal_backoff_time", "5s");
        soon.option("queue_run_delay", "5s").option("smtp_tls_security_level", "may")
    });
    let mut mails = mails(messages, plan.size, &KINDS);
    let sent: Vec<Sent> = mails.iter().map(Mail::sent).collect();
    // One half waits and is let go at once, so that there is a backlog; the other comes meanwhile.
    let others = mails.split_off(messages / 2);
    drop(injector::send(Farm::held_intake(), plan.sessions, mails));
    let began = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(injector::send(Farm::intake(), plan.sessions, others)));
        run.release();
    });
    let left = run.drain(messages, Duration::from_secs(plan.limit));
    let log = run.last_words();
    let balances = run.farm.balances(&sent);
    let record = |kind: Kind| {
        run.farm.sinks().iter().find(|(of, _)| *of == kind).map(|(_, sink)| sink.record().clone())
    };
    let row = |(kind, balance)| Row { kind, balance, record: record(kind).unwrap_or_default() };
    let rows: Vec<Row> = balances.into_iter().map(row).collect();
    let last = rows.iter().filter_map(|row| row.record.last_dot()).max().unwrap_or(began);
    let violations = run.farm.violations();
    run.postfix.stop();
    Outcome { rows, left, violations, log, seconds: last.duration_since(began).as_secs_f64() }
}
