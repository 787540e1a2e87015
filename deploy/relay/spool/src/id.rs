//! Queue ids: names of messages in files, logs and commands.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a message for as long as anyone remembers it.
///
/// 1 to 64 characters of `[0-9A-Za-z]`; anyone but the spool treats it as an opaque word. Those made here have the
/// shape of Postfix's long queue ids (time to the microsecond, `z`, inode), so that log tools know them and plain
/// text order is order of arrival.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(Arc<str>);

/// The text is not a queue id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a queue id: {0:?} (1 to 64 letters and digits)")]
pub struct BadQueueId(pub String);

impl QueueId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Time and inode make an id that no other file of this spool has or had.
    pub(crate) fn mint(micros: u64, inode: u64) -> Self {
        let mut text = String::with_capacity(24);
        digits(&mut text, micros / 1_000_000, 52, SECONDS_WIDTH);
        digits(&mut text, micros % 1_000_000, 52, MICROS_WIDTH);
        text.push('z');
        digits(&mut text, inode, 51, 1);
        Self(text.into())
    }

    /// Which of the 256 queue folders holds the message: two hexadecimal digits.
    pub(crate) fn shard(&self) -> String {
        format!("{:02x}", crc32fast::hash(self.0.as_bytes()) & 0xff)
    }
}

/// Most significant digit first, padded with `0` to `width`.
fn digits(text: &mut String, mut value: u64, base: u64, width: usize) {
    let mut reversed = Vec::with_capacity(12);
    while value > 0 || reversed.len() < width {
        let digit = usize::try_from(value % base).unwrap_or(0);
        reversed.push(ALPHABET.get(digit).copied().unwrap_or(b'0'));
        value /= base;
    }
    text.extend(reversed.iter().rev().map(|&octet| char::from(octet)));
}

impl FromStr for QueueId {
    type Err = BadQueueId;

    fn from_str(text: &str) -> Result<Self, BadQueueId> {
        let well_formed = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if well_formed { Ok(Self(text.into())) } else { Err(BadQueueId(text.chars().take(80).collect())) }
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// No vowels, so that no id is a word; in ASCII order, so that text order is number order.
const ALPHABET: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
/// 52^6 seconds reach beyond the year 2500.
const SECONDS_WIDTH: usize = 6;
/// 52^4 is more than a million.
const MICROS_WIDTH: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_order_is_order_of_arrival(a in 0u64..1u64 << 53, b in 0u64..1u64 << 53, inode: u64, other: u64) {
            prop_assume!(a < b);
            prop_assert!(QueueId::mint(a, inode) < QueueId::mint(b, other));
        }

        #[test]
        fn different_inodes_give_different_ids(micros in 0u64..1u64 << 53, a: u64, b: u64) {
            prop_assert_eq!(QueueId::mint(micros, a) == QueueId::mint(micros, b), a == b);
        }

        #[test]
        fn minted_ids_are_accepted_as_text(micros: u64, inode: u64) {
            let id = QueueId::mint(micros, inode);
            prop_assert_eq!(id.as_str().parse::<QueueId>().unwrap(), id);
        }
    }

    #[test]
    fn nothing_that_could_be_a_path_or_a_line_is_an_id() {
        for text in ["", ".", "..", "a/b", "a b", "a\nb", "a\0", "é", &"a".repeat(65)] {
            assert!(text.parse::<QueueId>().is_err(), "{text:?}");
        }
    }
}
