//! Arbitrary bytes as a `ToWorker`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| baton_fuzz::channel::<proto::job::ToWorker>(input));
