//! Ten thousand messages in, held, released: each arrives once, unchanged, over no more sessions than needed.

use super::Verdict;
use crate::ledger;
use crate::mail::{self, Mail, Sent};
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{Settings, Sink};
use crate::table::Table;
use crate::{injector, programs};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

/// Size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Messages.
    pub messages: usize,
    /// Octets each.
    pub size: usize,
    /// Sessions that inject at once.
    pub sessions: usize,
    /// `smtp_destination_concurrency_limit`.
    pub concurrency: usize,
    /// How long delivery may take.
    pub limit: Duration,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Messages at the sink.
    pub received: usize,
    /// Not once, or changed.
    pub faults: usize,
    /// What is wrong, in words.
    pub detail: String,
    /// Connections that the sink counted.
    pub connections: usize,
    /// Most messages on one connection.
    pub longest: u32,
    /// Seconds from release to the last message.
    pub seconds: f64,
    /// Protocol errors the sink noticed.
    pub violations: Vec<String>,
}

impl Outcome {
    /// Each message once and unchanged, connections at most the concurrency and 5 %, no protocol errors.
    pub fn holds(&self, plan: &Plan) -> bool {
        self.received == plan.messages
            && self.faults == 0
            && self.connections * 100 <= plan.concurrency * 105
            && self.violations.is_empty()
    }
}

/// Both sources at full size, as a table.
pub fn show(plan: &Plan) -> Verdict {
    println!(
        "{} messages of {} octets, held, then released; concurrency {}",
        plan.messages, plan.size, plan.concurrency
    );
    let mut table =
        Table::new(&["source", "sent", "received", "faults", "connections", "longest", "seconds", "msg/s"]);
    let mut holds = true;
    for (source, outcome) in
        [("smtp-source", from_smtp_source(plan)), ("distinct bodies", from_injector(plan))]
    {
        holds &= outcome.holds(plan);
        let rate = outcome.received as f64 / outcome.seconds;
        table.row(&[
            &source,
            &plan.messages,
            &outcome.received,
            &outcome.faults,
            &outcome.connections,
            &outcome.longest,
            &format!("{:.2}", outcome.seconds),
            &format!("{rate:.0}"),
        ]);
        if !outcome.holds(plan) {
            println!("{source}: {} violations {:?}", outcome.detail, outcome.violations.iter().take(5));
        }
    }
    print!("{table}");
    holds.into()
}

/// Debian's smtp-source: bodies are alike, Message-IDs and recipients differ.
pub fn from_smtp_source(plan: &Plan) -> Outcome {
    // What one of its messages looks like without a relay between.
    let reference = {
        let sink = Sink::start(Settings::smtp());
        smtp_source(sink.address(), 1, 1, plan.size);
        sink.expect_messages(1);
        sink.messages().remove(0).body
    };
    run(
        plan,
        |intake| smtp_source(intake, plan.sessions, plan.messages, plan.size),
        |sink| {
            let messages = sink.messages();
            let identities: HashSet<_> =
                messages.iter().map(|message| (&message.message_id, &message.recipients)).collect();
            let originals: HashSet<_> = messages.iter().map(|message| message.original).collect();
            let changed = messages.iter().filter(|message| message.body != reference).count();
            let doubled = messages.len() - identities.len().min(originals.len());
            let lost = plan.messages.saturating_sub(identities.len());
            (
                lost + doubled + changed,
                format!("{lost} lost, {doubled} duplicated, {changed} with another body"),
            )
        },
    )
}

/// Our own injector: no two bodies alike, and full of what transports get wrong.
pub fn from_injector(plan: &Plan) -> Outcome {
    let mails = mail::distinct(plan.messages, plan.size);
    let sent: Vec<Sent> = mails.iter().map(Mail::sent).collect();
    run(
        plan,
        |intake| drop(injector::send(intake, plan.sessions, mails)),
        |sink| {
            let balance = ledger::compare(&sent, &sink.messages());
            (balance.faults(), balance.to_string())
        },
    )
}

fn run(
    plan: &Plan,
    inject: impl FnOnce(SocketAddr),
    judge: impl FnOnce(&Sink) -> (usize, String),
) -> Outcome {
    let sandbox = Sandbox::new("once");
    let mut settings = Settings::smtp();
    settings.verbose = false;
    let sink = Sink::start(settings);
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_destination_concurrency_limit", plan.concurrency.to_string())
        .held()
        .start();
    inject(relay.intake());
    assert_eq!(sink.record().connections.len(), 0, "a held relay delivers nothing");
    assert_eq!(relay.queued(), plan.messages, "all of it is in the queue");
    let released = Instant::now();
    relay.resume();
    relay.wait_empty(plan.limit);
    relay.stop();
    let (faults, detail) = judge(&sink);
    let record = sink.record();
    let last = record.last_dot().unwrap_or(released);
    Outcome {
        received: record.messages.len(),
        faults,
        detail,
        connections: record.connections.len(),
        longest: record.longest(),
        seconds: last.duration_since(released).as_secs_f64(),
        violations: record.violations.clone(),
    }
}

/// Runs smtp-source: several sessions at once, each on one connection, recipients numbered.
fn smtp_source(to: SocketAddr, sessions: usize, messages: usize, size: usize) {
    let mut command = Command::new(programs::debian("smtp-source"));
    command.args(["-d", "-N", "-f", "sender@client.test", "-t", "user@d.test"]);
    command.args(["-s", &sessions.to_string(), "-m", &messages.to_string(), "-l", &size.to_string()]);
    let output = command.arg(to.to_string()).output().expect("smtp-source runs");
    assert!(output.status.success(), "smtp-source: {}", String::from_utf8_lossy(&output.stderr));
}
