//! Why a copy came twice.

use super::victim::{Kill, Phase};
use crate::mail::Sent;
use crate::sink::Received;
use std::collections::HashMap;
use std::time::Instant;

/// What was lost, what came twice, and why.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) lost: Vec<String>,
    /// For each copy but the first where the process was that had made the one before.
    pub(super) explained: Vec<Phase>,
    /// Copies for which nobody was killed.
    pub(super) unexplained: Vec<String>,
    /// Copies of what was never sent.
    pub(super) unknown: usize,
}

/// Each copy after the first needs a process of its own that was killed before it came, and had the message, a
/// connection to the recipient's host, and no mark for the recipient.
pub(super) fn account(sent: &[Sent], received: &[Received], kills: &[Kill]) -> Account {
    let mut copies: HashMap<(&str, &str), Vec<Instant>> = HashMap::new();
    for message in received {
        for to in &message.recipients {
            copies.entry((&message.message_id, to)).or_default().push(message.dot_at);
        }
    }
    let mut account = Account::default();
    for message in sent {
        for to in &message.recipients {
            match copies.remove(&(message.message_id.as_str(), to.as_str())) {
                None => account.lost.push(format!("{} to {to}", message.message_id)),
                Some(came) => account.explain(&message.message_id, to, came, kills),
            }
        }
    }
    account.unknown = copies.len();
    account
}

impl Account {
    fn explain(&mut self, id: &str, to: &str, mut came: Vec<Instant>, kills: &[Kill]) {
        came.sort();
        let could = |kill: &&Kill| kill.message_id == id && kill.open.iter().any(|open| open == to);
        let mut reasons = kills.iter().filter(could);
        for again in came.iter().skip(1) {
            match reasons.next() {
                Some(kill) if kill.at <= *again => self.explained.push(kill.phase),
                _ => self.unexplained.push(format!("{id} to {to}, {} copies", came.len())),
            }
        }
    }
}
