//! Baton's side: a relay for each group, and one more for the old messages of a group.

use super::case::Age;
use super::outcome::{Log, Outcome, Pending};
use super::stage::{Placed, Stage};
use crate::mail::Mail;
use crate::relay::{Launch, Relay};
use crate::sandbox::Sandbox;
use crate::{injector, wait};
use std::time::{Duration, Instant};

/// How long the deliveries of one relay may take.
const LIMIT: Duration = Duration::from_secs(40);

/// What a message must have waited so that it may go in the clear, and does wait here.
const BACKOFF: Duration = Duration::from_secs(1);

/// Relays that run at once; more only wait for each other.
const AT_ONCE: usize = 4;

/// What Baton makes of every case, in their order.
pub fn run(stage: &Stage) -> Vec<Outcome> {
    let server = stage.servers();
    let parts: Vec<(&str, Age)> = stage
        .groups
        .iter()
        .flat_map(|group| [(group.name, Age::Fresh), (group.name, Age::Old)])
        .filter(|(group, age)| stage.of(group, *age).next().is_some())
        .collect();
    let mut logs: Vec<((&str, Age), String)> = Vec::new();
    for some in parts.chunks(AT_ONCE) {
        let batch = std::thread::scope(|scope| {
            let running: Vec<_> =
                some.iter().map(|&(group, age)| scope.spawn(move || relay(stage, group, age))).collect();
            // One that does not start leaves its cases without outcome, which is a difference like others.
            running.into_iter().map(|one| one.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        logs.extend(some.iter().copied().zip(batch));
    }
    let logs: Vec<((&str, Age), Log<'_>)> = logs.iter().map(|(part, log)| (*part, Log::new(log))).collect();
    let of = |one: &Placed| {
        let log = logs.iter().find(|(part, _)| *part == (one.case.group, one.case.age));
        Outcome::gather(&log.expect("every case is in a part").1, one, &server)
    };
    stage.placed.iter().map(of).collect()
}

/// The log of one relay with one group's settings, after it settled everything.
fn relay(stage: &Stage, group: &str, age: Age) -> String {
    let sandbox = Sandbox::new("policy-relay");
    let placed: Vec<&Placed> = stage.of(group, age).map(|(_, one)| one).collect();
    let routes: String = placed.iter().map(|one| route(stage, one)).collect();
    let routes = sandbox.write("transport", routes);
    let mut launch = Relay::in_sandbox(&sandbox)
        .option("inet_protocols", "ipv4")
        .option("transport_maps", format!("texthash:{}", routes.display()));
    for (name, value) in stage.options() {
        launch = launch.option(name, value);
    }
    let own = stage.groups.iter().find(|known| known.name == group).map(|known| known.options.as_slice());
    for (name, value) in own.unwrap_or_default() {
        launch = launch.option(name, value.clone());
    }
    if age == Age::Old {
        launch = launch.option("minimal_backoff_time", format!("{}s", BACKOFF.as_secs()));
    }
    let mut relay = launch.clone().held().start();
    let mails = placed.iter().map(|one| Mail { sender: String::new(), ..mail(one) }).collect();
    injector::send(relay.intake(), 1, mails);
    match age {
        Age::Fresh => relay.resume(),
        Age::Old => relay = aged(relay, launch),
    }
    let mut pending = Pending::new(placed.iter().map(|one| one.recipient()));
    let settled = wait::until(LIMIT, || pending.read(&relay.log()).then_some(()));
    if settled.is_some() {
        relay.stop();
    } else {
        println!("group {group}, {age:?}: not settled in {LIMIT:?}: {pending:?}");
    }
    relay.log()
}

/// The same queue, after its mail has waited: what counts is the time between arrival and the turn of a message, and
/// a new relay gives everybody a new turn.
fn aged(mut held: Relay, launch: Launch) -> Relay {
    let taken = Instant::now();
    held.stop();
    wait::pass((BACKOFF + Duration::from_millis(100)).saturating_sub(taken.elapsed()));
    launch.start()
}

fn mail(one: &Placed) -> Mail {
    Mail::new(&one.recipient(), &format!("{}@client.test", one.case.name), b"text\r\n")
}

fn route(stage: &Stage, one: &Placed) -> String {
    let nexthop = one.case.nexthop.as_deref().map(|nexthop| stage.fill(one, nexthop));
    format!("{} smtp:{}\n", one.domain, nexthop.unwrap_or_default())
}
