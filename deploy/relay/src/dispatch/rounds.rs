//! A message's turn in the active queue: it begins with a destination for every recipient and ends when no delivery
//! of it is out, with the message gone, waiting for its next turn, or its sender told.

use super::Dispatcher;
use super::verdicts::Verdict;
use super::waiting::{Kind, Why};
use crate::dispatch::active::{Active, Written, is_final};
use maincf::value::TransportNexthop;
use schedule::{Admission, Assignment, Delivery, Outcome};
use spool::{
    Message, NoticeSettings, Place, Postmaster, Purpose, QueueId, RecipientState, SpoolError, bounce,
    queue_notice, queue_postmaster_copy,
};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Messages that get their turn between two looks at events.
const TURNS: usize = 50;
impl Dispatcher {
    /// A message that is new, or was found: active if there is room, else it waits on disk.
    pub(super) fn admit(&mut self, message: Message) {
        self.counters.queued += 1;
        if self.has_room() {
            self.activate(message, Why::Due);
        } else {
            self.waiting.push(message.id().clone(), Kind::New, Why::Due);
        }
    }

    fn has_room(&self) -> bool {
        self.active.len() < self.policy.config.queue.active_limit.get() as usize
    }

    /// Somebody waits and there is room.
    pub(super) fn may_fill(&self) -> bool {
        !self.waiting.is_empty() && self.has_room()
    }

    /// Gives a turn to some of those that wait for one. Called once per event, never from within a turn: a turn may
    /// end at once, and a queue of a hundred thousand such must not become as many nested calls.
    pub(super) fn fill_active(&mut self) {
        for _ in 0..TURNS {
            if !self.has_room() {
                return;
            }
            let Some((id, why)) = self.waiting.pop() else { return };
            match self.spool.get(&id) {
                // Put on hold by hand since it was given its place here.
                Ok(message) if message.place() == Place::Hold => {
                    self.counters.queued = self.counters.queued.saturating_sub(1);
                }
                Ok(message) => self.activate(message, why),
                Err(error) => self.not_loaded(&id, &error),
            }
        }
    }

    /// The time of a deferred message has come.
    pub(super) fn wake(&mut self, id: QueueId, why: Why) {
        if self.active.contains_key(&id) {
            // Its last turn could not be ended.
            self.turn_ended(&id);
        } else {
            self.waiting.push(id, Kind::Deferred, why);
        }
    }

    /// A message cannot be loaded. Only if there is nothing to come back to it is given up.
    fn not_loaded(&mut self, id: &QueueId, error: &SpoolError) {
        tracing::error!(service = "qmgr", "{id}: {error}");
        if is_final(error) {
            self.counters.queued = self.counters.queued.saturating_sub(1);
        } else {
            self.try_later(id);
        }
    }

    /// What the system refused is tried again, but not at once.
    fn try_later(&mut self, id: &QueueId) {
        self.timer.schedule(id.clone(), self.now() + self.back_off.minimal);
    }

    fn activate(&mut self, message: Message, why: Why) {
        let id = message.id().clone();
        let envelope = message.envelope().clone();
        tracing::info!(
            service = "qmgr",
            "{id}: from=<{}>, size={}, nrcpt={} (queue active)",
            envelope.sender,
            envelope.size,
            envelope.recipients.len()
        );
        let active = Active::new(message);
        let (destinations, lost) = active.destinations(&self.policy.routing);
        self.active.insert(id.clone(), active);
        // Held while entries are added, so that one that is refused at once does not end the turn.
        self.hold_turn(&id);
        for (recipient, error) in lost {
            let reason = format!("transport table lookup failure: {error}");
            self.defer_here(&id, &[recipient], "4.3.0", &reason);
        }
        for ((transport, nexthop), recipients) in destinations {
            if why == Why::Due && self.policy.routing.waits(&transport) {
                self.defer_here(&id, &recipients, "4.3.2", "deferred transport");
            } else {
                self.enqueue(&id, &transport, &nexthop, recipients, envelope.size);
            }
        }
        self.entry_ended(&id);
    }

