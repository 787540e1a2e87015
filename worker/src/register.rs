//! Who is told what became of a recipient, at the moment when it is certain.

use crate::log::delivery::{self as log, Delays, Relay};
use proto::job::{Fate, Recipient, RecipientResult};
use std::fmt::Debug;

/// Hears of every result once. The session it came from may still be open: nothing here may take long.
pub trait Register: Debug {
    /// A recipient has its result.
    fn settled(&mut self, settled: &Settled<'_>);
}

/// What became of a recipient.
#[derive(Debug, Clone, Copy)]
pub struct Settled<'a> {
    /// Of whom.
    pub recipient: &'a Recipient,
    /// What.
    pub result: &'a RecipientResult,
    /// As the log calls it: `sent`, `deferred`, `bounced`, `SOFTBOUNCE`.
    pub word: &'static str,
    /// Where success leaves the sender's wish to hear of it, whether there is one or not.
    pub success: Fate,
    /// The server.
    pub relay: &'a Relay,
    /// How long it took.
    pub delays: Delays,
}

/// Writes the delivery line; everything else is in the report.
#[derive(Debug)]
pub struct Lines<'a> {
    /// The transport's name.
    pub service: &'a str,
    /// The message's.
    pub queue_id: &'a str,
}

impl Register for Lines<'_> {
    fn settled(&mut self, settled: &Settled<'_>) {
        let Settled { recipient, result, word, relay, delays, .. } = settled;
        let shown = log::Result { dsn: &result.status, status: word, reason: &result.reason };
        log::line(self.service, self.queue_id, recipient, relay, delays, shown);
    }
}
