//! `daemon_timeout`: a process that is stuck says so and ends, so that master starts another.

use crate::log;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// No deadline.
const RESTING: u64 = 0;

/// Ends the process when a deadline passes that was not moved. A thread of its own looks, however stuck the others are.
#[derive(Debug)]
pub struct Watchdog {
    clock: Clock,
    limit: Duration,
}

impl Watchdog {
    /// One that rests. The process is so called in the log.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(limit: Duration, process: &'static str) -> io::Result<Self> {
        let clock = Clock { started: Instant::now(), deadline: Arc::new(AtomicU64::new(RESTING)) };
        let watched = clock.clone();
        // A process may confine itself next, so that no thread could begin any more.
        let begun = Arc::new(Barrier::new(2));
        let begins = Arc::clone(&begun);
        std::thread::Builder::new().name("watchdog".into()).spawn(move || {
            begins.wait();
            while let Watch::For(time) = watched.look(Instant::now(), limit) {
                std::thread::sleep(time);
            }
            log::fatal(process, "watchdog timeout");
            std::process::exit(1);
        })?;
        begun.wait();
        Ok(Self { clock, limit })
    }

    /// From now on there is so much time until the next call.
    pub fn begin(&self) {
        self.clock.set(Instant::now() + self.limit);
    }

    /// What follows may take as long as it likes.
    pub fn rest(&self) {
        self.clock.deadline.store(RESTING, Ordering::Relaxed);
    }
}

/// What the thread does next.
#[derive(Debug, PartialEq, Eq)]
enum Watch {
    For(Duration),
    Passed,
}

#[derive(Debug, Clone)]
struct Clock {
    started: Instant,
    /// In milliseconds since then.
    deadline: Arc<AtomicU64>,
}

impl Clock {
    fn set(&self, deadline: Instant) {
        let after = deadline.saturating_duration_since(self.started).as_millis();
        self.deadline.store(u64::try_from(after).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// Deadlines only move forward: nothing can pass before the one that is seen now, or before `limit` where there is none.
    fn look(&self, now: Instant, limit: Duration) -> Watch {
        let deadline = match self.deadline.load(Ordering::Relaxed) {
            RESTING => return Watch::For(limit),
            millis => Duration::from_millis(millis),
        };
        match deadline.checked_sub(now.saturating_duration_since(self.started)) {
            Some(left) if !left.is_zero() => Watch::For(left),
            _ => Watch::Passed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deadline_that_was_not_moved_passes() {
        let started = Instant::now();
        let clock = Clock { started, deadline: Arc::default() };
        let limit = Duration::from_secs(10);
        let at = |seconds| started + Duration::from_secs(seconds);
        assert_eq!(clock.look(at(1000), limit), Watch::For(limit), "it rests");
        clock.set(at(10));
        assert_eq!(clock.look(at(4), limit), Watch::For(Duration::from_secs(6)));
        clock.set(at(14));
        assert_eq!(clock.look(at(10), limit), Watch::For(Duration::from_secs(4)), "it was moved");
        assert_eq!(clock.look(at(14), limit), Watch::Passed);
        assert_eq!(clock.look(at(99), limit), Watch::Passed);
    }
}
