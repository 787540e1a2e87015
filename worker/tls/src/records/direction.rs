//! One direction of a session: its keys and the number of its next record, which no two records share.

use super::RecordError;
use super::protection::Protection;
use super::secret::Secret;
use super::state::Half;
use super::suite::Suite;
use std::ops::Range;

/// One direction of a session.
pub(super) struct Direction {
    secret: Secret,
    seq: u64,
    protection: Protection,
}

impl Direction {
    /// `None` if the secret does not fit the suite.
    pub(super) fn new(suite: &Suite, half: &Half) -> Option<Self> {
        let secret = Secret::of(&[half.secret.octets()])?;
        let protection = Protection::new(suite, &secret)?;
        Some(Self { secret, seq: half.seq, protection })
    }

    pub(super) fn into_half(self) -> Half {
        Half { seq: self.seq, secret: self.secret }
    }

    /// The number of the next record.
    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }

    pub(super) const fn overhead(&self) -> usize {
        self.protection.overhead()
    }

    /// Appends one record.
    pub(super) fn seal(
        &mut self,
        content: u8,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let seq = self.take_seq()?;
        self.protection.seal(seq, content, plaintext, out)
    }

    /// Opens one record in place.
    pub(super) fn open(&mut self, record: &mut [u8]) -> Result<(u8, Range<usize>), RecordError> {
        let seq = self.take_seq()?;
        self.protection.open(seq, record)
    }

    /// The next generation of keys, which counts from zero. RFC 8446 §7.2.
    pub(super) fn renew(&mut self, suite: &Suite) -> Result<(), RecordError> {
        let secret = suite.next_secret(&self.secret).ok_or(RecordError::NoKeyUpdate)?;
        self.protection = Protection::new(suite, &secret).ok_or(RecordError::NotSealed)?;
        self.secret = secret;
        self.seq = 0;
        Ok(())
    }

    /// Used up before it is used: a nonce that may have been seen is never taken again, whatever fails next.
    fn take_seq(&mut self) -> Result<u64, RecordError> {
        let seq = self.seq;
        self.seq = seq.checked_add(1).ok_or(RecordError::Exhausted)?;
        Ok(seq)
    }
}
