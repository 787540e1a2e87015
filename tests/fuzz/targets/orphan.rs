//! Arbitrary bytes as a result file, and as the body of a record whose check sum is right.
#![no_main]

use proto::orphan::{self, OrphanRecord};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    read(input);
    let body = input.get(..orphan::MAX_RECORD).unwrap_or(input);
    let length = u32::try_from(body.len()).expect("bounded").to_le_bytes();
    read(&[&length[..], &baton_fuzz::crc32(body).to_le_bytes(), body].concat());
});

/// Reads to the end; every record says the same again in its own bytes.
fn read(mut bytes: &[u8]) {
    while let Ok(Some((record, rest))) = orphan::decode(bytes) {
        let again: OrphanRecord = record;
        let own = orphan::encode(&again).expect("what was read can be written");
        assert_eq!(orphan::decode(&own), Ok(Some((again, &[][..]))));
        bytes = rest;
    }
}
