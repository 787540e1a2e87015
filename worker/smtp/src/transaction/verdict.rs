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
    /// Positions of those with a verdict, in the order of the verdicts.
    settled: Vec<usize>,
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
        let slots: Vec<Slot<'a>> = recipients.map(slot).collect();
        let failed = slots.iter().enumerate().filter(|(_, slot)| matches!(slot, Slot::Final(_)));
        let settled = failed.map(|(at, _)| at).collect();
        Self { slots, settled }
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
            self.settled.push(at);
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
        let survivors: Vec<usize> = self.survivors().collect();
        survivors.into_iter().for_each(|at| self.settle(at, verdict.clone()));
    }

    /// The same failure for everyone at or after `from` who is open.
    pub(super) fn fail_open_from(&mut self, from: usize, failure: &Failure) {
        for at in from..self.slots.len() {
            if self.is_open(at) {
                self.settle(at, Verdict::Failed(failure.clone()));
            }
        }
    }

    /// The same failure for everyone without a verdict.
    pub(super) fn fail_rest(&mut self, failure: &Failure) {
        for at in 0..self.slots.len() {
            self.settle(at, Verdict::Failed(failure.clone()));
        }
    }

    /// The verdicts there are, in the order in which they fell.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = (usize, &Verdict)> {
        self.settled.iter().filter_map(|&at| match self.slots.get(at) {
            Some(Slot::Final(verdict)) => Some((at, verdict)),
            _ => None,
        })
    }

    pub(super) fn is_settled(&self) -> bool {
        self.slots.iter().all(|slot| matches!(slot, Slot::Final(_)))
    }

    /// In the order of the envelope, and the order in which they came; `unsettled` for whoever has none.
    pub(super) fn into_verdicts(mut self, unsettled: impl Fn() -> Failure) -> (Vec<Verdict>, Vec<usize>) {
        let open = self.slots.iter().enumerate().filter(|(_, slot)| !matches!(slot, Slot::Final(_)));
        self.settled.extend(open.map(|(at, _)| at));
        let verdict = |slot| match slot {
            Slot::Final(verdict) => verdict,
            Slot::Open(_) | Slot::Accepted => Verdict::Failed(unsettled()),
        };
        (self.slots.into_iter().map(verdict).collect(), self.settled)
    }
}
