//! One delivery, killed at every system call from request to report: nothing is lost, and nothing is doubled that
//! was not already accepted.

use super::Verdict;
use crate::mail::Mail;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{Record, Settings, Sink, Tls};
use crate::table::Table;
use crate::tracer::{Tracer, name_of, wait_dead};
use crate::{injector, wait};
use std::fmt;
use std::time::{Duration, Instant};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The worker that delivers.
    Worker,
    /// The connection cache.
    Scache,
    /// The relay's own process.
    Supervisor,
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Worker => "worker",
            Self::Scache => "scache",
            Self::Supervisor => "supervisor",
        })
    }
}

/// Over what the watched message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// A session that another delivery has parked.
    Parked,
    /// A new connection, parked afterwards.
    Fresh,
    /// As `Parked`, under TLS.
    ParkedTls,
    /// As `Fresh`, under TLS.
    FreshTls,
}

impl Session {
    fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh | Self::FreshTls)
    }

    fn settings(self) -> Settings {
        match self {
            Self::Parked | Self::Fresh => Settings::smtp(),
            Self::ParkedTls | Self::FreshTls => Settings::smtp().tls(&Tls::default()),
        }
    }

    /// `smtp_tls_security_level`.
    fn level(self) -> &'static str {
        match self {
            Self::Parked | Self::Fresh => "none",
            Self::ParkedTls | Self::FreshTls => "encrypt",
        }
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parked => "parked",
            Self::Fresh => "fresh",
            Self::ParkedTls => "parked TLS",
            Self::FreshTls => "fresh TLS",
        })
    }
}

/// Everybody on both kinds of session, and a worker under TLS, in the order of the table.
pub const SCENES: [(Victim, Session); 8] = [
    (Victim::Worker, Session::Parked),
    (Victim::Worker, Session::Fresh),
    (Victim::Scache, Session::Parked),
    (Victim::Scache, Session::Fresh),
    (Victim::Supervisor, Session::Parked),
    (Victim::Supervisor, Session::Fresh),
    (Victim::Worker, Session::ParkedTls),
    (Victim::Worker, Session::FreshTls),
];

/// One cut and what became of the message.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Who was killed.
    pub victim: Victim,
    /// At which call, counted from 1.
    pub at: usize,
    /// The call's name; empty when the delivery was over before.
    pub call: String,
    /// The server had seen the final dot before the kill.
    pub dot_before: bool,
    /// Copies at the server.
    pub copies: usize,
    /// Messages left in the queue after the restart.
    pub left: usize,
}

impl Outcome {
    /// The delivery was over before the call was reached.
    pub fn missed(&self) -> bool {
        self.call.is_empty()
    }

    /// The message arrived; twice only if its final dot was written before a worker or the supervisor was killed.
    pub fn holds(&self) -> bool {
        let may_double = self.dot_before && self.victim != Victim::Scache;
        self.left == 0 && (self.copies == 1 || self.copies == 2 && may_double)
    }
}

/// The message that is watched.
const WATCHED: &str = "<watched@client.test>";
/// A frozen victim gets this long, so that what it wrote reaches the server before it is judged.
const PAUSE: Duration = Duration::from_millis(5);
/// After this many cuts in a row that were never reached the delivery has no more calls.
const MISSES: usize = 2;

/// Every cut of every scene, as a table. `step` > 1 takes every so-many-th call only.
pub fn show(scenes: &[(Victim, Session)], step: usize) -> Verdict {
    let mut table = Table::new(&["killed", "session", "at", "call", "final dot", "lost", "duplicated", ""]);
    let mut summary =
        Table::new(&["killed", "session", "cuts", "lost", "duplicated", "before the dot", "seconds"]);
    let mut holds = true;
    for &(victim, session) in scenes {
        let started = Instant::now();
        let outcomes = every_cut(victim, session, step);
        for outcome in &outcomes {
            table.row(&[
                &victim,
                &session,
                &outcome.at,
                &outcome.call,
                &if outcome.dot_before { "written" } else { "-" },
                &usize::from(outcome.copies == 0),
                &outcome.copies.saturating_sub(1),
                &if outcome.holds() { "" } else { "WRONG" },
            ]);
        }
        let doubled = |outcome: &&Outcome| outcome.copies > 1;
        summary.row(&[
            &victim,
            &session,
            &outcomes.len(),
            &outcomes.iter().filter(|outcome| outcome.copies == 0 || outcome.left > 0).count(),
            &outcomes.iter().filter(doubled).count(),
            &outcomes.iter().filter(doubled).filter(|outcome| !outcome.dot_before).count(),
            &format!("{:.0}", started.elapsed().as_secs_f64()),
        ]);
        holds &= !outcomes.is_empty() && outcomes.iter().all(Outcome::holds);
    }
    println!("{table}\n{summary}");
    holds.into()
}

/// One victim, killed at each `step`-th call.
pub fn every_cut(victim: Victim, session: Session, step: usize) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut missed = 0;
    let mut at = 1;
    while missed < MISSES {
        let outcome = cut(victim, session, at);
        if outcome.missed() {
            missed += 1;
        } else {
            missed = 0;
            outcomes.push(outcome);
        }
        at += step;
    }
    outcomes
}

