//! What a write that stopped halfway left, in octets of plaintext.

use super::super::{NotQuiet, RecordError, Renewal};
use super::peer::{pair, read};
use crate::handshake::tests::peer::SUITES;
use proptest::prelude::*;

#[test]
fn a_record_of_which_any_octet_is_missing_counts_as_unwritten() {
    let (mut client, _) = pair(0x1301, 0);
    let mut out = Vec::new();
    client.seal(b"first", &mut out).unwrap();
    let first = out.len();
    client.seal_key_update(Renewal::Ours, &mut out).unwrap();
    let update = out.len();
    client.seal(b"the second", &mut out).unwrap();
    let lost = |written: usize| client.unwritten_plaintext(out.len() - written);
    assert_eq!(lost(out.len()), 0);
    assert_eq!(lost(out.len() - 1), 10);
    assert_eq!(lost(update), 10);
    assert_eq!(lost(update - 1), 10);
    assert_eq!(lost(first), 10);
    assert_eq!(lost(first - 1), 15);
    assert_eq!(lost(0), 15);
    assert_eq!(client.unwritten_plaintext(usize::MAX), 15);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// What the other side can read of the part that was written is exactly what does not count as unwritten.
    #[test]
    fn what_is_unwritten_is_what_the_other_side_cannot_read(
        suite in prop::sample::select(&SUITES[..]),
        lengths in prop::collection::vec(prop_oneof![0..40_usize, 16_380..16_390_usize, 0..65_536_usize], 1..6),
        at: prop::sample::Index,
    ) {
        let (mut client, mut server) = pair(suite, 7);
        let (mut out, mut total) = (Vec::new(), 0);
        for length in lengths.into_iter().take(3) {
            client.seal(&vec![b'x'; length], &mut out).unwrap();
            total += length;
        }
        let written = at.index(out.len() + 1);
        let (readable, _) = read(&mut server, &out[..written]).unwrap();
        prop_assert_eq!(readable.len() + client.unwritten_plaintext(out.len() - written), total);
    }
}

#[test]
fn what_left_long_ago_is_forgotten() {
    let (mut client, _) = pair(0xcca8, 0);
    for length in 0..100_000_usize {
        client.seal(&[0; 9][..1 + length % 7], &mut Vec::new()).unwrap();
    }
    assert!(client.unwritten_plaintext(usize::MAX) < 100_000);
    assert!(client.unwritten_plaintext(1) > 0);
}

#[test]
fn after_a_write_that_failed_the_last_words_are_heard_and_nothing_is_said() {
    for suite in SUITES {
        let (mut client, mut server) = pair(suite, 7);
        client.seal(b"half of this was written", &mut Vec::new()).unwrap();
        client.abandon();
        let mut wire = Vec::new();
        if client.protocol() == 0x0304 {
            server.seal_key_update(Renewal::Both, &mut wire).unwrap();
        }
        server.seal(b"552 too much\r\n", &mut wire).unwrap();
        assert_eq!(read(&mut client, &wire), Ok((b"552 too much\r\n".to_vec(), Vec::new())));
        let mut out = Vec::new();
        assert_eq!(client.seal(b"QUIT\r\n", &mut out), Err(RecordError::Poisoned));
        assert_eq!(client.seal_close_notify(&mut out), Err(RecordError::Poisoned));
        assert!(out.is_empty());
        assert_eq!(client.into_state().err(), Some(NotQuiet::Poisoned));
    }
}
