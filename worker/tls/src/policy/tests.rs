//! Policies looked up, and what they come to for a host.

mod digests;
mod plaintext;

use std::time::Duration;

use super::*;
use crate::lab::{self, NAMES, policies, policy};

const DOM: &str = "dom.example";

fn level_of(maps: &[(&str, &str)], nexthop: &str, domain: &str) -> (Level, Source) {
    let text = "smtp_tls_security_level = may";
    let policy = policies(text, maps, &[]).configured(nexthop, domain, "mx.example", Transport::Tcp).unwrap();
    (policy.level, policy.source)
}

fn warning(error: PolicyError) -> String {
    assert_eq!((error.status, error.text.as_str()), ("4.7.5", "client TLS configuration problem"));
    error.warning.unwrap()
}

fn records() -> DaneFinding {
    let record = Tlsa { usage: 3, selector: 1, matching: 1, data: vec![1; 32] };
    DaneFinding::Records {
        base_domain: "base.example".into(),
        records: vec![record],
        mx_secure: true,
        expires_in: Duration::from_secs(60),
    }
}

#[test]
fn the_next_hop_itself_comes_before_domains_above_it() {
    let maps = [
        ("a.dom.example", "encrypt"),
        (".dom.example", "verify"),
        (".example", "secure"),
        ("[a.dom.example]:25", "none"),
    ];
    for (nexthop, level) in [
        ("a.dom.example", Level::Encrypt),
        ("b.dom.example", Level::Verify),
        ("c.b.dom.example", Level::Verify),
        ("dom.example", Level::Secure),
    ] {
        assert_eq!(level_of(&maps, nexthop, nexthop), (level, Source::PolicyMaps), "{nexthop}");
    }
    assert_eq!(level_of(&maps, "example", "example"), (Level::May, Source::MainCf));
    assert_eq!(level_of(&maps, "[a.dom.example]:25", "a.dom.example"), (Level::None, Source::PolicyMaps));
}

