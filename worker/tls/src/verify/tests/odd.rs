//! Certificates that are odd or none, and signatures that prove nothing.

use proptest::prelude::*;

use super::*;

/// Settings of every level that has to match, and of those that do not.
const MUST_MATCH: [&str; 3] = [
    "smtp_tls_security_level = verify",
    "smtp_tls_security_level = secure",
    "smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_digest = sha1\n\
     smtp_tls_fingerprint_cert_match = 00112233445566778899AABBCCDDEEFF00112233",
];
const ANYBODY: [&str; 2] = ["smtp_tls_security_level = may", "smtp_tls_security_level = encrypt"];

#[test]
fn octets_that_are_no_certificate_are_accepted_where_nothing_is_asked() {
    let octets = CertificateDer::from(b"no certificate".to_vec());
    for text in ANYBODY {
        assert!(judge(text, &effective(text), &[&octets]).acceptable);
    }
    for text in MUST_MATCH {
        assert!(!judge(text, &effective(text), &[&octets]).acceptable);
    }
}

#[test]
fn no_certificate_is_anonymous() {
    for text in ANYBODY {
        let verified = judge(text, &effective(text), &[]);
        assert_eq!((verified.trust, verified.acceptable), (Trust::Anonymous, true));
    }
    for text in MUST_MATCH {
        let verified = judge(text, &effective(text), &[]);
        assert_eq!((verified.trust, verified.acceptable), (Trust::Anonymous, false));
    }
}

#[test]
fn without_a_proved_signature_the_best_certificate_is_worth_nothing() {
    let (root, _files, text) = rooted();
    let server = root.server(&["mx.dom.example"]);
    let text =
        format!("smtp_tls_security_level = secure\nsmtp_tls_secure_cert_match = mx.dom.example\n{text}");
    let unproved = Observed::default();
    let seen = negotiated(&[&server.certificate]);
    let verified = verify(&lab::engine(&text), &effective(&text), &seen, &unproved, SystemTime::now());
    assert_eq!((verified.trust, verified.acceptable), (Trust::Untrusted, false));
}

#[test]
fn a_loop_of_issuers_ends() {
    let one = Authority::root("One");
    let two = one.below("Two");
    let server = two.server(&["mx.dom.example"]);
    let chain: Vec<&CertificateDer<'static>> =
        std::iter::once(&server.certificate).chain(std::iter::repeat_n(&two.certificate, 500)).collect();
    assert!(matches!(problem("", &chain), Problem::UntrustedIssuer(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_certificates_end_nothing_and_are_accepted_nowhere(at in 0usize..400, octet: u8, cut in 0usize..500) {
        let (root, _files, text) = rooted();
        let server = root.server(&["mx.dom.example"]);
        let mut octets = server.certificate.to_vec();
        let at = at % octets.len();
        prop_assume!(octets[at] != octet);
        octets[at] = octet;
        octets.truncate(cut.max(1));
        let damaged = CertificateDer::from(octets);
        let verified = secure(&text, &[&damaged, &damaged]);
        prop_assert!(!verified.acceptable);
        let _ = verified.facts.summary.to_string();
    }
}
