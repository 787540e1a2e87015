//! Arbitrary bytes as the state of a TLS session, and as a deposit.
#![no_main]

use tls::handover::{DepositKey, DepositKeys};
use tls::records::{Opened, Records, TlsState};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let keys = DepositKeys { current: DepositKey::new(1, [1; 32]), previous: None };
    assert!(keys.open(&[b"mx"], input).is_err());
    assert!(keys.open(&[b"mx"], &[&1_u32.to_le_bytes()[..], input].concat()).is_err());

    let Ok(state) = postcard::from_bytes::<TlsState>(input) else { return };
    let own = postcard::to_stdvec(&state).expect("what was read can be written");
    if let Some((_, cut)) = own.split_last() {
        assert!(postcard::from_bytes::<TlsState>(cut).is_err(), "a cut state was accepted");
    }
    let Ok(mut records) = Records::from_state(state) else { return };
    let mut out = Vec::new();
    assert_eq!(records.open(&mut out), Ok(Opened::Nothing));
    if records.is_quiet().is_ok() {
        let again = records.into_state().expect("it was quiet");
        assert!(postcard::to_stdvec(&again).expect("it was written before") == own, "another state came out");
        records = Records::from_state(again).expect("it was taken up before");
    }
    let sealed = records.seal(b"QUIT\r\n", &mut out).is_ok();
    assert_eq!(sealed, !out.is_empty());
});
