//! A private Postfix that sends to a farm, from its start to its last words.

use super::{Agents, Farm, Kind, Statistics};
use crate::postfix::{Launch, Postfix, complaints, kinds};
use crate::process::Process;
use crate::sink::FinalReply;
use crate::{Sandbox, programs, wait};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

/// Names of the caches' processes.
const CACHES: [&str; 2] = ["scache", "baton-scache"];

/// What it said in the end.
#[derive(Debug, Clone)]
pub struct Log {
    /// All of it.
    pub text: String,
    /// Lines that no one wants to see, by kind.
    pub complaints: BTreeMap<String, usize>,
    /// Lookups in the connection cache.
    pub statistics: Statistics,
}

impl Log {
    /// Delivery lines with this status.
    pub fn with_status(&self, status: &str) -> usize {
        let status = format!(", status={status} (");
        self.text.lines().filter(|line| line.contains(&status)).count()
    }

    /// Why mail was deferred, and how often.
    pub fn deferrals(&self) -> BTreeMap<String, usize> {
        let reason = |line: &str| {
            let (origin, reason) = line.split_once(", status=deferred (")?;
            Some(format!("{}]: deferred: {reason}", origin.split_once("]: ")?.0))
        };
        kinds(&self.text.lines().filter_map(reason).collect::<Vec<_>>())
    }
}

/// Farm and Postfix, running.
#[derive(Debug)]
pub struct Run {
    /// The servers.
    pub farm: Farm,
    /// What delivers to them.
    pub postfix: Postfix,
    _sandbox: Sandbox,
}

impl Run {
    /// Starts both.
    pub fn start(
        kinds: &[Kind],
        agents: Agents,
        final_reply: FinalReply,
        options: impl FnOnce(Launch) -> Launch,
    ) -> Self {
        let sandbox = Sandbox::new("farm");
        let farm = Farm::start(&sandbox, kinds, final_reply);
        let postfix = options(farm.launch(&sandbox, agents)).start();
        Self { farm, postfix, _sandbox: sandbox }
    }

    /// Lets go what came in to be held, all at once.
    pub fn release(&self) {
        for (program, words) in [("postsuper", ["-H", "ALL"].as_slice()), ("postqueue", ["-f"].as_slice())] {
            let mut command = Command::new(programs::debian(program));
            let output = command.arg("-c").arg(self.postfix.configuration()).args(words).output();
            let output = output.expect("it runs");
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Waits until so many transactions have been made and nothing is queued. Says what is left in the queue.
    pub fn drain(&self, transactions: usize, limit: Duration) -> usize {
        let done = || (self.farm.transactions() >= transactions).then_some(());
        let _ = wait::until(limit, done);
        let _ = wait::until(limit, || (self.postfix.queued() == 0).then_some(()));
        self.postfix.queued()
    }

    /// Lets the agents and the cache go, which then writes down what it counted.
    pub fn last_words(&self) -> Log {
        let before = self.postfix.log_from(0).len();
        let children = Process::find(self.postfix.master()).expect("master runs").children();
        let cache = children.into_iter().find(|child| CACHES.contains(&child.name.as_str()));
        self.postfix.reload();
        if let Some(cache) = cache {
            assert!(cache.wait_gone(wait::PATIENCE), "the cache outlived the reload");
            let said =
                || self.postfix.log_from(before).contains("]: statistics: max simultaneous ").then_some(());
            let _ = wait::until(Duration::from_secs(5), said);
        }
        let text = self.postfix.log_from(0);
        let (complaints, statistics) = (kinds(&complaints(&text)), Statistics::read(&text));
        Log { text, complaints, statistics }
    }
}
