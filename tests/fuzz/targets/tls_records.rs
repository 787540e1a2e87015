//! A TLS 1.3 session in which a server may send any content in proper records, anything else beside them, at any cut, while
//! the client writes, renews its key and changes hands. What it reads is what was sent, from the start.
#![no_main]

use rustls::SupportedCipherSuite;
use rustls::crypto::cipher::{AeadKey, Iv, MessageEncrypter, OutboundChunks, OutboundPlainMessage};
use rustls::crypto::tls13::OkmBlock;
use rustls::{ContentType, ProtocolVersion, Tls13CipherSuite};
use tls::records::{Opened, Records, Renewal};

/// `TLS_CHACHA20_POLY1305_SHA256`.
const SUITE: u16 = 0x1303;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// The server: rustls' own cipher, under our control.
struct Server {
    suite: &'static Tls13CipherSuite,
    secret: [u8; 32],
    encrypter: Box<dyn MessageEncrypter>,
    seq: u64,
}

impl Server {
    fn new(secret: [u8; 32]) -> Self {
        let provider = tls::provider::provider();
        let suite = provider.cipher_suites.iter().find_map(|suite| match suite {
            SupportedCipherSuite::Tls13(suite) if u16::from(suite.common.suite) == SUITE => Some(*suite),
            _ => None,
        });
        let suite = suite.expect("it is built in");
        let (mut key, mut iv) = ([0; 32], [0; 12]);
        expand(suite, &secret, b"key", &mut key);
        expand(suite, &secret, b"iv", &mut iv);
        let encrypter = suite.aead_alg.encrypter(AeadKey::from(key), Iv::from(iv));
        Self { suite, secret, encrypter, seq: 0 }
    }

    fn renewed(&self) -> Self {
        let mut secret = [0; 32];
        expand(self.suite, &self.secret, b"traffic upd", &mut secret);
        Self::new(secret)
    }

    fn record(&mut self, content: u8, payload: &[u8]) -> Vec<u8> {
        let message = OutboundPlainMessage {
            typ: ContentType::from(content),
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::from(payload),
        };
        self.seq += 1;
        self.encrypter.encrypt(message, self.seq - 1).expect("it is short").encode()
    }
}

fn expand(suite: &Tls13CipherSuite, secret: &[u8], label: &[u8], out: &mut [u8]) {
    let length = (out.len() as u16).to_be_bytes();
    let info: [&[u8]; 5] = [&length, &[6 + label.len() as u8], b"tls13 ", label, &[0]];
    let expander = suite.hkdf_provider.expander_for_okm(&OkmBlock::new(secret));
    expander.expand_slice(&info, out).expect("it is short");
}

fn client(send: &[u8], receive: &[u8]) -> Records {
    // Version, suite, then number and secret of both directions.
    let state = postcard::to_stdvec(&(1_u8, SUITE, (0_u64, send), (0_u64, receive))).expect("it is small");
    Records::from_state(postcard::from_bytes(&state).expect("its form")).expect("its suite")
}

/// The data in a record of this content. RFC 8446 §5.4: content 0 is padding, and what is before it counts.
fn data_in(content: u8, payload: &[u8]) -> &[u8] {
    let end = payload.iter().rposition(|octet| *octet != 0);
    match (content, end.and_then(|end| payload.split_at_checked(end))) {
        (DATA, _) => payload,
        (0, Some((data, [DATA, ..]))) => data,
        _ => &[],
    }
}

/// Reads to the end of what has come. False: the session is over.
fn read(client: &mut Records, out: &mut Vec<u8>, sent: &[u8], heard: &mut usize, back: usize) -> bool {
    let mut back = back;
    loop {
        match client.open(out) {
            Ok(Opened::Plaintext(piece)) => {
                let expected = sent.get(*heard..*heard + piece.len()).expect("no more than was sent");
                assert!(piece == expected);
                let again = std::mem::take(&mut back).min(piece.len());
                *heard += piece.len() - again;
                client.take_back(again);
            }
            Ok(Opened::Nothing) => return true,
            Ok(Opened::Closed) => return false,
            Err(_) => {
                assert!(
                    client.seal(b"x", out).is_err()
                        && client.open(out).is_err()
                        && client.is_quiet().is_err()
                );
                return false;
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let (mut server, mut client) = (Server::new([2; 32]), client(&[1; 32], &[2; 32]));
    let (mut sent, mut heard, mut out, mut rest) = (Vec::new(), 0, Vec::new(), input);
    while let Some((&[event, length], after)) = rest.split_first_chunk::<2>() {
        let (payload, after) = after.split_at(after.len().min(usize::from(length)));
        rest = after;
        match event % 8 {
            0 => client.feed(payload),
            1 if client.seal(payload, &mut out).is_err() => return,
            2 if client.seal_key_update(Renewal::Both, &mut out).is_err() => return,
            3 if client.is_quiet().is_ok() => {
                let state =
                    postcard::to_stdvec(&client.into_state().expect("it was quiet")).expect("it is small");
                let state = postcard::from_bytes(&state).expect("own bytes");
                client = Records::from_state(state).expect("own state");
            }
            1..=3 => {}
            4 => {
                sent.extend_from_slice(payload);
                client.feed(&server.record(DATA, payload));
            }
            5 => {
                let wire = server.record(DATA, payload);
                sent.extend_from_slice(payload);
                let (now, later) = wire.split_at(usize::from(event / 8).min(wire.len()));
                client.feed(now);
                if !read(&mut client, &mut out, &sent, &mut heard, 0) {
                    return;
                }
                client.feed(later);
            }
            6 => {
                client.feed(&server.record(HANDSHAKE, payload));
                if matches!(payload, [24, 0, 0, 1, 0 | 1]) {
                    server = server.renewed();
                }
            }
            _ => {
                sent.extend_from_slice(data_in(event / 8, payload));
                client.feed(&server.record(event / 8, payload));
            }
        }
        if !read(&mut client, &mut out, &sent, &mut heard, usize::from(event / 8)) {
            return;
        }
    }
});
