//! Marks in a file: whole, unfinished, damaged.

use std::time::{Duration, SystemTime};

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::testing::{deferred, delivered, refused};

fn encoded(marks: &[Mark]) -> Vec<u8> {
    let mut bytes = Vec::new();
    marks.iter().for_each(|mark| encode(mark, &mut bytes).unwrap());
    bytes
}

fn read(bytes: &[u8]) -> Vec<Mark> {
    decode(bytes).unwrap().marks.into_iter().map(|(_, mark)| mark).collect()
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let diagnosis = (".{0,40}", ".{0,40}", proptest::option::of(".{0,40}"), proptest::option::of(".{0,40}"))
        .prop_map(|(status, reason, remote_mta, reply)| Diagnosis { status, reason, remote_mta, reply });
    let time = proptest::option::of((0..1_u64 << 40).prop_map(after_epoch));
    prop_oneof![
        Just(Fact::Delivered),
        Just(Fact::Closed),
        Just(Fact::Warned),
        Just(Fact::Requeued),
        diagnosis.clone().prop_map(|diagnosis| Fact::Failed { cause: Cause::Expired, diagnosis }),
        (any::<u32>(), time, diagnosis).prop_map(|(attempts, next_attempt, diagnosis)| Fact::Deferred {
            attempts,
            next_attempt,
            diagnosis
        }),
    ]
}

fn after_epoch(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

fn any_mark() -> impl Strategy<Value = Mark> {
    (vec(any::<u32>(), 0..5), 0..1_u64 << 50, any_fact()).prop_map(|(recipients, micros, fact)| Mark {
        recipients,
        at: after_epoch(micros),
        fact,
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(marks in vec(any_mark(), 0..8)) {
        let bytes = encoded(&marks);
        let found = decode(&bytes).unwrap();
        prop_assert_eq!(found.whole, bytes.len() as u64);
        prop_assert!(!found.torn);
        prop_assert_eq!(read(&bytes), marks);
    }

    #[test]
    fn a_cut_loses_only_the_mark_it_hits(marks in vec(any_mark(), 1..6), cut: prop::sample::Index) {
        let bytes = encoded(&marks);
        let cut = cut.index(bytes.len());
        let found = decode(&bytes[..cut]).unwrap();
        let whole = (0..marks.len()).rev().find(|&count| encoded(&marks[..count]).len() <= cut).unwrap();
        prop_assert_eq!(read(&bytes[..cut]), &marks[..whole]);
        prop_assert_eq!(found.whole as usize, encoded(&marks[..whole]).len());
        prop_assert_eq!(found.torn, found.whole as usize != cut);
    }

    #[test]
    fn any_octets_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn any_payload_with_right_checksums_is_read_without_panic(payload in vec(any::<u8>(), 0..200)) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes.extend_from_slice(&payload);
        let _ = decode(&bytes);
    }
}

#[test]
fn a_flipped_bit_never_makes_another_mark() {
    let marks = [deferred(0, 1, 0), refused(1, 5), delivered(0, 9)];
    let bytes = encoded(&marks);
    let last = encoded(&marks[..2]).len();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        match decode(&bad) {
            Ok(found) => {
                assert!(
                    bit / 8 >= last && found.torn,
                    "bit {bit}: only the last mark may pass for unfinished"
                );
                assert_eq!(read(&bad), &marks[..2]);
            }
            Err(damage) => assert!(matches!(damage, Damage::Mark(_))),
        }
    }
}

#[test]
fn zeros_that_a_power_failure_leaves_are_an_unfinished_mark() {
    let mut bytes = encoded(&[delivered(0, 0)]);
    let whole = bytes.len();
    bytes.resize(whole + 500, 0);
    let found = decode(&bytes).unwrap();
    assert_eq!((found.marks.len(), found.whole as usize, found.torn), (1, whole, true));
}

#[test]
fn garbage_behind_a_mark_is_damage() {
    let mut bytes = encoded(&[delivered(0, 0)]);
    let whole = bytes.len() as u64;
    bytes.extend_from_slice(b"not a mark, and not unfinished either");
    assert_eq!(decode(&bytes), Err(Damage::Mark(whole)));
}
