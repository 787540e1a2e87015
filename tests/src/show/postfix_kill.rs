//! Agents and cache killed at random while a real queue manager has mail for them, and reloads between: nothing is lost, and
//! each second copy belongs to a process that was killed between the final dot and the mark in the queue file.

mod explanation;
mod killer;
mod victim;

use super::Verdict;
use super::postfix_volume::{Judged, foreign};
use crate::farm::{Agents, Farm, KINDS, Log, Run, mails};
use crate::injector;
use crate::mail::{Mail, Sent};
use crate::policy::namespace;
use crate::sandbox::Sandbox;
use crate::sink::FinalReply;
use crate::table::Table;
use explanation::{Account, account};
use killer::Killer;
use std::time::{Duration, Instant};
use victim::{Kill, PHASES, Phase};

/// Size of a run.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// Messages that our agents deliver.
    #[arg(long, default_value_t = 3_000)]
    pub messages: usize,
    /// Processes killed meanwhile.
    #[arg(long, default_value_t = 300)]
    pub kills: usize,
    /// One kill of so many is that of the cache.
    #[arg(long, default_value_t = 8)]
    pub cache_every: u64,
    /// A reload after so many transactions, and every 20 seconds at the latest.
    #[arg(long, default_value_t = 300)]
    pub reload: usize,
    /// Messages that Postfix's own agents deliver, killed as often, to compare the log; 0 for none.
    #[arg(long, default_value_t = 600)]
    pub stock: usize,
    /// Of the choice of victims and moments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Milliseconds that servers take for the final reply.
    #[arg(long, default_value_t = 20)]
    pub delay: u64,
    /// How long a run may take, in seconds.
    #[arg(long, default_value_t = 600)]
    pub limit: u64,
}

/// What came of a run.
#[derive(Debug)]
struct Outcome {
    sent: usize,
    account: Account,
    kills: Vec<Kill>,
    reloads: usize,
    left: usize,
    log: Log,
    seconds: f64,
}

/// Ours in full, then stock for comparison; inside the namespace.
pub fn show(plan: &Plan) -> Verdict {
    let sandbox = Sandbox::new("kill");
    namespace::enter(&sandbox);
    let ours = run(Agents::Ours, plan.messages, plan.kills, plan);
    let kills = plan.kills * plan.stock / plan.messages.max(1);
    // Without tlsproxy(8), which would hold the connections of frozen agents.
    let stock = (plan.stock > 0).then(|| run(Agents::Stock, plan.stock, kills, plan));
    let runs: Vec<(Agents, &Outcome)> = [(Agents::Ours, Some(&ours)), (Agents::Stock, stock.as_ref())]
        .into_iter()
        .filter_map(|(agents, outcome)| Some((agents, outcome?)))
        .collect();
    println!("{}\n{}", phases(&runs), summary(&runs));
    for copy in &ours.account.unexplained {
        println!("UNEXPLAINED: {copy}");
    }
    let nothing = Default::default();
    let known = stock.as_ref().map_or(&nothing, |stock| &stock.log.complaints);
    for (reason, number) in ours.log.deferrals() {
        println!("deferred: {number:5} x {reason}");
    }
    let foreign = foreign(&ours.log.complaints, known, Judged::WhoDelivers);
    (ours.holds() && foreign.is_empty()).into()
}

impl Outcome {
    /// Nothing is lost, left or returned; every second copy has its reason; and somebody was killed.
    fn holds(&self) -> bool {
        let Account { lost, unexplained, unknown, .. } = &self.account;
        lost.is_empty()
            && unexplained.is_empty()
            && *unknown == 0
            && self.left == 0
            && self.log.with_status("bounced") == 0
            && !self.kills.is_empty()
    }
}

fn phases(runs: &[(Agents, &Outcome)]) -> Table {
    let mut table = Table::new(&["agents", "killed", "times", "second copies"]);
    for (agents, outcome) in runs {
        for phase in PHASES {
            let times = outcome.kills.iter().filter(|kill| kill.phase == phase).count();
            let copies = outcome.account.explained.iter().filter(|of| **of == phase).count();
            table.row(&[agents, &phase, &times, &copies]);
        }
    }
    table
}

fn summary(runs: &[(Agents, &Outcome)]) -> Table {
    let mut table = Table::new(&[
        "agents",
        "copies",
        "lost",
        "second copies",
        "explained",
        "killed",
        "of them caches",
        "reloads",
        "deferred",
        "bounced",
        "queued",
        "seconds",
    ]);
    for (agents, outcome) in runs {
        let Outcome { sent, account, kills, reloads, left, log, seconds } = outcome;
        table.row(&[
            agents,
            sent,
            &account.lost.len(),
            &(account.explained.len() + account.unexplained.len()),
            &account.explained.len(),
            &kills.len(),
            &kills.iter().filter(|kill| kill.phase == Phase::Cache).count(),
            reloads,
            &log.with_status("deferred"),
            &log.with_status("bounced"),
            left,
            &format!("{seconds:.1}"),
        ]);
    }
    table
}

fn run(agents: Agents, messages: usize, kills: usize, plan: &Plan) -> Outcome {
    let reply = FinalReply::After(Duration::from_millis(plan.delay));
    let run = Run::start(&KINDS, agents, reply, |launch| {
        // What a kill defers is to be tried again while the run lasts.
        let soon = launch.option("minimal_backoff_time", "1s").option("maximal_backoff_time", "2s");
        let soon = soon.option("queue_run_delay", "1s").option("transport_retry_time", "1s");
        soon.option("smtp_tls_security_level", "may")
    });
    let mails = mails(messages, 2_000, &KINDS);
    let sent: Vec<Sent> = mails.iter().map(Mail::sent).collect();
    let (began, limit) = (Instant::now(), Duration::from_secs(plan.limit));
    let mut killer = Killer::new(&run, plan, messages, kills);
    std::thread::scope(|scope| {
        let injection = scope.spawn(|| drop(injector::send(Farm::intake(), 5, mails)));
        while began.elapsed() < limit {
            killer.go_on();
            let arrived = injection.is_finished() && run.farm.transactions() >= messages;
            if arrived && run.postfix.queued() == 0 {
                break;
            }
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let (kills, reloads) = killer.end();
    let left = run.postfix.queued();
    let log = run.last_words();
    let account = account(&sent, &run.farm.received(), &kills);
    run.postfix.stop();
    let sent = sent.iter().map(|sent| sent.recipients.len()).sum();
    Outcome { sent, account, kills, reloads, left, log, seconds }
}
