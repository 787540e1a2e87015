//! Our records against those of rustls, made by its own traits: for keys of 32 octets, the only ones these can be given.

use super::super::protection::Protection;
use super::super::{Secret, Suite};
use crate::provider::provider;
use proptest::prelude::*;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks,
    OutboundPlainMessage,
};
use rustls::{ContentType, ProtocolVersion, SupportedCipherSuite};

const LONG_KEYS: [u16; 6] = [0x1302, 0x1303, 0xc02c, 0xcca9, 0xc030, 0xcca8];

/// rustls' side, with the same key and IV.
fn theirs(number: u16, key: &Secret, iv: [u8; 12]) -> (Box<dyn MessageEncrypter>, Box<dyn MessageDecrypter>) {
    let key = || AeadKey::from(<[u8; 32]>::try_from(key.octets()).unwrap());
    let provider = provider();
    let found = provider.cipher_suites.iter().find(|suite| u16::from(suite.suite()) == number);
    match found.unwrap() {
        SupportedCipherSuite::Tls13(suite) => {
            (suite.aead_alg.encrypter(key(), Iv::from(iv)), suite.aead_alg.decrypter(key(), Iv::from(iv)))
        }
        SupportedCipherSuite::Tls12(suite) => {
            let (fixed, explicit) = iv.split_at(suite.aead_alg.key_block_shape().fixed_iv_len);
            (suite.aead_alg.encrypter(key(), fixed, explicit), suite.aead_alg.decrypter(key(), fixed))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn records_are_the_same_as_those_of_rustls(
        number in prop::sample::select(&LONG_KEYS[..]),
        octets in prop::collection::vec(any::<u8>(), 48),
        plaintext in prop::collection::vec(any::<u8>(), 0..2000),
        content in 21..=23_u8,
    ) {
        let suite = Suite::find(number).unwrap();
        let secret = Secret::of(&[&octets[..suite.secret]]).unwrap();
        let ours = Protection::new(&suite, &secret).unwrap();
        let (key, iv) = suite.keys(&secret).unwrap();
        let (mut encrypter, mut decrypter) = theirs(number, &key, iv);
        // From zero, one after the other: what aws-lc-rs demands of these traits, and the reason not to build on them.
        for seq in 0..3 {
            let message = OutboundPlainMessage {
                typ: ContentType::from(content),
                version: ProtocolVersion::TLSv1_2,
                payload: OutboundChunks::from(&plaintext[..]),
            };
            let mut expected = encrypter.encrypt(message, seq).unwrap().encode();
            let mut sealed = Vec::new();
            ours.seal(seq, content, &plaintext, &mut sealed).unwrap();
            prop_assert_eq!(&sealed, &expected);

            let (opened, place) = ours.open(seq, &mut expected).unwrap();
            prop_assert_eq!((opened, &expected[place]), (content, &plaintext[..]));

            let outer = ContentType::from(sealed[0]);
            let opaque = InboundOpaqueMessage::new(outer, ProtocolVersion::TLSv1_2, &mut sealed[5..]);
            let plain = decrypter.decrypt(opaque, seq).unwrap();
            prop_assert_eq!((u8::from(plain.typ), plain.payload), (content, &plaintext[..]));
        }
    }
}

/// Why records are not sealed by these traits: a session that was handed over does not begin at zero.
#[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
#[test]
fn the_traits_of_aws_lc_rs_do_not_go_on_from_any_number() {
    let suite = Suite::find(0x1302).unwrap();
    let (key, iv) = suite.keys(&Secret::blank(suite.secret).unwrap()).unwrap();
    let (mut encrypter, _) = theirs(0x1302, &key, iv);
    let mut sealed = |seq| {
        let message = OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::from(&b"x"[..]),
        };
        encrypter.encrypt(message, seq).is_ok()
    };
    assert!(!(13..33).all(&mut sealed));
}
