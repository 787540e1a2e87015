//! TLSA records against chains.

use maincf::value::InsecureMxPolicy;

use super::*;
use crate::policy::DigestName;
use crate::policy::{DaneFinding, HostNames, MxNames, Tlsa};

const DANE: &str = "smtp_tls_security_level = dane";

fn tlsa(usage: u8, selector: u8, matching: u8, octets: &[u8]) -> Tlsa {
    let data = match matching {
        0 => octets.to_vec(),
        1 => DigestName::Sha256.of(octets),
        _ => DigestName::Sha512.of(octets),
    };
    Tlsa { usage, selector, matching, data }
}

fn of(usage: u8, selector: u8, matching: u8, der: &CertificateDer<'_>) -> Tlsa {
    match selector {
        0 => tlsa(usage, 0, matching, der),
        _ => tlsa(usage, 1, matching, &certificate::key(der).unwrap()),
    }
}

fn in_force(records: Vec<Tlsa>, mx_secure: bool) -> Effective {
    let mx = Some(MxNames { qname: "dom.example", rname: "alias.example" });
    let names = HostNames { nexthop: "dom.example", host: "mx.dom.example", mx };
    let base_domain = "mx.dom.example".into();
    let finding =
        DaneFinding::Records { base_domain, records, mx_secure, expires_in: Duration::from_secs(60) };
    lab::policy(DANE, &[]).unwrap().with_dane(&names, &finding).unwrap()
}

fn judged(records: Vec<Tlsa>, chain: &[&CertificateDer<'static>]) -> Verified {
    let effective = in_force(records, true);
    assert_eq!(effective.level, Level::Dane);
    judge(DANE, &effective, chain)
}

#[test]
fn records_of_the_server_need_neither_name_nor_date_nor_issuer() {
    let server = lab::self_signed(&["wrong.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let verified = judged(vec![of(3, selector, matching, &server.certificate)], &[&server.certificate]);
        assert_eq!((verified.trust, verified.facts.not_after), (Trust::Verified, None));
        assert!(matches!(verified.matched, Some(Matched::Tlsa(_))));
    }
}

#[test]
fn another_certificate_or_key_does_not_fit() {
    let (server, other) = (lab::self_signed(&["mx.dom.example"], |_| ()), lab::self_signed(&[], |_| ()));
    for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
        let verified = judged(vec![of(3, selector, matching, &server.certificate)], &[&other.certificate]);
        assert_eq!((verified.acceptable, verified.problem), (false, Some(Problem::NoMatch)));
    }
}

#[test]
fn a_record_of_the_server_does_not_fit_what_stands_above_it() {
    let root = Authority::root("Root");
    let server = root.server(&["mx.dom.example"]);
    let chain = [&server.certificate, &root.certificate];
    assert!(!judged(vec![of(3, 1, 1, &root.certificate)], &chain).acceptable);
    assert!(!judged(vec![of(2, 1, 1, &server.certificate)], &chain).acceptable);
}

#[test]
fn records_of_an_authority_vouch_for_chains_to_it() {
    let root = Authority::root("Root");
    let sub = root.below("Sub");
    let server = sub.server(&["mx.dom.example"]);
    let chain = [&server.certificate, &sub.certificate, &root.certificate];
    for (authority, depth) in [(&root, 2), (&sub, 1)] {
        for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
            let verified = judged(vec![of(2, selector, matching, &authority.certificate)], &chain);
            assert_eq!(verified.trust, Trust::Verified, "{selector} {matching}");
            let matched = Matched::Name { name: "mx.dom.example".into(), anchor_depth: Some(depth) };
            assert_eq!(verified.matched, Some(matched));
            assert!(verified.facts.not_after.is_some());
        }
    }
}

#[test]
fn an_authority_that_is_not_shown_has_to_be_in_the_record() {
    let root = Authority::root("Root");
    let server = root.server(&["mx.dom.example"]);
    for (selector, matching, trust) in
        [(0, 0, Trust::Verified), (1, 0, Trust::Verified), (0, 1, Trust::Untrusted), (1, 2, Trust::Untrusted)]
    {
        let verified = judged(vec![of(2, selector, matching, &root.certificate)], &[&server.certificate]);
        assert_eq!(verified.trust, trust, "{selector} {matching}");
    }
    let stranger = tlsa(2, 1, 0, &Authority::root("Root").public_key());
    assert_eq!(judged(vec![stranger], &[&server.certificate]).problem, Some(Problem::NoMatch));
}

#[test]
fn an_authority_vouches_for_names_and_dates() {
    let root = Authority::root("Root");
    let record = || vec![of(2, 0, 1, &root.certificate)];
    for (name, trust) in [
        ("mx.dom.example", Trust::Verified),
        ("dom.example", Trust::Verified),
        ("alias.example", Trust::Verified),
        ("*.dom.example", Trust::Verified),
        ("other.example", Trust::Untrusted),
    ] {
        let server = root.server(&[name]);
        assert_eq!(judged(record(), &[&server.certificate, &root.certificate]).trust, trust, "{name}");
    }
    let old = root.changed_server(&["mx.dom.example"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let verified = judged(record(), &[&old.certificate, &root.certificate]);
    assert_eq!(verified.problem, Some(Problem::Expired));
}

#[test]
fn an_unrelated_authority_in_the_chain_vouches_for_nothing() {
    let (root, other) = (Authority::root("Root"), Authority::root("Other"));
    let server = other.server(&["mx.dom.example"]);
    let chain = [&server.certificate, &root.certificate];
    assert_eq!(judged(vec![of(2, 0, 1, &root.certificate)], &chain).problem, Some(Problem::NoMatch));
}

#[test]
fn a_wrong_strong_digest_is_not_made_up_for_by_a_right_weak_one() {
    let server = lab::self_signed(&[], |_| ());
    let records = vec![tlsa(3, 1, 2, b"another key"), of(3, 1, 1, &server.certificate)];
    assert!(!judged(records, &[&server.certificate]).acceptable);
}

#[test]
fn half_dane_has_to_match_and_is_called_trusted() {
    let server = lab::self_signed(&[], |_| ());
    let effective = in_force(vec![of(3, 1, 1, &server.certificate)], false);
    assert_eq!((effective.level, effective.sni.as_deref()), (Level::HalfDane, Some("mx.dom.example")));
    let verified = judge(DANE, &effective, &[&server.certificate]);
    assert_eq!((verified.trust, verified.acceptable), (Trust::Trusted, true));
    let other = judge(DANE, &effective, &[&lab::self_signed(&[], |_| ()).certificate]);
    assert_eq!((other.trust, other.acceptable), (Trust::Untrusted, false));
    assert_eq!(lab::settings(DANE).tls.dane_insecure_mx_policy, InsecureMxPolicy::Dane);
}
