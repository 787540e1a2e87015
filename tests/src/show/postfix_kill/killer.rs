//! Who is killed, and when: by a seed, at moments counted in transactions.

use super::Plan;
use super::victim::{Frozen, Kill, Phase, is_busy};
use crate::farm::{Kind, Run};
use crate::process::Process;
use crate::wait;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The programs that may be killed; the last ones are the caches.
const AGENTS: [&str; 4] = ["baton-smtp", "baton-lmtp", "smtp", "lmtp"];
const CACHES: [&str; 2] = ["baton-scache", "scache"];
/// One kill of so many is that of any agent, not of one with a message.
const ANYBODY_EVERY: u64 = 5;
/// Between two looks at the state of things.
const TICK: Duration = Duration::from_millis(100);
/// Reloads are at most so far apart.
const RELOAD: Duration = Duration::from_secs(20);

/// Random numbers that can be had again.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound.max(1)
    }
}

/// Kills and reloads as the run goes on.
pub(super) struct Killer<'a> {
    run: &'a Run,
    dice: Dice,
    kills: Vec<Kill>,
    /// Kills to come.
    left: usize,
    cache_every: u64,
    /// Transactions between two kills on average, and at which the next is due.
    pace: usize,
    due: usize,
    reload_every: usize,
    reload_due: usize,
    reloaded_at: Instant,
    reloads: usize,
    /// Copies at the server when a process with this message and recipient was killed.
    known: HashMap<(String, String), usize>,
}

impl<'a> Killer<'a> {
    pub(super) fn new(run: &'a Run, plan: &Plan, messages: usize, kills: usize) -> Self {
        let pace = (messages / kills.max(1)).max(1);
        let reload_every = plan.reload;
        Self {
            run,
            dice: Dice(plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            kills: Vec::new(),
            left: kills,
            cache_every: plan.cache_every,
            pace,
            due: pace,
            reload_every,
            reload_due: reload_every,
            reloaded_at: Instant::now(),
            reloads: 0,
            known: HashMap::new(),
        }
    }

    /// What happened.
    pub(super) fn end(self) -> (Vec<Kill>, usize) {
        (self.kills, self.reloads)
    }

    /// Waits for the next moment, but not long, and does what is due.
    pub(super) fn go_on(&mut self) {
        let farm = &self.run.farm;
        let due = if self.left > 0 { self.due.min(self.reload_due) } else { self.reload_due };
        let _ = wait::until(TICK, || (farm.transactions() >= due).then_some(()));
        let now = farm.transactions();
        if self.left > 0 && now >= self.due {
            self.due = now + 1 + self.dice.below(2 * self.pace as u64 - 1) as usize;
            self.left -= 1;
            self.strike();
        }
        if now >= self.reload_due || self.reloaded_at.elapsed() >= RELOAD {
            self.run.postfix.reload();
            self.reloads += 1;
            (self.reload_due, self.reloaded_at) = (now + self.reload_every, Instant::now());
        }
    }

    fn strike(&mut self) {
        let children = Process::find(self.run.postfix.master()).map(|master| master.children());
        let children = children.unwrap_or_default();
        let named = |names: &[&str]| -> Vec<Process> {
            children.iter().filter(|child| names.contains(&child.name.as_str())).cloned().collect()
        };
        if self.dice.below(self.cache_every) == 0
            && let Some(cache) = named(&CACHES).first()
            && let Some(frozen) = Frozen::new(cache)
        {
            let at = frozen.kill();
            return self.note(Phase::Cache, at, String::new(), Vec::new());
        }
        let agents = named(&AGENTS);
        let busy: Vec<Process> = agents.iter().filter(|agent| is_busy(agent)).cloned().collect();
        let choice = if busy.is_empty() || self.dice.below(ANYBODY_EVERY) == 0 { agents } else { busy };
        let chosen = self.dice.below(choice.len() as u64) as usize;
        if let Some(agent) = choice.get(chosen)
            && let Some(frozen) = Frozen::new(agent)
        {
            self.kill_agent(frozen);
        }
    }

    fn kill_agent(&mut self, frozen: Frozen<'_>) {
        let Some(load) = frozen.load() else {
            let at = frozen.kill();
            return self.note(Phase::Idle, at, String::new(), Vec::new());
        };
        let Some(open) = frozen.reachable(&load) else {
            let at = frozen.kill();
            return self.note(Phase::Unconnected, at, load.message_id, Vec::new());
        };
        let (id, patient) = (load.message_id, self.dice.below(2) == 0);
        let phase = self.phase(&id, &open, patient);
        let at = frozen.kill();
        for to in &open {
            let copies = Kind::of(to).map_or(0, |kind| self.run.farm.copies(kind, &id, to).0);
            self.known.insert((id.clone(), to.clone()), copies);
        }
        self.note(phase, at, id, open);
    }

    /// Where the frozen agent is. A patient killer lets the server answer first, which it does without the agent.
    fn phase(&self, id: &str, open: &[String], patient: bool) -> Phase {
        let Some((to, kind)) = open.first().and_then(|to| Some((to, Kind::of(to)?))) else {
            return Phase::Marked;
        };
        let before = self.known.get(&(id.to_owned(), to.clone())).copied().unwrap_or(0);
        let copies = || self.run.farm.copies(kind, id, to);
        if copies().0 <= before {
            return Phase::Talking;
        }
        let answered = || {
            let (taken, answered) = copies();
            (taken == answered).then_some(())
        };
        if patient {
            let _ = wait::until(Duration::from_secs(2), answered);
        }
        if answered().is_some() { Phase::Answered } else { Phase::Dot }
    }

    fn note(&mut self, phase: Phase, at: Instant, message_id: String, open: Vec<String>) {
        self.kills.push(Kill { phase, at, message_id, open });
    }
}
