//! One mail transaction: what `MAIL` and `RCPT` have brought so far.

use std::collections::HashSet;

use super::event::{Envelope, Hello};
use crate::address::{Alphabet, ReversePath};
use crate::dsn::Recipient;
use crate::param::MailParameters;
use crate::settings::Settings;

/// Between `MAIL` and `DATA`.
#[derive(Debug)]
pub(super) struct Transaction {
    sender: ReversePath,
    parameters: MailParameters,
    recipients: Vec<Recipient>,
    /// Folded forms of `recipients`.
    known: HashSet<String>,
    /// A recipient was refused, so `DATA` without any is no mistake in the order of commands.
    refused: bool,
    /// Recipients over the limit.
    overshoot: usize,
}

/// What became of one recipient.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    /// `smtpd_recipient_limit` reached.
    TooMany,
    /// `smtpd_recipient_overshoot_limit` passed: the client does not listen.
    FarTooMany,
}

impl Transaction {
    pub(super) fn new(sender: ReversePath, parameters: MailParameters) -> Self {
        let (recipients, known) = (Vec::new(), HashSet::new());
        Self { sender, parameters, recipients, known, refused: false, overshoot: 0 }
    }

    /// Adds a recipient; one that is there already stays there once, with what was asked for first.
    pub(super) fn add(&mut self, recipient: Recipient, settings: &Settings) -> Added {
        let folded = recipient.mailbox.folded();
        if self.known.contains(&folded) {
            return Added::Yes;
        }
        if self.recipients.len() >= settings.recipient_limit {
            self.refused = true;
            self.overshoot = self.overshoot.saturating_add(1);
            let far = self.overshoot > settings.recipient_overshoot_limit;
            return if far { Added::FarTooMany } else { Added::TooMany };
        }
        self.known.insert(folded);
        self.recipients.push(recipient);
        Added::Yes
    }

    /// What its addresses may consist of.
    pub(super) fn alphabet(&self) -> Alphabet {
        self.parameters.alphabet
    }

    /// A `RCPT` was answered with an error.
    pub(super) fn note_refused(&mut self) {
        self.refused = true;
    }

    pub(super) fn has_recipients(&self) -> bool {
        !self.recipients.is_empty()
    }

    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    pub(super) fn into_envelope(self, hello: Hello) -> Envelope {
        let Self { sender, parameters, recipients, .. } = self;
        let MailParameters { body, size, alphabet, ret, envid } = parameters;
        Envelope { hello, sender, recipients, body, size, alphabet, ret, envid }
    }
}
