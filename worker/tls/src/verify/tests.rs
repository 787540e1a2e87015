//! A corpus of certificates, one test for a rule.

mod anchors;
mod dane;
mod lines;
mod odd;

use std::time::{Duration, SystemTime};

use rcgen::{CustomExtension, DnType, ExtendedKeyUsagePurpose, date_time_ymd};
use rustls::SignatureScheme;

use super::*;
use crate::lab::{self, Authority, Files, Server, effective};
use pki_types::CertificateDer;

pub(super) fn negotiated(chain: &[&CertificateDer<'static>]) -> Negotiated {
    let chain = chain.iter().map(|der| (*der).clone()).collect();
    Negotiated { protocol: 0x0304, suite: 0x1302, group: 0x001D, chain }
}

pub(super) fn judge(text: &str, effective: &Effective, chain: &[&CertificateDer<'static>]) -> Verified {
    let observed = Observed::proved(SignatureScheme::ECDSA_NISTP256_SHA256);
    verify(&lab::engine(text), effective, &negotiated(chain), &observed, SystemTime::now())
}

fn secure(settings: &str, chain: &[&CertificateDer<'static>]) -> Verified {
    let text =
        format!("smtp_tls_security_level = secure\nsmtp_tls_secure_cert_match = mx.dom.example\n{settings}");
    judge(&text, &effective(&text), chain)
}

fn problem(settings: &str, chain: &[&CertificateDer<'static>]) -> Problem {
    let verified = secure(settings, chain);
    assert_eq!((verified.trust, verified.acceptable), (Trust::Untrusted, false));
    assert_eq!(verified.matched, None);
    verified.problem.unwrap()
}

/// A root in a CAfile, and the settings that name it.
fn rooted() -> (Authority, Files, String) {
    let (root, files) = (Authority::root("Root"), Files::new());
    let path = files.certificates("ca.pem", &[&root.certificate]);
    let text = format!("smtp_tls_CAfile = {}", path.display());
    (root, files, text)
}

fn with_san(octets: &[u8]) -> impl FnOnce(&mut rcgen::CertificateParams) {
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 17], octets.to_vec());
    move |params| params.custom_extensions.push(extension)
}

#[test]
fn the_right_name_under_a_configured_root_is_verified() {
    let (root, _files, text) = rooted();
    let Server { certificate, .. } = root.server(&["other.example", "mx.dom.example"]);
    let verified = secure(&text, &[&certificate]);
    assert_eq!((verified.trust, verified.acceptable, verified.problem), (Trust::Verified, true, None));
    assert_eq!(verified.matched, Some(Matched::Name { name: "mx.dom.example".into(), anchor_depth: None }));
    assert_eq!(verified.facts.level, Level::Secure);
}

#[test]
fn without_configured_authorities_nobody_is_trusted() {
    let (root, _files, _) = rooted();
    let server = root.server(&["mx.dom.example"]);
    assert_eq!(problem("", &[&server.certificate]), Problem::UntrustedIssuer("/CN=Root".into()));
    assert_eq!(problem("", &[&server.certificate, &root.certificate]), Problem::SelfSigned);
}

#[test]
fn an_unknown_issuer_is_named_from_the_top_of_the_chain() {
    let (_root, _files, text) = rooted();
    let other = Authority::root("Other");
    let sub = other.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    assert_eq!(problem(&text, &[&server.certificate]), Problem::UntrustedIssuer("/CN=Sub".into()));
    let chain = [&server.certificate, &sub.certificate];
    assert_eq!(problem(&text, &chain), Problem::UntrustedIssuer("/CN=Other".into()));
}

#[test]
fn the_same_name_with_another_key_is_not_the_root() {
    let (_root, _files, text) = rooted();
    let imposter = Authority::root("Root");
    let server = imposter.server(&["mx.dom.example"]);
    assert_eq!(problem(&text, &[&server.certificate]), Problem::UntrustedIssuer("/CN=Root".into()));
}

#[test]
fn a_self_signed_server_is_told_from_an_unknown_issuer() {
    let (_root, _files, text) = rooted();
    let server = lab::self_signed(&["mx.dom.example"], |_| ());
    assert_eq!(problem(&text, &[&server.certificate]), Problem::SelfSigned);
}

#[test]
fn a_self_signed_server_in_the_ca_file_is_its_own_anchor() {
    let (files, server) = (Files::new(), lab::self_signed(&["mx.dom.example"], |_| ()));
    let text =
        format!("smtp_tls_CAfile = {}", files.certificates("ca.pem", &[&server.certificate]).display());
    assert_eq!(secure(&text, &[&server.certificate]).trust, Trust::Verified);
}

#[test]
fn dates_of_server_and_root_count() {
    let (root, files, text) = rooted();
    let expired =
        root.changed_server(&["mx.dom.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(problem(&text, &[&expired.certificate]), Problem::Expired);
    let future =
        root.changed_server(&["mx.dom.example"], |params| params.not_before = date_time_ymd(3000, 1, 1));
    assert_eq!(problem(&text, &[&future.certificate]), Problem::NotYetValid);
    let old = Authority::changed_root("Old", |params| params.not_after = date_time_ymd(2020, 1, 1));
    let text = format!("smtp_tls_CAfile = {}", files.certificates("old.pem", &[&old.certificate]).display());
    assert_eq!(problem(&text, &[&old.server(&["mx.dom.example"]).certificate]), Problem::Expired);
}

#[test]
fn certificates_for_clients_are_not_for_servers() {
    let (root, _files, text) = rooted();
    let client = root.changed_server(&["mx.dom.example"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    assert_eq!(problem(&text, &[&client.certificate]), Problem::NotDesignated);
}

#[test]
fn a_chain_is_no_longer_than_its_limit() {
    let (root, _files, text) = rooted();
    let sub = root.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    let chain = [&server.certificate, &sub.certificate];
    let limited = |depth: u32| format!("{text}\nsmtp_tls_scert_verifydepth = {depth}");
    assert_eq!(problem(&limited(0), &chain), Problem::ChainTooLong(0));
    assert_eq!(secure(&limited(1), &chain).trust, Trust::Verified, "neither end of the chain counts");
}

#[test]
fn intermediates_in_the_ca_file_help_and_are_no_roots() {
    let (root, files, _) = rooted();
    let sub = root.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    let alone = files.certificates("alone.pem", &[&sub.certificate]);
    let both = files.certificates("both.pem", &[&sub.certificate, &root.certificate]);
    let text = |path: &std::path::Path| format!("smtp_tls_CAfile = {}", path.display());
    assert!(matches!(problem(&text(&alone), &[&server.certificate]), Problem::UntrustedIssuer(_)));
    assert_eq!(secure(&text(&both), &[&server.certificate]).trust, Trust::Verified);
}

#[test]
fn another_name_is_untrusted_although_the_chain_is_good() {
    let (root, _files, text) = rooted();
    for name in ["other.example", "dom.example", "*.example", "*.mx.dom.example"] {
        assert_eq!(problem(&text, &[&root.server(&[name]).certificate]), Problem::HostnameMismatch, "{name}");
    }
    assert_eq!(secure(&text, &[&root.server(&["*.dom.example"]).certificate]).trust, Trust::Verified);
}

#[test]
fn addresses_match_addresses_only() {
    let (root, _files, text) = rooted();
    let by_address = |chain: &[&CertificateDer<'static>], address: &str| {
        let text =
            format!("smtp_tls_security_level = secure\nsmtp_tls_secure_cert_match = {address}\n{text}");
        judge(&text, &effective(&text), chain)
    };
    let server = root.server(&["192.0.2.1"]);
    assert_eq!(by_address(&[&server.certificate], "[192.0.2.1]").trust, Trust::Verified);
    let problem = by_address(&[&server.certificate], "192.0.2.2").problem;
    assert_eq!(problem, Some(Problem::AddressMismatch));
}

#[test]
fn common_names_count_only_without_dns_names() {
    let (root, _files, text) = rooted();
    let named = |names: &[&str]| {
        root.changed_server(names, |params| {
            params.distinguished_name.push(DnType::CommonName, "mx.dom.example")
        })
    };
    assert_eq!(secure(&text, &[&named(&[]).certificate]).trust, Trust::Verified);
    assert_eq!(secure(&text, &[&named(&["192.0.2.1"]).certificate]).trust, Trust::Verified);
    assert_eq!(problem(&text, &[&named(&["other.example"]).certificate]), Problem::HostnameMismatch);
}

#[test]
fn names_with_nul_or_octets_beyond_ascii_match_nothing_and_hide_the_common_name() {
    let (root, _files, text) = rooted();
    for name in [b"mx.dom.example\0.evil.example".as_slice(), b"mx.dom.example\xff", b"mx.dom.example\0"] {
        let mut octets = vec![0x30, name.len() as u8 + 2, 0x82, name.len() as u8];
        octets.extend(name);
        let change = with_san(&octets);
        let server = root.changed_server(&[], |params| {
            params.distinguished_name.push(DnType::CommonName, "mx.dom.example");
            change(params);
        });
        assert!(!secure(&text, &[&server.certificate]).acceptable, "{name:?}");
    }
}

#[test]
fn fingerprints_of_certificate_and_key_match_whatever_else_is_wrong() {
    let server = lab::self_signed(&["x.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let key = certificate::key(&server.certificate).unwrap();
    for name in ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] {
        let digest = crate::policy::DigestName::named(name).unwrap();
        for octets in [server.certificate.as_ref(), &key] {
            let value = fingerprint::shown(&digest.of(octets));
            let text = format!(
                "smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_digest = {name}\n\
                 smtp_tls_fingerprint_cert_match = {value}"
            );
            let verified = judge(&text, &effective(&text), &[&server.certificate]);
            assert_eq!(verified.trust, Trust::Verified);
            assert_eq!(verified.matched, Some(Matched::Fingerprint(value.replace(':', ""))));
            let other = judge(&text, &effective(&text), &[&lab::self_signed(&[], |_| ()).certificate]);
            assert_eq!((other.acceptable, other.problem), (false, Some(Problem::NoMatch)));
        }
    }
}

#[test]
fn at_lower_levels_the_word_is_earned_and_nothing_is_complained_of() {
    let (root, _files, text) = rooted();
    for level in ["may", "encrypt"] {
        let text = format!("smtp_tls_security_level = {level}\n{text}");
        let good = judge(&text, &effective(&text), &[&root.server(&["any.example"]).certificate]);
        assert_eq!((good.trust, good.acceptable, good.problem), (Trust::Trusted, true, None));
        let bad = judge(&text, &effective(&text), &[&lab::self_signed(&[], |_| ()).certificate]);
        assert_eq!((bad.trust, bad.acceptable, bad.problem), (Trust::Untrusted, true, None));
    }
}

#[test]
fn facts_hold_until_the_first_certificate_expires() {
    let (root, _files, text) = rooted();
    let server =
        root.changed_server(&["mx.dom.example"], |params| params.not_after = date_time_ymd(2100, 1, 1));
    let facts = secure(&text, &[&server.certificate]).facts;
    assert_eq!(facts.not_after, Some(4_102_444_800));
    assert!(facts.holds_at(SystemTime::now()));
    assert!(!facts.holds_at(UNIX_EPOCH + Duration::from_secs(4_102_444_801)));
    let octets = postcard::to_stdvec(&facts).unwrap();
    assert_eq!(postcard::from_bytes::<PeerFacts>(&octets).unwrap(), facts);
}
