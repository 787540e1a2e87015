//! Arbitrary bytes as a `ToCache`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::cache::ToCache>(input));
