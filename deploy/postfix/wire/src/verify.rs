//! What a probe found out, told to verify(8).

use crate::attr::List;
use crate::text::Text;

/// What an address is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It takes mail.
    Deliverable = 0,
    /// It cannot be said now.
    Unknown = 1,
    /// It does not.
    Undeliverable = 2,
}

/// An entry for the verify cache.
#[derive(Debug, Clone, Copy)]
pub struct Update<'a> {
    /// Which address.
    pub address: &'a Text,
    /// What about it.
    pub found: Found,
    /// As in the log.
    pub reason: &'a Text,
}

impl Update<'_> {
    /// The list. The answer is a status.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        List::new()
            .word("request", "update")
            .text("address", self.address)
            .int("recipient_status", self.found as i32)
            .text("reason", self.reason)
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_has_four_attributes() {
        let (address, reason) = ("a@x".into(), "250 ok".into());
        let update = Update { address: &address, found: Found::Undeliverable, reason: &reason };
        let want: &[u8] = b"request\0update\0address\0a@x\0recipient_status\x002\0reason\x00250 ok\0\0";
        assert_eq!(update.encode(), want);
    }
}
