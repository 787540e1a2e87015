//! The form of a message file: preamble, content, envelope, marks.
//!
//! ```text
//!  0  "BATON"  format (1 octet)  2 octets zero
//!  8  u64 length of the content        24  u32 CRC-32 of the envelope
//! 16  u32 CRC-32 of the content        28  u64 generation that took the message in
//! 20  u32 length of the envelope       36  zero … 60  u32 CRC-32 of octets 0 to 59
//! 64  content, octet by octet as received, lines end in CRLF
//!     envelope (postcard)
//!     marks, appended later (see `mark`)
//! ```
//!
//! The preamble is written last: a file without one was never accepted. Integers are little-endian.

use crate::envelope::{Envelope, MAX_RECIPIENTS};
use crate::error::Damage;

/// The fixed first part of a message file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Preamble {
    pub(crate) content_length: u64,
    pub(crate) content_crc: u32,
    pub(crate) envelope_length: u32,
    pub(crate) envelope_crc: u32,
    /// Which start of the relay took the message in; tells new mail from found mail.
    pub(crate) generation: u64,
}

/// The preamble cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadPreamble {
    Version(u8),
    Damage(Damage),
}

impl Preamble {
    pub(crate) fn encode(&self) -> [u8; PREAMBLE] {
        let Self { content_length, content_crc, envelope_length, envelope_crc, generation } = *self;
        let mut bytes = Vec::with_capacity(PREAMBLE);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[FORMAT, 0, 0]);
        bytes.extend_from_slice(&content_length.to_le_bytes());
        bytes.extend_from_slice(&content_crc.to_le_bytes());
        bytes.extend_from_slice(&envelope_length.to_le_bytes());
        bytes.extend_from_slice(&envelope_crc.to_le_bytes());
        bytes.extend_from_slice(&generation.to_le_bytes());
        bytes.resize(SUMMED, 0);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes.try_into().unwrap_or([0; PREAMBLE])
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, BadPreamble> {
        let magic = bytes.get(..MAGIC.len());
        if magic != Some(MAGIC) {
            return Err(BadPreamble::Damage(Damage::NotAQueueFile));
        }
        let summed = bytes.get(..SUMMED).ok_or(BadPreamble::Damage(Damage::Preamble))?;
        if u32_at(bytes, SUMMED) != Some(crc32fast::hash(summed)) {
            return Err(BadPreamble::Damage(Damage::Preamble));
        }
        match bytes.get(MAGIC.len()) {
            Some(&FORMAT) => {}
            found => return Err(BadPreamble::Version(found.copied().unwrap_or(0))),
        }
        Self::fields(bytes).ok_or(BadPreamble::Damage(Damage::Preamble))
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            content_length: u64_at(bytes, 8)?,
            content_crc: u32_at(bytes, 16)?,
            envelope_length: u32_at(bytes, 20)?,
            envelope_crc: u32_at(bytes, 24)?,
            generation: u64_at(bytes, 28)?,
        })
    }

    /// Where the envelope begins.
    pub(crate) fn envelope_offset(&self) -> u64 {
        CONTENT_OFFSET.saturating_add(self.content_length)
    }

    /// Where the marks begin; a shorter file has lost something.
    pub(crate) fn marks_offset(&self) -> u64 {
        self.envelope_offset().saturating_add(u64::from(self.envelope_length))
    }
}

/// The envelope as it stands in the file.
pub(crate) fn decode_envelope(bytes: &[u8], crc: u32) -> Result<Envelope, Damage> {
    if crc32fast::hash(bytes) != crc {
        return Err(Damage::Envelope);
    }
    // A file from before there was a purpose is to be delivered. The checksum says that nothing was cut off.
    let padded = [bytes, &[0]].concat();
    let (envelope, rest) = postcard::take_from_bytes::<Envelope>(&padded).map_err(|_| Damage::Envelope)?;
    let usable =
        rest.len() <= 1 && !envelope.recipients.is_empty() && envelope.recipients.len() <= MAX_RECIPIENTS;
    if usable { Ok(envelope) } else { Err(Damage::Envelope) }
}

/// The little-endian integer at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|chunk| u32::from_le_bytes(*chunk))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// Octets of the preamble.
pub(crate) const PREAMBLE: usize = 64;
/// The content follows the preamble.
pub(crate) const CONTENT_OFFSET: u64 = 64;
/// The only format that is read and written.
pub(crate) const FORMAT: u8 = 2;
/// 100 000 recipients with every value at its longest would be more; such an envelope is refused at commit.
pub(crate) const MAX_ENVELOPE: u32 = 64 << 20;
const MAGIC: &[u8] = b"BATON";
const SUMMED: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Preamble {
        Preamble { content_length: 5, content_crc: 1, envelope_length: 7, envelope_crc: 2, generation: 9 }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let good = sample().encode();
        assert_eq!(Preamble::decode(&good), Ok(sample()));
        for bit in 0..PREAMBLE * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Preamble::decode(&bad).is_err(), "bit {bit}");
        }
        for length in 0..PREAMBLE {
            assert!(Preamble::decode(&good[..length]).is_err(), "{length} octets");
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        let mut bytes = sample().encode();
        bytes[5] = FORMAT + 1;
        let sum = crc32fast::hash(&bytes[..60]).to_le_bytes();
        bytes[60..].copy_from_slice(&sum);
        assert_eq!(Preamble::decode(&bytes), Err(BadPreamble::Version(FORMAT + 1)));
    }

    proptest! {
        #[test]
        fn any_octets_are_read_without_panic(bytes: Vec<u8>) {
            let _ = Preamble::decode(&bytes);
            let _ = decode_envelope(&bytes, crc32fast::hash(&bytes));
        }
    }

    #[test]
    fn an_envelope_from_before_there_were_probes_is_to_be_delivered() {
        let envelope = crate::envelope::tests::sample(&["a@x"]);
        let bytes = postcard::to_stdvec(&envelope).unwrap();
        let old = bytes.split_last().unwrap().1;
        assert_eq!(decode_envelope(old, crc32fast::hash(old)).unwrap(), envelope);
        let mut probe = envelope;
        probe.purpose = crate::Purpose::Probe;
        let bytes = postcard::to_stdvec(&probe).unwrap();
        assert_eq!(decode_envelope(&bytes, crc32fast::hash(&bytes)).unwrap(), probe);
    }
}
