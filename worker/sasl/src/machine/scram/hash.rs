//! The functions of RFC 5802 §2.2 over SHA-1 and SHA-256.

use crate::machine::Message;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    /// `H(data)`.
    pub(super) fn of(self, data: &[u8]) -> Message {
        Zeroizing::new(match self {
            Self::Sha1 => Sha1::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
        })
    }

    /// `HMAC(key, data)`.
    pub(super) fn keyed(self, key: &[u8], data: &[u8]) -> Message {
        match self {
            Self::Sha1 => keyed::<Hmac<Sha1>>(key, data),
            Self::Sha256 => keyed::<Hmac<Sha256>>(key, data),
        }
    }

    /// `Hi(password, salt, iterations)`, which is PBKDF2 with one block. Takes time in proportion to `iterations`.
    pub(super) fn salted(self, password: &[u8], salt: &[u8], iterations: u32) -> Message {
        match self {
            Self::Sha1 => salted::<Hmac<Sha1>>(password, salt, iterations),
            Self::Sha256 => salted::<Hmac<Sha256>>(password, salt, iterations),
        }
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn under<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as Mac>::new_from_slice(key).expect("any length")
}

fn keyed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Message {
    Zeroizing::new(under::<M>(key).chain_update(data).finalize().into_bytes().to_vec())
}

fn salted<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: u32) -> Message {
    // Keyed once: the two blocks of the key are not hashed anew in every round.
    let keyed: M = under(password);
    let mut round =
        keyed.clone().chain_update(salt).chain_update(1_u32.to_be_bytes()).finalize().into_bytes();
    let mut sum = Zeroizing::new(round.to_vec());
    for _ in 1..iterations {
        round = keyed.clone().chain_update(&round).finalize().into_bytes();
        for (octet, other) in sum.iter_mut().zip(&round) {
            *octet ^= other;
        }
    }
    round.as_mut_slice().zeroize();
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    #[test]
    fn salting_is_pbkdf2_as_in_rfc_6070() {
        for (iterations, want) in [
            (1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
            (2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957"),
            (4096, "4b007901b765489abead49d926f721d065a429c1"),
        ] {
            let salted = Hash::Sha1.salted(b"password", b"salt", iterations);
            assert_eq!(HEXLOWER.encode(&salted), want, "{iterations}");
        }
    }
}
