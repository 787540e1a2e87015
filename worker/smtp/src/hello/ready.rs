//! A session that can carry mail: the only door to transactions.

use crate::command::QUIT;
use crate::dialect::Dialect;
use crate::envelope::Envelope;
use crate::ext::EhloFacts;
use crate::transaction::{Transaction, TransactionOptions};

/// A session on which nothing is outstanding. Moved, never copied: there is one owner at any time.
#[derive(Debug, PartialEq, Eq)]
pub struct Ready {
    dialect: Dialect,
    facts: EhloFacts,
    origin: Origin,
}

/// How old a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It has just introduced itself and has carried nothing.
    Fresh,
    /// It carried mail before, perhaps for another process, and may have died since.
    Reused,
}

impl Ready {
    pub(crate) const fn new(dialect: Dialect, facts: EhloFacts, origin: Origin) -> Self {
        Self { dialect, facts, origin }
    }

    /// A session from the cache: what its server once said still holds, because the session is the same.
    #[must_use]
    pub const fn from_facts(dialect: Dialect, facts: EhloFacts) -> Self {
        Self::new(dialect, facts, Origin::Reused)
    }

    /// What the server said of itself.
    #[must_use]
    pub const fn facts(&self) -> &EhloFacts {
        &self.facts
    }

    /// The same, to park the session.
    #[must_use]
    pub fn into_facts(self) -> EhloFacts {
        self.facts
    }

    /// Which protocol it speaks.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether it carried mail before.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// Begins to deliver one message. `peer` is the server's name in the log: `host[address]`.
    #[must_use]
    pub fn transaction<'a>(
        self,
        peer: &'a str,
        envelope: &'a Envelope<'a>,
        options: TransactionOptions,
    ) -> Transaction<'a> {
        Transaction::new(self, peer, envelope, options)
    }

    /// Ends the session: appends QUIT. Its reply changes nothing; wait for it or not (`smtp_skip_quit_response`).
    pub fn quit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(QUIT);
    }

    /// The session after mail was carried.
    pub(crate) fn reused(self) -> Self {
        Self { origin: Origin::Reused, ..self }
    }
}
