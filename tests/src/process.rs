//! Processes by number: who is whose child, and ending exactly the one that was meant.

use crate::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::time::Duration;

/// A process, told from a later one of the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Its name as the kernel has it (15 octets).
    pub name: String,
    started: String,
}

impl Process {
    /// The process with this number, if it runs (a zombie does not).
    pub fn find(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (head, tail) = stat.rsplit_once(')')?;
        let name = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let alive = !matches!(*fields.first()?, "Z" | "X");
        alive.then(|| fields.get(19).map(|started| Self { pid, name, started: (*started).to_owned() }))?
    }

    /// Its children of this moment.
    pub fn children(&self) -> Vec<Self> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        threads
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
            .flat_map(|list| {
                list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
            })
            .filter_map(Self::find)
            .collect()
    }

    /// Its children and theirs.
    pub fn descendants(&self) -> Vec<Self> {
        let mut found = self.children();
        let mut next = 0;
        while next < found.len() {
            let more = found[next].children();
            found.extend(more);
            next += 1;
        }
        found
    }

    /// It still runs, and is still the same.
    pub fn is_alive(&self) -> bool {
        Self::find(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Sends a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if self.is_alive()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits until it is gone.
    pub fn wait_gone(&self, limit: Duration) -> bool {
        wait::until(limit, || (!self.is_alive()).then_some(())).is_some()
    }
}
