//! What workers say: results are written down before anything else happens with them.

use super::{Dispatcher, Running};
use crate::pool::{Event, WorkerId};
use proto::job::{Fate, RecipientResult, Report, SessionUse, Site};
use schedule::{Assignment, Outcome, SiteFailure};
use spool::QueueId;
use std::collections::HashSet;

impl Dispatcher {
    pub(super) fn on_worker(&mut self, event: Event) {
        match event {
            Event::Done { worker, results, report } => self.on_report(worker, results, &report),
            Event::Ended { worker, job, results, silent } => self.on_end(worker, job, results, silent),
            Event::CacheLost(worker) => self.pool.reconnect(worker, &self.steward),
            // Its report was an event before this one.
            Event::Leaving(worker) => self.pool.dismiss(worker),
        }
    }

    fn on_report(&mut self, worker: WorkerId, results: Vec<RecipientResult>, report: &Report) {
        let Some(Running { assignment, .. }) = self.jobs.remove(&report.job) else { return };
        let now = self.now();
        let id = assignment.message().clone();
        let results = of_assignment(&assignment, results);
        self.count(worker, report.session);
        self.note_results(&id, &results);
        let unnamed = unnamed(&assignment, &results);
        if !unnamed.is_empty() {
            self.defer_here(&id, &unnamed, "4.3.0", "the delivery worker did not say what became of it");
        }
        self.finished(now, assignment, outcome(&results, &report.site));
        self.entry_ended(&id);
        // The worker learns by its next order that this report was written down: only now is it free.
        if report.leaving { self.pool.dismiss(worker) } else { self.pool.release(worker) }
    }

    /// A process has ended. What it said of its job before that counts; the rest of the job is done again.
    fn on_end(&mut self, worker: WorkerId, job: Option<u64>, results: Vec<RecipientResult>, silent: bool) {
        self.pool.forget(worker);
        self.delivered_by.remove(&worker);
        let Some(job) = job.or_else(|| self.job_of(worker)) else { return };
        let Some(Running { mut assignment, .. }) = self.jobs.remove(&job) else { return };
        let now = self.now();
        if silent {
            return self.transport_failed(now, assignment);
        }
        let id = assignment.message().clone();
        tracing::warn!(service = "qmgr", "{id}: its delivery worker ended without a report");
        let results = of_assignment(&assignment, results);
        self.note_results(&id, &results);
        assignment.keep_recipients(|index| results.iter().all(|result| result.index != index));
        if assignment.recipients().is_empty() {
            self.finished(now, assignment, Outcome::Inconclusive);
            self.entry_ended(&id);
        } else {
            self.finished(now, assignment, Outcome::WorkerDied);
        }
    }

    /// Results that decide something are written down; who is passed on gets another delivery in this turn.
    fn note_results(&mut self, id: &QueueId, results: &[RecipientResult]) {
        let Some(active) = self.active.get_mut(id) else { return };
        let other = self.policy.config.nexthop.best_mx_transport.clone();
        let goes_on =
            |result: &&RecipientResult| result.fate == Fate::Passed && other.is_some() && active.pass(result);
        let (passed, decided): (Vec<_>, Vec<_>) = results.iter().partition(goes_on);
        let decided: Vec<_> = decided.into_iter().cloned().collect();
        self.record(id, &decided);
        if let Some(other) = other.filter(|_| !passed.is_empty()) {
            let passed: Vec<u32> = passed.iter().map(|result| result.index).collect();
            self.pass_on(id, &other, &passed);
        }
    }

    pub(super) fn record(&mut self, id: &QueueId, results: &[RecipientResult]) {
        let Self { active, back_off, counters, .. } = self;
        for result in results {
            match result.fate {
                Fate::Sent | Fate::Relayed | Fate::Delivered => counters.delivered += 1,
                Fate::Deliverable | Fate::Undeliverable => {}
                Fate::Bounced | Fate::Passed => counters.bounced += 1,
                Fate::Deferred => counters.deferred += 1,
            }
        }
        if let Some(active) = active.get_mut(id).filter(|_| !results.is_empty()) {
            active.record(results, back_off);
        }
    }

    /// The job of a worker whose task ended before it could be told of it.
    fn job_of(&self, worker: WorkerId) -> Option<u64> {
        self.jobs.iter().find(|(_, running)| running.worker == worker).map(|(job, _)| *job)
    }

    fn count(&mut self, worker: WorkerId, session: Option<SessionUse>) {
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

/// The results that are about this delivery, one per recipient.
fn of_assignment(assignment: &Assignment<QueueId>, results: Vec<RecipientResult>) -> Vec<RecipientResult> {
    let mut open: HashSet<u32> = assignment.recipients().iter().copied().collect();
    results.into_iter().filter(|result| open.remove(&result.index)).collect()
}

/// The recipients of this delivery that no result is about.
fn unnamed(assignment: &Assignment<QueueId>, results: &[RecipientResult]) -> Vec<u32> {
    if results.len() == assignment.recipients().len() {
        return Vec::new();
    }
    let named: HashSet<u32> = results.iter().map(|result| result.index).collect();
    assignment.recipients().iter().copied().filter(|index| !named.contains(index)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use schedule::{Delivery, Limits, Scheduler, TransportSettings};
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn result(index: u32) -> RecipientResult {
        RecipientResult {
            index,
            fate: Fate::Sent,
            status: "2.0.0".into(),
            reason: String::new(),
            remote_mta: None,
            diagnostic: None,
        }
    }

    #[test]
    fn only_what_a_delivery_is_about_counts_and_nobody_is_forgotten() {
        let mut scheduler = Scheduler::new(Limits::of_workers(NonZeroU32::MIN));
        let now = Duration::ZERO;
        let transport = scheduler.add_transport(now, "smtp", TransportSettings::documented());
        let message: QueueId = "id1".parse().unwrap();
        let recipients = vec![2, 3, 5];
        let delivery = Delivery { transport, nexthop: "x", message, recipients, size: 1 };
        assert_eq!(scheduler.enqueue(now, delivery), schedule::Admission::Queued);
        let assignment = scheduler.next(now).unwrap();
        let said = [7, 3, 3, 2].map(result).to_vec();
        let results = of_assignment(&assignment, said);
        assert_eq!(results.iter().map(|result| result.index).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(unnamed(&assignment, &results), [5]);
        assert_eq!(unnamed(&assignment, &[2, 3, 5].map(result)), [0; 0]);
        let _given_back = scheduler.finished(now, assignment, Outcome::Completed);
    }
}
