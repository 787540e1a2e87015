//! One message that is being delivered: its recipients' facts, and how many deliveries of it are out.

use super::verdicts::Verdict;
use crate::routing::Destination;
use proto::job::{Fate, Recipient, RecipientResult};
use schedule::{BackOff, Deferred, SenderKind};
use spool::{Cause, Diagnosis, Fact, Mark, Message, Purpose, RecipientState, SpoolError, Success};
use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;
use worker::log::delivery::{self, Delays, Relay, Stamps};

/// A message in the active queue.
#[derive(Debug)]
pub(super) struct Active {
    /// The message, with where each recipient stands.
    pub(super) message: Message,
    /// When it became active.
    pub(super) since: SystemTime,
    /// Deliveries that are queued or with a worker.
    pub(super) entries: u32,
    /// Recipients that `best_mx_transport` was given in this turn: once, or two transports could pass them on for ever.
    passed: HashSet<u32>,
    /// Facts that are not in the file yet: it could not be written, or is about to be removed instead.
    unwritten: Vec<Mark>,
}

/// What the file says of what became of recipients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// All of it.
    All,
    /// Not all: to be tried again before anything else is done with the message.
    NotYet,
    /// There is no file any more.
    Gone,
}

/// There is no file to come back to.
pub(super) fn is_final(error: &SpoolError) -> bool {
    matches!(error, SpoolError::Damaged { .. } | SpoolError::Missing(_))
}

/// Waiting recipients by transport and next hop.
pub(super) type ByDestination = BTreeMap<(String, String), Vec<u32>>;

impl Active {
    pub(super) fn new(message: Message) -> Self {
        Self { message, since: SystemTime::now(), entries: 0, passed: HashSet::new(), unwritten: Vec::new() }
    }

    /// The recipients of these indexes, as a worker is told of them.
    pub(super) fn recipients(&self, indexes: &[u32]) -> Vec<Recipient> {
        let all = &self.message.envelope().recipients;
        let known = |index: &u32| Some(super::recipient(*index, all.get(*index as usize)?));
        indexes.iter().filter_map(known).collect()
    }

    /// Whether mail of this age goes back to its sender.
    pub(super) fn is_expired(&self, back_off: &BackOff, now: SystemTime) -> bool {
        let age = BackOff::age(self.message.envelope().arrival, now);
        back_off.is_expired(age, self.sender_kind())
    }

    /// When it is tried again after an attempt that ends now.
    pub(super) fn next_attempt(&self, back_off: &BackOff, now: SystemTime) -> SystemTime {
        now + back_off.delay(BackOff::age(self.message.envelope().arrival, now))
    }

    fn sender_kind(&self) -> SenderKind {
        if self.message.envelope().sender.is_empty() { SenderKind::Null } else { SenderKind::Address }
    }

    /// Whether every recipient is settled, with nobody to be told: then the file can go, whatever it says.
    pub(super) fn is_delivered(&self) -> bool {
        let sent: HashSet<u32> = self
            .unwritten
            .iter()
            .filter(|mark| mark.fact == Fact::Delivered)
            .flat_map(|mark| mark.recipients.iter().copied())
            .collect();
        (0..).zip(self.message.recipients()).all(|(index, state)| state.is_settled() || sent.contains(&index))
    }

    /// Takes note of a worker's results.
    pub(super) fn record(&mut self, results: &[RecipientResult], back_off: &BackOff) {
        let at = SystemTime::now();
        let next = self.next_attempt(back_off, at);
        let marks: Vec<_> = results.iter().map(|result| self.mark_of(result, at, next)).collect();
        self.unwritten.extend(marks);
        // A file that is removed next needs no last mark.
        if self.entries > 1 || !self.is_delivered() {
            let _tried_again_at_the_end_of_the_turn = self.write_down();
        }
    }

    /// A recipient leaves its destination for `best_mx_transport`; false if it did so before in this turn.
    pub(super) fn pass(&mut self, result: &RecipientResult) -> bool {
        let first = self.passed.insert(result.index);
        if !first {
            for recipient in self.recipients(&[result.index]) {
                self.log("error", &recipient, &result.status, "bounced", &result.reason);
            }
        }
        first
    }

    fn note(&mut self, marks: Vec<Mark>) {
        self.unwritten.extend(marks);
        let _tried_again_at_the_end_of_the_turn = self.write_down();
    }

    /// Writes what is not in the file yet. What cannot be written (a full disk) is kept here: a recipient that was
    /// served must not be served again for want of a mark.
    pub(super) fn write_down(&mut self) -> Written {
        if self.unwritten.is_empty() {
            return Written::All;
        }
        match self.message.mark(&self.unwritten) {
            Ok(()) => {
                self.unwritten.clear();
                Written::All
            }
            Err(error) => {
                tracing::error!(service = "qmgr", "{}: {error}", self.message.id());
                if is_final(&error) { Written::Gone } else { Written::NotYet }
            }
        }
    }

    fn mark_of(&self, result: &RecipientResult, at: SystemTime, next: SystemTime) -> Mark {
        let RecipientResult { index, fate, status, reason, remote_mta, diagnostic } = result;
        let diagnosis = Diagnosis {
            status: status.clone(),
            reason: reason.clone(),
            remote_mta: remote_mta.clone(),
            reply: diagnostic.clone(),
        };
        let fact = match fate {
            Fate::Sent => Fact::Delivered,
            Fate::Relayed => Fact::Succeeded { how: Success::Relayed, diagnosis },
            Fate::Delivered => Fact::Succeeded { how: Success::Delivered, diagnosis },
            Fate::Deliverable => Fact::Succeeded { how: Success::Deliverable, diagnosis },
            Fate::Bounced | Fate::Passed | Fate::Undeliverable => {
                Fact::Failed { cause: Cause::Refused, diagnosis }
            }
            Fate::Deferred => self.deferred(*index, next, diagnosis),
        };
        Mark::one(*index, at, fact)
    }