    fn hold_turn(&mut self, id: &QueueId) {
        if let Some(active) = self.active.get_mut(id) {
            active.entries += 1;
        }
    }

    pub(super) fn defer_here(&mut self, id: &QueueId, recipients: &[u32], dsn: &str, reason: &str) {
        let Self { active, back_off, counters, .. } = self;
        if let Some(active) = active.get_mut(id) {
            active.defer(recipients, dsn, reason, back_off);
            counters.deferred += recipients.len() as u64;
        }
    }

    /// Recipients of a transport that talks to nobody.
    fn decide_here(&mut self, id: &QueueId, recipients: &[u32], verdict: &Verdict) {
        let Some(active) = self.active.get(id) else { return };
        let results = active.decided(recipients, verdict);
        self.record(id, &results);
    }

    /// Recipients for whom this host is the best exchanger, to `best_mx_transport`; without a next hop of its own each to
    /// the recipient's domain.
    pub(super) fn pass_on(&mut self, id: &QueueId, to: &TransportNexthop, recipients: &[u32]) {
        let Some(active) = self.active.get(id) else { return };
        let size = active.message.envelope().size;
        let mut by_nexthop = BTreeMap::<String, Vec<u32>>::new();
        for recipient in active.recipients(recipients) {
            let domain = recipient.address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
            let nexthop = to.nexthop.clone().or(domain).unwrap_or_else(|| recipient.address.clone());
            by_nexthop.entry(nexthop).or_default().push(recipient.index);
        }
        for (nexthop, recipients) in by_nexthop {
            self.enqueue(id, &to.transport, &nexthop, recipients, size);
        }
    }

    fn enqueue(&mut self, id: &QueueId, transport: &str, nexthop: &str, recipients: Vec<u32>, size: u64) {
        if let Some(verdict) = Verdict::of(transport, nexthop, self.policy.config.errors.soft_bounce) {
            return self.decide_here(id, &recipients, &verdict);
        }
        let Some(number) = self.policy.transports.id(transport) else {
            tracing::warn!(
                service = "qmgr",
                "{id}: there is no transport {transport:?} (smtp, relay, lmtp, error, retry, discard)"
            );
            return self.defer_here(id, &recipients, "4.3.0", "mail transport unavailable");
        };
        let limit = self.policy.transports.recipient_limit(number);
        for chunk in recipients.chunks(limit) {
            let delivery = Delivery {
                transport: number,
                nexthop,
                message: id.clone(),
                recipients: chunk.to_vec(),
                size,
            };
            let now = self.now();
            match self.scheduler.enqueue(now, delivery) {
                Admission::Queued => self.hold_turn(id),
                Admission::Suspended(deferred) => {
                    let reason = deferred.cause.to_string();
                    self.defer_here(id, &deferred.recipients, deferred.cause.dsn(), &reason);
                }
            }
        }
    }

    /// One delivery of a message is over. The last one ends its turn.
    pub(super) fn entry_ended(&mut self, id: &QueueId) {
        let Some(active) = self.active.get_mut(id) else { return };
        active.entries = active.entries.saturating_sub(1);
        if active.entries == 0 {
            self.turn_ended(id);
        }
    }

    fn turn_ended(&mut self, id: &QueueId) {
        let Some(mut active) = self.active.remove(id) else { return };
        let now = SystemTime::now();
        match self.settle(&mut active, now) {
            Settled::Gone => self.counters.queued = self.counters.queued.saturating_sub(1),
            Settled::Waits(wait) => self.timer.schedule(id.clone(), self.now() + wait),
            Settled::NotYet => {
                self.active.insert(id.clone(), active);
                self.try_later(id);
            }
        }
    }

