//! Tests of the handshake against a rustls server in memory.

mod hazards;
pub(crate) mod peer;

use super::{Handshake, HandshakeError, Step};
use crate::provider::provider;
use crate::records::{NotQuiet, Opened};
use peer::{NAME, SUITES, Server, client_config, connected, server_config, shake};
use proptest::prelude::*;
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use std::sync::Arc;

#[test]
fn every_suite_gives_a_session_that_a_rustls_server_understands() {
    for suite in SUITES {
        let (mut client, mut server) = connected(suite);
        let protocol = if suite < 0x1400 { 0x0304 } else { 0x0303 };
        assert_eq!((client.negotiated.suite, client.negotiated.protocol), (suite, protocol));
        assert_eq!((client.records.suite(), client.records.protocol()), (suite, protocol));
        assert_eq!(client.negotiated.chain, [peer::certificate(suite)]);
        assert_ne!(client.negotiated.group, 0);
        let mut out = Vec::new();
        client.records.seal(b"EHLO here\r\n", &mut out).unwrap();
        server.take(&out);
        assert_eq!(server.heard(), b"EHLO here\r\n");
        server.say(b"250 there\r\n");
        client.records.feed(&server.wire());
        assert_eq!(client.records.open(&mut out), Ok(Opened::Plaintext(b"250 there\r\n")));
        assert_eq!(client.records.open(&mut out), Ok(Opened::Nothing));
        assert_eq!(client.records.is_quiet(), Ok(()));
        assert_eq!(client.records.tickets(), if protocol == 0x0304 { 2 } else { 0 });
    }
}

#[test]
fn octets_may_come_one_at_a_time() {
    for suite in [0x1302, 0xc02f] {
        let mut server = Server::new(server_config(suite));
        let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
        let mut coming = Vec::new().into_iter();
        loop {
            let mut out = Vec::new();
            match client.next(&mut out).unwrap() {
                Step::Write => server.take(&out),
                Step::Read => {
                    coming = if coming.len() == 0 { server.wire().into_iter() } else { coming };
                    client.feed(&[coming.next().unwrap()]);
                }
                Step::Done => break,
            }
        }
        assert_eq!(client.finish().unwrap().negotiated.suite, suite);
    }
}

#[test]
fn a_greeting_that_came_with_the_handshake_is_opened_first() {
    let mut config = server_config(0x1301);
    config.send_half_rtt_data = true;
    let mut server = Server::new(config);
    server.say(b"220 ready\r\n");
    let client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let mut records = shake(client, &mut server).unwrap().records;
    assert!(matches!(records.is_quiet(), Err(NotQuiet::UnreadCiphertext(_))));
    server.say(b"250 next\r\n");
    records.feed(&server.wire());
    let mut out = Vec::new();
    assert_eq!(records.open(&mut out), Ok(Opened::Plaintext(b"220 ready\r\n")));
    assert_eq!(records.open(&mut out), Ok(Opened::Plaintext(b"250 next\r\n")));
}

#[test]
fn a_part_of_a_record_that_came_with_the_handshake_is_kept() {
    let mut config = server_config(0x1303);
    config.send_half_rtt_data = true;
    let mut server = Server::new(config);
    server.say(b"220 ready\r\n");
    let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let mut out = Vec::new();
    assert_eq!(client.next(&mut out).unwrap(), Step::Write);
    server.take(&out);
    let flight = server.wire();
    let (now, later) = flight.split_at(flight.len() - 3);
    client.feed(now);
    let mut records = shake(client, &mut server).unwrap().records;
    assert_eq!(records.open(&mut out), Ok(Opened::Nothing));
    records.feed(later);
    assert_eq!(records.open(&mut out), Ok(Opened::Plaintext(b"220 ready\r\n")));
}

#[test]
fn the_name_of_the_server_is_sent_if_there_is_one() {
    for name in [Some(NAME), None] {
        let mut server = Server::new(server_config(0x1301));
        shake(Handshake::new(&client_config(), name).unwrap(), &mut server).unwrap();
        assert_eq!(server.0.server_name(), name);
    }
    let odd = Handshake::new(&client_config(), Some("not a name"));
    assert!(matches!(odd, Err(HandshakeError::Name(name)) if name == "not a name"));
}

