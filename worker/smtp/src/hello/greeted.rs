//! A server that introduced itself: on to AUTH and transactions, or to TLS first.

use super::{Entrance, HelloOptions, PixWorkarounds, Secured};
use crate::dialect::Dialect;
use crate::ext::{EhloFacts, Remark};
use std::marker::PhantomData;

/// What is known after EHLO, HELO or LHLO, on a channel that is [`Plain`] or [`Secured`].
#[derive(Debug)]
pub struct Greeted<'a, C> {
    pub(super) dialect: Dialect,
    pub(super) peer: &'a str,
    pub(super) options: &'a HelloOptions,
    pub(super) facts: EhloFacts,
    pub(super) remarks: Vec<Remark>,
    pub(super) own_name: OwnName,
    pub(super) pix: PixWorkarounds,
    pub(super) channel: PhantomData<C>,
}

/// Whether the server has our own name: on port 25 mail may be about to loop. What that means is the shell's decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnName {
    /// As the first word of its greeting: worth a warning.
    pub in_greeting: bool,
    /// As the first word of its reply to EHLO, HELO or LHLO: "mail for … loops back to myself".
    pub in_hello: bool,
}

impl<'a, C> Greeted<'a, C> {
    /// What the server said of itself.
    #[must_use]
    pub const fn facts(&self) -> &EhloFacts {
        &self.facts
    }

    /// Oddities, for warnings.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// Whether the server calls itself by our name.
    #[must_use]
    pub const fn own_name(&self) -> OwnName {
        self.own_name
    }

    /// The name of the server in the log.
    #[must_use]
    pub const fn peer(&self) -> &'a str {
        self.peer
    }
}

impl<'a, C> Greeted<'a, C> {
    /// Whoever calls this has decided that mail may go over this channel.
    pub(super) fn into_entrance(self) -> Entrance<'a> {
        Entrance { dialect: self.dialect, peer: self.peer, facts: self.facts }
    }
}

impl<'a> Greeted<'a, Secured> {
    /// Goes on inside TLS.
    #[must_use]
    pub fn entrance(self) -> Entrance<'a> {
        self.into_entrance()
    }
}
