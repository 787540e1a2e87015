//! Handshake messages after the handshake of TLS 1.3: tickets are counted, key updates are told, the rest is refused.
//!
//! Nothing is kept of a message but its first four octets and how much of it is to come.

use super::RecordError;

const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;
/// Type and length.
const HEADER: usize = 4;
/// A ticket is not longer than this; what we drop need not be large.
const LONGEST_TICKET: usize = 1 << 16;

/// The messages of one session, which may be cut at any octet.
#[derive(Default)]
pub(super) struct Messages {
    header: [u8; HEADER],
    /// How much of the header has come.
    have: usize,
    /// How much of the message is to come after the header.
    missing: usize,
    tickets: u32,
}

/// What a record of messages asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Nothing,
    /// The keys of the server change with the next record.
    KeyUpdate(Reply),
}

/// `request_update` of RFC 8446 §4.6.3.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Wanted,
    NotWanted,
}

impl Messages {
    /// How many tickets have come.
    pub(super) const fn tickets(&self) -> u32 {
        self.tickets
    }

    /// Whether a part of a message has come: until its rest, only handshake records may follow. RFC 8446 §5.1.
    pub(super) const fn is_partial(&self) -> bool {
        self.have > 0
    }

    /// Takes the content of one handshake record.
    pub(super) fn read(&mut self, mut content: &[u8]) -> Result<Asked, RecordError> {
        if content.is_empty() {
            return Err(RecordError::Malformed);
        }
        loop {
            if self.have < HEADER {
                let Some((octet, rest)) = content.split_first() else { return Ok(Asked::Nothing) };
                content = rest;
                self.take_header(*octet)?;
                continue;
            }
            if self.header[0] == KEY_UPDATE {
                let Some((request, rest)) = content.split_first() else { return Ok(Asked::Nothing) };
                // Keys change here: a record that goes on would be half of this key and half of the next.
                return if rest.is_empty() { self.key_update(*request) } else { Err(RecordError::Malformed) };
            }
            let skipped = self.missing.min(content.len());
            content = content.get(skipped..).unwrap_or_default();
            self.missing -= skipped;
            if self.missing > 0 {
                return Ok(Asked::Nothing);
            }
            self.tickets = self.tickets.saturating_add(1);
            self.have = 0;
        }
    }

    fn take_header(&mut self, octet: u8) -> Result<(), RecordError> {
        if let Some(place) = self.header.get_mut(self.have) {
            *place = octet;
        }
        self.have += 1;
        let [kind, high, middle, low] = self.header;
        if !matches!(kind, NEW_SESSION_TICKET | KEY_UPDATE) {
            return Err(RecordError::UnexpectedMessage(kind));
        }
        if self.have == HEADER {
            self.missing = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
            if self.missing > LONGEST_TICKET || kind == KEY_UPDATE && self.missing != 1 {
                return Err(RecordError::Malformed);
            }
        }
        Ok(())
    }

    fn key_update(&mut self, request: u8) -> Result<Asked, RecordError> {
        self.have = 0;
        match request {
            0 => Ok(Asked::KeyUpdate(Reply::NotWanted)),
            1 => Ok(Asked::KeyUpdate(Reply::Wanted)),
            _ => Err(RecordError::Malformed),
        }
    }
}

/// A `KeyUpdate` message.
pub(super) const fn key_update(reply: &Reply) -> [u8; 5] {
    [KEY_UPDATE, 0, 0, 1, matches!(reply, Reply::Wanted) as u8]
}
