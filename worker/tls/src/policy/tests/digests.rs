//! Digests change with all that a level looks at, and with nothing else.

use std::collections::BTreeSet;

use super::*;
use crate::lab::{Authority, Files};

fn digest(text: &str) -> [u8; 32] {
    let policy = policy(text, &[]).unwrap();
    let effective =
        if policy.wants_dane() { policy.with_dane(&NAMES, &records()) } else { policy.for_host(&NAMES) };
    effective.unwrap().digest()
}

/// Each text alone changes the digest of the level, and no two come to the same.
fn all_differ(level: &str, base: &str, changes: &[String]) {
    let base = format!("smtp_tls_security_level = {level}\n{base}");
    let mut digests = BTreeSet::from([digest(&base)]);
    let mut policies = BTreeSet::from([policy(&base, &[]).unwrap().digest()]);
    for change in changes {
        let text = format!("{base}\n{change}");
        assert!(digests.insert(digest(&text)), "{level}: {change}");
        assert!(policies.insert(policy(&text, &[]).unwrap().digest()), "{level}: {change}");
    }
}

fn none_differs(level: &str, base: &str, changes: &[&str]) {
    let base = format!("smtp_tls_security_level = {level}\n{base}");
    for change in changes {
        assert_eq!(digest(&format!("{base}\n{change}")), digest(&base), "{level}: {change}");
    }
}

/// Settings that every level with TLS looks at.
fn everywhere(files: &Files, mandatory: &str) -> Vec<String> {
    let authority = Authority::root("Ours");
    let server = authority.server(&[]);
    let pem = server.key.serialize_pem() + &lab::pem("CERTIFICATE", &server.certificate);
    let chain = files.text("own.pem", &pem);
    vec![
        format!("smtp_tls_{mandatory}protocols = >=TLSv1.3"),
        format!("smtp_tls_{mandatory}protocols = <=TLSv1.2"),
        format!("smtp_tls_{mandatory}exclude_ciphers = CHACHA20"),
        "tls_medium_cipherlist = AES128".into(),
        "tls_eecdh_auto_curves = P-256".into(),
        format!("smtp_tls_chain_files = {}", chain.display()),
    ]
}

#[test]
fn at_may_and_encrypt() {
    let files = Files::new();
    let ca = files.certificates("ca.pem", &[&Authority::root("Root").certificate]);
    let print = format!("smtp_tls_fingerprint_cert_match = {}", "00".repeat(32));
    let ca = format!("smtp_tls_CAfile = {}", ca.display());
    for (level, mandatory) in [("may", ""), ("encrypt", "mandatory_")] {
        let mut changes = everywhere(&files, mandatory);
        changes
            .extend(["hostname", "nexthop", "x.example"].map(|name| format!("smtp_tls_servername = {name}")));
        all_differ(level, "", &changes);
        none_differs(
            level,
            "",
            &[
                &ca,
                &print,
                "smtp_tls_scert_verifydepth = 3",
                "smtp_tls_verify_cert_match = x",
                "smtp_tls_secure_cert_match = x",
                "smtp_tls_dane_insecure_mx_policy = may",
                "smtp_tls_loglevel = 2",
            ],
        );
    }
    none_differs(
        "may",
        "",
        &["smtp_tls_mandatory_protocols = >=TLSv1.3", "smtp_tls_mandatory_exclude_ciphers = AES128"],
    );
    none_differs("encrypt", "", &["smtp_tls_protocols = >=TLSv1.3"]);
    let high = ["tls_high_cipherlist = AES128"];
    none_differs("encrypt", "", &high);
    all_differ("encrypt", "smtp_tls_mandatory_ciphers = high\n", &high.map(String::from));
}

#[test]
fn whoever_wants_no_session_of_others_is_given_none() {
    for level in ["may", "encrypt"] {
        let with = |reuse: &str| {
            digest(&format!("smtp_tls_security_level = {level}\nsmtp_tls_connection_reuse = {reuse}"))
        };
        assert_ne!(with("yes"), with("no"), "{level}");
    }
}

#[test]
fn at_none_nothing_counts() {
    let changes = [
        "smtp_tls_protocols = >=TLSv1.3",
        "smtp_tls_servername = hostname",
        "smtp_tls_connection_reuse = yes",
    ];
    none_differs("none", "", &changes);
}

