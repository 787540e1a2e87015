//! Sessions of every kind of event in any order, against a rustls server: every octet arrives once, in order.

use super::super::suite::Form;
use super::super::{NotQuiet, Opened, Records, Renewal};
use super::peer::hand_over;
use crate::handshake::tests::peer::{SUITES, Server, connected};
use proptest::prelude::*;
use rustls::ConnectionTrafficSecrets;

#[derive(Debug, Clone)]
enum Event {
    /// The client writes.
    Write(usize),
    /// The server writes; its octets wait on the way.
    Say(usize),
    /// The next so many octets on the way arrive.
    Arrive(usize),
    HandOver,
    OwnUpdate(Renewal),
    PeerUpdate,
}

fn event() -> impl Strategy<Value = Event> {
    let length = || prop_oneof![4 => 0..200_usize, 1 => 16_380..16_390_usize, 1 => 0..70_000_usize];
    prop_oneof![
        3 => length().prop_map(Event::Write),
        3 => length().prop_map(Event::Say),
        6 => prop_oneof![0..60_usize, 0..5_000_usize, Just(1 << 20)].prop_map(Event::Arrive),
        4 => Just(Event::HandOver),
        1 => prop_oneof![Just(Renewal::Ours), Just(Renewal::Both)].prop_map(Event::OwnUpdate),
        1 => Just(Event::PeerUpdate),
    ]
}

/// Both sides, the way from the server, and what each side should hear and has heard.
struct Scene {
    client: Records,
    server: Server,
    way: Vec<u8>,
    written: Vec<u8>,
    said: Vec<u8>,
    heard_by_server: Vec<u8>,
    heard_by_client: Vec<u8>,
}

impl Scene {
    fn new(suite: u16) -> Self {
        let (established, server) = connected(suite);
        Self {
            client: established.records,
            server,
            way: Vec::new(),
            written: Vec::new(),
            said: Vec::new(),
            heard_by_server: Vec::new(),
            heard_by_client: Vec::new(),
        }
    }

    /// Octets that tell their place.
    fn text(from: usize, length: usize) -> Vec<u8> {
        (from..from + length).map(|at| (at % 251) as u8).collect()
    }

    fn happen(self, event: &Event) -> Self {
        let mut scene = self;
        let is_tls13 = scene.client.protocol() == 0x0304;
        let mut out = Vec::new();
        match event {
            Event::Write(length) => {
                let text = Self::text(scene.written.len(), *length);
                scene.client.seal(&text, &mut out).unwrap();
                scene.written.extend(text);
            }
            Event::Say(length) => {
                let text = Self::text(scene.said.len(), *length);
                scene.server.say(&text);
                scene.said.extend(text);
            }
            Event::Arrive(octets) => scene.arrive(*octets, &mut out),
            Event::HandOver => scene = scene.handed_over(),
            Event::OwnUpdate(renewal) if is_tls13 => {
                scene.client.seal_key_update(*renewal, &mut out).unwrap();
            }
            Event::PeerUpdate if is_tls13 => scene.server.0.refresh_traffic_keys().unwrap(),
            Event::OwnUpdate(_) | Event::PeerUpdate => {}
        }
        scene.server.take(&out);
        scene.way.extend(scene.server.wire());
        let heard = scene.server.heard();
        scene.heard_by_server.extend(heard);
        scene
    }

    fn arrive(&mut self, octets: usize, out: &mut Vec<u8>) {
        let octets = octets.min(self.way.len());
        let arrived: Vec<u8> = self.way.drain(..octets).collect();
        self.client.feed(&arrived);
        while let Opened::Plaintext(piece) = self.client.open(out).unwrap() {
            self.heard_by_client.extend_from_slice(piece);
        }
    }

    /// Only a part of a record, or of a message, keeps a session here whose records were all opened.
    fn handed_over(self) -> Self {
        match self.client.is_quiet() {
            Ok(()) => Self { client: hand_over(self.client), ..self },
            Err(NotQuiet::UnreadCiphertext(_) | NotQuiet::PartialMessage) => self,
            Err(other) => panic!("{other}"),
        }
    }

    /// All has arrived; numbers and keys of both sides agree.
    fn end(mut self) {
        // rustls keeps its answer to a key update until it has something to say.
        self = self.happen(&Event::Say(1));
        while !self.way.is_empty() {
            self = self.happen(&Event::Arrive(usize::MAX));
        }
        assert!(self.heard_by_client == self.said && self.heard_by_server == self.written);
        let suite = self.client.suite;
        let state = self.client.into_state().unwrap();
        let theirs = self.server.0.dangerous_extract_secrets().unwrap();
        assert_eq!((state.send.seq, state.receive.seq), (theirs.rx.0, theirs.tx.0));
        for (half, secrets) in [(&state.send, theirs.rx.1), (&state.receive, theirs.tx.1)] {
            let (key, iv) = suite.keys(&half.secret).unwrap();
            let (ConnectionTrafficSecrets::Aes128Gcm { key: their_key, iv: their_iv }
            | ConnectionTrafficSecrets::Aes256Gcm { key: their_key, iv: their_iv }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { key: their_key, iv: their_iv }) = secrets
            else {
                panic!("another algorithm")
            };
            assert_eq!(key.octets(), their_key.as_ref());
            // rustls tells the explicit part of a TLS 1.2 GCM IV for its own direction only: the reader takes it from records.
            let compared = if matches!(suite.form, Form::Tls12Explicit) { 4 } else { 12 };
            assert_eq!(iv[..compared], their_iv.as_ref()[..compared]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn every_octet_arrives_once_whatever_happens(
        suite in prop::sample::select(&SUITES[..]),
        events in prop::collection::vec(event(), 1..40),
    ) {
        let scene = events.iter().fold(Scene::new(suite), Scene::happen);
        scene.end();
    }
}

#[test]
fn a_session_goes_through_many_hands() {
    for suite in SUITES {
        let mut scene = Scene::new(suite);
        for round in 0..20 {
            for event in [
                Event::HandOver,
                Event::PeerUpdate,
                Event::Write(round * 1_000),
                Event::HandOver,
                Event::OwnUpdate(Renewal::Both),
                Event::Say(round * 1_000),
                Event::Arrive(usize::MAX),
            ] {
                scene = scene.happen(&event);
            }
        }
        scene.end();
    }
}
