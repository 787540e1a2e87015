//! Names and defaults of the rows equal Postfix's, as the fixtures list them.

use std::collections::{BTreeMap, BTreeSet};

use maincf::{Deployment, MainCf, Protocol, Scope, params};

const FIXTURES: [&str; 3] = [
    include_str!("fixtures/parameters.tsv"),
    include_str!("fixtures/parameters-related.tsv"),
    include_str!("fixtures/parameters-after-3.4.tsv"),
];

/// Defaults that Postfix's manual writes otherwise than main.cf would, with the reason.
const WRITTEN_DIFFERENTLY: &[(&str, &str)] = &[
    ("myhostname", "the system's name"),
    ("smtp_tls_security_level", "the newer default is may at a level that no row reads yet"),
    ("smtp_per_request_deadline", "the fixture tells in words what the row says in an expression"),
    ("lmtp_per_request_deadline", "the fixture tells in words what the row says in an expression"),
];

/// Defaults by name: Postfix 3.4's and the newest.
fn postfix() -> BTreeMap<String, [String; 2]> {
    let mut defaults = BTreeMap::new();
    for line in FIXTURES.iter().flat_map(|text| text.lines().skip(1)) {
        let mut fields = line.split('\t');
        let mut field = || fields.next().expect("four fields");
        let (name, mirror, old, new) = (field(), field(), field(), field());
        let plain = |text: &str| if text.starts_with("(empty") { String::new() } else { text.to_owned() };
        let new = if new.starts_with('=') { old } else { new };
        for name in name.split(" / ").chain([mirror]) {
            let name = name.split(" (").next().expect("split has a first part");
            // A twin's own line comes later and has its own defaults.
            defaults.insert(name.to_owned(), [plain(old), plain(new)]);
        }
    }
    defaults.remove("-");
    defaults
}

fn declared() -> BTreeSet<String> {
    params::names().into_iter().map(Into::into).collect()
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
        let own = cf.default_text(&name).expect("a row has a default").into_owned();
        // The twin of a name has the prefix of its own protocol in its default.
        let twins = defaults.clone().map(|text| text.replace("$smtp_", "$lmtp_"));
        let lmtp_differs = params::find(&name).is_some_and(|found| {
            found.scope() == Scope::Protocol(Protocol::Lmtp)
                && found.row.default(Scope::Protocol(Protocol::Smtp)) != found.default()
        });
        assert!(
            lmtp_differs || defaults.contains(&own) || twins.contains(&own),
            "{name}: {own:?} is none of {defaults:?}"
        );
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
    assert_eq!(differing, ["fallback_relay", "tcp_port", "connect_timeout", "skip_quit_response"]);
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