    fn deferred(&self, index: u32, next: SystemTime, diagnosis: Diagnosis) -> Fact {
        let state = self.message.recipients().get(index as usize);
        let before = state.and_then(RecipientState::pending).map_or(0, |pending| pending.attempts);
        Fact::Deferred { attempts: before.saturating_add(1), next_attempt: Some(next), diagnosis }
    }

    /// Recipients that the scheduler gave back untried: deferred, logged, written down.
    pub(super) fn untried(&mut self, deferred: &Deferred<spool::QueueId>, back_off: &BackOff) {
        let reason = deferred.cause.to_string();
        self.defer(&deferred.recipients, deferred.cause.dsn(), &reason, back_off);
    }

    /// Defers recipients without an attempt, with a line each. A probe is not tried again: this is its result.
    pub(super) fn defer(&mut self, recipients: &[u32], dsn: &str, reason: &str, back_off: &BackOff) {
        let at = SystemTime::now();
        let next = self.next_attempt(back_off, at);
        let probe = self.message.envelope().purpose == Purpose::Probe;
        let mut marks = Vec::new();
        for recipient in self.recipients(recipients) {
            self.log("error", &recipient, dsn, if probe { "undeliverable" } else { "deferred" }, reason);
            let diagnosis =
                Diagnosis { status: dsn.into(), reason: reason.into(), remote_mta: None, reply: None };
            let fact = match probe {
                true => Fact::Failed { cause: Cause::Refused, diagnosis },
                false => self.deferred(recipient.index, next, diagnosis),
            };
            marks.push(Mark::one(recipient.index, at, fact));
        }
        self.note(marks);
    }

    /// What a transport decides that talks to nobody, with a line for each recipient.
    pub(super) fn decided(&self, recipients: &[u32], verdict: &Verdict) -> Vec<RecipientResult> {
        let Verdict { service, fate, word, status, reason } = verdict;
        let (fate, word) = match (self.message.envelope().purpose, fate) {
            (Purpose::Delivery, fate) => (*fate, *word),
            (Purpose::Probe, Fate::Sent) => (Fate::Deliverable, "deliverable"),
            (Purpose::Probe, _) => (Fate::Undeliverable, "undeliverable"),
        };
        let result = |recipient: Recipient| {
            self.log(service, &recipient, status, word, reason);
            let (status, reason) = (status.clone(), reason.clone());
            RecipientResult {
                index: recipient.index,
                fate,
                status,
                reason,
                remote_mta: None,
                diagnostic: None,
            }
        };
        self.recipients(recipients).into_iter().map(result).collect()
    }

    /// Gives all waiting recipients up because the mail is too old.
    pub(super) fn expire(&mut self) {
        let at = SystemTime::now();
        let marks: Vec<_> = self
            .message
            .pending()
            .map(|(index, pending)| {
                let diagnosis = pending.diagnosis.as_deref().cloned().unwrap_or_else(too_old);
                Mark::one(index, at, Fact::Failed { cause: Cause::Expired, diagnosis })
            })
            .collect();
        let envelope = self.message.envelope();
        let id = self.message.id();
        tracing::info!(
            service = "qmgr",
            "{id}: from=<{}>, status=expired, returned to sender",
            envelope.sender
        );
        self.note(marks);
    }

    /// A delivery line for a recipient that no server was asked about.
    fn log(&self, service: &str, recipient: &Recipient, dsn: &str, status: &str, reason: &str) {
        let envelope = self.message.envelope();
        let now = super::micros(SystemTime::now());
        let since = super::micros(self.since);
        let times =
            proto::job::Times { arrival: super::micros(envelope.arrival), active: since, handed: now };
        let delays = Delays::new(&times, Stamps::default(), now, 2);
        let result = delivery::Result { dsn, status, reason };
        delivery::line(service, self.message.id().as_str(), recipient, &Relay::default(), &delays, result);
    }

    /// Waiting recipients by destination. Those that cannot be routed are returned apart, with the reason.
    pub(super) fn destinations(
        &self,
        routing: &crate::routing::Routing,
    ) -> (ByDestination, Vec<(u32, String)>) {
        let mut grouped = ByDestination::new();
        let mut lost = Vec::new();
        let all = &self.message.envelope().recipients;
        let defaults = match routing.defaults(&self.message.envelope().sender) {
            Ok(defaults) => defaults,
            Err(error) => {
                let lost = self.message.pending().map(|(index, _)| (index, error.to_string()));
                return (grouped, lost.collect());
            }
        };
        for (index, _) in self.message.pending() {
            let Some(recipient) = all.get(index as usize) else { continue };
            match routing.destination(&defaults, &recipient.address) {
                Ok(Destination { transport, nexthop }) => {
                    grouped.entry((transport, nexthop)).or_default().push(index);
                }
                Err(error) => lost.push((index, error.to_string())),
            }
        }
        (grouped, lost)
    }
}

fn too_old() -> Diagnosis {
    Diagnosis {
        status: "4.4.7".into(),
        reason: "the message was not delivered in time".into(),
        remote_mta: None,
        reply: None,
    }
}
