//! Fingerprints of certificates and public keys: digests by name, and lists of values.

use std::collections::BTreeSet;

use sha2::Digest as _;

/// A digest that fingerprints are made with (`smtp_tls_fingerprint_digest`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DigestName {
    /// Compatible, and no longer safe.
    Md5,
    /// The same.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl DigestName {
    /// By OpenSSL's name, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "md5" => Self::Md5,
            "sha1" | "sha-1" => Self::Sha1,
            "sha224" | "sha-224" => Self::Sha224,
            "sha256" | "sha-256" => Self::Sha256,
            "sha384" | "sha-384" => Self::Sha384,
            "sha512" | "sha-512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Its name in main.cf.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many octets it has.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of these octets.
    pub(crate) fn of(self, octets: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::Md5::digest(octets).to_vec(),
            Self::Sha1 => sha1::Sha1::digest(octets).to_vec(),
            Self::Sha224 => sha2::Sha224::digest(octets).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(octets).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(octets).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(octets).to_vec(),
        }
    }
}

/// The values that level fingerprint accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprints {
    pub(crate) digest: DigestName,
    pub(crate) values: BTreeSet<Vec<u8>>,
}

impl Fingerprints {
    /// Reads values in hexadecimal, with or without colons; what cannot be one is skipped and named.
    pub(crate) fn read<'a>(
        digest: DigestName,
        list: impl IntoIterator<Item = &'a str>,
    ) -> (Self, Vec<String>) {
        let (mut values, mut warnings) = (BTreeSet::new(), Vec::new());
        for word in list {
            match octets(word).filter(|octets| octets.len() == digest.length()) {
                Some(octets) => drop(values.insert(octets)),
                None => {
                    let shown: String = word.chars().take(100).collect();
                    warnings
                        .push(format!("malformed fingerprint value: {shown} is no {} digest", digest.name()));
                }
            }
        }
        (Self { digest, values }, warnings)
    }

    /// Whether a certificate or its key (both DER) is a known one; the fingerprint that matched.
    pub(crate) fn matching(&self, certificate: &[u8], key: Option<&[u8]>) -> Option<Vec<u8>> {
        [Some(certificate), key]
            .into_iter()
            .flatten()
            .map(|octets| self.digest.of(octets))
            .find(|value| self.values.contains(value))
    }
}

/// As the log shows a fingerprint: `AB:CD:…`.
pub(crate) fn shown(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":")
}

fn octets(word: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> =
        word.chars().filter(|sign| *sign != ':').map(|sign| sign.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() || digits.is_empty() {
        return None;
    }
    pairs.map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_has_its_length_and_name() {
        for name in ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] {
            let digest = DigestName::named(name).unwrap();
            assert_eq!((digest.name(), digest.of(b"x").len()), (name, digest.length()));
            assert_eq!(DigestName::named(&name.to_uppercase()), Some(digest));
        }
        assert_eq!(DigestName::named("sha3-256"), None);
    }

    #[test]
    fn certificate_or_key_matches_with_or_without_colons() {
        let digest = DigestName::Sha1;
        let plain = shown(&digest.of(b"key")).replace(':', "").to_lowercase();
        let colons = shown(&digest.of(b"certificate"));
        let (prints, warnings) = Fingerprints::read(digest, [plain.as_str(), colons.as_str()]);
        assert!(warnings.is_empty());
        assert!(prints.matching(b"certificate", None).is_some());
        assert!(prints.matching(b"other", Some(b"key")).is_some());
        assert!(prints.matching(b"other", Some(b"other key")).is_none());
    }

    #[test]
    fn malformed_values_are_skipped_and_named() {
        let good = "aa".repeat(32);
        let (prints, warnings) = Fingerprints::read(
            DigestName::Sha256,
            ["zz", "abc", "", "aa:bb", good.as_str(), &"é".repeat(300)],
        );
        assert_eq!((prints.values.len(), warnings.len()), (1, 5));
    }
}
