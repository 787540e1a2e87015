//! The seal of what lies with scache: AES-256-GCM under a key that only workers have.
//!
//! The form: epoch (4 octets, little endian), nonce (12), ciphertext, tag (16). Authenticated along with it: the version of
//! the form, and the context, each part of it with its length.

use crate::provider::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const EPOCH: usize = 4;
const TAG: usize = 16;

/// A key and its number. Nonces are random, so it is to be replaced long before 2^32 deposits.
pub struct DepositKey {
    /// Of which period it is.
    pub epoch: u32,
    key: Zeroizing<[u8; 32]>,
}

/// The key of this period, and that of the last one, whose deposits are still about.
#[derive(Debug)]
pub struct DepositKeys {
    /// Seals and opens.
    pub current: DepositKey,
    /// Opens.
    pub previous: Option<DepositKey>,
}

/// Nothing was sealed, or nothing can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// Sealed in a period whose key is not here.
    #[error("sealed under a key of another period")]
    OtherEpoch,
    /// Not sealed by a worker, or not for this context.
    #[error("the seal is not right")]
    Forged,
    /// The system has no randomness to give, or the cryptography refuses.
    #[error("cannot seal")]
    Random,
}

impl DepositKey {
    /// `key` should be random.
    #[must_use]
    pub fn new(epoch: u32, key: [u8; 32]) -> Self {
        Self { epoch, key: Zeroizing::new(key) }
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.key.as_slice()).ok().map(LessSafeKey::new)
    }
}

impl DepositKeys {
    /// Seals `plaintext`, which opens with the same `context` only.
    ///
    /// # Errors
    /// `Random`.
    pub fn seal(&self, context: &[&[u8]], plaintext: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Random)?;
        let cipher = self.current.cipher().ok_or(SealError::Random)?;
        // Of the right size at once: nothing moves while it is still plaintext.
        let mut blob = Vec::with_capacity(EPOCH + NONCE_LEN + plaintext.len() + TAG);
        blob.extend_from_slice(&self.current.epoch.to_le_bytes());
        blob.extend_from_slice(&nonce);
        blob.extend_from_slice(&plaintext);
        let text = blob.get_mut(EPOCH + NONCE_LEN..).ok_or(SealError::Random)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = cipher
            .seal_in_place_separate_tag(nonce, Aad::from(associated(context)), text)
            .map_err(|_| SealError::Random)?;
        blob.extend_from_slice(tag.as_ref());
        Ok(blob)
    }

    /// Opens what was sealed under the current or the previous key.
    ///
    /// # Errors
    /// `OtherEpoch`, `Forged`.
    pub fn open(&self, context: &[&[u8]], blob: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (epoch, rest) = blob.split_first_chunk::<EPOCH>().ok_or(SealError::Forged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Forged)?;
        let epoch = u32::from_le_bytes(*epoch);
        let key = [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .find(|key| key.epoch == epoch)
            .ok_or(SealError::OtherEpoch)?;
        let cipher = key.cipher().ok_or(SealError::Forged)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = cipher
            .open_in_place(nonce, Aad::from(associated(context)), &mut text)
            .map_err(|_| SealError::Forged)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// What a seal vouches for besides its content. With lengths, so that no two contexts are the same octets.
fn associated(context: &[&[u8]]) -> Vec<u8> {
    let mut octets = vec![VERSION];
    for part in context {
        octets.extend_from_slice(&(part.len() as u64).to_le_bytes());
        octets.extend_from_slice(part);
    }
    octets
}

impl fmt::Debug for DepositKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DepositKey").field("epoch", &self.epoch).field("key", &format_args!("***")).finish()
    }
}