#[test]
fn what_is_not_tls_is_refused_by_its_first_octets() {
    let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let mut out = Vec::new();
    assert_eq!(client.next(&mut out).unwrap(), Step::Write);
    assert_eq!(client.next(&mut out).unwrap(), Step::Read);
    client.feed(b"454 4.7.0 TLS not available\r\n");
    assert!(matches!(client.next(&mut out), Err(HandshakeError::Tls(rustls::Error::InvalidMessage(_)))));
    assert!(client.next(&mut out).is_err(), "it failed once");
}

#[test]
fn an_alert_of_the_server_is_told() {
    let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let mut out = Vec::new();
    client.next(&mut out).unwrap();
    client.feed(&[21, 3, 3, 0, 2, 2, 40]);
    let Err(HandshakeError::Tls(error)) = client.next(&mut out) else { panic!("no error") };
    assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::HandshakeFailure));
}

#[test]
fn a_configuration_that_refuses_the_certificate_has_an_alert_for_the_server() {
    let mut roots = RootCertStore::empty();
    roots.add(peer::certificate(0xc02f)).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    for suite in [0x1301, 0xc02b] {
        let mut server = Server::new(server_config(suite));
        let mut client = Handshake::new(&config, Some(NAME)).unwrap();
        let mut out = Vec::new();
        assert_eq!(client.next(&mut out).unwrap(), Step::Write);
        server.take(&std::mem::take(&mut out));
        client.feed(&server.wire());
        let error = loop {
            match client.next(&mut out) {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, HandshakeError::Tls(rustls::Error::InvalidCertificate(_))), "{error}");
        let mut rest = &out[..];
        server.0.read_tls(&mut rest).unwrap();
        assert!(matches!(server.0.process_new_packets(), Err(rustls::Error::AlertReceived(_))));
    }
}

#[test]
fn a_server_that_talks_on_and_on_is_left() {
    let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    let mut out = Vec::new();
    client.next(&mut out).unwrap();
    for _ in 0..20 {
        client.feed(&[0; 16 * 1024]);
    }
    assert!(matches!(client.next(&mut out), Err(HandshakeError::TooLong)));
}

#[test]
fn nothing_comes_of_a_handshake_that_is_not_done() {
    let client = Handshake::new(&client_config(), Some(NAME)).unwrap();
    assert!(matches!(client.finish(), Err(HandshakeError::UnsupportedState(_))));
}

#[test]
fn resumption_is_not_tried_whatever_the_configuration_says() {
    // TLS 1.2 would take up a session of its number; TLS 1.3 needs a ticket, which rustls is never shown.
    for suite in [0x1301, 0xc02f] {
        let config = client_config();
        let shared = Arc::new(server_config(suite));
        for _ in 0..2 {
            let mut server = Server::new(shared.clone());
            let client = Handshake::new(&config, Some(NAME)).unwrap();
            let mut records = shake(client, &mut server).unwrap().records;
            records.feed(&server.wire());
            assert_eq!(records.open(&mut Vec::new()), Ok(Opened::Nothing));
            assert_eq!(server.0.handshake_kind(), Some(rustls::HandshakeKind::Full));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The octets of a true server, with one of them changed or none: a session or an error, never a panic.
    #[test]
    fn altered_flights_are_refused(suite in prop::sample::select(&SUITES[..]), at in 0..4000_usize, flip: u8) {
        let mut server = Server::new(server_config(suite));
        let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
        let mut out = Vec::new();
        client.next(&mut out).unwrap();
        server.take(&out);
        let mut flight = server.wire();
        let at = at % flight.len();
        flight[at] ^= flip;
        client.feed(&flight);
        out.clear();
        for _ in 0..8 {
            if client.next(&mut out).is_err() {
                break;
            }
        }
        // Only what no tag and no signature covers may be altered: the session is the true one then.
        if let Ok(mut established) = client.finish() {
            established.records.seal(b"NOOP", &mut out).unwrap();
            server.take(&out);
            prop_assert_eq!(server.heard(), b"NOOP");
        }
    }

    #[test]
    fn arbitrary_octets_are_no_session(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6)) {
        let mut client = Handshake::new(&client_config(), Some(NAME)).unwrap();
        let mut out = Vec::new();
        for piece in pieces {
            client.feed(&[&[22, 3, 3], &piece[..]].concat());
            while let Ok(Step::Write) = client.next(&mut out) {}
        }
        prop_assert!(client.finish().is_err());
    }
}
