//! Arbitrary bytes as a `FromCache`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::cache::FromCache>(input));
