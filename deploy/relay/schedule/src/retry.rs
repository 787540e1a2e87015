//! When a deferred message is tried again, and when it is too old for that.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, SystemTime};

/// Retry and expiry parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOff {
    /// `minimal_backoff_time`.
    pub minimal: Duration,
    /// `maximal_backoff_time`.
    pub maximal: Duration,
    /// `maximal_queue_lifetime`; zero: one attempt only.
    pub lifetime: Duration,
    /// `bounce_queue_lifetime`, for messages from the null sender.
    pub bounce_lifetime: Duration,
}

/// Whose queue lifetime holds for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderKind {
    /// `<>`: a bounce or the like.
    Null,
    /// Anybody who can be told.
    Address,
}

impl BackOff {
    /// How long after a failed attempt the next one comes: the message's age, but no less than `minimal` and no more
    /// than `maximal`, so that the age doubles each time in between.
    pub fn delay(&self, age: Duration) -> Duration {
        // As in main.cf nothing orders the two, the larger bound decides instead of a panic in `clamp`.
        age.min(self.maximal).max(self.minimal)
    }

    /// Whether a message of this age is returned instead of tried again.
    pub fn is_expired(&self, age: Duration, sender: SenderKind) -> bool {
        age >= match sender {
            SenderKind::Null => self.bounce_lifetime,
            SenderKind::Address => self.lifetime,
        }
    }

    /// Age of a message by the wall clock; zero when that clock was set back before the arrival.
    pub fn age(arrival: SystemTime, wall: SystemTime) -> Duration {
        wall.duration_since(arrival).unwrap_or_default()
    }
}

/// Deferred messages by the time they are due.
#[derive(Debug, Clone)]
pub struct RetryTimer<M> {
    /// Order of being due; the number keeps those of one instant apart, first come first.
    order: BTreeMap<Key, M>,
    keys: HashMap<M, Key>,
    /// Due whatever the key's time says. Kept apart so that a flush touches no entry.
    flushed: BTreeMap<Key, M>,
    last: u64,
}

type Key = (Duration, u64);

impl<M> Default for RetryTimer<M> {
    fn default() -> Self {
        Self { order: BTreeMap::new(), keys: HashMap::new(), flushed: BTreeMap::new(), last: 0 }
    }
}

impl<M: Clone + Eq + Hash> RetryTimer<M> {
    /// Nothing is deferred.
    pub fn new() -> Self {
        Self::default()
    }

    /// `message` is due at `at`, whatever was said of it before.
    pub fn schedule(&mut self, message: M, at: Duration) {
        self.last += 1;
        let key = (at, self.last);
        if let Some(old) = self.keys.insert(message.clone(), key) {
            self.take(&old);
        }
        self.order.insert(key, message);
    }

    /// The next message that is due at `now`, once.
    pub fn due(&mut self, now: Duration) -> Option<M> {
        let message = match self.flushed.pop_first() {
            Some((_, message)) => message,
            None => {
                let first = self.order.first_entry()?;
                if first.key().0 > now {
                    return None;
                }
                first.remove()
            }
        };
        self.keys.remove(&message);
        Some(message)
    }

    /// When [`due`](Self::due) has something to give; zero when it has already.
    pub fn next_deadline(&self) -> Option<Duration> {
        if !self.flushed.is_empty() {
            return Some(Duration::ZERO);
        }
        self.order.first_key_value().map(|((at, _), _)| *at)
    }

    /// When this message is due; zero after a flush.
    pub fn deadline(&self, message: &M) -> Option<Duration> {
        let key = self.keys.get(message)?;
        Some(if self.flushed.contains_key(key) { Duration::ZERO } else { key.0 })
    }

    /// Forget a message; whether it was here.
    pub fn cancel(&mut self, message: &M) -> bool {
        self.keys.remove(message).is_some_and(|key| self.take(&key).is_some())
    }

    /// Everything is due.
    pub fn flush(&mut self) {
        if self.flushed.is_empty() {
            self.flushed = std::mem::take(&mut self.order);
        } else {
            self.flushed.append(&mut self.order);
        }
    }

    /// One message is due at once; whether it was here.
    pub fn flush_message(&mut self, message: &M) -> bool {
        let Some(key) = self.keys.get(message) else { return false };
        if let Some(message) = self.order.remove(key) {
            self.flushed.insert(*key, message);
        }
        true
    }

    /// Messages deferred.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn take(&mut self, key: &Key) -> Option<M> {
        self.order.remove(key).or_else(|| self.flushed.remove(key))
    }
}
