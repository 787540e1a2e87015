//! Postfix's side: one instance, a transport for each group.

use super::case::Age;
use super::outcome::{Log, Outcome, Pending};
use super::stage::{Placed, Stage};
use crate::postfix::{Letter, Postfix};
use crate::sandbox::Sandbox;
use crate::wait;
use std::time::Duration;

/// How long all deliveries together may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What Postfix makes of every case, in their order.
pub fn run(sandbox: &Sandbox, stage: &Stage) -> Vec<Outcome> {
    let server = stage.servers();
    let mut launch = Postfix::in_sandbox(sandbox).option("notify_classes", "");
    for (name, value) in stage.options() {
        launch = launch.option(name, value);
    }
    for group in &stage.groups {
        launch = launch.transport(group.name, &group.options);
    }
    let routes: String = stage.placed.iter().map(|one| route(stage, one)).collect();
    let routes = sandbox.write("stage/postfix-transport", routes);
    let postfix = launch.option("transport_maps", format!("texthash:{}", routes.display())).start();
    let letters: Vec<Letter> = stage.placed.iter().map(letter).collect();
    postfix.inject(&letters);
    let mut pending = Pending::new(stage.placed.iter().map(Placed::recipient));
    let mut log = String::new();
    let done = wait::until(LIMIT, || {
        let more = postfix.log_from(log.len());
        log.push_str(&more);
        pending.read(&more).then_some(())
    });
    assert!(done.is_some(), "Postfix did not settle {pending:?} in {LIMIT:?}; its log:\n{log}");
    postfix.stop();
    let log = Log::new(&log);
    stage.placed.iter().map(|one| Outcome::gather(&log, one, &server)).collect()
}

fn route(stage: &Stage, one: &Placed) -> String {
    let nexthop = one.case.nexthop.as_deref().map(|nexthop| stage.fill(one, nexthop)).unwrap_or_default();
    format!("{} {}:{nexthop}\n", one.domain, one.case.group)
}

fn letter(one: &Placed) -> Letter {
    let age = if one.case.age == Age::Old { Duration::from_secs(3_600) } else { Duration::ZERO };
    Letter { recipient: one.recipient(), age }
}
