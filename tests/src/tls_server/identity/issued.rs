//! A certificate with its key, and everything that may be said about it in a policy or in DNS.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;

/// A certificate, its issuers and its key, in DER.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub leaf: Vec<u8>,
    /// Its key (SubjectPublicKeyInfo).
    pub leaf_key: Vec<u8>,
    /// Certificate and key of its issuer, the issuer's issuer and so on, the root last.
    pub issuers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sent: usize,
    pub(super) private: Vec<u8>,
}

impl Issued {
    /// As a server shows it.
    pub(crate) fn certified(&self) -> Arc<CertifiedKey> {
        let chain = [&self.leaf].into_iter().chain(self.issuers.iter().take(self.sent).map(|(der, _)| der));
        let chain = chain.map(|der| CertificateDer::from(der.clone())).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.private.clone()));
        Arc::new(CertifiedKey::new(chain, any_supported_type(&key).expect("a key that ring knows")))
    }

    /// Replaces `{leaf-sha256}`, `{key-md5}` and the like by digests as Postfix writes them.
    pub fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (what, der) in [("leaf", &self.leaf), ("key", &self.leaf_key)] {
            let digests = [
                ("md5", Md5::digest(der).to_vec()),
                ("sha1", Sha1::digest(der).to_vec()),
                ("sha256", Sha256::digest(der).to_vec()),
                ("sha512", Sha512::digest(der).to_vec()),
            ];
            for (name, digest) in digests {
                text = text.replace(&format!("{{{what}-{name}}}"), &colons(&digest));
                text = text.replace(&format!("{{{what}-{name}-plain}}"), &hex(&digest));
            }
        }
        text
    }

    /// The certificate in PEM.
    pub fn leaf_pem(&self) -> String {
        pem("CERTIFICATE", &self.leaf)
    }

    /// The public key in PEM.
    pub fn key_pem(&self) -> String {
        pem("PUBLIC KEY", &self.leaf_key)
    }
}

/// In hexadecimal digits.
pub(in super::super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn colons(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

fn pem(label: &str, der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in der.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, &octet| bits << 8 | u32::from(octet)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
