//! What is known about each recipient: the sum of its marks.

use std::time::{Duration, SystemTime};

use proto::job::{Fate, RecipientResult};
use proto::orphan::OrphanRecord;

use crate::diagnosis::Diagnosis;
use crate::mark::{Cause, Fact, Mark, Success};

/// Where one recipient stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientState {
    /// To be delivered.
    Pending(Pending),
    /// Done.
    Delivered {
        /// When.
        at: SystemTime,
    },
    /// Failed; the sender has not been told.
    Failed {
        /// When.
        at: SystemTime,
        /// Why.
        cause: Cause,
        /// The last thing heard.
        diagnosis: Diagnosis,
    },
    /// Served; the sender, who wants to hear of it, has not been told.
    Succeeded {
        /// When.
        at: SystemTime,
        /// What the sender is told.
        how: Success,
        /// What the server said.
        diagnosis: Diagnosis,
    },
    /// Failed or served, and nothing is left to be done.
    Closed {
        /// When.
        at: SystemTime,
    },
}

/// A recipient that waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub last_attempt: Option<SystemTime>,
    /// When it is to be tried again; None: as the scheduler thinks, or never tried.
    pub next_attempt: Option<SystemTime>,
    /// The last thing heard.
    pub diagnosis: Option<Box<Diagnosis>>,
    /// The sender was told about the delay.
    pub warned: bool,
}

impl RecipientState {
    /// Nothing is left to be done for this recipient.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Closed { .. })
    }

    /// The waiting recipient's facts.
    pub fn pending(&self) -> Option<&Pending> {
        match self {
            Self::Pending(pending) => Some(pending),
            _ => None,
        }
    }

    /// Takes a fact in. The first final verdict stands: a late second one changes nothing.
    pub(crate) fn apply(&mut self, at: SystemTime, fact: &Fact) {
        let next = match (&mut *self, fact) {
            (Self::Pending(_), Fact::Delivered) => Self::Delivered { at },
            (Self::Pending(_), Fact::Failed { cause, diagnosis }) => {
                Self::Failed { at, cause: *cause, diagnosis: diagnosis.clone() }
            }
            (Self::Pending(_), Fact::Succeeded { how, diagnosis }) => {
                Self::Succeeded { at, how: *how, diagnosis: diagnosis.clone() }
            }
            (Self::Pending(_) | Self::Failed { .. } | Self::Succeeded { .. }, Fact::Closed) => {
                Self::Closed { at }
            }
            (Self::Pending(pending), Fact::Deferred { attempts, next_attempt, diagnosis }) => {
                pending.attempts = *attempts;
                pending.last_attempt = Some(at);
                pending.next_attempt = *next_attempt;
                pending.diagnosis = Some(Box::new(diagnosis.clone()));
                return;
            }
            (Self::Pending(pending), Fact::Warned) => {
                pending.warned = true;
                return;
            }
            (Self::Pending(pending), Fact::Requeued) => {
                pending.next_attempt = Some(at);
                return;
            }
            (
                Self::Failed { .. } | Self::Delivered { .. } | Self::Succeeded { .. } | Self::Closed { .. },
                _,
            ) => return,
        };
        *self = next;
    }

    /// The fewest facts from which a fresh recipient gets into this state.
    pub(crate) fn facts(&self) -> Vec<(SystemTime, Fact)> {
        match self {
            Self::Delivered { at } => vec![(*at, Fact::Delivered)],
            Self::Closed { at } => vec![(*at, Fact::Closed)],
            Self::Failed { at, cause, diagnosis } => {
                vec![(*at, Fact::Failed { cause: *cause, diagnosis: diagnosis.clone() })]
            }
            Self::Succeeded { at, how, diagnosis } => {
                vec![(*at, Fact::Succeeded { how: *how, diagnosis: diagnosis.clone() })]
            }
            Self::Pending(pending) => pending.facts(),
        }
    }
}

impl Pending {
    fn facts(&self) -> Vec<(SystemTime, Fact)> {
        let mut facts = Vec::new();
        if let (Some(at), Some(diagnosis)) = (self.last_attempt, &self.diagnosis) {
            let (attempts, next_attempt) = (self.attempts, self.next_attempt);
            facts.push((at, Fact::Deferred { attempts, next_attempt, diagnosis: (**diagnosis).clone() }));
        }
        if self.warned {
            facts.push((self.last_attempt.unwrap_or(SystemTime::UNIX_EPOCH), Fact::Warned));
        }
        facts
    }
}

/// The marks that a late record adds to what is known; none if all of it is known already.
///
/// A deferral counts once: the same or an older time than the last attempt is not a new attempt.
/// A record that names recipients which the message does not have is not about this message: it is ignored.
pub(crate) fn marks_of(record: &OrphanRecord, states: &[RecipientState]) -> Vec<Mark> {
    let state = |index: u32| usize::try_from(index).ok().and_then(|index| states.get(index));
    if record.results.iter().any(|result| state(result.index).is_none()) {
        return Vec::new();
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(record.time));
    let at = at.unwrap_or(SystemTime::UNIX_EPOCH);
    let mark = |result: &RecipientResult| {
        let pending = state(result.index)?.pending()?;
        Some(Mark::one(result.index, at, fact_of(result, at, pending)?))
    };
    record.results.iter().filter_map(mark).collect()
}

/// None if it is known already.
fn fact_of(result: &RecipientResult, at: SystemTime, pending: &Pending) -> Option<Fact> {
    let RecipientResult { index: _, fate, status, reason, remote_mta, diagnostic } = result.clone();
    let diagnosis = Diagnosis { status, reason, remote_mta, reply: diagnostic };
    Some(match fate {
        Fate::Sent => Fact::Delivered,
        Fate::Relayed => Fact::Succeeded { how: Success::Relayed, diagnosis },
        Fate::Delivered => Fact::Succeeded { how: Success::Delivered, diagnosis },
        Fate::Deliverable => Fact::Succeeded { how: Success::Deliverable, diagnosis },
        Fate::Bounced | Fate::Undeliverable => Fact::Failed { cause: Cause::Refused, diagnosis },
        // Its way is found again, and with it the loop.
        Fate::Passed => return None,
        Fate::Deferred if pending.last_attempt.is_some_and(|last| last >= at) => return None,
        Fate::Deferred => {
            Fact::Deferred { attempts: pending.attempts.saturating_add(1), next_attempt: None, diagnosis }
        }
    })
}
