//! What happens to each record on its way: alerts, key updates, limits.

use super::messages::{self, Asked, Reply};
use super::protection::{ALERT, DATA, HANDSHAKE, MAX_PLAINTEXT};
use super::{CLOSE_NOTIFY, MAX_UPDATES, RESERVE, RecordError, Records, Side};
use std::ops::Range;

/// What the records that came lead to.
pub(super) enum Found {
    Plaintext,
    Nothing,
    Closed,
}

impl Records {
    pub(super) const fn writable(&self) -> Result<(), RecordError> {
        match (self.poisoned, self.ours) {
            (true, _) | (false, Side::Broken) => Err(RecordError::Poisoned),
            (false, Side::Closed) => Err(RecordError::Closed),
            (false, Side::Open) => Ok(()),
        }
    }

    /// Whatever failed, nothing is sealed or opened after it.
    pub(super) const fn noted<T>(&mut self, result: Result<T, RecordError>) -> Result<T, RecordError> {
        self.poisoned |= result.is_err();
        result
    }

    /// One record of data may follow, if need be under a new key.
    pub(super) fn room_for_data(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        if self.send.seq() < self.suite.limit.saturating_sub(RESERVE) {
            Ok(())
        } else if self.suite.is_tls13() {
            self.update_ours(&Reply::NotWanted, out)
        } else {
            Err(RecordError::Exhausted)
        }
    }

    /// Tells the server that our key changes, and changes it.
    pub(super) fn update_ours(&mut self, reply: &Reply, out: &mut Vec<u8>) -> Result<(), RecordError> {
        if !self.suite.is_tls13() {
            return Err(RecordError::NoKeyUpdate);
        }
        self.seal_record(HANDSHAKE, &messages::key_update(reply), out)?;
        self.send.renew(&self.suite)
    }

    pub(super) fn seal_record(
        &mut self,
        content: u8,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let below_limit = self.send.seq() < self.suite.limit;
        let sealed =
            if below_limit { self.send.seal(content, plaintext, out) } else { Err(RecordError::Exhausted) };
        self.noted(sealed)?;
        let data = if content == DATA { plaintext.len() } else { 0 };
        self.sent.note(plaintext.len() + self.send.overhead(), data);
        Ok(())
    }

    /// Opens records until one has plaintext.
    pub(super) fn open_records(&mut self, out: &mut Vec<u8>) -> Result<Found, RecordError> {
        let longest = MAX_PLAINTEXT + if self.suite.is_tls13() { 256 } else { 2048 };
        loop {
            if self.incoming.ungiven() > 0 {
                return Ok(Found::Plaintext);
            }
            if self.theirs == Side::Closed {
                return Ok(Found::Closed);
            }
            let Some(record) = self.incoming.record(longest)? else { return Ok(Found::Nothing) };
            let (content, place) = self.receive.open(record)?;
            if self.messages.is_partial() && content != HANDSHAKE {
                return Err(RecordError::UnexpectedType(content));
            }
            match content {
                DATA => self.on_data(place)?,
                HANDSHAKE if !self.suite.is_tls13() => return Err(RecordError::Renegotiation),
                HANDSHAKE => {
                    let asked = self.messages.read(record.get(place).unwrap_or_default())?;
                    self.on_message(&asked, out)?;
                }
                ALERT => match record.get(place).unwrap_or_default() {
                    alert if alert == CLOSE_NOTIFY || alert == [2, 0] => self.theirs = Side::Closed,
                    [_, description] => return Err(RecordError::Alert(*description)),
                    _ => return Err(RecordError::Malformed),
                },
                other => return Err(RecordError::UnexpectedType(other)),
            }
        }
    }

    fn on_data(&mut self, place: Range<usize>) -> Result<(), RecordError> {
        if place.is_empty() {
            return self.count_update();
        }
        self.updates = 0;
        self.incoming.keep(place);
        Ok(())
    }

    fn on_message(&mut self, asked: &Asked, out: &mut Vec<u8>) -> Result<(), RecordError> {
        let Asked::KeyUpdate(reply) = asked else { return Ok(()) };
        self.count_update()?;
        self.receive.renew(&self.suite)?;
        // After our own close_notify nothing may follow, not even an answer. RFC 8446 §6.1.
        if *reply == Reply::Wanted && self.ours == Side::Open {
            self.update_ours(&Reply::NotWanted, out)?;
        }
        Ok(())
    }

    /// Each costs us work and brings nothing.
    const fn count_update(&mut self) -> Result<(), RecordError> {
        self.updates += 1;
        if self.updates > MAX_UPDATES { Err(RecordError::TooManyUpdates) } else { Ok(()) }
    }
}
