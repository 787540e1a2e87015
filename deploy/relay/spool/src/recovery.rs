//! After a start: which messages may be delivered now, which wait for a worker of an earlier relay.

use std::collections::{BTreeSet, HashMap};

use proto::orphan::OrphanRecord;

use crate::error::SpoolError;
use crate::id::QueueId;
use crate::message::{self, Message, Met, Place};
use crate::results::{OldResults, Writers};
use crate::spool::{MarkDurability, Spool};
use crate::state::marks_of;
use crate::walk::Walk;

/// Goes through what earlier relays left.
///
/// First take everything from the iterator (it may run beside intake: new messages are not offered), then call
/// [`Recovery::poll`] from time to time, once a second say, until [`Recovery::is_complete`].
///
/// The order is the point: a worker appends its verdict *before* it closes the message. So a message is first seen free,
/// then the result files are read, then the message is given out.
#[derive(Debug)]
pub struct Recovery {
    spool: Spool,
    walk: Walk,
    walking: bool,
    old: Vec<OldResults>,
    records: HashMap<String, Vec<OrphanRecord>>,
    waiting: BTreeSet<QueueId>,
}

/// A message that an earlier relay took in.
#[derive(Debug)]
pub enum Found {
    /// Nobody delivers it; late verdicts are in its marks. It may be finished, held, or have failed recipients
    /// whose sender must still be told.
    Ready(Message),
    /// A worker of an earlier relay has it. [`Recovery::poll`] gives it out when it is free.
    InFlight(QueueId),
}

impl Recovery {
    pub(crate) fn begin(spool: Spool) -> Result<Self, SpoolError> {
        let old = OldResults::all(&spool.inner().results, spool.generation())?;
        let (walk, records, waiting) = (Walk::default(), HashMap::new(), BTreeSet::new());
        Ok(Self { spool, walk, walking: true, old, records, waiting })
    }

    /// Messages that have become free since; when none waits any more, the old result files go.
    ///
    /// A message whose worker is still at it stays out. Errors concern one message or file each; what the system
    /// refused is tried again with the next call and may be reported again.
    pub fn poll(&mut self) -> Vec<Result<Message, SpoolError>> {
        let mut ready = Vec::new();
        for id in self.waiting.clone() {
            let message = match self.examine(&id, Place::Queue) {
                Err(SpoolError::Missing(_)) => self.examine(&id, Place::Hold),
                result => result,
            };
            match message {
                Ok(Met::Free(message)) => ready.push(Ok(message)),
                Ok(Met::InFlight) => continue,
                // Removed by the operator.
                Ok(Met::New) | Err(SpoolError::Missing(_)) => {}
                Err(error) if error.is_passing() => {
                    ready.push(Err(error));
                    continue;
                }
                Err(error) => ready.push(Err(error)),
            }
            self.waiting.remove(&id);
        }
        if !self.walking && self.waiting.is_empty() {
            ready.extend(self.clear_old().err().map(Err));
        }
        ready
    }

    /// All messages were given out and all old result files are gone.
    pub fn is_complete(&self) -> bool {
        !self.walking && self.waiting.is_empty() && self.old.is_empty()
    }

    /// How many messages wait for workers of earlier relays.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The message, with late verdicts applied if it is free.
    fn examine(&mut self, id: &QueueId, place: Place) -> Result<Met, SpoolError> {
        let mut message = match message::meet(&self.spool, id, place)? {
            Met::Free(message) => message,
            other => return Ok(other),
        };
        self.read_news()?;
        for record in self.records.get(id.as_str()).into_iter().flatten() {
            let marks = marks_of(record, message.recipients());
            // The result file goes when this is done, so it must not be only in memory.
            message.mark_with(&marks, MarkDurability::Synced)?;
        }
        self.records.remove(id.as_str());
        Ok(Met::Free(message))
    }

    fn read_news(&mut self) -> Result<(), SpoolError> {
        for old in &mut self.old {
            for record in old.news(&self.spool.inner().results)? {
                self.records.entry(record.queue_id.clone()).or_default().push(record);
            }
        }
        Ok(())
    }

    /// Every message has been given out, so what the files of departed workers say is known or has no message.
    fn clear_old(&mut self) -> Result<(), SpoolError> {
        let results = &self.spool.inner().results;
        let mut failed = None;
        self.old.retain(|old| match old.writers(results) {
            Ok(Writers::Left) => true,
            Ok(Writers::Gone) => old.remove(results).map_err(|error| failed = Some(error)).is_err(),
            Err(error) => {
                failed = Some(error);
                true
            }
        });
        failed.map_or(Ok(()), Err)
    }
}

impl Iterator for Recovery {
    type Item = Result<Found, SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.walking {
            let (place, id) = match self.walk.step(&self.spool) {
                Some(Ok(found)) => found,
                Some(Err(error)) => return Some(Err(error)),
                None => {
                    self.walking = false;
                    break;
                }
            };
            match self.examine(&id, place) {
                Ok(Met::New) => {}
                Ok(Met::Free(message)) => return Some(Ok(Found::Ready(message))),
                Ok(Met::InFlight) => {
                    self.waiting.insert(id.clone());
                    return Some(Ok(Found::InFlight(id)));
                }
                Err(SpoolError::Missing(_)) => {}
                Err(error) => {
                    if error.is_passing() {
                        self.waiting.insert(id);
                    }
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