/// The calls of one delivery that nobody disturbs, by name.
pub fn calls(victim: Victim, session: Session) -> Vec<String> {
    let mut scene = Scene::set(session);
    let tracer = Tracer::attach(scene.pid_of(victim), None, Duration::ZERO);
    tracer.arm();
    scene.relay.resume();
    scene.relay.expect_empty(wait::PATIENCE);
    tracer.finish().into_iter().map(name_of).collect()
}

/// Kills the victim at its `at`-th call of the watched delivery; then lets things take their course, and restarts.
pub fn cut(victim: Victim, session: Session, at: usize) -> Outcome {
    let mut scene = Scene::set(session);
    let pid = scene.pid_of(victim);
    // A frozen supervisor must die as it would: at once, while the others go on.
    let pause = if victim == Victim::Supervisor { Duration::ZERO } else { PAUSE };
    let tracer = Tracer::attach(pid, Some(at), pause);
    tracer.arm();
    // The supervisor may be killed while it answers.
    let _ = scene.relay.try_command(&["queue", "resume"]);
    let _ =
        wait::until(wait::PATIENCE, || (tracer.cut().is_some() || scene.relay.queued() == 0).then_some(()));
    // What comes after the last report: parking, taking the next request.
    let _ = wait::until(PAUSE * 4, || tracer.cut());
    let cut = tracer.cut();
    if cut.is_some() {
        wait_dead(pid);
    }
    drop(tracer);
    let dot_before =
        cut.as_ref().is_some_and(|cut| scene.sink.record().messages.iter().any(|m| is_watched(m, cut.at)));
    scene.settle(victim, cut.is_some());
    let copies = copies(&scene.sink.record());
    Outcome {
        victim,
        at,
        call: cut.map_or_else(String::new, |cut| name_of(cut.call)),
        dot_before,
        copies,
        left: scene.relay.queued(),
    }
}

fn is_watched(message: &crate::sink::Received, before: Instant) -> bool {
    message.message_id == WATCHED && message.dot_at <= before
}

fn copies(record: &Record) -> usize {
    record.messages.iter().filter(|message| message.message_id == WATCHED).count()
}

/// A relay that has delivered one message, so that a worker, scache and a parked session are there, and has the
/// watched one in its queue, held.
struct Scene {
    relay: Relay,
    /// Receives the watched message.
    sink: Sink,
    _first: Option<Sink>,
    _sandbox: Sandbox,
}

impl Scene {
    fn set(session: Session) -> Self {
        let sandbox = Sandbox::new("crash");
        let sink = Sink::start(session.settings());
        let first = session.is_fresh().then(|| Sink::start(session.settings()));
        let before = first.as_ref().unwrap_or(&sink).nexthop();
        let routes = format!("first.test smtp:{before}\nwatched.test smtp:{}\n", sink.nexthop());
        let routes = sandbox.write("transport", routes);
        let relay = Relay::in_sandbox(&sandbox)
            .option("transport_maps", format!("texthash:{}", routes.display()))
            .option("smtp_connection_cache_destinations", "static:all")
            .option("smtp_tls_security_level", session.level())
            .option("smtp_tls_connection_reuse", "yes")
            .option("minimal_backoff_time", "1s")
            .option("maximal_backoff_time", "1s")
            .option("queue_run_delay", "1s")
            .option("connection_cache_protocol_timeout", "1s")
            .start();
        let mut scene = Self { relay, sink, _first: first, _sandbox: sandbox };
        scene.send("first");
        scene.relay.expect_empty(wait::PATIENCE);
        scene.relay.pause();
        scene.send("watched");
        scene
    }

    fn send(&self, name: &str) {
        let mail = Mail::new(&format!("user@{name}.test"), &format!("{name}@client.test"), b"body\r\n");
        injector::send(self.relay.intake(), 1, vec![mail]);
    }

    fn pid_of(&self, victim: Victim) -> u32 {
        let name = match victim {
            Victim::Worker => "baton-worker",
            Victim::Scache => "scache",
            Victim::Supervisor => return self.relay.supervisor().pid,
        };
        wait::expect(name, || self.relay.processes(name).first().map(|process| process.pid))
    }

    /// Waits until the queue is empty, restarts, and waits again: what was recorded must survive.
    fn settle(&mut self, victim: Victim, killed: bool) {
        let supervisor_gone = killed && victim == Victim::Supervisor;
        if supervisor_gone {
            self.relay.kill(); // collects it, and knows its orphans
        } else {
            self.drain();
            self.relay.stop();
        }
        let launch = self.relay.launch().clone();
        let orphans = self.relay.orphans();
        self.relay = launch.start();
        self.drain();
        for orphan in orphans {
            orphan.wait_gone(wait::PATIENCE);
        }
        self.drain();
        self.relay.stop();
    }

    fn drain(&mut self) {
        let _ = self.relay.try_command(&["queue", "resume"]);
        let relay = &mut self.relay;
        let _ = wait::until(wait::PATIENCE, || {
            if relay.wait_empty(Duration::from_millis(300)) {
                return Some(());
            }
            let _ = relay.try_command(&["queue", "flush"]);
            None
        });
    }
}
