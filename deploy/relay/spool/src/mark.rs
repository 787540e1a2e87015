//! Marks: what is appended to a message file when something became of its recipients.
//!
//! In the file, integers little-endian: u32 length of the payload, u32 CRC-32 of the payload, u32 CRC-32 of these
//! eight octets, payload (postcard). The head has a checksum of its own so that a damaged length cannot pass for an unfinished end.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::diagnosis::Diagnosis;
use crate::error::Damage;
use crate::layout::u32_at;

/// The same fact about some recipients of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// By index in the envelope.
    pub recipients: Vec<u32>,
    /// When it happened, wall clock.
    pub at: SystemTime,
    /// What happened.
    pub fact: Fact,
}

/// What happened to a recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// A server took the responsibility.
    Delivered,
    /// It will not be delivered; the sender must still be told (then [`Fact::Closed`]).
    Failed {
        /// Refused or too old.
        cause: Cause,
        /// The last thing heard.
        diagnosis: Diagnosis,
    },
    /// It will be tried again.
    Deferred {
        /// How often it was tried, this time included.
        attempts: u32,
        /// When to try again; None leaves it to the scheduler.
        next_attempt: Option<SystemTime>,
        /// The last thing heard.
        diagnosis: Diagnosis,
    },
    /// Failed, and the sender was told or is not to be told.
    Closed,
    /// The sender was told about the delay.
    Warned,
    /// To be tried at once: the operator asked for it.
    Requeued,
    /// A server took the responsibility; the sender must still be told (then [`Fact::Closed`]).
    Succeeded {
        /// What the sender is told.
        how: Success,
        /// What the server said.
        diagnosis: Diagnosis,
    },
}

/// How a recipient was served that the sender wants to hear of. RFC 3464 §2.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Success {
    /// Passed on to a server that tells nobody.
    Relayed,
    /// Passed on to whoever delivers it.
    Delivered,
    /// Nothing was passed on: a probe was told that it would be taken.
    Deliverable,
}

/// Why a recipient failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A permanent error.
    Refused,
    /// `maximal_queue_lifetime` or `bounce_queue_lifetime` is over.
    Expired,
}

impl Mark {
    /// A mark for one recipient.
    pub fn one(recipient: u32, at: SystemTime, fact: Fact) -> Self {
        Self { recipients: vec![recipient], at, fact }
    }
}

/// Appends the mark's octets. Texts are tidied ([`Diagnosis::tidy`]) so that a mark stays small.
pub(crate) fn encode(mark: &Mark, bytes: &mut Vec<u8>) -> Result<(), postcard::Error> {
    let payload = postcard::to_stdvec(mark)?;
    let length = u32::try_from(payload.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
    let head = bytes.len();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    let sum = crc32fast::hash(bytes.get(head..).unwrap_or_default());
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(&payload);
    Ok(())
}

/// The marks of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Each with its offset from the first.
    pub(crate) marks: Vec<(u64, Mark)>,
    /// Octets of whole marks.
    pub(crate) whole: u64,
    /// What follows is one unfinished mark.
    pub(crate) torn: bool,
}

/// Reads all marks. `bytes` begins at the first and ends at the end of the file.
///
/// Only the last may be unfinished: a write that stopped early, or whose octets a power failure left as zeros.
/// Errors: offset of the mark that is damaged in another way.
pub(crate) fn decode(bytes: &[u8]) -> Result<Marks, Damage> {
    let mut found = Marks::default();
    let mut position = 0;
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        let offset = u64::try_from(position).unwrap_or(u64::MAX);
        match decode_one(rest) {
            Next::Whole { mark, length } => {
                found.marks.push((offset, mark));
                position += length;
                found.whole = u64::try_from(position).unwrap_or(u64::MAX);
            }
            Next::Unfinished => {
                found.torn = true;
                break;
            }
            Next::Damaged => return Err(Damage::Mark(offset)),
        }
    }
    Ok(found)
}

enum Next {
    Whole { mark: Mark, length: usize },
    Unfinished,
    Damaged,
}

fn decode_one(bytes: &[u8]) -> Next {
    let (Some(length), Some(sum), Some(head_sum)) = (u32_at(bytes, 0), u32_at(bytes, 4), u32_at(bytes, 8))
    else {
        return Next::Unfinished;
    };
    if crc32fast::hash(bytes.get(..8).unwrap_or_default()) != head_sum {
        return if bytes.iter().all(|&octet| octet == 0) { Next::Unfinished } else { Next::Damaged };
    }
    let Some(end) = usize::try_from(length).ok().and_then(|length| length.checked_add(HEAD)) else {
        return Next::Damaged;
    };
    let Some(payload) = bytes.get(HEAD..end) else { return Next::Unfinished };
    if crc32fast::hash(payload) != sum {
        return if bytes.len() == end { Next::Unfinished } else { Next::Damaged };
    }
    match postcard::take_from_bytes::<Mark>(payload) {
        Ok((mark, [])) => Next::Whole { mark, length: end },
        _ => Next::Damaged,
    }
}

const HEAD: usize = 12;

#[cfg(test)]
mod tests;
