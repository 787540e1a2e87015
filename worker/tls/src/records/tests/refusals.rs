//! What a server must not send, and that nothing is sealed or opened after it.

use super::super::protection::{ALERT, DATA, HANDSHAKE, MAX_PLAINTEXT};
use super::super::{MAX_UPDATES, NotQuiet, Opened, RecordError, Records, Renewal};
use super::peer::{pair, read, record};
use crate::handshake::tests::peer::SUITES;
use proptest::prelude::*;

/// What `client` says to the records in `wire`; whatever it is, it is the end.
fn refused(mut client: Records, wire: &[u8]) -> RecordError {
    let error = read(&mut client, wire).unwrap_err();
    let mut out = Vec::new();
    assert_eq!(client.open(&mut out), Err(RecordError::Poisoned));
    assert_eq!(client.seal(b"x", &mut out), Err(RecordError::Poisoned));
    assert_eq!(client.seal_close_notify(&mut out), Err(RecordError::Poisoned));
    assert_eq!(client.seal_key_update(Renewal::Ours, &mut out), Err(RecordError::Poisoned));
    assert_eq!(out, []);
    assert_eq!(client.is_quiet(), Err(NotQuiet::Poisoned));
    assert_eq!(client.into_state().err(), Some(NotQuiet::Poisoned));
    error
}

/// What becomes of these contents, one record each.
fn answer(suite: u16, contents: &[(u8, &[u8])]) -> RecordError {
    let (client, mut server) = pair(suite, 5);
    let wire: Vec<u8> =
        contents.iter().flat_map(|(content, plaintext)| record(&mut server, *content, plaintext)).collect();
    refused(client, &wire)
}

#[test]
fn a_record_with_any_bit_changed_is_not_opened() {
    for suite in SUITES {
        let (_, mut server) = pair(suite, 5);
        let wire = record(&mut server, DATA, b"250 ok\r\n");
        for at in 5..wire.len() {
            let mut altered = wire.clone();
            altered[at] ^= 0x10;
            assert_eq!(refused(pair(suite, 5).0, &altered), RecordError::NotAuthentic);
        }
        assert_eq!(refused(pair(suite, 6).0, &wire), RecordError::NotAuthentic, "lost or repeated");
    }
}

#[test]
fn records_shorter_than_their_tag_are_refused() {
    for suite in SUITES {
        for length in 0..17 {
            let wire = [&[DATA, 3, 3, 0, length][..], &vec![0; usize::from(length)]].concat();
            assert_eq!(refused(pair(suite, 0).0, &wire), RecordError::NotAuthentic);
        }
    }
}

#[test]
fn what_is_no_record_is_refused_by_its_first_octets() {
    assert_eq!(refused(pair(0x1301, 0).0, b"421 4.4.2 timeout\r\n"), RecordError::NotTls);
    assert_eq!(refused(pair(0x1301, 0).0, &[19]), RecordError::NotTls);
    assert_eq!(refused(pair(0x1301, 0).0, &[24]), RecordError::NotTls);
    assert_eq!(refused(pair(0xc02f, 0).0, &[23, 2]), RecordError::NotTls);
    assert_eq!(refused(pair(0xc02f, 0).0, &[23, 3, 1]), RecordError::NotTls);
    assert_eq!(refused(pair(0x1301, 0).0, &[23, 3, 3, 0x41, 1]), RecordError::TooLong);
    assert_eq!(refused(pair(0xc02f, 0).0, &[23, 3, 3, 0x48, 1]), RecordError::TooLong);
}

#[test]
fn the_longest_record_is_opened_and_no_longer_one() {
    for suite in SUITES {
        let (mut client, mut server) = pair(suite, 0);
        let longest = record(&mut server, DATA, &vec![b'x'; MAX_PLAINTEXT]);
        assert_eq!(read(&mut client, &longest).map(|read| read.0.len()), Ok(MAX_PLAINTEXT));
        let mut out = Vec::new();
        let too_long = server.send.seal(DATA, &vec![b'x'; MAX_PLAINTEXT + 1], &mut out);
        assert_eq!((too_long, out), (Err(RecordError::NotSealed), vec![]));
    }
}

#[test]
fn record_types_that_have_no_place_are_refused() {
    let ccs = [20, 3, 3, 0, 1, 1];
    assert_eq!(refused(pair(0x1301, 0).0, &ccs), RecordError::UnexpectedType(20));
    assert_eq!(refused(pair(0x1301, 0).0, &[21, 3, 3, 0, 2, 2, 40]), RecordError::UnexpectedType(21));
    assert_eq!(refused(pair(0xc02f, 0).0, &[21, 3, 3, 0, 2, 2, 40]), RecordError::NotAuthentic);
    assert_eq!(answer(0x1301, &[(20, &[1])]), RecordError::UnexpectedType(20));
    assert_eq!(answer(0xc02f, &[(20, &[1])]), RecordError::UnexpectedType(20));
    assert_eq!(answer(0x1301, &[(24, &[1])]), RecordError::UnexpectedType(24));
    assert_eq!(answer(0x1302, &[(0, &[])]), RecordError::Malformed, "padding and nothing else");
}