#[test]
fn at_fingerprint_the_digest_and_the_set() {
    let (one, two) = ("11".repeat(32), "22".repeat(32));
    let match_ = |values: &str| format!("smtp_tls_fingerprint_cert_match = {values}");
    let mut changes = everywhere(&Files::new(), "mandatory_");
    changes.extend([match_(&two), match_(&format!("{one} {two}"))]);
    let sha1 = "11".repeat(20);
    changes.push(format!("smtp_tls_fingerprint_digest = sha1\n{}", match_(&sha1)));
    let base = format!("smtp_tls_fingerprint_digest = sha256\n{}", match_(&one));
    all_differ("fingerprint", &base, &changes);
    let (order, other) = (match_(&format!("{two} {one}")), match_(&format!("{one}|{two} {one}")));
    let base = format!("smtp_tls_fingerprint_digest = sha256\n{}", match_(&format!("{one} {two}")));
    none_differs("fingerprint", &base, &[&order, &other, "smtp_tls_scert_verifydepth = 3"]);
}

#[test]
fn at_verify_and_secure_names_anchors_and_depth() {
    let files = Files::new();
    let (one, two) = (Authority::root("One"), Authority::root("Two"));
    let file = |name: &str, list: &[&pki_types::CertificateDer<'_>]| {
        files.certificates(name, list).display().to_string()
    };
    let one_file = file("one", &[&one.certificate]);
    let both = file("both", &[&one.certificate, &two.certificate]);
    let turned = file("turned", &[&two.certificate, &one.certificate, &two.certificate]);
    for level in ["verify", "secure"] {
        let mut changes = everywhere(&files, "mandatory_");
        changes.extend([
            format!("smtp_tls_{level}_cert_match = x.example"),
            format!("smtp_tls_{level}_cert_match = .x.example"),
            "smtp_tls_scert_verifydepth = 3".into(),
            format!("smtp_tls_CAfile = {both}"),
            format!("smtp_tls_trust_anchor_file = {one_file}"),
        ]);
        all_differ(level, &format!("smtp_tls_CAfile = {one_file}"), &changes);
        let turned = format!("smtp_tls_CAfile = {turned}");
        none_differs(
            level,
            &format!("smtp_tls_CAfile = {both}"),
            &[
                &turned,
                "smtp_tls_fingerprint_digest = sha512",
                "smtp_tls_dane_insecure_mx_policy = may",
                "tls_dane_digests = sha256",
            ],
        );
    }
}

#[test]
fn at_dane_records_names_and_base_domain() {
    let policy = policy("", &[(DOM, "dane")]).unwrap();
    let mx = |qname, rname| HostNames { mx: Some(MxNames { qname, rname }), ..NAMES };
    let found = |base: &str, records: &[Tlsa], seconds: u64| DaneFinding::Records {
        base_domain: base.into(),
        records: records.to_vec(),
        mx_secure: true,
        expires_in: Duration::from_secs(seconds),
    };
    let record = |usage, selector, octet| Tlsa { usage, selector, matching: 1, data: vec![octet; 32] };
    let (one, two) = (record(3, 1, 1), record(3, 1, 2));
    let digest =
        |names: &HostNames<'_>, finding: DaneFinding| policy.with_dane(names, &finding).unwrap().digest();
    let base = || found("base.example", std::slice::from_ref(&one), 60);
    let all = BTreeSet::from([
        digest(&NAMES, base()),
        digest(&NAMES, found("other.example", std::slice::from_ref(&one), 60)),
        digest(&NAMES, found("base.example", std::slice::from_ref(&two), 60)),
        digest(&NAMES, found("base.example", &[one.clone(), two.clone()], 60)),
        digest(&NAMES, found("base.example", &[record(2, 1, 1)], 60)),
        digest(&NAMES, found("base.example", &[record(3, 0, 1)], 60)),
        digest(&mx("q.example", "q.example"), base()),
        digest(&mx("q.example", "r.example"), base()),
    ]);
    assert_eq!(all.len(), 8);
    let order = [two.clone(), one.clone(), two.clone(), Tlsa { usage: 0, ..one.clone() }];
    assert_eq!(
        digest(&NAMES, found("base.example", &order, 5)),
        digest(&NAMES, found("base.example", &[one, two], 60))
    );
}

#[test]
fn levels_differ_although_they_look_at_the_same() {
    let levels: BTreeSet<_> = ["none", "may", "encrypt", "verify", "secure", "dane", "dane-only"]
        .map(|level| {
            digest(&format!(
                "smtp_tls_security_level = {level}\nsmtp_tls_verify_cert_match = x\nsmtp_tls_secure_cert_match = x"
            ))
        })
        .into();
    assert_eq!(levels.len(), 7);
}

#[test]
fn who_decided_does_not_matter() {
    let by_map = policy("smtp_tls_security_level = may", &[(DOM, "encrypt")]).unwrap();
    let by_main_cf = policy("smtp_tls_security_level = encrypt", &[]).unwrap();
    assert_eq!(by_map.digest(), by_main_cf.digest());
    assert_eq!(by_map.for_host(&NAMES).unwrap().digest(), by_main_cf.for_host(&NAMES).unwrap().digest());
}
