//! What the handshake offers: versions, cipher suites, key exchange groups.

use std::sync::Arc;

use maincf::value::CipherGrade;

use super::ciphers::Grades;
use super::digest::Fields;
use super::protocols::{ProtocolsError, Versions, versions};
#[cfg(test)]
use super::suites::TLS12;
use super::suites::TLS13;

/// What is offered. Its parts are in the order in which they are preferred.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Offer {
    pub(crate) versions: Versions,
    /// Suites of TLS 1.3 first.
    pub(crate) suites: Vec<u16>,
    pub(crate) groups: Vec<u16>,
}

/// Why nothing is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OfferError {
    /// The settings are wrong.
    Invalid(String),
    /// They are right and leave nothing that the library has.
    Nothing(String),
}

/// The settings of an offer.
pub(crate) struct Wishes<'a> {
    pub(crate) protocols: &'a str,
    pub(crate) grade: CipherGrade,
    pub(crate) exclusions: &'a [String],
    pub(crate) groups: &'a [u16],
}

/// The offer, and the words of cipher lists that nobody knows.
pub(crate) fn offer(wishes: &Wishes<'_>, grades: &Grades) -> (Result<Arc<Offer>, OfferError>, Vec<String>) {
    let selected = match grades.select(wishes.grade, wishes.exclusions) {
        Ok(selected) => selected,
        Err(error) => return (Err(OfferError::Invalid(error.to_string())), Vec::new()),
    };
    let mut versions = match versions(wishes.protocols) {
        Ok(versions) => versions,
        Err(error @ (ProtocolsError::Unknown { .. } | ProtocolsError::Nothing { .. })) => {
            return (Err(OfferError::Invalid(error.to_string())), selected.unknown);
        }
        Err(error @ ProtocolsError::Empty { .. }) => {
            return (Err(OfferError::Nothing(error.to_string())), selected.unknown);
        }
    };
    versions.tls12 &= !selected.suites.is_empty();
    if !versions.tls12 && !versions.tls13 {
        let problem = format!("no cipher suites are left for TLS protocol list {:?}", wishes.protocols);
        return (Err(OfferError::Nothing(problem)), selected.unknown);
    }
    let newer = TLS13.iter().map(|suite| suite.id).filter(|_| versions.tls13);
    let older = selected.suites.iter().copied().filter(|_| versions.tls12);
    let suites = newer.chain(older).collect();
    (Ok(Arc::new(Offer { versions, suites, groups: wishes.groups.to_vec() })), selected.unknown)
}

impl Offer {
    pub(crate) fn digest_into(&self, fields: &mut Fields) {
        let Self { versions: Versions { tls12, tls13 }, suites, groups } = self;
        fields.flag(*tls12).flag(*tls13);
        fields.each(suites.iter(), |fields, suite| {
            fields.number((*suite).into());
        });
        fields.each(groups.iter(), |fields, group| {
            fields.number((*group).into());
        });
    }
}

/// An offer or its absence.
pub(crate) fn digest_into(offer: &Result<Arc<Offer>, OfferError>, fields: &mut Fields) {
    match offer {
        Ok(offer) => offer.digest_into(fields.text("offer")),
        Err(OfferError::Invalid(problem)) => {
            fields.text("invalid").text(problem);
        }
        Err(OfferError::Nothing(problem)) => {
            fields.text("nothing").text(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(protocols: &str, exclusions: &[&str]) -> Result<Arc<Offer>, OfferError> {
        let grades = Grades { high: "HIGH".into(), medium: "HIGH".into() };
        let exclusions: Vec<String> = exclusions.iter().map(|word| (*word).to_owned()).collect();
        let wishes =
            Wishes { protocols, grade: CipherGrade::Medium, exclusions: &exclusions, groups: &[0x1D] };
        offer(&wishes, &grades).0
    }

    #[test]
    fn suites_follow_the_versions() {
        assert_eq!(made("", &[]).unwrap().suites.len(), TLS12.len() + TLS13.len());
        assert_eq!(made(">=TLSv1.3", &["AES128"]).unwrap().suites, [0x1302, 0x1303, 0x1301]);
        assert_eq!(made("<=TLSv1.2", &["AES128"]).unwrap().suites.len(), 4);
    }

    #[test]
    fn without_suites_there_is_no_older_version() {
        assert!(!made("", &["ECDHE"]).unwrap().versions.tls12);
        assert!(matches!(made("<=TLSv1.2", &["ECDHE"]), Err(OfferError::Nothing(_))));
        assert!(matches!(made("TLSv1", &[]), Err(OfferError::Nothing(_))));
        assert!(matches!(made("TLSv9", &[]), Err(OfferError::Invalid(_))));
        assert!(matches!(made("", &["!RC4"]), Err(OfferError::Invalid(_))));
    }
}
