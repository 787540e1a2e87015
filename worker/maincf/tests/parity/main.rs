//! Names and defaults of the rows equal Postfix's, as the fixtures list them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test"
)]

mod lists;

use std::collections::{BTreeMap, BTreeSet};

use maincf::{Deployment, MainCf, Protocol, Scope, params};

const FIXTURES: [&str; 3] = [
    include_str!("../fixtures/parameters.tsv"),
    include_str!("../fixtures/parameters-related.tsv"),
    include_str!("../fixtures/parameters-after-3.4.tsv"),
];

/// Defaults that Postfix's manual writes otherwise than main.cf would, with the reason.
const WRITTEN_DIFFERENTLY: &[(&str, &str)] = &[
    ("myhostname", "the system's name"),
    ("smtputf8_enable", "the fixture tells in words what the row says in an expression"),
    ("smtp_per_request_deadline", "the fixture tells in words what the row says in an expression"),
    ("lmtp_per_request_deadline", "the fixture tells in words what the row says in an expression"),
    ("lmtp_connect_timeout", "the fixture has SMTP's only"),
    ("lmtp_skip_quit_response", "the fixture has SMTP's only"),
    ("lmtp_tls_secure_cert_match", "the fixture has SMTP's only"),
    ("tls_ffdhe_auto_groups", "the fixture has a remark about OpenSSL's release"),
];

/// Defaults by name: Postfix 3.4's and the newest.
fn postfix() -> BTreeMap<String, [String; 2]> {
    let (mut defaults, mut own) = (BTreeMap::new(), BTreeMap::new());
    for line in FIXTURES.iter().flat_map(|text| text.lines().skip(1)) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 4, "{line}");
        let &[names, twin, old, new] = fields.as_slice() else { continue };
        let plain = |text: &str| if text.starts_with("(empty") { String::new() } else { text.to_owned() };
        let new = if new.starts_with('=') { old } else { new };
        let texts = [plain(old), plain(new)];
        // Behind a name there may be a remark. A twin with a line of its own has defaults of its own.
        let first_word = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
        defaults.entry(first_word(twin)).or_insert_with(|| texts.clone());
        // Of two lines of one name the second tells what changed later.
        for name in names.split(" / ") {
            own.entry(first_word(name)).or_insert_with(|| texts.clone());
        }
    }
    defaults.extend(own);
    defaults.remove("-");
    defaults
}

fn declared() -> BTreeSet<String> {
    params::names().map(Into::into).collect()
}

#[test]
fn defaults_are_postfix_s() {
    let cf = MainCf::none().for_deployment(Deployment::Postfix);
    let postfix = postfix();
    let mut compared = 0;
    for name in declared() {
        let Some(defaults) = postfix.get(&name) else { continue };
        compared += 1;
        if WRITTEN_DIFFERENTLY.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let own = cf.default_text(&name).unwrap().into_owned();
        // The twin of a name has the prefix of its own protocol in its default.
        let twins = defaults.clone().map(|text| text.replace("$smtp_", "$lmtp_"));
        assert!(defaults.contains(&own) || twins.contains(&own), "{name}: {own:?} is none of {defaults:?}");
    }
    println!(
        "{} names have rows, {compared} of them among the {} of Postfix's delivery agents",
        declared().len(),
        postfix.len()
    );
    assert!(compared > 100, "only {compared} names compared: a fixture or the table is broken");
}

#[test]
fn lmtp_defaults_that_differ_are_the_known_ones() {
    let differing: Vec<&str> = params::rows()
        .filter(|row| {
            let name = |protocol| row.name(Scope::Protocol(protocol));
            name(Protocol::Smtp).is_some()
                && name(Protocol::Lmtp).is_some()
                && row.default(Scope::Protocol(Protocol::Smtp)).replace("smtp_", "lmtp_")
                    != row.default(Scope::Protocol(Protocol::Lmtp))
        })
        .map(|row| row.key)
        .collect();
    assert_eq!(
        differing,
        [
            "fallback_relay",
            "tcp_port",
            "connect_timeout",
            "skip_quit_response",
            "tls_security_level",
            "tls_secure_cert_match"
        ]
    );
}

#[test]
fn twins_are_the_fixtures_twins() {
    for line in FIXTURES.iter().flat_map(|text| text.lines().skip(1)) {
        let mut fields = line.split('\t');
        let (Some(name), Some(mirror)) = (fields.next(), fields.next()) else { panic!("{line}") };
        let Some(found) = params::find(name) else { continue };
        if found.scope() != Scope::Protocol(Protocol::Smtp) || !name.starts_with("smtp_") {
            continue;
        }
        let twin = found.row.name(Scope::Protocol(Protocol::Lmtp));
        assert_eq!(twin.as_deref().unwrap_or("-"), mirror, "{name}");
    }
}
