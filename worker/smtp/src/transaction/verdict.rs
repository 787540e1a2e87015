//! One verdict per recipient; the first final one stands.

use crate::address::Mailbox;
use crate::failure::Failure;
use crate::reply::Reply;
use std::sync::Arc;

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The server took responsibility with this reply to the final dot.
    Sent(Arc<Reply>),
    /// The server would take it, says this reply to RCPT or DATA. Only for [`super::Purpose::Probe`].
    Deliverable(Arc<Reply>),
    /// It did not, or not for this recipient.
    Failed(Failure),
}

/// The recipients of a transaction, in the order of the envelope.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    slots: Vec<Slot<'a>>,
}

#[derive(Debug)]
enum Slot<'a> {
    /// RCPT was not answered, perhaps not sent.
    Open(Mailbox<'a>),
    /// RCPT was accepted.
    Accepted,
    Final(Verdict),
}

impl<'a> Ledger<'a> {
    /// Those who can be written to are open, the others have failed already.
    pub(super) fn new(recipients: impl Iterator<Item = Result<Mailbox<'a>, Failure>>) -> Self {
        let slot = |recipient| match recipient {
            Ok(mailbox) => Slot::Open(mailbox),
            Err(failure) => Slot::Final(Verdict::Failed(failure)),
        };
        Self { slots: recipients.map(slot).collect() }
    }

    /// The first open recipient at or after `from`.
    pub(super) fn open_from(&self, from: usize) -> Option<(usize, Mailbox<'a>)> {
        self.slots.iter().enumerate().skip(from).find_map(|(at, slot)| match slot {
            Slot::Open(mailbox) => Some((at, *mailbox)),
            Slot::Accepted | Slot::Final(_) => None,
        })
    }

    pub(super) fn is_open(&self, at: usize) -> bool {
        matches!(self.slots.get(at), Some(Slot::Open(_)))
    }

    pub(super) fn accept(&mut self, at: usize) {
        if let Some(slot @ Slot::Open(_)) = self.slots.get_mut(at) {
            *slot = Slot::Accepted;
        }
    }

    /// The first final verdict stands.
    pub(super) fn settle(&mut self, at: usize, verdict: Verdict) {
        if let Some(slot @ (Slot::Open(_) | Slot::Accepted)) = self.slots.get_mut(at) {
            *slot = Slot::Final(verdict);
        }
    }

    /// Everyone whom RCPT accepted and who has no verdict.
    pub(super) fn survivors(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().enumerate().filter(|(_, slot)| matches!(slot, Slot::Accepted)).map(|(at, _)| at)
    }

    pub(super) fn first_survivor(&self) -> Option<usize> {
        self.survivors().next()
    }

    pub(super) fn has_survivors(&self) -> bool {
        self.first_survivor().is_some()
    }

    /// The same verdict for every survivor.
    pub(super) fn settle_survivors(&mut self, verdict: &Verdict) {
        for slot in self.slots.iter_mut().filter(|slot| matches!(slot, Slot::Accepted)) {
            *slot = Slot::Final(verdict.clone());
        }
    }

    /// The same failure for everyone at or after `from` who is open.
    pub(super) fn fail_open_from(&mut self, from: usize, failure: &Failure) {
        for slot in self.slots.iter_mut().skip(from).filter(|slot| matches!(slot, Slot::Open(_))) {
            *slot = Slot::Final(Verdict::Failed(failure.clone()));
        }
    }

    /// The same failure for everyone without a verdict.
    pub(super) fn fail_rest(&mut self, failure: &Failure) {
        for slot in self.slots.iter_mut().filter(|slot| !matches!(slot, Slot::Final(_))) {
            *slot = Slot::Final(Verdict::Failed(failure.clone()));
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot, Slot::Final(_)))
    }

    /// In the order of the envelope; `unsettled` for whoever has none.
    pub(super) fn into_verdicts(self, unsettled: impl Fn() -> Failure) -> Vec<Verdict> {
        let verdict = |slot| match slot {
            Slot::Final(verdict) => verdict,
            Slot::Open(_) | Slot::Accepted => Verdict::Failed(unsettled()),
        };
        self.slots.into_iter().map(verdict).collect()
    }
}
