//! Commands from the control socket.

use super::active::Active;
use super::waiting::Why;
use super::{Dispatcher, listing};
use proto::control::{FromRelay, ToRelay};
use proto::steward::{FromSteward, ToSteward};
use spool::{BodyType, Client, Envelope, InFlight, Message, Place, Purpose, QueueId, Recipient, SpoolError};
use std::time::SystemTime;
use tokio::sync::oneshot;

impl Dispatcher {
    pub(super) fn on_question(&mut self, question: ToRelay, answer: oneshot::Sender<FromRelay>) {
        let said = match question {
            ToRelay::QueueList { after } => return self.listing.page(after, answer),
            ToRelay::QueueShow(id) => self.show(&id),
            ToRelay::QueueFlush(id) => self.flush(id.as_deref()),
            ToRelay::QueueRemove(id) => self.take_out(&id),
            ToRelay::Verify { sender, recipients } => self.verify(sender, recipients),
            ToRelay::Pause => self.pause(true),
            ToRelay::Resume => self.pause(false),
            ToRelay::Sessions(cursor) => return self.sessions(cursor, answer),
            ToRelay::Statistics => return self.statistics(answer),
            ToRelay::Hello { .. } => FromRelay::Hello { version: proto::VERSION },
        };
        let _command_ended = answer.send(said);
    }

    /// Queues a probe (`sendmail -bv`).
    fn verify(&mut self, sender: String, recipients: Vec<String>) -> FromRelay {
        let count = recipients.len() as u64;
        match self.queue_probe(sender, recipients) {
            Ok(message) => {
                tracing::info!(service = "qmgr", "{}: address probe, nrcpt={count}", message.id());
                self.admit(message);
                FromRelay::Done(count)
            }
            Err(error) => FromRelay::Refused(error.to_string()),
        }
    }

    fn queue_probe(&self, sender: String, recipients: Vec<String>) -> Result<Message, SpoolError> {
        let envelope = Envelope {
            sender,
            recipients: recipients.into_iter().map(Recipient::plain).collect(),
            envid: None,
            ret: None,
            body: BodyType::Unspecified,
            smtputf8: spool::SmtpUtf8::NotAsked,
            arrival: SystemTime::now(),
            client: Client::default(),
            message_id: None,
            has_8bit: false,
            size: 0,
            purpose: Purpose::Probe,
        };
        let mut incoming = self.spool.receive(None)?;
        incoming.write(b"Subject: probe\r\n\r\n")?;
        incoming.commit(envelope)
    }

    fn pause(&mut self, paused: bool) -> FromRelay {
        self.paused = paused;
        FromRelay::Done(self.counters.queued)
    }

    fn show(&self, id: &str) -> FromRelay {
        match self.find(id) {
            Ok(message) => FromRelay::Message(Box::new(listing::shown(&message, usize::MAX))),
            Err(why) => FromRelay::Refused(why),
        }
    }

    fn find(&self, id: &str) -> Result<Message, String> {
        let id: QueueId = id.parse().map_err(|error| format!("{error}"))?;
        self.spool.get(&id).map_err(|error| error.to_string())
    }

    fn flush(&mut self, id: Option<&str>) -> FromRelay {
        let Some(id) = id else { return FromRelay::Done(self.flush_all()) };
        match id.parse::<QueueId>() {
            Ok(id) => self.flush_one(id).map_or_else(FromRelay::Refused, FromRelay::Done),
            Err(error) => FromRelay::Refused(error.to_string()),
        }
    }

    fn flush_all(&mut self) -> u64 {
        let now = self.now();
        self.scheduler.flush(now);
        let mut count = self.waiting.ask_for_all();
        self.timer.flush();
        while let Some(id) = self.timer.due(now) {
            self.wake(id, Why::Asked);
            count += 1;
        }
        count
    }

    /// One message goes before all others, and its destinations are tried even if they are suspended.
    fn flush_one(&mut self, id: QueueId) -> Result<u64, String> {
        if self.active.get(&id).is_some_and(|active| active.entries > 0) {
            // It is as due as it can be.
            return Ok(1);
        }
        let message = self.spool.get(&id).map_err(|error| error.to_string())?;
        if message.place() == Place::Hold {
            return Err(format!("{id} is on hold"));
        }
        if !self.timer.cancel(&id) && !self.waiting.remove(&id) {
            return Err(format!("{id} is with a delivery worker of an earlier relay"));
        }
        let now = self.now();
        let (destinations, _not_routed) = Active::new(message).destinations(&self.policy.routing);
        for (transport, nexthop) in destinations.into_keys() {
            if let Some(transport) = self.policy.transports.id(&transport) {
                self.scheduler.flush_destination(now, transport, &nexthop);
            }
        }
        if self.active.contains_key(&id) {
            self.wake(id, Why::Asked);
        } else {
            self.waiting.push_first(id, Why::Asked);
        }
        Ok(1)
    }

    fn take_out(&mut self, id: &str) -> FromRelay {
        match id.parse::<QueueId>() {
            Ok(id) => match self.remove_one(&id) {
                Ok(()) => FromRelay::Done(1),
                Err(why) => FromRelay::Refused(why),
            },
            Err(error) => FromRelay::Refused(error.to_string()),
        }
    }

    fn remove_one(&mut self, id: &QueueId) -> Result<(), String> {
        if self.jobs.values().any(|running| running.assignment.message() == id) {
            return Err(format!("{id} is being delivered right now; try again"));
        }
        let waits = self.timer.cancel(id) || self.waiting.remove(id);
        let known = self.active.contains_key(id) || waits;
        if !known && matches!(self.spool.in_flight(id), Ok(InFlight::Elsewhere)) {
            return Err(format!("a delivery worker of an earlier relay has {id}; try again"));
        }
        if let Err(error) = self.spool.remove(id) {
            if waits {
                self.timer.schedule(id.clone(), self.now() + self.back_off.minimal);
            }
            return Err(error.to_string());
        }
        let now = self.now();
        self.scheduler.remove(now, id);
        self.active.remove(id);
        if known {
            self.counters.queued = self.counters.queued.saturating_sub(1);
        }
        tracing::info!(service = "qmgr", "{id}: removed by the operator");
        Ok(())
    }

    fn sessions(&self, cursor: u64, answer: oneshot::Sender<FromRelay>) {
        let steward = self.steward.clone();
        tokio::task::spawn_local(async move {
            let said = match steward.ask(ToSteward::List(cursor)).await {
                Ok(FromSteward::Page { sessions, next }) => FromRelay::Sessions { sessions, next },
                Ok(_) => FromRelay::Refused("the connection cache gave an unexpected answer".into()),
                Err(error) => FromRelay::Refused(error.to_string()),
            };
            let _command_ended = answer.send(said);
        });
    }

    fn statistics(&self, answer: oneshot::Sender<FromRelay>) {
        let mut counters = self.counters.clone();
        counters.paused = self.paused;
        counters.workers_running = self.pool.running() as u64;
        let steward = self.steward.clone();
        tokio::task::spawn_local(async move {
            if let Ok(FromSteward::Statistics(cache)) = steward.ask(ToSteward::Statistics).await {
                counters.cache = Some(cache);
            }
            let _command_ended = answer.send(FromRelay::Statistics(Box::new(counters)));
        });
    }
}
