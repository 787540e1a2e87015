//! Five destinations that accept connections and never answer, beside one that works: the mail of the good one goes
//! out as fast as alone.

use super::Verdict;
use crate::injector;
use crate::mail;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{FinalReply, Settings, Sink};
use crate::table::Table;
use std::time::{Duration, Instant};

/// Size of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Messages to each destination.
    pub messages: usize,
    /// Blackholed destinations.
    pub holes: usize,
    /// How often both are measured.
    pub rounds: usize,
    /// What the good server takes to accept a message.
    pub delay: Duration,
    /// How long the good destination's mail may take.
    pub limit: Duration,
}

/// How far the time beside blackholes may be from the time alone.
const TOLERANCE: f64 = 0.20;

/// The rounds as a table; the medians are compared.
pub fn show(plan: &Plan) -> Verdict {
    println!(
        "{} messages to a server that takes {:?} for each, alone and beside {} blackholes with as many each",
        plan.messages, plan.delay, plan.holes
    );
    let mut table = Table::new(&["round", "alone s", "beside s", "ratio", "connections to blackholes"]);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=plan.rounds {
        let (one, _) = run(plan, 0);
        let (other, connections) = run(plan, plan.holes);
        table.row(&[
            &round,
            &format!("{one:.3}"),
            &format!("{other:.3}"),
            &format!("{:.2}", other / one),
            &connections,
        ]);
        alone.push(one);
        beside.push(other);
    }
    let ratio = median(&mut beside) / median(&mut alone);
    table.row(&[
        &"median",
        &format!("{:.3}", median(&mut alone)),
        &format!("{:.3}", median(&mut beside)),
        &format!("{ratio:.2}"),
    ]);
    print!("{table}");
    ((ratio - 1.0).abs() <= TOLERANCE).into()
}

/// Seconds from release to the good destination's last message, and connections that the blackholes got.
pub fn run(plan: &Plan, holes: usize) -> (f64, usize) {
    let sandbox = Sandbox::new("hole");
    let mut settings = Settings::smtp();
    settings.verbose = false;
    if !plan.delay.is_zero() {
        settings = settings.final_reply(FinalReply::After(plan.delay));
    }
    let good = Sink::start(settings);
    let bad: Vec<Sink> = (0..holes).map(|_| Sink::start(Settings::blackhole())).collect();
    let names: Vec<String> = (0..holes).map(|n| format!("hole{n}.test")).collect();
    let mut routes = format!("good.test smtp:{}\n", good.nexthop());
    for (name, sink) in names.iter().zip(&bad) {
        routes.push_str(&format!("{name} smtp:{}\n", sink.nexthop()));
    }
    let routes = sandbox.write("transport", routes);
    let relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", format!("texthash:{}", routes.display()))
        .held()
        .start();
    let domains: Vec<&str> = names.iter().map(String::as_str).chain(["good.test"]).collect();
    injector::send(relay.intake(), 10, mail::spread(plan.messages * domains.len(), 2_000, &domains));
    let released = Instant::now();
    relay.resume();
    good.expect("the good destination's mail", plan.limit, |record| record.messages.len() == plan.messages);
    let last = good.record().last_dot().expect("messages came");
    let connections = bad.iter().map(|sink| sink.record().connections.len()).sum();
    (last.duration_since(released).as_secs_f64(), connections)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
