//! Commands from the control socket.

use super::Dispatcher;
use proto::control::{FromRelay, QueuedMessage, QueuedRecipient, ToRelay};
use proto::steward::{FromSteward, ToSteward};
use spool::{Message, Place, QueueId, Spool};
use std::time::SystemTime;
use tokio::sync::oneshot;

/// How much text one page of the queue holds at most, well below a packet.
const PAGE: usize = 40 * 1024;
/// How many recipients of a message a list shows.
const SHOWN: usize = 3;
/// The longest reason that is shown.
const REASON: usize = 400;

impl Dispatcher {
    pub(super) fn on_question(&mut self, question: ToRelay, answer: oneshot::Sender<FromRelay>) {
        let said = match question {
            ToRelay::QueueList { after } => return self.list(after, answer),
            ToRelay::QueueShow(id) => self.show(&id),
            ToRelay::QueueFlush(id) => self.flush(id.as_deref()),
            ToRelay::QueueRemove(id) => self.take_out(&id),
            ToRelay::Pause => self.pause(true),
            ToRelay::Resume => self.pause(false),
            ToRelay::Sessions(cursor) => return self.sessions(cursor, answer),
            ToRelay::Statistics => return self.statistics(answer),
            ToRelay::Hello { .. } => FromRelay::Hello { version: proto::VERSION },
        };
        let _command_ended = answer.send(said);
    }

    fn pause(&mut self, paused: bool) -> FromRelay {
        self.paused = paused;
        FromRelay::Done(self.counters.queued)
    }

    /// The queue on disk is walked on a thread of its own: it may be long.
    fn list(&self, after: String, answer: oneshot::Sender<FromRelay>) {
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || answer.send(page(&spool, &after)));
    }

    fn show(&self, id: &str) -> FromRelay {
        match self.find(id) {
            Ok(message) => FromRelay::Message(Box::new(shown(&message, usize::MAX))),
            Err(why) => FromRelay::Refused(why),
        }
    }

    fn find(&self, id: &str) -> Result<Message, String> {
        let id: QueueId = id.parse().map_err(|error| format!("{error}"))?;
        self.spool.get(&id).map_err(|error| error.to_string())
    }

    fn flush(&mut self, id: Option<&str>) -> FromRelay {
        let now = self.now();
        let count = match id {
            None => {
                let count = self.timer.len() as u64;
                self.scheduler.flush(now);
                self.timer.flush();
                count
            }
            Some(id) => match id.parse::<QueueId>() {
                Ok(id) => u64::from(self.timer.flush_message(&id)),
                Err(error) => return FromRelay::Refused(error.to_string()),
            },
        };
        FromRelay::Done(count)
    }

    fn take_out(&mut self, id: &str) -> FromRelay {
        let id: QueueId = match id.parse() {
            Ok(id) => id,
            Err(error) => return FromRelay::Refused(format!("{error}")),
        };
        if self.jobs.values().any(|running| *running.assignment.message() == id) {
            return FromRelay::Refused(format!("{id} is being delivered right now; try again"));
        }
        if let Err(error) = self.spool.remove(&id) {
            return FromRelay::Refused(error.to_string());
        }
        let now = self.now();
        self.scheduler.remove(now, &id);
        self.timer.cancel(&id);
        self.active.remove(&id);
        self.waiting.retain(|other| *other != id);
        self.counters.queued = self.counters.queued.saturating_sub(1);
        tracing::info!(service = "qmgr", "{id}: removed by the operator");
        FromRelay::Done(1)
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

/// The messages behind `after` in order of id, as many as fit.
fn page(spool: &Spool, after: &str) -> FromRelay {
    let mut ids: Vec<_> =
        spool.messages().filter_map(Result::ok).map(|message| message.id().clone()).collect();
    ids.sort_unstable();
    let mut messages = Vec::new();
    let mut size = 0;
    for id in ids.into_iter().filter(|id| id.as_str() > after) {
        // What was delivered in the meantime is not in the queue any more.
        let Ok(message) = spool.get(&id) else { continue };
        let listed = shown(&message, SHOWN);
        size += weight(&listed);
        if size > PAGE && !messages.is_empty() {
            return FromRelay::Queue { messages, more: true };
        }
        messages.push(listed);
    }
    FromRelay::Queue { messages, more: false }
}

fn shown(message: &Message, most: usize) -> QueuedMessage {
    let envelope = message.envelope();
    let now = SystemTime::now();
    let next = message.pending().filter_map(|(_, pending)| pending.next_attempt).min();
    let deferred = next.is_some_and(|next| next > now);
    let mut recipients = Vec::new();
    let mut size = 0;
    for (index, pending) in message.pending().take(most) {
        let Some(recipient) = envelope.recipients.get(index as usize) else { continue };
        let reason =
            pending.diagnosis.as_ref().map(|diagnosis| diagnosis.reason.as_str()).unwrap_or_default();
        let reason: String = reason.chars().take(REASON).collect();
        size += recipient.address.len() + reason.len();
        if size > PAGE {
            break;
        }
        recipients.push(QueuedRecipient { address: recipient.address.clone(), reason });
    }
    QueuedMessage {
        id: message.id().to_string(),
        state: match message.place() {
            Place::Hold => "hold",
            Place::Queue if deferred => "deferred",
            Place::Queue => "active",
        }
        .into(),
        sender: envelope.sender.clone(),
        size: envelope.size,
        arrival: super::micros(envelope.arrival) / 1_000_000,
        next_attempt: next.filter(|_| deferred).map_or(0, |next| super::micros(next) / 1_000_000),
        recipients,
        recipients_left: u32::try_from(message.pending().count()).unwrap_or(u32::MAX),
    }
}

/// An upper bound of the bytes a message takes in a packet.
fn weight(message: &QueuedMessage) -> usize {
    let recipients =
        message.recipients.iter().map(|recipient| recipient.address.len() + recipient.reason.len() + 16);
    128 + message.id.len() + message.sender.len() + recipients.sum::<usize>()
}
