//! The result file: what a worker writes down once its supervisor is gone, and the next supervisor reads.
//!
//! A record is a length and a CRC-32 (both 4 bytes, little endian) and a postcard body. Each is appended by one
//! write(2) on a descriptor opened with O_APPEND, so that workers can share the file; a cut at the end of the file is
//! the trace of a crash and ends the reading.

use crate::job::RecipientResult;
use serde::{Deserialize, Serialize};

/// The largest body of a record, in bytes.
pub const MAX_RECORD: usize = 16 * 1024 * 1024;

const HEAD: usize = 8;

/// What became of the recipients of one request whose report nobody was there to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrphanRecord {
    /// The queue's word for the message.
    pub queue_id: String,
    /// Microseconds since the epoch.
    pub time: u64,
    /// As in the report that could not be given.
    pub results: Vec<RecipientResult>,
}

/// Why the reading of a result file ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The last record was not written completely.
    #[error("the last record is cut short")]
    Cut,
    /// The bytes of a record do not have its check sum, or do not decode.
    #[error("a record is damaged")]
    Damaged,
}

/// The bytes of one record, for one write.
///
/// # Errors
/// [`RecordError::Damaged`] when the record is larger than [`MAX_RECORD`] and could not be read back.
pub fn encode(record: &OrphanRecord) -> Result<Vec<u8>, RecordError> {
    let mut bytes = postcard::to_extend(record, vec![0; HEAD]).map_err(|_| RecordError::Damaged)?;
    let body = bytes.get(HEAD..).unwrap_or_default();
    let length = u32::try_from(body.len()).map_err(|_| RecordError::Damaged)?;
    if body.len() > MAX_RECORD {
        return Err(RecordError::Damaged);
    }
    let sum = crc32fast::hash(body);
    let head = length.to_le_bytes().into_iter().chain(sum.to_le_bytes());
    bytes.iter_mut().zip(head).for_each(|(byte, value)| *byte = value);
    Ok(bytes)
}

/// The first record of `bytes` and what follows it; `None` at the end.
///
/// # Errors
/// [`RecordError`]; nothing behind it can be read.
pub fn decode(bytes: &[u8]) -> Result<Option<(OrphanRecord, &[u8])>, RecordError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(RecordError::Cut)?;
    let (sum, rest) = rest.split_first_chunk::<4>().ok_or(RecordError::Cut)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_RECORD {
        return Err(RecordError::Damaged);
    }
    let (body, rest) = rest.split_at_checked(length).ok_or(RecordError::Cut)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err(RecordError::Damaged);
    }
    let record = postcard::from_bytes(body).map_err(|_| RecordError::Damaged)?;
    Ok(Some((record, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Fate;

    fn record() -> OrphanRecord {
        let result = RecipientResult {
            index: 3,
            fate: Fate::Sent,
            status: "2.0.0".into(),
            reason: "250 ok".into(),
            remote_mta: None,
            diagnostic: None,
        };
        OrphanRecord { queue_id: "abc".into(), time: 7, results: vec![result] }
    }

    #[test]
    fn records_follow_one_another() {
        let one = encode(&record()).unwrap();
        let two = [one.clone(), one].concat();
        let (first, rest) = decode(&two).unwrap().unwrap();
        assert_eq!(first, record());
        let (_, rest) = decode(rest).unwrap().unwrap();
        assert_eq!(decode(rest).unwrap(), None);
    }

    #[test]
    fn a_cut_anywhere_is_a_cut_and_a_flipped_bit_is_damage() {
        let bytes = encode(&record()).unwrap();
        for end in 1..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(RecordError::Cut), "cut at {end}");
        }
        for at in 4..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            assert_eq!(decode(&flipped), Err(RecordError::Damaged), "flipped at {at}");
        }
    }
}
