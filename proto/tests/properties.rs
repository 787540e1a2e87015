//! Every message survives its bytes, and no bytes at all make a decoder do anything but answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails shall say so"
)]

mod messages;

use proptest::prelude::*;
use proto::cache::{FromCache, ToCache};
use proto::control::{FromRelay, ToRelay};
use proto::job::{FromWorker, ToWorker};
use proto::packet::{self, MAX_PACKET, Packet, PacketError};
use proto::steward::{FromSteward, ToSteward};
use std::fmt::Debug;

fn encoded(message: &impl Packet) -> Vec<u8> {
    let mut bytes = vec![0xee; 3];
    packet::encode(message, &mut bytes).unwrap();
    bytes
}

/// What must hold for any message of any channel.
fn check<T: Packet + PartialEq + Debug>(message: &T) -> Result<(), TestCaseError> {
    let bytes = encoded(message);
    let descriptors = message.descriptors();
    prop_assert_eq!(&packet::decode::<T>(&bytes, descriptors).unwrap(), message);
    for length in 0..bytes.len() {
        let cut = packet::decode::<T>(&bytes[..length], descriptors);
        prop_assert!(matches!(cut, Err(PacketError::Malformed(_))), "cut at {length}: {cut:?}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    prop_assert_eq!(packet::decode::<T>(&longer, descriptors), Err(PacketError::Trailing(1)));
    for got in (0..4).filter(|got| *got != descriptors) {
        let refused = packet::decode::<T>(&bytes, got);
        prop_assert_eq!(refused, Err(PacketError::Descriptors { want: descriptors, got }));
    }
    Ok(())
}

/// Bytes from nowhere: an answer, and if it is a message, it is the one that its own bytes say again.
fn survives<T: Packet + PartialEq + Debug>(bytes: &[u8]) -> Result<(), TestCaseError> {
    for descriptors in 0..3 {
        if let Ok(message) = packet::decode::<T>(bytes, descriptors) {
            prop_assert_eq!(&packet::decode::<T>(&encoded(&message), descriptors).unwrap(), &message);
        }
    }
    Ok(())
}

/// The same for every channel.
macro_rules! properties {
    ($($name:ident: $message:ty;)*) => {
        $(mod $name {
            use super::*;
            proptest! {
                #![proptest_config(ProptestConfig {
                    failure_persistence: None,
                    ..ProptestConfig::default()
                })]

                #[test]
                fn survive_their_bytes(message in messages::$name()) {
                    check::<$message>(&message)?;
                }

                #[test]
                fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
                    survives::<$message>(&bytes)?;
                }

                #[test]
                fn damaged_messages_never_panic(
                    message in messages::$name(),
                    damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
                ) {
                    let mut bytes = encoded(&message);
                    for (place, value) in damage {
                        let place = place % bytes.len();
                        bytes[place] = value;
                    }
                    survives::<$message>(&bytes)?;
                }
            }
        })*
    };
}

properties! {
    to_cache: ToCache;
    from_cache: FromCache;
    to_steward: ToSteward;
    from_steward: FromSteward;
    to_worker: ToWorker;
    from_worker: FromWorker;
    to_relay: ToRelay;
    from_relay: FromRelay;
}

#[test]
fn what_does_not_fit_into_a_packet_is_neither_sent_nor_taken() {
    let huge = ToSteward::Flush(Some("x".repeat(MAX_PACKET)));
    let mut bytes = Vec::new();
    assert!(matches!(packet::encode(&huge, &mut bytes), Err(PacketError::TooLarge(_))));
    assert!(matches!(packet::decode::<ToSteward>(&bytes, 0), Err(PacketError::TooLarge(_))));
    let largest = ToSteward::Flush(Some("x".repeat(MAX_PACKET - 5)));
    packet::encode(&largest, &mut bytes).unwrap();
    assert_eq!(bytes.len(), MAX_PACKET);
    assert_eq!(packet::decode::<ToSteward>(&bytes, 0), Ok(largest));
}

#[test]
fn a_length_that_lies_allocates_nothing_to_speak_of() {
    // A list of 2^60 endpoints, then nothing.
    let bytes = [4, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    assert!(matches!(packet::decode::<ToCache>(&bytes, 0), Err(PacketError::Malformed(_))));
}
