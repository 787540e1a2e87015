//! Who is left to deliver to, and what became of the others: every recipient ends with exactly one result.

use super::fate::Class;
use proto::job::{Fate, Recipient, RecipientResult};
use smtp::{Certainty, Scope};
use std::sync::Arc;

/// Why something failed, as the log, the queue and the bounce tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// RFC 3463.
    pub status: String,
    /// One line.
    pub reason: String,
    /// The server that said so, for the bounce.
    pub remote_mta: Option<String>,
    /// Its reply, one line, for the bounce.
    pub diagnostic: Option<String>,
    /// Whether the server may have taken the message all the same.
    pub certainty: Certainty,
    /// Another server may take what this one cannot, though the status is of class 5.
    pub elsewhere: bool,
}

impl Failure {
    /// A failure of our own finding.
    #[must_use]
    pub fn new(status: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            status: status.into(),
            reason: reason.into(),
            remote_mta: None,
            diagnostic: None,
            certainty: Certainty::NotDelivered,
            elsewhere: false,
        }
    }

    /// What the dialogue found, on a session with `host`.
    #[must_use]
    pub fn of_dialogue(failure: &smtp::Failure, host: &str) -> Self {
        let smtp::Failure { status, reason, reply, certainty, .. } = failure;
        Self {
            status: status.to_string(),
            reason: reason.clone(),
            remote_mta: reply.is_some().then(|| host.to_owned()),
            diagnostic: reply.as_ref().map(|reply| reply.one_line().into_owned()),
            certainty: *certainty,
            elsewhere: failure.scope == Scope::Server,
        }
    }

    /// By the first digit of the status; what is neither 2 nor 5 can pass.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.certainty {
            _ if self.status.starts_with('5') && self.elsewhere => Class::HardHere,
            _ if self.status.starts_with('5') => Class::Hard,
            Certainty::Uncertain => Class::Uncertain,
            Certainty::NotDelivered => Class::Soft,
        }
    }

    /// The same with class 4.
    #[must_use]
    pub fn softened(mut self) -> Self {
        if matches!(self.class(), Class::Hard | Class::HardHere) {
            self.status.replace_range(..1, "4");
        }
        self
    }
}

/// The recipients of one request.
#[derive(Debug)]
pub struct Recipients {
    all: Arc<[Recipient]>,
    results: Vec<Option<RecipientResult>>,
}

impl Recipients {
    /// Nobody has a result.
    #[must_use]
    pub fn new(all: Vec<Recipient>) -> Self {
        let results = all.iter().map(|_| None).collect();
        Self { all: all.into(), results }
    }

    /// Positions of those without a result.
    #[must_use]
    pub fn left(&self) -> Vec<usize> {
        self.results.iter().enumerate().filter(|(_, result)| result.is_none()).map(|(at, _)| at).collect()
    }

    /// Whether nobody is left.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.results.iter().all(Option::is_some)
    }

    /// All of them, for who looks at them while results come.
    #[must_use]
    pub fn all(&self) -> Arc<[Recipient]> {
        Arc::clone(&self.all)
    }

    /// The recipient at a position.
    #[must_use]
    pub fn at(&self, position: usize) -> Option<&Recipient> {
        self.all.get(position)
    }

    /// Gives a recipient its result, and shows both. The first one stands: a second would be a second delivery's.
    pub fn settle(
        &mut self,
        position: usize,
        fate: Fate,
        failure: Failure,
    ) -> Option<(&Recipient, &RecipientResult)> {
        let (recipient, slot) = (self.all.get(position)?, self.results.get_mut(position)?);
        if slot.is_some() {
            return None;
        }
        let Failure { status, reason, remote_mta, diagnostic, certainty: _, elsewhere: _ } = failure;
        let index = recipient.index;
        let result = slot.insert(RecipientResult { index, fate, status, reason, remote_mta, diagnostic });
        Some((recipient, result))
    }

    /// Whether somebody was deferred.
    #[must_use]
    pub fn any_deferred(&self) -> bool {
        self.results.iter().flatten().any(|result| result.fate == Fate::Deferred)
    }

    /// The results there are, in the order of the request.
    #[must_use]
    pub fn into_results(self) -> Vec<RecipientResult> {
        self.results.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipients(count: u32) -> Recipients {
        let one = |index| Recipient {
            index,
            address: format!("{index}@x"),
            original: String::new(),
            orcpt: None,
            notify: None,
        };
        Recipients::new((0..count).map(one).collect())
    }

    #[test]
    fn the_first_result_stands() {
        let mut recipients = recipients(2);
        recipients.settle(1, Fate::Sent, Failure::new("2.0.0", "ok"));
        recipients.settle(1, Fate::Bounced, Failure::new("5.0.0", "no"));
        assert_eq!(recipients.left(), [0]);
        assert!(!recipients.is_settled());
        recipients.settle(0, Fate::Deferred, Failure::new("4.0.0", "later"));
        assert!(recipients.any_deferred());
        let fates: Vec<_> = recipients.into_results().into_iter().map(|result| result.fate).collect();
        assert_eq!(fates, [Fate::Deferred, Fate::Sent]);
    }

    #[test]
    fn softening_keeps_subject_and_detail() {
        assert_eq!(Failure::new("5.4.4", "").softened().status, "4.4.4");
        assert_eq!(Failure::new("4.4.1", "").softened().status, "4.4.1");
    }
}
