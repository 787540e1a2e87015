//! The bytes of every message at this VERSION, in `golden.txt`: they change only together with it.
//!
//! `GOLDEN=write cargo test -p baton-proto --test golden` writes the file anew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails shall say so"
)]

mod examples;

use proto::orphan;
use proto::packet::{self, Packet, PacketError};
use std::collections::BTreeSet;
use std::fmt::{Debug, Write};
use std::path::Path;

const ADVICE: &str = "The bytes of messages differ from tests/golden.txt. Processes of two releases would \
     misunderstand one another. If this is meant: raise proto::VERSION, then run \
     `GOLDEN=write cargo test -p baton-proto --test golden` and commit the file.";

#[test]
fn bytes_change_only_with_the_version() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden.txt");
    let now = golden();
    if std::env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&path, &now).unwrap();
    }
    let then = std::fs::read_to_string(&path).unwrap_or_default();
    let (mut then_lines, mut now_lines) = (then.lines(), now.lines());
    loop {
        match (then_lines.next(), now_lines.next()) {
            (None, None) => break,
            (then, now) => assert!(then == now, "\n{ADVICE}\n\nthen: {then:?}\n\nnow:  {now:?}\n"),
        }
    }
}

fn golden() -> String {
    let mut text = format!("VERSION {}\n", proto::VERSION);
    channel(&mut text, "ToCache", &examples::to_cache());
    channel(&mut text, "FromCache", &examples::from_cache());
    channel(&mut text, "ToSteward", &examples::to_steward());
    channel(&mut text, "FromSteward", &examples::from_steward());
    channel(&mut text, "ToWorker", &examples::to_worker());
    channel(&mut text, "FromWorker", &examples::from_worker());
    channel(&mut text, "ToRelay", &examples::to_relay());
    channel(&mut text, "FromRelay", &examples::from_relay());
    line(&mut text, "OrphanRecord 0", &orphan::encode(&examples::orphan()).unwrap());
    text
}

/// One line for each message: what it is, how many descriptors travel with it, its bytes.
fn channel<T: Packet + Debug>(text: &mut String, name: &str, messages: &[T]) {
    let mut variants = BTreeSet::new();
    for message in messages {
        let mut bytes = Vec::new();
        packet::encode(message, &mut bytes).unwrap();
        variants.insert(bytes[0]);
        let debug = format!("{message:?}");
        let variant = debug.split(|char: char| !char.is_alphanumeric()).next().unwrap();
        line(text, &format!("{name}::{variant} {}", message.descriptors()), &bytes);
    }
    let count = u8::try_from(variants.len()).unwrap();
    assert_eq!(variants, (0..count).collect(), "{name}: an example of every variant, please");
    assert!(!exists::<T>(count), "{name} has a variant number {count} without an example");
}

fn line(text: &mut String, head: &str, bytes: &[u8]) {
    write!(text, "{head} ").unwrap();
    bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
    text.push('\n');
}

/// Whether a message of this number can be decoded at all: zeroes are a value of every field there is.
fn exists<T: Packet>(variant: u8) -> bool {
    let mut bytes = vec![0; 4096];
    bytes[0] = variant;
    match packet::decode::<T>(&bytes, 0) {
        Err(PacketError::Malformed(_)) => false,
        Ok(_) | Err(_) => true,
    }
}

#[test]
fn the_search_for_variants_finds_those_that_exist() {
    assert!(exists::<proto::cache::ToCache>(4) && !exists::<proto::cache::ToCache>(5));
    assert!(exists::<proto::job::ToWorker>(3) && exists::<proto::control::FromRelay>(5));
}
