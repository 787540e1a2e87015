//! What workers say: results are written down before anything else happens with them.

use super::{Dispatcher, Running};
use crate::pool::{Event, WorkerId};
use proto::job::{Fate, RecipientResult, Report, SessionUse, Site};
use schedule::{Outcome, SiteFailure};

impl Dispatcher {
    pub(super) fn on_worker(&mut self, event: Event) {
        match event {
            Event::Done { worker, results, report } => self.on_report(worker, &results, &report),
            Event::Ended { worker, job, silent } => self.on_end(worker, job, silent),
            Event::CacheLost(worker) => self.pool.reconnect(worker, &self.steward),
        }
    }

    fn on_report(&mut self, worker: WorkerId, results: &[RecipientResult], report: &Report) {
        let Some(Running { assignment, .. }) = self.jobs.remove(&report.job) else { return };
        let now = self.now();
        let id = assignment.message().clone();
        self.count(worker, results, report.session);
        let finished_here =
            self.active.get(&id).is_some_and(|active| active.entries == 1 && active.is_settled_by(results));
        if finished_here {
            if let Some(active) = self.active.remove(&id) {
                self.remove(&active.message);
            }
        } else if let Some(active) = self.active.get_mut(&id)
            && let Err(error) = active.record(results, &self.back_off)
        {
            tracing::error!(service = "qmgr", "{id}: cannot record results: {error}");
        }
        self.finished(now, assignment, outcome(results, &report.site));
        // The worker learns by its next order that this report was written down: only now is it free.
        if report.leaving {
            self.pool.dismiss(worker)
        } else {
            self.pool.release(worker)
        }
        if finished_here { self.fill_active() } else { self.entry_ended(&id) }
    }

    fn on_end(&mut self, worker: WorkerId, job: Option<u64>, silent: bool) {
        self.pool.forget(worker);
        let Some(job) = job.or_else(|| self.job_of(worker)) else { return };
        let Some(Running { assignment, .. }) = self.jobs.remove(&job) else { return };
        let now = self.now();
        if silent {
            return self.transport_failed(now, assignment);
        }
        tracing::warn!(
            service = "qmgr",
            "{}: its delivery worker ended without a report",
            assignment.message()
        );
        self.finished(now, assignment, Outcome::WorkerDied);
    }

    /// The job of a worker whose task ended before it could be told of it.
    fn job_of(&self, worker: WorkerId) -> Option<u64> {
        self.jobs.iter().find(|(_, running)| running.worker == worker).map(|(job, _)| *job)
    }

    fn count(&mut self, worker: WorkerId, results: &[RecipientResult], session: Option<SessionUse>) {
        for result in results {
            match result.fate {
                Fate::Sent => self.counters.delivered += 1,
                Fate::Bounced => self.counters.bounced += 1,
                Fate::Deferred => self.counters.deferred += 1,
            }
        }
        if self.delivered_by.insert(worker) {
            self.counters.workers += 1;
        }
        if let Some(SessionUse { serial: _, uses, handovers, handed_over }) = session {
            self.counters.handovers += u64::from(handed_over);
            self.counters.longest_chain = self.counters.longest_chain.max(u64::from(handovers) + 1);
            self.counters.most_uses = self.counters.most_uses.max(u64::from(uses));
        }
    }
}

/// What the report means for the destination's window.
fn outcome(results: &[RecipientResult], site: &Site) -> Outcome {
    match site {
        Site::Reached => Outcome::Completed,
        Site::Dead { status, reason } if results.iter().any(|result| result.fate == Fate::Deferred) => {
            Outcome::SiteFailed(SiteFailure::new(status, reason))
        }
        Site::Dead { .. } => Outcome::Inconclusive,
    }
}
