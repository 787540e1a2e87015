//! Arbitrary bytes as a `FromSteward`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::steward::FromSteward>(input));
