//! Records that come in two parts, cut at every octet, before and after the session changes hands.

use super::super::{NotQuiet, Opened};
use super::peer::{hand_over, pair, read, record};
use crate::handshake::tests::peer::{SUITES, connected};

#[test]
fn a_record_cut_at_any_octet_keeps_the_session_until_it_is_whole() {
    for suite in SUITES {
        let (established, mut server) = connected(suite);
        let mut client = established.records;
        server.say(b"250 first\r\n");
        assert_eq!(read(&mut client, &server.wire()), Ok((b"250 first\r\n".to_vec(), vec![])));
        server.say(b"250 ok\r\n");
        let wire = server.wire();
        for cut in 0..wire.len() {
            // The record is one and the same; each holder is the first to see it.
            let before = postcard::to_stdvec(&client.into_state().unwrap()).unwrap();
            let again = || super::super::Records::from_state(postcard::from_bytes(&before).unwrap()).unwrap();
            let mut holder = again();
            assert_eq!(read(&mut holder, &wire[..cut]), Ok((vec![], vec![])));
            let expected = if cut == 0 { Ok(()) } else { Err(NotQuiet::UnreadCiphertext(cut)) };
            assert_eq!(holder.is_quiet(), expected);
            let mut holder = if cut == 0 { hand_over(holder) } else { holder };
            assert_eq!(read(&mut holder, &wire[cut..]), Ok((b"250 ok\r\n".to_vec(), vec![])));
            hand_over(holder);
            client = again();
        }
    }
}

#[test]
fn a_key_update_cut_at_any_octet_is_answered_once() {
    for suite in [0x1301, 0x1302, 0x1303] {
        for cut in 0.. {
            let (mut client, mut server) = pair(suite, 3);
            let mut wire = Vec::new();
            server.seal_key_update(super::super::Renewal::Both, &mut wire).unwrap();
            server.seal(b"250 new key\r\n", &mut wire).unwrap();
            if cut > wire.len() {
                break;
            }
            let (mut plaintext, mut answer) = read(&mut client, &wire[..cut]).unwrap();
            if client.is_quiet().is_ok() {
                client = hand_over(client);
            }
            let rest = read(&mut client, &wire[cut..]).unwrap();
            plaintext.extend(rest.0);
            answer.extend(rest.1);
            assert_eq!(plaintext, b"250 new key\r\n");
            assert_eq!(answer.len(), 5 + 5 + 1 + 16, "one message in one record");
            client.seal(b"QUIT\r\n", &mut answer).unwrap();
            assert_eq!(read(&mut server, &answer), Ok((b"QUIT\r\n".to_vec(), vec![])));
        }
    }
}

#[test]
fn a_key_update_that_wants_no_answer_gets_none() {
    let (mut client, mut server) = pair(0x1301, 0);
    let mut wire = Vec::new();
    server.seal_key_update(super::super::Renewal::Ours, &mut wire).unwrap();
    server.seal(b"250 ok\r\n", &mut wire).unwrap();
    assert_eq!(read(&mut client, &wire), Ok((b"250 ok\r\n".to_vec(), vec![])));
    assert_eq!(client.receive.seq(), 1);
}

#[test]
fn a_message_in_two_records_keeps_the_session_until_it_is_whole() {
    let ticket = [&[4, 0, 0, 20][..], &[9; 20]].concat();
    for cut in 1..ticket.len() {
        let (mut client, mut server) = pair(0x1301, 0);
        let first = record(&mut server, 22, &ticket[..cut]);
        assert_eq!(read(&mut client, &first), Ok((vec![], vec![])));
        assert_eq!((client.is_quiet(), client.tickets()), (Err(NotQuiet::PartialMessage), 0));
        // The next ticket begins in the same record.
        let second = record(&mut server, 22, &[&ticket[cut..], &ticket[..]].concat());
        assert_eq!(read(&mut client, &second), Ok((vec![], vec![])));
        assert_eq!((client.is_quiet(), client.tickets()), (Ok(()), 2));
    }
}

#[test]
fn a_piece_that_was_used_in_part_comes_again() {
    let (mut client, mut server) = pair(0x1303, 0);
    let mut out = Vec::new();
    client.feed(&[record(&mut server, 23, b"220-a\r\n"), record(&mut server, 23, b"220 b\r\n")].concat());
    assert_eq!(client.open(&mut out), Ok(Opened::Plaintext(b"220-a\r\n")));
    client.take_back(3);
    assert_eq!(client.is_quiet(), Err(NotQuiet::UnreadPlaintext(3)));
    // Room is made and the piece moves.
    client.feed(&[]);
    assert!(client.read_buffer().len() >= 2048);
    assert_eq!(client.open(&mut out), Ok(Opened::Plaintext(b"a\r\n")));
    assert_eq!(client.open(&mut out), Ok(Opened::Plaintext(b"220 b\r\n")));
    assert_eq!(client.open(&mut out), Ok(Opened::Nothing));
}
