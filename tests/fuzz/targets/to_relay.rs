//! Arbitrary bytes as a `ToRelay`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::control::ToRelay>(input));
