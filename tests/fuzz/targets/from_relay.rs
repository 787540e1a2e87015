//! Arbitrary bytes as a `FromRelay`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::control::FromRelay>(input));