#[test]
fn tls12_handshake_messages_are_refused() {
    for suite in [0xc02f, 0xcca8] {
        assert_eq!(answer(suite, &[(HANDSHAKE, &[0, 0, 0, 0])]), RecordError::Renegotiation);
    }
}

#[test]
fn handshake_messages_other_than_tickets_and_key_updates_are_refused() {
    assert_eq!(answer(0x1301, &[(HANDSHAKE, &[13, 0, 0, 0])]), RecordError::UnexpectedMessage(13));
    assert_eq!(answer(0x1301, &[(HANDSHAKE, &[1])]), RecordError::UnexpectedMessage(1));
    assert_eq!(answer(0x1301, &[(HANDSHAKE, &[])]), RecordError::Malformed);
    assert_eq!(answer(0x1301, &[(HANDSHAKE, &[4, 1, 0, 1])]), RecordError::Malformed, "a huge ticket");
}

#[test]
fn a_key_update_must_end_its_record() {
    for message in [&[24, 0, 0, 1, 0, 4][..], &[24, 0, 0, 1, 2], &[24, 0, 0, 2, 0, 0], &[24, 0, 0, 0]] {
        assert_eq!(answer(0x1301, &[(HANDSHAKE, message)]), RecordError::Malformed);
    }
}

#[test]
fn nothing_may_come_between_the_parts_of_a_message() {
    for (content, plaintext) in [(DATA, &b"250 ok\r\n"[..]), (ALERT, &[1, 0])] {
        let parts: [(u8, &[u8]); 2] = [(HANDSHAKE, &[4, 0, 0, 9, 1]), (content, plaintext)];
        assert_eq!(answer(0x1301, &parts), RecordError::UnexpectedType(content));
    }
}

#[test]
fn alerts_end_the_session() {
    for suite in [0x1301, 0xc02f] {
        assert_eq!(answer(suite, &[(ALERT, &[2, 80])]), RecordError::Alert(80));
        assert_eq!(answer(suite, &[(ALERT, &[1, 90])]), RecordError::Alert(90));
        assert_eq!(answer(suite, &[(ALERT, &[])]), RecordError::Malformed);
        assert_eq!(answer(suite, &[(ALERT, &[1, 0, 0])]), RecordError::Malformed);
    }
}

#[test]
fn nothing_is_read_after_close_notify() {
    for suite in SUITES {
        let (mut client, mut server) = pair(suite, 0);
        let mut wire = record(&mut server, DATA, b"221 bye\r\n");
        server.seal_close_notify(&mut wire).unwrap();
        client.feed(&[&wire[..], b"anything"].concat());
        let mut out = Vec::new();
        assert_eq!(client.open(&mut out), Ok(Opened::Plaintext(b"221 bye\r\n")));
        assert_eq!(client.open(&mut out), Ok(Opened::Closed));
        assert_eq!(client.open(&mut out), Ok(Opened::Closed));
        assert_eq!(client.is_quiet(), Err(NotQuiet::Closed));
        client.seal_close_notify(&mut out).unwrap();
        assert_eq!(read(&mut server, &out), Ok((vec![], vec![])));
    }
}

#[test]
fn nothing_is_sealed_after_our_own_close_notify() {
    let (mut client, mut server) = pair(0x1301, 0);
    let mut out = Vec::new();
    client.seal_close_notify(&mut out).unwrap();
    let length = out.len();
    client.seal_close_notify(&mut out).unwrap();
    assert_eq!(client.seal(b"x", &mut out), Err(RecordError::Closed));
    let mut wire = Vec::new();
    server.seal_key_update(Renewal::Both, &mut wire).unwrap();
    server.seal(b"221 bye\r\n", &mut wire).unwrap();
    assert_eq!(read(&mut client, &wire), Ok((b"221 bye\r\n".to_vec(), vec![])));
    assert_eq!(out.len(), length);
    assert_eq!(client.into_state().err(), Some(NotQuiet::Closed));
}

#[test]
fn empty_records_are_bounded() {
    for suite in [0x1301, 0xc02f] {
        let empty: Vec<(u8, &[u8])> = vec![(DATA, b""); MAX_UPDATES as usize + 1];
        assert_eq!(answer(suite, &empty), RecordError::TooManyUpdates);
    }
}

#[test]
fn tls12_has_no_key_updates() {
    let (mut client, _) = pair(0xc02f, 0);
    let mut out = Vec::new();
    assert_eq!(client.seal_key_update(Renewal::Ours, &mut out), Err(RecordError::NoKeyUpdate));
    assert_eq!(out, []);
}

proptest! {
    #[test]
    fn arbitrary_octets_never_open(
        suite in prop::sample::select(&SUITES[..]),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..8),
    ) {
        let (mut client, _) = pair(suite, 0);
        for piece in pieces {
            let found = read(&mut client, &[&[23, 3, 3, 0][..], &piece].concat());
            prop_assert!(found.is_err() || found == Ok((vec![], vec![])));
        }
    }
}
