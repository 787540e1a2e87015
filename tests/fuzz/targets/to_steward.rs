//! Arbitrary bytes as a `ToSteward`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::steward::ToSteward>(input));
