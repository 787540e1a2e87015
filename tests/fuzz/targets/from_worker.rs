//! Arbitrary bytes as a `FromWorker`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::job::FromWorker>(input));
