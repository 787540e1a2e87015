//! The octets that travel: small, complete, and worth nothing when altered.

use super::super::{RecordError, Records, TlsState};
use super::peer::pair;
use crate::handshake::tests::peer::{SUITES, connected};
use proptest::prelude::*;

fn encoded(suite: u16) -> Vec<u8> {
    postcard::to_stdvec(&connected(suite).0.records.into_state().unwrap()).unwrap()
}

#[test]
fn a_state_is_small() {
    for suite in SUITES {
        assert!(encoded(suite).len() <= 120, "{suite:#x}: {}", encoded(suite).len());
        let (records, _) = pair(suite, u64::from(u32::MAX));
        assert!(suite >= 0x1400 || postcard::to_stdvec(&records.into_state().unwrap()).unwrap().len() <= 120);
    }
}

#[test]
fn a_state_is_taken_up_as_it_was_left() {
    for suite in SUITES {
        let octets = encoded(suite);
        let state: TlsState = postcard::from_bytes(&octets).unwrap();
        let again = Records::from_state(state).unwrap().into_state().unwrap();
        assert_eq!(postcard::to_stdvec(&again).unwrap(), octets);
    }
}

#[test]
fn a_state_that_is_cut_is_no_state() {
    let octets = encoded(0x1302);
    for length in 0..octets.len() {
        assert!(postcard::from_bytes::<TlsState>(&octets[..length]).is_err());
    }
}

#[test]
fn another_version_suite_or_length_is_not_taken_up() {
    for suite in SUITES {
        let mut octets = encoded(suite);
        octets[0] = 2;
        let state = postcard::from_bytes::<TlsState>(&octets).unwrap();
        assert_eq!(Records::from_state(state).err(), Some(RecordError::UnknownState));
    }
    // The number of the suite begins at 1, seven bits each: 0x1302 with secrets of SHA-256, 0x1304, which is not ours.
    for low in [0x82, 0x84] {
        let mut octets = encoded(0x1301);
        octets[1] = low;
        let state = postcard::from_bytes::<TlsState>(&octets).unwrap();
        assert_eq!(Records::from_state(state).err(), Some(RecordError::UnknownState));
    }
}

#[test]
fn nothing_secret_is_printed() {
    for suite in SUITES {
        let (records, _) = pair(suite, 9);
        let shown = format!("{records:?}");
        let state = records.into_state().unwrap();
        assert_eq!(
            format!("{state:?}"),
            format!("TlsState {{ suite: {suite:#06x}, sent: 9, received: 9, .. }}")
        );
        assert!(shown.contains("sent: 9") && !shown.contains("1, 1, 1"), "{shown}");
        assert_eq!(format!("{:?}", state.send.secret), "***");
    }
}

proptest! {
    #[test]
    fn arbitrary_octets_are_no_state_or_one_that_can_be_refused(octets in prop::collection::vec(any::<u8>(), 0..150)) {
        if let Ok(state) = postcard::from_bytes::<TlsState>(&octets) {
            let _ = Records::from_state(state);
        }
    }
}
