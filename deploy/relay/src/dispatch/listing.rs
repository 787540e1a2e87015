//! The queue as the operator sees it: in order of id, a page at a time.
//!
//! The first page takes the names of all messages; later ones go on in the same names, so that a list of a hundred
//! thousand messages looks into each file once.

use proto::control::{FromRelay, QueuedMessage, QueuedRecipient};
use spool::{Message, Place, QueueId, Spool, SpoolError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::oneshot;

/// How much text one page holds at most, well below a packet.
const PAGE: usize = 40 * 1024;
/// How many recipients of a message a list shows.
const SHOWN: usize = 3;
/// The longest reason that is shown.
const REASON: usize = 400;

/// The names that the last first page found, in order. Whoever asks for a later page can use anybody's.
#[derive(Debug)]
pub(super) struct Listing {
    spool: Spool,
    names: Arc<Mutex<Arc<[QueueId]>>>,
}

impl Listing {
    pub(super) fn new(spool: Spool) -> Self {
        Self { spool, names: Arc::default() }
    }

    /// The page behind `after`; empty begins. The disk is read on a thread of its own.
    pub(super) fn page(&self, after: String, answer: oneshot::Sender<FromRelay>) {
        let (spool, kept) = (self.spool.clone(), Arc::clone(&self.names));
        tokio::task::spawn_blocking(move || {
            let ids = names(&spool, &kept, &after);
            let page = page(&ids, &after, |id| load(&spool, id));
            if matches!(page, FromRelay::Queue { more: false, .. }) {
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
            }
            answer.send(page)
        });
    }
}

fn names(spool: &Spool, kept: &Mutex<Arc<[QueueId]>>, after: &str) -> Arc<[QueueId]> {
    let known = Arc::clone(&kept.lock().unwrap_or_else(PoisonError::into_inner));
    if !after.is_empty() && !known.is_empty() {
        return known;
    }
    let mut ids: Vec<_> = spool.ids().filter_map(Result::ok).collect();
    ids.sort_unstable();
    let ids: Arc<[QueueId]> = ids.into();
    *kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&ids);
    ids
}

/// `None`: delivered in the meantime, or not to be shown; then the log says why.
fn load(spool: &Spool, id: &QueueId) -> Option<QueuedMessage> {
    match spool.get(id) {
        Ok(message) => Some(shown(&message, SHOWN)),
        Err(SpoolError::Missing(_)) => None,
        Err(error) => {
            tracing::error!(service = "qmgr", "{id}: {error}");
            None
        }
    }
}

/// The messages behind `after`, as many as fit.
fn page(ids: &[QueueId], after: &str, mut load: impl FnMut(&QueueId) -> Option<QueuedMessage>) -> FromRelay {
    let start = ids.partition_point(|id| id.as_str() <= after);
    let mut messages = Vec::new();
    let mut size = 0;
    for message in ids.iter().skip(start).filter_map(&mut load) {
        size += weight(&message);
        if size > PAGE && !messages.is_empty() {
            return FromRelay::Queue { messages, more: true };
        }
        messages.push(message);
    }
    FromRelay::Queue { messages, more: false }
}

/// A message as the operator sees it, with at most so many recipients.
pub(super) fn shown(message: &Message, most: usize) -> QueuedMessage {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &QueueId) -> QueuedMessage {
        QueuedMessage {
            id: id.to_string(),
            state: "active".into(),
            sender: "a@x".into(),
            size: 1,
            arrival: 0,
            next_attempt: 0,
            recipients: Vec::new(),
            recipients_left: 1,
        }
    }

    #[test]
    fn all_pages_together_name_every_message_once_and_load_it_about_once() {
        let ids: Vec<QueueId> = (0..5000).map(|n| format!("id{n:05}").parse().unwrap()).collect();
        let (mut after, mut seen, mut loads) = (String::new(), Vec::new(), 0);
        loop {
            let answer = page(&ids, &after, |id| {
                loads += 1;
                (id.as_str() != "id00007").then(|| message(id))
            });
            let FromRelay::Queue { messages, more } = answer else { panic!("{answer:?}") };
            seen.extend(messages.iter().map(|message| message.id.clone()));
            match messages.last() {
                Some(last) if more => after.clone_from(&last.id),
                _ => break,
            }
        }
        let want: Vec<_> = ids.iter().filter(|id| id.as_str() != "id00007").map(QueueId::to_string).collect();
        assert_eq!(seen, want);
        assert!(loads < ids.len() + 50, "{loads} loads: each page looks at one message more than it shows");
    }
}
