//! How often the connection cache is of use, by level of TLS: ours beside scache(8), each with the same backlog.

use super::Verdict;
use crate::farm::{Agents, Farm, Kind, Run, mails};
use crate::injector;
use crate::mail::{Mail, Sent};
use crate::policy::namespace;
use crate::sandbox::Sandbox;
use crate::sink::FinalReply;
use crate::table::Table;
use std::time::{Duration, Instant};

/// Size of a run.
#[derive(Debug, Clone, clap::Args)]
pub struct Plan {
    /// Messages in the queue when deliveries begin.
    #[arg(long, default_value_t = 2_400)]
    pub messages: usize,
    /// Octets each.
    #[arg(long, default_value_t = 2_000)]
    pub size: usize,
    /// Only these values of `smtp_tls_security_level`.
    #[arg(long, value_delimiter = ',', default_values_t = LEVELS.map(String::from))]
    pub levels: Vec<String>,
}

const LEVELS: [&str; 4] = ["none", "may", "encrypt", "secure"];
const LIMIT: Duration = Duration::from_secs(600);

/// Every level with everybody, as a table; inside the namespace. Everything must arrive once, and ours must find sessions
/// by domain at every level.
pub fn show(plan: &Plan) -> Verdict {
    let sandbox = Sandbox::new("hits");
    namespace::enter(&sandbox);
    let mut table = Table::new(&[
        "level",
        "agents",
        "messages",
        "arrived once",
        "connections",
        "handshakes",
        "by domain",
        "by address",
        "seconds",
    ]);
    let mut holds = true;
    for level in &plan.levels {
        for agents in [Agents::Ours, Agents::Stock, Agents::StockWithProxy] {
            if level == "none" && agents == Agents::StockWithProxy {
                continue;
            }
            holds &= row(plan, level, agents, &mut table);
        }
    }
    print!("{table}");
    holds.into()
}

fn row(plan: &Plan, level: &str, agents: Agents, table: &mut Table) -> bool {
    let kind = if level == "none" { Kind::Plaintext } else { Kind::StartTls };
    let run = Run::start(&[kind], agents, FinalReply::Prompt, |launch| {
        launch.option("smtp_tls_security_level", level)
    });
    // One recipient each, so that a delivery is a message.
    let mut mails = mails(plan.messages, plan.size, &[kind]);
    mails.iter_mut().for_each(|mail| mail.recipients.truncate(1));
    let sent: Vec<Sent> = mails.iter().map(Mail::sent).collect();
    drop(injector::send(Farm::held_intake(), 10, mails));
    let began = Instant::now();
    run.release();
    let left = run.drain(plan.messages, LIMIT);
    let log = run.last_words();
    let once: usize = run.farm.balances(&sent).iter().map(|(_, balance)| balance.good).sum();
    let (connections, handshakes, last) =
        run.farm.sinks().iter().fold((0, 0, began), |(c, h, last), (_, sink)| {
            let record = sink.record();
            (c + record.connections.len(), h + record.handshakes, record.last_dot().unwrap_or(last).max(last))
        });
    let seconds = last.duration_since(began).as_secs_f64();
    table.row(&[
        &level,
        &agents,
        &plan.messages,
        &once,
        &connections,
        &handshakes,
        &log.statistics.domain,
        &log.statistics.address,
        &format!("{seconds:.1}"),
    ]);
    run.postfix.stop();
    let useful = agents != Agents::Ours || log.statistics.domain.hits > 0;
    for kind in log.complaints.iter().filter(|_| agents == Agents::Ours) {
        println!("{level}: {} x {}", kind.1, kind.0);
    }
    once == plan.messages && left == 0 && useful
}
