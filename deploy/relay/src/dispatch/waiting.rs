//! Messages whose turn has come while the active queue is full: new mail and deferred mail take turns, so that
//! neither a flood of the one nor a backlog of the other stops the rest.

use spool::QueueId;
use std::collections::VecDeque;

/// Why a message gets a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It is new, or its time has come.
    Due,
    /// The operator asked for it: `defer_transports` does not hold it back this time.
    Asked,
}

/// Which of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// New, or found at start.
    New,
    /// Tried before, and due again.
    Deferred,
}

/// The messages, only by name: the rest of them is on disk.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    new: VecDeque<(QueueId, Why)>,
    deferred: VecDeque<(QueueId, Why)>,
    /// The other queue goes next.
    new_went_last: bool,
}

impl Waiting {
    /// At the end of its queue.
    pub(super) fn push(&mut self, id: QueueId, kind: Kind, why: Why) {
        match kind {
            Kind::New => self.new.push_back((id, why)),
            Kind::Deferred => self.deferred.push_back((id, why)),
        }
    }

    /// Before everything else.
    pub(super) fn push_first(&mut self, id: QueueId, why: Why) {
        self.deferred.push_front((id, why));
        self.new_went_last = true;
    }

    /// Who goes next.
    pub(super) fn pop(&mut self) -> Option<(QueueId, Why)> {
        let new_first = !self.new_went_last && !self.new.is_empty() || self.deferred.is_empty();
        self.new_went_last = new_first;
        if new_first { self.new.pop_front() } else { self.deferred.pop_front() }
    }

    /// Nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.new.is_empty() && self.deferred.is_empty()
    }

    /// All of them are asked for; how many there are.
    pub(super) fn ask_for_all(&mut self) -> u64 {
        let all = self.new.iter_mut().chain(&mut self.deferred);
        all.map(|(_, why)| *why = Why::Asked).count() as u64
    }

    /// Takes one out; whether it was here.
    pub(super) fn remove(&mut self, id: &QueueId) -> bool {
        let before = self.new.len() + self.deferred.len();
        self.new.retain(|(other, _)| other != id);
        self.deferred.retain(|(other, _)| other != id);
        before > self.new.len() + self.deferred.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> QueueId {
        text.parse().unwrap()
    }

    fn order(mut waiting: Waiting) -> Vec<String> {
        std::iter::from_fn(|| waiting.pop()).map(|(id, _)| id.to_string()).collect()
    }

    #[test]
    fn new_and_deferred_mail_take_turns() {
        let mut waiting = Waiting::default();
        for name in ["d1", "d2", "d3"] {
            waiting.push(id(name), Kind::Deferred, Why::Due);
        }
        waiting.push(id("n1"), Kind::New, Why::Due);
        waiting.push(id("n2"), Kind::New, Why::Due);
        assert_eq!(order(waiting), ["n1", "d1", "n2", "d2", "d3"]);
    }

    #[test]
    fn what_the_operator_asks_for_goes_first() {
        let mut waiting = Waiting::default();
        waiting.push(id("n1"), Kind::New, Why::Due);
        waiting.push(id("d1"), Kind::Deferred, Why::Due);
        assert!(waiting.remove(&id("d1")));
        assert!(!waiting.remove(&id("d1")));
        waiting.push_first(id("d1"), Why::Asked);
        assert_eq!(waiting.pop(), Some((id("d1"), Why::Asked)));
        assert_eq!(waiting.ask_for_all(), 1);
        assert_eq!(waiting.pop(), Some((id("n1"), Why::Asked)));
        assert!(waiting.is_empty());
    }
}
