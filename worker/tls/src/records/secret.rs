//! The octets from which the keys of one direction come. They are wiped, never printed and never copied by accident.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// As long as the longest: a traffic secret of SHA-384.
const LONGEST: usize = 48;

/// A secret of up to 48 octets, held in place: no heap block keeps a copy.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Secret {
    octets: [u8; LONGEST],
    length: usize,
}

impl Secret {
    /// The octets of `parts` one after the other; `None` if they are too many.
    pub(crate) fn of(parts: &[&[u8]]) -> Option<Self> {
        let mut secret = Self { octets: [0; LONGEST], length: 0 };
        for part in parts {
            let end = secret.length.checked_add(part.len())?;
            secret.octets.get_mut(secret.length..end)?.copy_from_slice(part);
            secret.length = end;
        }
        Some(secret)
    }

    /// So many zero octets, to be filled in.
    pub(crate) fn blank(length: usize) -> Option<Self> {
        (length <= LONGEST).then_some(Self { octets: [0; LONGEST], length })
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }

    pub(crate) fn octets_mut(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.octets())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Octets;
        impl Visitor<'_> for Octets {
            type Value = Secret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "up to {LONGEST} octets")
            }
            fn visit_bytes<E: Error>(self, octets: &[u8]) -> Result<Secret, E> {
                Secret::of(&[octets]).ok_or_else(|| E::invalid_length(octets.len(), &self))
            }
        }
        deserializer.deserialize_bytes(Octets)
    }
}
