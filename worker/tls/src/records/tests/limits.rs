//! How long a key is used.

use super::super::{MARGIN, MAX_UPDATES, NotQuiet, RESERVE, RecordError, Renewal, Suite};
use super::peer::{hand_over, pair, read, record};
use std::collections::HashSet;

#[test]
fn gcm_keys_have_a_limit_and_chacha_keys_have_none() {
    for (suite, limit) in [(0x1301, 1 << 24), (0x1302, 1 << 24), (0xc02b, 1 << 24), (0xc030, 1 << 24)] {
        assert_eq!(Suite::find(suite).unwrap().limit, limit);
    }
    for suite in [0x1303, 0xcca8, 0xcca9] {
        assert_eq!(Suite::find(suite).unwrap().limit, u64::MAX);
    }
}

#[test]
fn tls13_renews_its_key_before_it_is_used_up() {
    for suite in [0x1301, 0x1302, 0x1303] {
        let limit = Suite::find(suite).unwrap().limit;
        let (mut client, mut server) = pair(suite, limit - RESERVE - 2);
        assert_eq!(client.is_quiet(), Ok(()));
        let mut out = Vec::new();
        client.seal(&vec![7; 16384 * 5], &mut out).unwrap();
        assert_eq!(client.send.seq(), 3, "two with the old key, three with the new one");
        assert_eq!(read(&mut server, &out).map(|read| read.0.len()), Ok(16384 * 5));
        client = hand_over(client);
        out.clear();
        client.seal(b"QUIT\r\n", &mut out).unwrap();
        assert_eq!(read(&mut server, &out), Ok((b"QUIT\r\n".to_vec(), vec![])));
    }
}

#[test]
fn tls12_stops_when_its_key_is_used_up() {
    for suite in [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca8, 0xcca9] {
        let limit = Suite::find(suite).unwrap().limit;
        let (mut client, _) = pair(suite, limit - RESERVE - 1);
        assert_eq!(client.is_quiet(), Err(NotQuiet::NearLimit));
        let mut out = Vec::new();
        client.seal(b"last", &mut out).unwrap();
        let length = out.len();
        assert_eq!(client.seal(b"too many", &mut out), Err(RecordError::Exhausted));
        assert_eq!(out.len(), length);
        assert_eq!(client.seal(b"", &mut out), Err(RecordError::Poisoned));
    }
}

#[test]
fn tls12_can_say_goodbye_at_its_limit_and_is_not_handed_over_near_it() {
    let limit = 1 << 24;
    let (mut client, mut server) = pair(0xc02f, limit - RESERVE);
    let mut out = Vec::new();
    client.seal_close_notify(&mut out).unwrap();
    assert_eq!(read(&mut server, &out), Ok((vec![], vec![])));
    assert_eq!(pair(0xc02f, limit - MARGIN).0.is_quiet(), Ok(()));
    assert_eq!(pair(0xc02f, limit - MARGIN + 1).0.is_quiet(), Err(NotQuiet::NearLimit));
}

#[test]
fn a_number_is_never_used_twice_even_when_there_is_none_left() {
    for suite in [0x1303, 0xcca8] {
        let (mut client, mut server) = pair(suite, u64::MAX);
        assert_eq!(client.seal_close_notify(&mut Vec::new()), Err(RecordError::Exhausted));
        server.send.seal(23, b"x", &mut Vec::new()).unwrap_err();
        client.poisoned = false;
        client.feed(&[23, 3, 3, 0, 40].iter().copied().chain([0; 40]).collect::<Vec<_>>());
        assert_eq!(client.open(&mut Vec::new()), Err(RecordError::Exhausted));
    }
}

#[test]
fn no_explicit_nonce_comes_twice_over_many_hands() {
    let (mut client, _) = pair(0xc02f, 0);
    let mut nonces = HashSet::new();
    for _ in 0..50 {
        let mut out = Vec::new();
        client.seal(b"NOOP\r\n", &mut out).unwrap();
        client.seal(b"NOOP\r\n", &mut out).unwrap();
        let (first, second) = out.split_at(out.len() / 2);
        assert!(nonces.insert(first[5..13].to_vec()) && nonces.insert(second[5..13].to_vec()));
        client = hand_over(client);
    }
}

#[test]
fn key_updates_without_data_are_bounded() {
    let (mut client, mut server) = pair(0x1302, 0);
    let updates = |server: &mut super::super::Records, client: &mut super::super::Records, number| {
        let mut wire = Vec::new();
        for _ in 0..number {
            server.seal_key_update(Renewal::Both, &mut wire).unwrap();
        }
        let (_, answers) = read(client, &wire)?;
        read(server, &answers).map(drop)
    };
    assert_eq!(updates(&mut server, &mut client, MAX_UPDATES), Ok(()));
    let data = record(&mut server, 23, b"250 ok\r\n");
    assert_eq!(read(&mut client, &data), Ok((b"250 ok\r\n".to_vec(), vec![])));
    server.updates = 0;
    assert_eq!(updates(&mut server, &mut client, MAX_UPDATES), Ok(()));
    assert_eq!(updates(&mut server, &mut client, 1), Err(RecordError::TooManyUpdates));
}
