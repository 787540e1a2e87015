//! A message's turn in the active queue: it begins with a destination for every recipient and ends when no delivery
//! of it is out, with the message gone, waiting for its next turn, or its sender told.

use super::{Dispatcher, RECOVERY_BATCH};
use crate::dispatch::active::Active;
use schedule::{Admission, Assignment, Delivery, Outcome};
use spool::{Found, Message, NoticeSettings, Place, QueueId, SpoolError, queue_notice};
use std::time::{Duration, SystemTime};

impl Dispatcher {
    /// A message that is new, or was found: active if there is room, else it waits on disk.
    pub(super) fn admit(&mut self, message: Message) {
        self.counters.queued += 1;
        if self.has_room() { self.activate(message) } else { self.waiting.push_back(message.id().clone()) }
    }

    fn has_room(&self) -> bool {
        self.active.len() < self.policy.config.queue.active_limit.get() as usize
    }

    /// Messages that were due while the active queue was full.
    pub(super) fn fill_active(&mut self) {
        while self.has_room() {
            let Some(id) = self.waiting.pop_front() else { return };
            match self.spool.get(&id) {
                Ok(message) => self.activate(message),
                Err(error) => self.gone(&id, &error),
            }
        }
    }

    /// Takes in what earlier relays left, a batch at a time.
    pub(super) fn recover_some(&mut self) {
        let Some(mut recovery) = self.recovery.take() else { return };
        let mut found: Vec<_> = recovery.by_ref().take(RECOVERY_BATCH).collect();
        if found.is_empty() {
            found = recovery.poll().into_iter().map(|result| result.map(Found::Ready)).collect();
        }
        for result in found {
            match result {
                Ok(Found::Ready(message)) => self.found(message),
                Ok(Found::InFlight(id)) => {
                    tracing::info!(service = "qmgr", "{id}: an earlier relay's worker is delivering it");
                }
                Err(error) => tracing::error!(service = "qmgr", "{error}"),
            }
        }
        if !recovery.is_complete() {
            self.recovery = Some(recovery);
        }
    }

    /// A message from disk: its turn may be later.
    fn found(&mut self, message: Message) {
        if message.place() == Place::Hold {
            return;
        }
        let now = SystemTime::now();
        let next = message.pending().map(|(_, pending)| pending.next_attempt).min().flatten();
        match next.and_then(|next| next.duration_since(now).ok()) {
            Some(wait) if !message.is_finished() => {
                self.counters.queued += 1;
                self.timer.schedule(message.id().clone(), self.now() + wait);
            }
            _ => self.admit(message),
        }
    }

    fn activate(&mut self, message: Message) {
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
            self.enqueue(&id, &transport, &nexthop, recipients, envelope.size);
        }
        self.entry_ended(&id);
    }

    fn hold_turn(&mut self, id: &QueueId) {
        if let Some(active) = self.active.get_mut(id) {
            active.entries += 1;
        }
    }

    fn defer_here(&mut self, id: &QueueId, recipients: &[u32], dsn: &str, reason: &str) {
        let Self { active, back_off, counters, .. } = self;
        if let Some(active) = active.get_mut(id) {
            active.defer(recipients, dsn, reason, back_off);
            counters.deferred += recipients.len() as u64;
        }
    }

    fn enqueue(&mut self, id: &QueueId, transport: &str, nexthop: &str, recipients: Vec<u32>, size: u64) {
        if self.policy.routing.waits(transport) {
            return self.defer_here(id, &recipients, "4.3.2", "deferred transport");
        }
        let Some(number) = self.policy.transports.id(transport) else {
            tracing::warn!(service = "qmgr", "{id}: there is no transport {transport:?} (smtp, relay, lmtp)");
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
            self.fill_active();
        }
    }

    fn turn_ended(&mut self, id: &QueueId) {
        let Some(mut active) = self.active.remove(id) else { return };
        let now = SystemTime::now();
        if active.message.pending().next().is_some() && active.is_expired(&self.back_off, now) {
            active.expire();
        }
        let told = self.tell_sender(&mut active.message, now);
        if told && active.message.is_finished() {
            return self.remove(&active.message);
        }
        let next = active.message.pending().filter_map(|(_, pending)| pending.next_attempt).min();
        let next = next.unwrap_or_else(|| active.next_attempt(&self.back_off, now));
        let wait = next.duration_since(now).unwrap_or_default();
        // A deferral that could not be written down has no time of its own: it must not be due at once.
        let wait = if told { wait } else { wait.max(self.back_off.minimal) };
        self.timer.schedule(id.clone(), self.now() + wait);
    }

    /// Queues a notice about recipients that failed. False when it has to be tried again.
    fn tell_sender(&mut self, message: &mut Message, now: SystemTime) -> bool {
        let config = &self.policy.config;
        let settings = NoticeSettings {
            myhostname: &config.identity.hostname,
            bounce_size_limit: u64::from(config.bounce.size_limit.get()),
        };
        match queue_notice(message, &settings, now) {
            Ok(None) => true,
            Ok(Some(notice)) => {
                let (id, about) = (notice.id().clone(), message.id());
                tracing::info!(service = "bounce", "{about}: sender non-delivery notification: {id}");
                self.admit(notice);
                true
            }
            Err(error) => {
                tracing::error!(service = "bounce", "{}: {error}", message.id());
                false
            }
        }
    }

    /// Every recipient is settled.
    pub(super) fn remove(&mut self, message: &Message) {
        match message.remove() {
            Ok(()) => tracing::info!(service = "qmgr", "{}: removed", message.id()),
            Err(error) => tracing::error!(service = "qmgr", "{error}"),
        }
        self.counters.queued = self.counters.queued.saturating_sub(1);
    }

    /// A message cannot be loaded: it was taken away, or its file is damaged and was set aside.
    fn gone(&mut self, id: &QueueId, error: &SpoolError) {
        tracing::error!(service = "qmgr", "{id}: {error}");
        self.counters.queued = self.counters.queued.saturating_sub(1);
    }

    /// The content cannot be read: this delivery is over, and so is the message's turn once the others are.
    pub(super) fn unreadable(&mut self, now: Duration, assignment: Assignment<QueueId>, error: &SpoolError) {
        let id = assignment.message().clone();
        tracing::error!(service = "qmgr", "{id}: {error}");
        let recipients = assignment.recipients().to_vec();
        self.finished(now, assignment, Outcome::Inconclusive);
        if matches!(error, SpoolError::Damaged { .. } | SpoolError::Missing(_)) {
            self.scheduler.remove(now, &id);
            self.active.remove(&id);
            self.counters.queued = self.counters.queued.saturating_sub(1);
            return;
        }
        self.defer_here(&id, &recipients, "4.3.0", "queue file cannot be read");
        self.entry_ended(&id);
    }
}
