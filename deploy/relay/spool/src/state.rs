//! What is known about each recipient: the sum of its marks.

use std::time::SystemTime;

use crate::mark::{Cause, Fact, Mark};
use crate::record::{Diagnosis, Outcome, ResultRecord};

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
    /// Failed, and nothing is left to be done.
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
            (Self::Pending(_) | Self::Failed { .. }, Fact::Closed) => Self::Closed { at },
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
            (Self::Failed { .. } | Self::Delivered { .. } | Self::Closed { .. }, _) => return,
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
/// Recipients that the message does not have are ignored: the record is then not about this message.
pub(crate) fn marks_of(record: &ResultRecord, states: &[RecipientState]) -> Vec<Mark> {
    let count = states.len();
    let foreign = |&(index, _): &(u32, _)| usize::try_from(index).is_ok_and(|index| index >= count);
    if record.verdicts.iter().any(foreign) {
        return Vec::new();
    }
    let mut marks = Vec::new();
    for (recipient, verdict) in &record.verdicts {
        let state = usize::try_from(*recipient).ok().and_then(|index| states.get(index));
        let Some(pending) = state.and_then(RecipientState::pending) else { continue };
        let diagnosis = verdict.diagnosis.clone();
        let fact = match verdict.outcome {
            Outcome::Delivered => Fact::Delivered,
            Outcome::Bounced => Fact::Failed { cause: Cause::Refused, diagnosis },
            Outcome::Deferred if pending.last_attempt.is_some_and(|last| last >= verdict.at) => continue,
            Outcome::Deferred => {
                let attempts = pending.attempts.saturating_add(1);
                Fact::Deferred { attempts, next_attempt: None, diagnosis }
            }
        };
        marks.push(Mark::one(*recipient, verdict.at, fact));
    }
    marks
}
