//! Levels that look at certificates, with every kind of certificate.

use crate::policy::case::{Case, case};
use crate::tls_server::{Identity, Issuer, Key, Names, Purpose, Sends, Validity, Versions};

/// Levels, and who is looked at by them.
const LEVELS: &[(&str, &str)] =
    &[("may", "may"), ("encrypt", "encrypt"), ("verify", "verify"), ("secure", "secure")];

fn by(issuer: Issuer) -> Identity {
    Identity { issuer, ..Identity::default() }
}

fn sending(issuer: Issuer, sends: Sends) -> Identity {
    Identity { issuer, sends, ..Identity::default() }
}

fn named(san: &'static [&'static str], cn: &'static str) -> Identity {
    Identity { names: Names { san, cn }, ..Identity::default() }
}

fn of_issuers() -> Vec<(&'static str, Identity)> {
    vec![
        ("self-signed", by(Issuer::Own)),
        ("unknown-issuer", by(Issuer::Unknown)),
        ("unknown-root-sent", sending(Issuer::Unknown, Sends::WithRoot)),
        ("root-sent", sending(Issuer::Root, Sends::WithRoot)),
        ("intermediate", by(Issuer::Intermediate)),
        ("intermediate-missing", sending(Issuer::Intermediate, Sends::LeafAlone)),
        ("intermediate-expired", by(Issuer::ExpiredIntermediate)),
        ("chain-too-long", by(Issuer::Deep)),
        ("issuer-no-authority", by(Issuer::NoAuthority)),
    ]
}

fn of_contents() -> Vec<(&'static str, Identity)> {
    let plain = Identity::default();
    vec![
        ("expired", Identity { validity: Validity::Past, ..plain }),
        ("not-yet-valid", Identity { validity: Validity::Future, ..plain }),
        ("self-signed-expired", Identity { validity: Validity::Past, issuer: Issuer::Own, ..plain }),
        ("for-clients", Identity { purpose: Purpose::Client, ..plain }),
        ("purpose-open", Identity { purpose: Purpose::Any, ..plain }),
        ("authority-as-leaf", Identity { purpose: Purpose::Authority, ..plain }),
        ("rsa", Identity { key: Key::Rsa, ..plain }),
        ("ed25519", Identity { key: Key::Ed25519, ..plain }),
        ("expired-wrong-name", Identity { validity: Validity::Past, ..named(&["other.example"], "") }),
        ("unknown-wrong-name", Identity { issuer: Issuer::Unknown, ..named(&["other.example"], "") }),
    ]
}

fn of_names() -> Vec<(&'static str, Identity)> {
    vec![
        ("wrong-name", named(&["other.example"], "")),
        ("domain-alone", named(&["{domain}"], "")),
        ("below-domain", named(&["sub.{domain}"], "")),
        ("two-below-domain", named(&["a.b.{domain}"], "")),
        ("wildcard", named(&["*.{domain}"], "")),
        ("wildcard-too-high", named(&["*.lab.test"], "")),
        ("wildcard-in-label", named(&["m*.{domain}"], "")),
        ("wildcard-inner", named(&["mx1.*.lab.test"], "")),
        ("many-names", named(&["a.example", "b.example", "{host}"], "")),
        ("common-name", named(&[], "{host}")),
        ("common-name-wrong", named(&[], "other.example")),
        ("common-name-wildcard", named(&[], "*.{domain}")),
        ("common-name-beside-wrong-names", named(&["other.example"], "{host}")),
        ("common-name-beside-address", named(&["127.0.0.1"], "{host}")),
        ("address-alone", named(&["127.0.0.1"], "")),
        ("nameless", named(&[], "")),
    ]
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, identity) in [of_issuers(), of_contents()].concat() {
        for (level, policy) in LEVELS {
            cases.push(case(format!("{level}-{name}"), *policy).shows(identity));
        }
        cases.push(case(format!("fingerprint-{name}"), "fingerprint match={leaf-sha256}").shows(identity));
    }
    for (level, policy) in LEVELS {
        let tls12 = case(format!("{level}-tls12-unknown-issuer"), *policy).versions(Versions::Tls12);
        cases.push(tls12.shows(by(Issuer::Unknown)));
    }
    for (name, identity) in of_names() {
        for (level, policy) in LEVELS.iter().filter(|(level, _)| matches!(*level, "verify" | "secure")) {
            cases.push(case(format!("{level}-{name}"), *policy).shows(identity));
        }
    }
    cases
}
