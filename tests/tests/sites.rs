//! Real-life main.cf files beside postconf: what is set, what it comes to, what is built in. Their mail is in `sites_mail`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;
use std::process::Command;
use testkit::site::{SITES, Site, Values};
use testkit::{Sandbox, programs};

/// Why a value of ours is not that of Debian's Postfix 3.7.
const DIFFERENT: &[(&str, &[&str])] = &[
    (
        "the relay has defaults of its own, each with its reason in worker/maincf/src/deployment.rs",
        &[
            "queue_directory",
            "mail_owner",
            "mail_name",
            "syslog_name",
            "smtputf8_enable",
            "smtp_tls_security_level",
            "lmtp_tls_security_level",
            "smtp_tls_connection_reuse",
            "lmtp_tls_connection_reuse",
            "smtp_tls_fingerprint_digest",
            "lmtp_tls_fingerprint_digest",
        ],
    ),
    ("it names $mail_name", &["smtpd_banner"]),
    (
        "below compatibility level 2 relay_domains is $mydestination, whose mail no delivery agent sends: it stays empty here",
        &["fast_flush_domains"],
    ),
    (
        "the default of a later release",
        &[
            "smtp_tls_dane_insecure_mx_policy",
            "tls_export_cipherlist",
            "tls_high_cipherlist",
            "tls_low_cipherlist",
            "tls_medium_cipherlist",
            "tls_null_cipherlist",
        ],
    ),
];

/// Why postconf 3.7 does not list a name that we do.
const ONLY_OURS: &[(&str, &[&str])] = &[
    (
        "later than 3.7",
        &[
            "allow_srv_lookup_fallback",
            "ignore_srv_lookup_error",
            "use_srv_lookup",
            "lmtp_sasl_password_result_delimiter",
            "smtp_sasl_password_result_delimiter",
            "lmtp_tls_enable_rpk",
            "smtp_tls_enable_rpk",
            "lmtp_tls_loglevel_maps",
            "smtp_tls_loglevel_maps",
            "lmtp_tls_trace_size_limit",
            "smtp_tls_trace_size_limit",
            "tls_ffdhe_auto_groups",
            "tls_trace_rate_limit",
        ],
    ),
    ("what Postfix has in master.cf, flags=", &["lmtp_delivery_flags", "smtp_delivery_flags"]),
    (
        "old names, which postconf shows only when asked for them",
        &["fallback_relay", "lmtp_per_record_deadline", "smtp_per_record_deadline"],
    ),
];

fn has_reason(table: &[(&str, &[&str])], name: &str) -> bool {
    table.iter().any(|(_, names)| names.contains(&name))
}

/// Compares what both list: how many names are the same, and which differ without a reason.
fn compare(ours: &Values, theirs: &Values) -> (usize, Vec<String>) {
    let both = ours.iter().filter_map(|(name, value)| theirs.get(name).map(|other| (name, value, other)));
    let (same, differ): (Vec<_>, Vec<_>) = both.partition(|(_, value, other)| value == other);
    let differ = differ.into_iter().filter(|(name, ..)| !has_reason(DIFFERENT, name));
    (same.len(), differ.map(|(name, ours, theirs)| format!("{name}: {ours:?}, not {theirs:?}")).collect())
}

#[test]
fn what_a_site_has_set_is_shown_as_postconf_shows_it() {
    for name in SITES {
        let site = Site::named(name);
        assert!(site.text().lines().count() >= 60, "{name} is no longer what a real site has");
        let mut theirs = site.by_postconf(&["-n"]);
        // Its -c is a setting, ours is not.
        theirs.remove("config_directory").unwrap();
        let ours = site.by_baton(&["-n"]);
        assert_eq!(ours, theirs, "{name}");
        println!("{name}: {} settings as in postconf -n", ours.len());
    }
}

#[test]
fn every_value_of_a_site_expands_to_what_postconf_says() {
    for name in SITES {
        let site = Site::named(name);
        for (words, least) in [(["-x"].as_slice(), 250), (&["-n", "-x"], 50)] {
            let (ours, theirs) = (site.by_baton(words), site.by_postconf(words));
            let (same, unexplained) = compare(&ours, &theirs);
            assert_eq!(unexplained, Vec::<String>::new(), "{name} {words:?}");
            assert!(same >= least, "{name} {words:?}: only {same} names in both");
            println!("{name}: {same} values as in postconf {}", words.join(" "));
        }
    }
}

#[test]
fn names_and_defaults_are_those_of_postconf_but_for_a_table_of_reasons() {
    let site = Site::named(SITES[0]);
    let (ours, theirs) = (site.by_baton(&["-d", "-x"]), site.by_postconf(&["-d", "-x"]));
    assert_eq!(compare(&ours, &theirs).1, Vec::<String>::new());
    let (ours, theirs) = (site.by_baton(&["-d"]), site.by_postconf(&["-d"]));
    let (same, unexplained) = compare(&ours, &theirs);
    assert_eq!(unexplained, Vec::<String>::new());
    assert!(same > 250, "only {same} names in both");
    println!("{same} defaults as in postconf -d");
    let only: BTreeSet<&str> =
        ours.keys().map(String::as_str).filter(|name| !theirs.contains_key(*name)).collect();
    let strange: Vec<_> =
        only.iter().filter(|name| !name.starts_with("baton_") && !has_reason(ONLY_OURS, name)).collect();
    assert!(strange.is_empty(), "postconf does not know {strange:?}");
    let idle = ONLY_OURS.iter().flat_map(|(_, names)| *names).filter(|name| !only.contains(**name));
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&&str>::new(), "postconf knows these");
}

#[test]
fn no_name_that_postconf_has_looks_misspelt() {
    let sandbox = Sandbox::new("names");
    let names = Site::named(SITES[0]).by_postconf(&["-d"]);
    let text: String = names.keys().map(|name| format!("{name} = 1\n")).collect();
    let file = sandbox.write("main.cf", format!("{text}relayhots = [mx.test]\n"));
    let mut command = Command::new(programs::ours("baton"));
    let output = command.args(["config", "-n", "-c"]).arg(file).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let unknown: Vec<_> = complaint.lines().filter(|line| line.contains("unknown parameter")).collect();
    assert_eq!(unknown.len(), 1, "{unknown:#?}");
    assert!(unknown[0].ends_with("unknown parameter relayhots; did you mean relayhost?"), "{unknown:?}");
    println!("{} names of postconf are known", names.len());
}

#[test]
fn options_for_scripts_are_those_of_postconf() {
    for name in SITES {
        let site = Site::named(name);
        for words in [
            &["-nH"][..],
            &["-nf"],
            &["-nxf"],
            &["-xh", "smtp_helo_name", "myhostname"],
            &["-h", "mydestination"],
        ] {
            let theirs = site.lines_of_postconf(words);
            let own = |line: &String| !line.starts_with("config_directory");
            assert_eq!(
                site.lines_of_baton(words),
                theirs.into_iter().filter(own).collect::<Vec<_>>(),
                "{name} {words:?}"
            );
        }
    }
}