#[test]
fn brackets_ports_and_addresses_have_no_domains_above_them() {
    let maps = [(".dom.example", "verify"), (".0.2.1", "secure")];
    for (nexthop, domain) in [
        ("[a.dom.example]", "a.dom.example"),
        ("a.dom.example:587", "a.dom.example"),
        ("192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(level_of(&maps, nexthop, domain), (Level::May, Source::MainCf), "{nexthop}");
    }
}

#[test]
fn a_wrong_entry_is_an_error_that_names_key_and_problem() {
    let told = warning(policy("", &[(DOM, "secured")]).unwrap_err());
    assert_eq!(
        told,
        "smtp_tls_policy_maps, next-hop destination \"dom.example\": invalid security level \"secured\""
    );
    let told = warning(policy("", &[(DOM, "secure match=a match=b tafile=/nonexistent/file")]).unwrap_err());
    assert!(told.contains("/nonexistent/file"), "{told}");
    let broken = policies("", &[("x", "may")], &[]).configured("broken", "broken", "h", Transport::Tcp);
    assert!(warning(broken.unwrap_err()).ends_with("no answer"));
}

#[test]
fn per_site_tables_count_only_without_policy_maps() {
    let per_site = [(DOM, "MUST_NOPEERMATCH"), ("mx.dom.example", "must"), ("odd.example", "perhaps")];
    let found = |maps: &[(&str, &str)], nexthop: &str, host: &str| {
        policies("smtp_tls_security_level = may", maps, &per_site).configured(
            nexthop,
            nexthop,
            host,
            Transport::Tcp,
        )
    };
    let both = found(&[], DOM, "mx.dom.example").unwrap();
    assert_eq!((both.level, both.source), (Level::Verify, Source::PerSite));
    assert_eq!(found(&[], DOM, "other.example").unwrap().level, Level::Encrypt);
    assert_eq!(found(&[], "other.example", "x").unwrap().source, Source::MainCf);
    assert_eq!(found(&[("x", "none")], DOM, "mx.dom.example").unwrap().level, Level::May);
    assert!(warning(found(&[], "odd.example", "x").unwrap_err()).contains("unknown TLS policy \"perhaps\""));
    warning(found(&[], "x", "broken").unwrap_err());
}

#[test]
fn older_switches_decide_where_no_level_is_set() {
    for (text, level) in [
        ("", Level::None),
        ("smtp_use_tls = yes", Level::May),
        ("smtp_enforce_tls = yes", Level::Verify),
        ("smtp_enforce_tls = yes\nsmtp_tls_enforce_peername = no", Level::Encrypt),
        ("smtp_tls_security_level = none\nsmtp_enforce_tls = yes", Level::None),
    ] {
        let text = format!("smtp_tls_security_level =\n{text}");
        assert_eq!(policy(&text, &[]).unwrap().level, level, "{text}");
    }
}

#[test]
fn attributes_stand_instead_of_main_cf() {
    let text = "smtp_tls_mandatory_protocols = >=TLSv1.3\nsmtp_tls_exclude_ciphers = AES128\nsmtp_tls_connection_reuse = no";
    let entry =
        "encrypt protocols=<=TLSv1.2 exclude=CHACHA20:AES256 servername=sni.example connection_reuse=yes";
    let effective = policy(text, &[(DOM, entry)]).unwrap().for_host(&NAMES).unwrap();
    let offer = effective.offer.unwrap();
    assert_eq!(offer.suites, [0xC02B, 0xC02F]);
    assert_eq!((effective.sni.as_deref(), effective.reuse), (Some("sni.example"), true));
    let effective = policy(text, &[(DOM, "encrypt")]).unwrap().for_host(&NAMES).unwrap();
    assert_eq!(effective.offer.unwrap().suites, [0x1302, 0x1303, 0x1301]);
    assert_eq!((effective.sni, effective.reuse), (None, false));
}

#[test]
fn exclusions_add_up_at_mandatory_levels() {
    let text = "smtp_tls_exclude_ciphers = AES128\nsmtp_tls_mandatory_exclude_ciphers = CHACHA20";
    let suites = |level: &str| {
        policy(text, &[(DOM, level)]).unwrap().for_host(&NAMES).unwrap().offer.unwrap().suites.clone()
    };
    assert_eq!(suites("may").len(), 3 + 4);
    assert_eq!(suites("encrypt").len(), 3 + 2);
}

#[test]
fn unknown_words_are_told_once() {
    let policies = policies("", &[(DOM, "encrypt exclude=banana")], &[]);
    let told = || policies.configured(DOM, DOM, "mx", Transport::Tcp).unwrap().warnings.len();
    assert_eq!((told(), told()), (1, 0));
    let odd = lab::policies("smtp_tls_exclude_ciphers = banana\ntls_eecdh_auto_curves = apple", &[], &[]);
    assert_eq!(odd.remarks().len(), 2);
    assert_eq!(lab::policies("", &[], &[]).remarks(), [""; 0]);
}

#[test]
fn patterns_are_those_of_the_entry_or_of_the_level() {
    let patterns = |entry: &str| match policy("", &[(DOM, entry)]).unwrap().for_host(&NAMES).unwrap().matching
    {
        Matching::Chain { patterns, .. } => patterns,
        other => panic!("{other:?}"),
    };
    assert_eq!(patterns("verify"), [Pattern::Exact("mx.dom.example".into())]);
    assert_eq!(patterns("secure"), [Pattern::Exact(DOM.into()), Pattern::Below(DOM.into())]);
    assert_eq!(
        patterns("secure match=hostname:.x.example"),
        [Pattern::Exact("mx.dom.example".into()), Pattern::Below("x.example".into())]
    );
}

#[test]
fn level_fingerprint_needs_a_value_that_can_match() {
    let error = |text: &str, entry: &str| {
        warning(policy(text, &[(DOM, entry)]).unwrap().for_host(&NAMES).unwrap_err())
    };
    assert!(error("", "fingerprint").contains("no valid fingerprints"));
    assert!(error("", "fingerprint match=abc|xyz").contains("no valid fingerprints"));
    assert!(error("smtp_tls_fingerprint_digest = crc32", "fingerprint match=abc").contains("unknown"));
}

#[test]
fn nothing_to_offer_is_an_error_but_at_level_may() {
    let text = "smtp_tls_protocols = TLSv1\nsmtp_tls_mandatory_protocols = TLSv1";
    let may = policy(text, &[(DOM, "may")]).unwrap().for_host(&NAMES).unwrap();
    assert!(may.unavailable().unwrap().contains("\"TLSv1\""));
    for level in ["encrypt", "verify", "secure"] {
        warning(policy(text, &[(DOM, level)]).unwrap().for_host(&NAMES).unwrap_err());
    }
    for level in ["may", "encrypt"] {
        warning(
            policy("", &[(DOM, &format!("{level} protocols=TLSv9"))]).unwrap().for_host(&NAMES).unwrap_err(),
        );
        warning(
            policy("", &[(DOM, &format!("{level} exclude=!RC4"))]).unwrap().for_host(&NAMES).unwrap_err(),
        );
        warning(
            policy("", &[(DOM, &format!("{level} servername=a..b"))]).unwrap().for_host(&NAMES).unwrap_err(),
        );
    }
}

#[test]
fn wrapper_mode_needs_a_mandatory_level() {
    let text = "smtp_tls_wrappermode = yes";
    for level in ["none", "may", "dane"] {
        let error = policy(text, &[(DOM, level)]).unwrap().for_host(&NAMES).unwrap_err();
        assert_eq!((error.status, error.before_connecting), ("4.3.0", true));
        assert!(
            error.warning.unwrap().contains("requires \"smtp_tls_security_level = encrypt\" (or stronger)")
        );
    }
    assert!(policy(text, &[(DOM, "encrypt")]).unwrap().for_host(&NAMES).is_ok());
    assert_eq!(
        policy(text, &[(DOM, "dane")]).unwrap().with_dane(&NAMES, &records()).unwrap().level,
        Level::Dane
    );
}

#[test]
fn on_unix_sockets_names_are_our_own_and_may_is_none() {
    let on_socket = |entry: &str| {
        policies("", &[("/run/x", entry)], &[]).configured(
            "/run/x",
            "/run/x",
            "/run/x",
            Transport::UnixSocket,
        )
    };
    let may = on_socket("may").unwrap();
    assert_eq!((may.level, may.warnings.len()), (Level::None, 1));
    let everywhere = policies("smtp_tls_security_level = may", &[], &[]);
    let may = everywhere.configured("/run/x", "/run/x", "/run/x", Transport::UnixSocket).unwrap();
    assert_eq!((may.level, may.warnings.len()), (Level::None, 0));
    assert!(warning(on_socket("dane").unwrap_err()).contains("invalid for delivery via unix-domain sockets"));
    warning(on_socket("dane-only").unwrap_err());
    let secure =
        on_socket("secure match=nexthop:hostname servername=hostname").unwrap().for_host(&NAMES).unwrap();
    assert_eq!(secure.sni.as_deref(), Some("me.example"));
    let Matching::Chain { patterns, .. } = secure.matching else { panic!("{:?}", secure.matching) };
    assert_eq!(patterns, [Pattern::Exact("me.example".into()), Pattern::Exact("me.example".into())]);
}

#[test]
fn dane_sends_the_base_domain_and_offers_what_the_level_in_force_offers() {
    let text = "smtp_tls_mandatory_protocols = >=TLSv1.3\nsmtp_tls_servername = hostname";
    let policy = policy(text, &[(DOM, "dane")]).unwrap();
    let dane = policy.with_dane(&NAMES, &records()).unwrap();
    assert_eq!((dane.sni.as_deref(), dane.offer.unwrap().versions.tls12), (Some("base.example"), false));
    let may = policy.with_dane(&NAMES, &DaneFinding::none()).unwrap();
    assert_eq!((may.level, may.sni.as_deref()), (Level::May, Some("mx.dom.example")));
    assert!(may.offer.unwrap().versions.tls12);
}

#[test]
fn without_a_finding_dane_is_may_and_dane_only_an_error() {
    let may = policy("", &[(DOM, "dane")]).unwrap().for_host(&NAMES).unwrap();
    assert_eq!((may.level, may.warning.is_some()), (Level::May, true));
    assert_eq!(policy("", &[(DOM, "dane-only")]).unwrap().for_host(&NAMES).unwrap_err().status, "4.7.5");
}

#[test]
fn digests_that_cannot_be_switch_dane_off() {
    let text = "tls_dane_digests = sha3";
    let dane = policy(text, &[(DOM, "dane")]).unwrap();
    assert_eq!(dane.asks_tlsa(true), Ok(false));
    let may = dane.with_dane(&NAMES, &records()).unwrap();
    assert_eq!((may.level, may.warning.is_some()), (Level::May, true));
    assert!(policy(text, &[(DOM, "dane-only")]).unwrap().with_dane(&NAMES, &records()).is_err());
}

#[test]
fn tlsa_records_are_asked_for_where_they_make_a_difference() {
    let asks =
        |text: &str, level: &str, secure: bool| policy(text, &[(DOM, level)]).unwrap().asks_tlsa(secure);
    assert_eq!(
        (asks("", "secure", true), asks("", "dane", true), asks("", "dane-only", true)),
        (Ok(false), Ok(true), Ok(true))
    );
    assert_eq!(asks("", "dane", false), Ok(true));
    assert_eq!(asks("smtp_tls_dane_insecure_mx_policy = may", "dane", false), Ok(false));
    assert_eq!(asks("", "dane-only", false).unwrap_err().text, "non DNSSEC destination");
}