    /// The end of a turn: everything is in the file, who has to be told is told, and what is done is gone.
    fn settle(&mut self, active: &mut Active, now: SystemTime) -> Settled {
        if active.is_delivered() && remove(&active.message) {
            return Settled::Gone;
        }
        match active.write_down() {
            Written::All => {}
            Written::NotYet => return Settled::NotYet,
            Written::Gone => return Settled::Gone,
        }
        if active.message.pending().next().is_some() && active.is_expired(&self.back_off, now) {
            active.expire();
            if active.write_down() != Written::All {
                return Settled::NotYet;
            }
        }
        let told = self.tell_sender(&mut active.message, now);
        if active.message.is_finished() {
            return if remove(&active.message) { Settled::Gone } else { Settled::NotYet };
        }
        let next = active.message.pending().filter_map(|(_, pending)| pending.next_attempt).min();
        let next = next.unwrap_or_else(|| active.next_attempt(&self.back_off, now));
        let wait = next.duration_since(now).unwrap_or_default();
        Settled::Waits(if told { wait } else { wait.max(self.back_off.minimal) })
    }

    /// Queues notices about recipients that failed, or succeeded where that was asked for. False when it has to be tried
    /// again.
    fn tell_sender(&mut self, message: &mut Message, now: SystemTime) -> bool {
        let config = &self.policy.config;
        let failed = |state: &RecipientState| matches!(state, RecipientState::Failed { .. });
        let any_failed = message.recipients().iter().any(failed);
        let postmaster = if any_failed { crate::settings::postmaster(config) } else { Postmaster::default() };
        let settings = NoticeSettings {
            myhostname: &config.identity.hostname,
            bounce_size_limit: u64::from(config.bounce.size_limit.get()),
            double_bounce_sender: &postmaster.sender,
        };
        let mut notices = Vec::new();
        let copy = queue_postmaster_copy(message, &postmaster, settings.myhostname, now);
        let told = loop {
            let envelope = message.envelope();
            let mut all = message.recipients().iter().zip(&envelope.recipients);
            let failure =
                all.any(|(state, recipient)| failed(state) && bounce::wants_failure(envelope, recipient));
            match queue_notice(message, &settings, now) {
                Ok(None) => break true,
                Ok(Some(notice)) => {
                    let failure = failure && message.envelope().purpose == Purpose::Delivery;
                    let what = if failure { "non-delivery" } else { "delivery status" };
                    let (about, id) = (message.id(), notice.id());
                    tracing::info!(service = "bounce", "{about}: sender {what} notification: {id}");
                    notices.push(notice);
                }
                Err(error) => {
                    tracing::error!(service = "bounce", "{}: {error}", message.id());
                    break false;
                }
            }
        };
        if any_failed && told && notices.is_empty() {
            let sender = &message.envelope().sender;
            tracing::info!(service = "bounce", "{}: nobody to tell (from=<{sender}>)", message.id());
        }
        match copy {
            Ok(Some(copy)) => {
                let (about, id) = (message.id(), copy.id());
                tracing::info!(service = "bounce", "{about}: postmaster non-delivery notification: {id}");
                notices.push(copy);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(service = "bounce", "{}: {error}", message.id()),
        }
        notices.into_iter().for_each(|notice| self.admit(notice));
        told
    }

    /// The content cannot be read: this delivery is over, and so is the message's turn once the others are.
    pub(super) fn unreadable(&mut self, now: Duration, assignment: Assignment<QueueId>, error: &SpoolError) {
        let id = assignment.message().clone();
        tracing::error!(service = "qmgr", "{id}: {error}");
        let recipients = assignment.recipients().to_vec();
        self.finished(now, assignment, Outcome::Inconclusive);
        if is_final(error) {
            self.scheduler.remove(now, &id);
            self.active.remove(&id);
            self.counters.queued = self.counters.queued.saturating_sub(1);
            return;
        }
        self.defer_here(&id, &recipients, "4.3.0", "queue file cannot be read");
        self.entry_ended(&id);
    }
}

/// What becomes of a message at the end of its turn.
enum Settled {
    /// It has left the queue.
    Gone,
    /// It is tried again after so long.
    Waits(Duration),
    /// The system refused something: the end of this turn is tried again.
    NotYet,
}

/// Takes a message that is done out of the queue; false when the system refused.
fn remove(message: &Message) -> bool {
    match message.remove() {
        Ok(()) => tracing::info!(service = "qmgr", "{}: removed", message.id()),
        Err(error) => {
            tracing::error!(service = "qmgr", "{error}");
            return is_final(&error);
        }
    }
    true
}
