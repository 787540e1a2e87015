//! One record in, one record out: framing and AEAD, in place. Which sequence number is used is decided above.

use super::RecordError;
use super::secret::Secret;
use super::suite::{Form, IV, Suite};
use crate::provider::aead::{Aad, LessSafeKey, Nonce as UsedNonce, UnboundKey};
use rustls::crypto::cipher::{Iv, Nonce, make_tls12_aad, make_tls13_aad};
use rustls::{ContentType, ProtocolVersion};
use std::ops::Range;

/// Content types, RFC 8446 §5.1.
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const DATA: u8 = 23;

/// Content type, version, length.
pub(super) const HEADER: usize = 5;
/// `TLSPlaintext.length`, RFC 8446 §5.1.
pub(super) const MAX_PLAINTEXT: usize = 1 << 14;
/// The tag of all three algorithms.
const TAG: usize = 16;
/// What of a GCM nonce is in the record, RFC 5288 §3.
const EXPLICIT: usize = 8;
/// `legacy_record_version`.
const VERSION: [u8; 2] = [3, 3];

/// The keys of one direction in one generation.
pub(super) struct Protection {
    key: LessSafeKey,
    iv: Iv,
    form: Form,
}

impl Protection {
    /// `None` if the secret does not fit the suite.
    pub(super) fn new(suite: &Suite, secret: &Secret) -> Option<Self> {
        let (key, iv) = suite.keys(secret)?;
        let key = LessSafeKey::new(UnboundKey::new(suite.algorithm, key.octets()).ok()?);
        Some(Self { key, iv: Iv::from(iv), form: suite.form })
    }

    /// What a record is longer than its plaintext, header included.
    pub(super) const fn overhead(&self) -> usize {
        match self.form {
            Form::Tls13(_) => HEADER + 1 + TAG,
            Form::Tls12Explicit => HEADER + EXPLICIT + TAG,
            Form::Tls12Implicit => HEADER + TAG,
        }
    }

    /// Appends one record. On failure `out` is as it was.
    pub(super) fn seal(
        &self,
        seq: u64,
        content: u8,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let before = out.len();
        let sealed = self.append(seq, content, plaintext, out);
        if sealed.is_none() {
            out.truncate(before);
        }
        sealed.ok_or(RecordError::NotSealed)
    }

    fn append(&self, seq: u64, content: u8, plaintext: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if plaintext.len() > MAX_PLAINTEXT {
            return None;
        }
        let nonce = Nonce::new(&self.iv, seq).0;
        let body = plaintext.len() + self.overhead() - HEADER;
        let outer = if matches!(self.form, Form::Tls13(_)) { DATA } else { content };
        out.reserve(HEADER + body);
        out.extend_from_slice(&[outer, VERSION[0], VERSION[1]]);
        out.extend_from_slice(&u16::try_from(body).ok()?.to_be_bytes());
        if matches!(self.form, Form::Tls12Explicit) {
            out.extend_from_slice(nonce.get(IV - EXPLICIT..)?);
        }
        let start = out.len();
        out.extend_from_slice(plaintext);
        if matches!(self.form, Form::Tls13(_)) {
            out.push(content);
        }
        let nonce = UsedNonce::assume_unique_for_key(nonce);
        let inner = out.get_mut(start..)?;
        let tag = match self.form {
            Form::Tls13(_) => {
                self.key.seal_in_place_separate_tag(nonce, Aad::from(make_tls13_aad(body)), inner)
            }
            Form::Tls12Explicit | Form::Tls12Implicit => {
                let aad = Aad::from(tls12_aad(seq, content, plaintext.len()));
                self.key.seal_in_place_separate_tag(nonce, aad, inner)
            }
        };
        out.extend_from_slice(tag.ok()?.as_ref());
        Some(())
    }

    /// Opens a record with its header, in place: its content type, and where the plaintext lies in `record`.
    pub(super) fn open(&self, seq: u64, record: &mut [u8]) -> Result<(u8, Range<usize>), RecordError> {
        let outer = record.first().copied().ok_or(RecordError::NotTls)?;
        let body = record.len().checked_sub(HEADER).ok_or(RecordError::NotTls)?;
        let opened = match self.form {
            Form::Tls13(_) if outer != DATA => return Err(RecordError::UnexpectedType(outer)),
            Form::Tls13(_) => {
                let nonce = Nonce::new(&self.iv, seq).0;
                let inner = self.open_at(HEADER, nonce, Aad::from(make_tls13_aad(body)), record)?;
                if inner.len() > MAX_PLAINTEXT + 1 {
                    return Err(RecordError::TooLong);
                }
                // RFC 8446 §5.4: zeroes at the end are padding, before them is the content type.
                let text = record.get(inner.clone()).ok_or(RecordError::Malformed)?;
                let length = text.iter().rposition(|octet| *octet != 0).ok_or(RecordError::Malformed)?;
                let content = text.get(length).copied().ok_or(RecordError::Malformed)?;
                (content, inner.start..inner.start + length)
            }
            Form::Tls12Explicit | Form::Tls12Implicit => {
                let length = record.len().checked_sub(self.overhead()).ok_or(RecordError::NotAuthentic)?;
                let (start, nonce) = self.tls12_nonce(seq, record)?;
                let aad = Aad::from(tls12_aad(seq, outer, length));
                (outer, self.open_at(start, nonce, aad, record)?)
            }
        };
        if opened.1.len() > MAX_PLAINTEXT { Err(RecordError::TooLong) } else { Ok(opened) }
    }

    /// The nonce of a TLS 1.2 record, and where its ciphertext begins.
    fn tls12_nonce(&self, seq: u64, record: &[u8]) -> Result<(usize, [u8; IV]), RecordError> {
        if !matches!(self.form, Form::Tls12Explicit) {
            return Ok((HEADER, Nonce::new(&self.iv, seq).0));
        }
        let explicit = record.get(HEADER..HEADER + EXPLICIT).ok_or(RecordError::NotAuthentic)?;
        let mut nonce = [0; IV];
        for (octet, from) in nonce.iter_mut().zip(self.iv.as_ref().iter().take(IV - EXPLICIT).chain(explicit))
        {
            *octet = *from;
        }
        Ok((HEADER + EXPLICIT, nonce))
    }

    fn open_at<A: AsRef<[u8]>>(
        &self,
        start: usize,
        nonce: [u8; IV],
        aad: Aad<A>,
        record: &mut [u8],
    ) -> Result<Range<usize>, RecordError> {
        let sealed = record.get_mut(start..).ok_or(RecordError::NotAuthentic)?;
        let nonce = UsedNonce::assume_unique_for_key(nonce);
        let length = self.key.open_in_place(nonce, aad, sealed).map_err(|_| RecordError::NotAuthentic)?.len();
        Ok(start..start + length)
    }
}

fn tls12_aad(seq: u64, content: u8, length: usize) -> [u8; 13] {
    make_tls12_aad(seq, ContentType::from(content), ProtocolVersion::TLSv1_2, length)
}
