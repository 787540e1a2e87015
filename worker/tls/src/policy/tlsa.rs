//! TLSA records: which of them can be used, and which count (RFC 7671 sections 4, 5 and 9).

use serde::{Deserialize, Serialize};

use super::fingerprint::DigestName;

/// Records of one host that are looked at; more than this are dropped. An answer of 64 KiB holds more.
const MOST: usize = 100;

/// One TLSA record as it came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tlsa {
    /// 2: a trust anchor, 3: the server itself; 0 and 1 are not for mail.
    pub usage: u8,
    /// 0: the certificate, 1: its key.
    pub selector: u8,
    /// 0: all of it, 1: SHA-256, 2: SHA-512.
    pub matching: u8,
    /// What `matching` says.
    pub data: Vec<u8>,
}

/// Digests in TLSA records, strongest first (`tls_dane_digests`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DaneDigests(Vec<(u8, DigestName)>);

impl DaneDigests {
    /// Reads `name` or `name=number`. Errors: DANE cannot be used with this setting.
    pub(crate) fn read(list: &[String]) -> Result<Self, String> {
        let mut digests: Vec<(u8, DigestName)> = Vec::new();
        for word in list {
            let (name, number) = match word.split_once('=') {
                Some((name, number)) => (name, Some(number)),
                None => (word.as_str(), None),
            };
            let digest = DigestName::named(name)
                .ok_or_else(|| format!("tls_dane_digests: digest algorithm {name:?} unknown"))?;
            let number = match (number, digest) {
                (Some(text), _) => text
                    .parse::<u8>()
                    .ok()
                    .filter(|number| (1..=254).contains(number))
                    .ok_or_else(|| format!("Invalid matching type number in tls_dane_digests: {word}"))?,
                (None, DigestName::Sha256) => 1,
                (None, DigestName::Sha512) => 2,
                (None, _) => {
                    return Err(format!(
                        "tls_dane_digests: digest algorithm {name} needs an explicit number"
                    ));
                }
            };
            if !digests.iter().any(|(known, _)| *known == number) {
                digests.push((number, digest));
            }
        }
        Ok(Self(digests))
    }

    /// No digest; with it only full data is usable.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// The digest of a matching type.
    pub(crate) fn digest(&self, matching: u8) -> Option<DigestName> {
        self.0.iter().find(|(number, _)| *number == matching).map(|(_, digest)| *digest)
    }

    fn rank(&self, matching: u8) -> Option<usize> {
        self.0.iter().position(|(number, _)| *number == matching)
    }

    /// The records that count, sorted and each once: usable, and of the strongest digest for their usage and selector;
    /// records with the full data always count.
    pub(crate) fn usable(&self, records: &[Tlsa]) -> Vec<Tlsa> {
        let known: Vec<&Tlsa> = records.iter().take(MOST).filter(|record| self.is_usable(record)).collect();
        let strongest = |record: &Tlsa| {
            let rivals =
                known.iter().filter(|other| (other.usage, other.selector) == (record.usage, record.selector));
            rivals.filter_map(|other| self.rank(other.matching)).min()
        };
        let counts =
            |record: &&&Tlsa| record.matching == 0 || self.rank(record.matching) == strongest(record);
        let mut usable: Vec<Tlsa> = known.iter().filter(counts).map(|record| (**record).clone()).collect();
        usable.sort();
        usable.dedup();
        usable
    }

    fn is_usable(&self, record: &Tlsa) -> bool {
        let Tlsa { usage, selector, matching, data } = record;
        let whole = match matching {
            0 => is_whole(*selector, data),
            _ => self.digest(*matching).is_some_and(|digest| digest.length() == data.len()),
        };
        matches!(usage, 2 | 3) && matches!(selector, 0 | 1) && whole
    }
}

/// Full data has to be what it says: a certificate, or a key.
fn is_whole(selector: u8, data: &[u8]) -> bool {
    use x509_parser::prelude::FromDer;
    match selector {
        0 => x509_parser::certificate::X509Certificate::from_der(data).is_ok_and(|(rest, _)| rest.is_empty()),
        _ => x509_parser::x509::SubjectPublicKeyInfo::from_der(data).is_ok_and(|(rest, _)| rest.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(list: &str) -> DaneDigests {
        DaneDigests::read(&list.split(' ').map(str::to_owned).collect::<Vec<_>>()).unwrap()
    }

    fn record(usage: u8, selector: u8, matching: u8, length: usize) -> Tlsa {
        Tlsa { usage, selector, matching, data: vec![7; length] }
    }

    #[test]
    fn unusable_records_are_dropped_without_harm() {
        let digests = digests("sha512 sha256");
        for length in [0, 1, 2, 3, 4, 31, 33, 36, 60000] {
            assert!(digests.usable(&[record(3, 1, 1, length)]).is_empty(), "{length}");
            assert!(
                digests.usable(&[record(3, 0, 0, length), record(2, 1, 0, length)]).is_empty(),
                "{length}"
            );
        }
        for (usage, selector, matching) in
            [(0, 1, 1), (1, 1, 1), (4, 1, 1), (255, 1, 1), (3, 2, 1), (3, 1, 3), (3, 1, 255)]
        {
            assert!(digests.usable(&[record(usage, selector, matching, 32)]).is_empty());
        }
        assert_eq!(digests.usable(&[record(3, 1, 1, 32), record(2, 0, 2, 64)]).len(), 2);
    }

    #[test]
    fn only_the_strongest_digest_of_a_usage_and_selector_counts() {
        let set = [record(3, 1, 1, 32), record(3, 1, 2, 64), record(3, 0, 1, 32), record(2, 1, 1, 32)];
        let kept = digests("sha512 sha256").usable(&set);
        assert_eq!(kept, [record(2, 1, 1, 32), record(3, 0, 1, 32), record(3, 1, 2, 64)]);
        let kept = digests("sha256 sha512").usable(&set);
        assert!(kept.contains(&record(3, 1, 1, 32)) && !kept.contains(&record(3, 1, 2, 64)));
    }

    #[test]
    fn an_unusable_strong_record_does_not_displace_a_weaker_one() {
        let set = [record(3, 1, 2, 10), record(3, 1, 1, 32)];
        assert_eq!(digests("sha512 sha256").usable(&set), [record(3, 1, 1, 32)]);
    }

    #[test]
    fn full_data_counts_beside_a_digest() {
        use rcgen::PublicKeyData;
        let key = rcgen::KeyPair::generate().unwrap();
        let full = Tlsa { usage: 3, selector: 1, matching: 0, data: key.subject_public_key_info() };
        assert_eq!(digests("sha512 sha256").usable(&[full, record(3, 1, 2, 64)]).len(), 2);
    }

    #[test]
    fn settings_name_digests_with_or_without_numbers() {
        assert_eq!(digests("sha224=18 sha256").digest(18), Some(DigestName::Sha224));
        for bad in ["sha3", "sha224", "sha256=0", "sha256=255", "sha256=x", "sha256=300"] {
            assert!(DaneDigests::read(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
