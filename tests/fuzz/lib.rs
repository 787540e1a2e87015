//! What every fuzz target of a channel checks.

use proto::packet::{self, Packet};
use std::fmt::Debug;

/// Decodes `input` (its first byte is the number of descriptors). Whatever is accepted must say the same again
/// in its own bytes, and no prefix of those bytes is a message.
pub fn channel<T: Packet + PartialEq + Debug>(input: &[u8]) {
    let Some((descriptors, bytes)) = input.split_first() else { return };
    let Ok(message) = packet::decode::<T>(bytes, usize::from(descriptors % 4)) else { return };
    let mut again = Vec::new();
    packet::encode(&message, &mut again).expect("what came in a packet fits into one");
    let decoded = packet::decode::<T>(&again, message.descriptors()).expect("own bytes decode");
    assert_eq!(decoded, message);
    if let Some((_, prefix)) = again.split_last() {
        assert!(packet::decode::<T>(prefix, message.descriptors()).is_err(), "a cut message was accepted");
    }
}

/// CRC-32 as in a result file, so that the fuzzer gets past it.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}
