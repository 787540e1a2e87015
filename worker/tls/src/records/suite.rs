//! The nine cipher suites as the record layer sees them, and the key schedule of TLS 1.3 after the handshake.

use super::secret::Secret;
use crate::provider::{aead, provider};
use rustls::SupportedCipherSuite;
use rustls::crypto::tls13::{Hkdf, OkmBlock};

/// `record_iv_length` of RFC 8446 §5.3; in TLS 1.2 the length of salt and explicit part, or of the whole IV.
pub(super) const IV: usize = 12;

/// A cipher suite of this build.
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    pub(super) number: u16,
    pub(super) algorithm: &'static aead::Algorithm,
    pub(super) form: Form,
    /// How many records one key may protect. RFC 8446 §5.5.
    pub(super) limit: u64,
    /// The length of what [`Half`](super::state::Half) carries.
    pub(super) secret: usize,
}

/// How a record is protected.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// RFC 8446 §5.2.
    Tls13(&'static dyn Hkdf),
    /// A nonce of which 8 octets are in the record. RFC 5288 §3.
    Tls12Explicit,
    /// A nonce made of IV and sequence number. RFC 7905 §2.
    Tls12Implicit,
}

impl Suite {
    /// By its IANA number.
    pub(crate) fn find(number: u16) -> Option<Self> {
        let algorithm = match number {
            0x1301 | 0xc02b | 0xc02f => &aead::AES_128_GCM,
            0x1302 | 0xc02c | 0xc030 => &aead::AES_256_GCM,
            0x1303 | 0xcca8 | 0xcca9 => &aead::CHACHA20_POLY1305,
            _ => return None,
        };
        let provider = provider();
        let found = provider.cipher_suites.iter().find(|suite| u16::from(suite.suite()) == number)?;
        let (form, limit, secret) = match found {
            SupportedCipherSuite::Tls13(suite) => (
                Form::Tls13(suite.hkdf_provider),
                suite.common.confidentiality_limit,
                suite.common.hash_provider.output_len(),
            ),
            SupportedCipherSuite::Tls12(suite) => {
                let implicit = matches!(number, 0xcca8 | 0xcca9);
                let form = if implicit { Form::Tls12Implicit } else { Form::Tls12Explicit };
                (form, suite.common.confidentiality_limit, algorithm.key_len() + IV)
            }
        };
        Some(Self { number, algorithm, form, limit, secret })
    }

    pub(super) const fn is_tls13(&self) -> bool {
        matches!(self.form, Form::Tls13(_))
    }

    /// The key and the IV of a direction with this secret. RFC 8446 §7.3.
    pub(crate) fn keys(&self, secret: &Secret) -> Option<(Secret, [u8; IV])> {
        let mut iv = [0; IV];
        let key = match self.form {
            Form::Tls13(hkdf) => {
                let mut key = Secret::blank(self.algorithm.key_len())?;
                expand(hkdf, secret, b"key", key.octets_mut())?;
                expand(hkdf, secret, b"iv", &mut iv)?;
                key
            }
            Form::Tls12Explicit | Form::Tls12Implicit => {
                let (key, rest) = secret.octets().split_at_checked(self.algorithm.key_len())?;
                iv = rest.try_into().ok()?;
                Secret::of(&[key])?
            }
        };
        Some((key, iv))
    }

    /// `application_traffic_secret_N+1`, RFC 8446 §7.2. `None` in TLS 1.2.
    pub(super) fn next_secret(&self, secret: &Secret) -> Option<Secret> {
        let Form::Tls13(hkdf) = self.form else { return None };
        let mut next = Secret::blank(secret.octets().len())?;
        expand(hkdf, secret, b"traffic upd", next.octets_mut())?;
        Some(next)
    }
}

/// HKDF-Expand-Label with an empty context, RFC 8446 §7.1.
fn expand(hkdf: &dyn Hkdf, secret: &Secret, label: &[u8], out: &mut [u8]) -> Option<()> {
    const PREFIX: &[u8] = b"tls13 ";
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let info: [&[u8]; 5] = [&length, &label_length, PREFIX, label, &[0]];
    hkdf.expander_for_okm(&OkmBlock::new(secret.octets())).expand_slice(&info, out).ok()
}
