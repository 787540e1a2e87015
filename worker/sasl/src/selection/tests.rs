//! The rules of the choice, as tables.

use super::*;
use crate::security::SecurityOption;

const ALL: &str = "ANONYMOUS LOGIN PLAIN CRAM-MD5 DIGEST-MD5 NTLM GSSAPI XOAUTH2 OAUTHBEARER SCRAM-SHA-1 \
                   SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS EXTERNAL";

fn bare(options: &str) -> Circumstances<'static> {
    Circumstances {
        options: SecurityOptions::parse(options).unwrap(),
        certificate: ClientCertificate::Absent,
        binding: None,
    }
}

fn names(selection: &Selection) -> String {
    selection.all().map(Mechanism::name).collect::<Vec<_>>().join(" ")
}

/// What is chosen of everything without a filter.
fn of_all(circumstances: &Circumstances<'_>) -> String {
    Selection::new(ALL, |_| Filtered::In, circumstances)
        .map_or_else(|failed| failed.diagnostic().unwrap_or_default(), |selection| names(&selection))
}

#[test]
fn security_options_leave_what_meets_them() {
    let table = [
        ("", "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN ANONYMOUS"),
        ("noanonymous", "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN"),
        ("noplaintext", "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 ANONYMOUS"),
        ("noplaintext, noanonymous", "SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5"),
        ("noactive", "SCRAM-SHA-256 SCRAM-SHA-1"),
        ("mutual_auth", "SCRAM-SHA-256 SCRAM-SHA-1"),
        ("nodictionary", "no mechanism available"),
        ("forward_secrecy", "no mechanism available"),
    ];
    for (options, want) in table {
        assert_eq!(of_all(&bare(options)), want, "{options}");
    }
}

#[test]
fn a_certificate_makes_external_the_best() {
    let shown = |options| Circumstances { certificate: ClientCertificate::Shown, ..bare(options) };
    assert!(of_all(&shown("noanonymous")).starts_with("EXTERNAL SCRAM-SHA-256 "));
    assert_eq!(of_all(&shown("nodictionary")), "EXTERNAL");
    assert!(!of_all(&shown("noactive")).contains("EXTERNAL"));
}

#[test]
fn a_binding_makes_bound_mechanisms_usable() {
    let binding = ChannelBinding::tls_exporter(&[1; 32]);
    let bound = Circumstances { binding: Some(&binding), ..bare("noplaintext, noanonymous") };
    assert_eq!(of_all(&bound), "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5");
}

#[test]
fn a_token_mechanism_must_be_named_by_the_filter() {
    let filtered = |name: &str| match name {
        "XOAUTH2" => Filtered::ByName,
        "GSSAPI" | "SCRAM-SHA-256" | "SCRAM-SHA-1" => Filtered::Out,
        _ => Filtered::In,
    };
    let selection = Selection::new(ALL, filtered, &bare("noanonymous")).unwrap();
    assert_eq!(names(&selection), "XOAUTH2 CRAM-MD5 PLAIN LOGIN");
    let clear = Selection::new("XOAUTH2", |_| Filtered::ByName, &bare("noplaintext"));
    assert_eq!(clear.unwrap_err(), LoginFailed::NoMechanism);
}

#[test]
fn a_filter_with_negation_picks_what_it_leaves() {
    let not_gssapi =
        |name: &str| if name.eq_ignore_ascii_case("gssapi") { Filtered::Out } else { Filtered::In };
    let selection = Selection::new("GSSAPI PLAIN LOGIN", not_gssapi, &bare("noanonymous")).unwrap();
    assert_eq!(selection.mechanism(), Mechanism::Plain);
}

#[test]
fn an_empty_list_and_a_useless_list_are_told_apart() {
    let failed = |offered, filtered| Selection::new(offered, |_| filtered, &bare("")).unwrap_err();
    assert_eq!(failed("  ", Filtered::In), LoginFailed::NothingOffered { offered: String::new() });
    assert_eq!(failed("PLAIN X", Filtered::Out), LoginFailed::NothingOffered { offered: "PLAIN X".into() });
    assert_eq!(failed("GSSAPI NTLM", Filtered::In), LoginFailed::NoMechanism);
}

#[test]
fn the_flag_accuses_nobody_without_reason() {
    let binding = ChannelBinding::tls_exporter(&[1; 32]);
    let with = Circumstances { binding: Some(&binding), ..bare("noanonymous") };
    let flag = |offered: &str, circumstances: &Circumstances<'_>| {
        let filter = |name: &str| if name.ends_with("-PLUS") { Filtered::Out } else { Filtered::In };
        Selection::new(offered, filter, circumstances).unwrap().best().gs2.flag()
    };
    assert_eq!(flag("SCRAM-SHA-256", &bare("noanonymous")), "n");
    assert_eq!(flag("SCRAM-SHA-256", &with), "y");
    assert_eq!(flag("SCRAM-SHA-256 SCRAM-SHA-256-PLUS", &with), "n");
    assert_eq!(flag("SCRAM-SHA-256 SCRAM-SHA-1-PLUS", &with), "n");
    let selection = Selection::new("SCRAM-SHA-256-PLUS", |_| Filtered::In, &with).unwrap();
    assert_eq!(selection.best().gs2, Gs2::Bound(binding.clone()));
}

#[test]
fn the_servers_order_case_and_repetition_change_nothing() {
    let selection = Selection::new("login Plain  PLAIN\tcram-md5", |_| Filtered::In, &bare("")).unwrap();
    assert_eq!(names(&selection), "CRAM-MD5 PLAIN LOGIN");
}

#[test]
fn a_list_without_end_is_looked_at_within_bounds() {
    let mut asked = 0;
    let endless = "X ".repeat(100_000) + "PLAIN";
    let count = |_: &str| {
        asked += 1;
        Filtered::In
    };
    assert_eq!(Selection::new(&endless, count, &bare("")).unwrap_err(), LoginFailed::NoMechanism);
    assert!(asked <= LONGEST_LIST / 2, "{asked}");
    assert_eq!(bounded(&"é".repeat(LONGEST_LIST)), "");
    assert_eq!(bounded(&format!("a{}", "é".repeat(LONGEST_LIST))), "");
}

#[test]
fn anonymous_is_never_used_where_a_login_is_demanded() {
    let demands = SecurityOptions::of(&[SecurityOption::NoAnonymous]);
    let circumstances = Circumstances { options: demands, ..bare("") };
    let failed = Selection::new("ANONYMOUS", |_| Filtered::ByName, &circumstances).unwrap_err();
    assert_eq!(failed, LoginFailed::NoMechanism);
}
