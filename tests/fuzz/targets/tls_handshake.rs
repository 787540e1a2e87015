//! Arbitrary bytes as a TLS server, in pieces: an error, or a wish for more, never a session.
#![no_main]

use rustls::{ClientConfig, RootCertStore};
use std::sync::OnceLock;
use tls::handshake::{Handshake, Step};

fn config() -> &'static ClientConfig {
    static CONFIG: OnceLock<ClientConfig> = OnceLock::new();
    CONFIG.get_or_init(|| {
        ClientConfig::builder_with_provider(tls::provider::provider())
            .with_safe_default_protocol_versions()
            .expect("both versions are built in")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    })
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut handshake = Handshake::new(config(), Some("mx.example.test")).expect("a proper name");
    let mut out = Vec::new();
    let mut rest = input;
    loop {
        match handshake.next(&mut out) {
            Ok(Step::Write) => assert!(!std::mem::take(&mut out).is_empty()),
            Ok(Step::Done) => panic!("nobody signed this handshake"),
            Err(_) => return,
            Ok(Step::Read) => {
                let Some((length, octets)) = rest.split_first() else { return };
                let (piece, after) = octets.split_at(octets.len().min(usize::from(*length)));
                // A piece of odd length is a record of its own.
                if length % 2 == 1 {
                    handshake.feed(&[22, 3, 3, 0, piece.len() as u8]);
                }
                handshake.feed(piece);
                rest = after;
            }
        }
    }
});
