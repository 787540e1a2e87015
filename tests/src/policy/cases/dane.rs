//! DANE (RFC 7672): records of every kind, and DNS that does not help.

use crate::policy::case::{Case, Data, Tlsa, Twist, case};
use crate::tls_server::{Behaviour, Identity, Issuer, Names, Sends, Start, Validity};

const LEAF: &[Tlsa] = &[Tlsa(3, 1, 1, Data::Leaf)];
const OTHER: &[Tlsa] = &[Tlsa(3, 1, 1, Data::Other)];
const DIGITS: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for level in ["dane", "dane-only"] {
        cases.extend(records(level));
        cases.extend(anchors(level));
        cases.extend(zones(level));
    }
    cases.extend(insecure_mx());
    cases.extend(hosts());
    cases
}

fn records(level: &str) -> Vec<Case> {
    let one = |name: &str, records: &[Tlsa]| case(format!("{level}-records-{name}"), level).tlsa(records);
    let expired = Identity {
        validity: Validity::Past,
        names: Names { san: &["other.example"], cn: "" },
        ..Identity::default()
    };
    vec![
        one("none", &[]),
        one("none-not-offered", &[]).start(Start::Nothing),
        one("311-other", OTHER),
        one("301", &[Tlsa(3, 0, 1, Data::Leaf)]),
        one("300", &[Tlsa(3, 0, 0, Data::Leaf)]),
        one("310", &[Tlsa(3, 1, 0, Data::Leaf)]),
        one("312", &[Tlsa(3, 1, 2, Data::Leaf)]),
        one("311-expired", LEAF).shows(expired),
        one("311-second-of-two", &[Tlsa(3, 1, 1, Data::Other), Tlsa(3, 1, 1, Data::Leaf)]),
        one("agility", &[Tlsa(3, 1, 2, Data::Other), Tlsa(3, 1, 1, Data::Leaf)]),
        one("agility-other-selector", &[Tlsa(3, 0, 2, Data::Other), Tlsa(3, 1, 1, Data::Leaf)]),
        one("pkix", &[Tlsa(1, 1, 1, Data::Leaf)]),
        one("pkix-anchor", &[Tlsa(0, 0, 1, Data::Root)]),
        one("pkix-and-311", &[Tlsa(1, 1, 1, Data::Other), Tlsa(3, 1, 1, Data::Leaf)]),
        one("unknown-usage", &[Tlsa(9, 1, 1, Data::Leaf)]),
        one("unknown-selector", &[Tlsa(3, 7, 1, Data::Leaf)]),
        one("unknown-matching", &[Tlsa(3, 1, 9, Data::Leaf)]),
        one("short", &[Tlsa(3, 1, 1, Data::Hex("00112233"))]),
        one("garbage-certificate", &[Tlsa(3, 0, 0, Data::Hex(DIGITS))]),
        one("unusable-not-offered", &[Tlsa(1, 1, 1, Data::Leaf)]).start(Start::Nothing),
        one("unusable-and-self-signed", &[Tlsa(1, 1, 1, Data::Leaf)])
            .shows(Identity { issuer: Issuer::Own, ..Identity::default() }),
    ]
}

fn anchors(level: &str) -> Vec<Case> {
    let root = Identity { issuer: Issuer::Unknown, sends: Sends::WithRoot, ..Identity::default() };
    let below = Identity { issuer: Issuer::Intermediate, ..Identity::default() };
    let named = |san: &'static [&'static str]| Identity { names: Names { san, cn: "" }, ..root };
    let one = |name: &str, record: Tlsa, identity: Identity| {
        case(format!("{level}-anchor-{name}"), level).tlsa(&[record]).shows(identity)
    };
    vec![
        one("201", Tlsa(2, 0, 1, Data::Issuer), root),
        one("211", Tlsa(2, 1, 1, Data::Issuer), root),
        one("200", Tlsa(2, 0, 0, Data::Issuer), root),
        one("200-not-sent", Tlsa(2, 0, 0, Data::Issuer), Identity { sends: Sends::Chain, ..root }),
        one("210-not-sent", Tlsa(2, 1, 0, Data::Issuer), Identity { sends: Sends::Chain, ..root }),
        one("201-not-sent", Tlsa(2, 0, 1, Data::Issuer), Identity { sends: Sends::Chain, ..root }),
        one("201-intermediate", Tlsa(2, 0, 1, Data::Issuer), below),
        one("201-other", Tlsa(2, 0, 1, Data::Other), root),
        one("201-of-leaf", Tlsa(2, 0, 1, Data::Leaf), root),
        one("201-wrong-name", Tlsa(2, 0, 1, Data::Issuer), named(&["other.example"])),
        one("201-domain-name", Tlsa(2, 0, 1, Data::Issuer), named(&["{domain}"])),
        one("201-below-domain", Tlsa(2, 0, 1, Data::Issuer), named(&["sub.{domain}"])),
        one("201-expired", Tlsa(2, 0, 1, Data::Issuer), Identity { validity: Validity::Past, ..root }),
        one("201-future", Tlsa(2, 0, 1, Data::Issuer), Identity { validity: Validity::Future, ..root }),
    ]
}

fn zones(level: &str) -> Vec<Case> {
    let one = |name: &str, records: &[Tlsa]| case(format!("{level}-zone-{name}"), level).tlsa(records);
    vec![
        one("unsigned", LEAF).insecure_mx().insecure_host(),
        one("unsigned-not-offered", LEAF).insecure_mx().insecure_host().start(Start::Nothing),
        one("host-unsigned", LEAF).insecure_host(),
        one("host-unsigned-forced", LEAF).insecure_host().group("force-lookup"),
        one("lookup-fails", LEAF).twist(Twist::LookupFails),
        one("lookup-fails-second-good", LEAF).twist(Twist::LookupFails).then(Behaviour::default()),
        one("alias-has-records", LEAF).twist(Twist::AliasHasRecords),
        one("target-has-records", LEAF).twist(Twist::TargetHasRecords),
        one("alias-out-of-zone", LEAF).twist(Twist::AliasOutOfZone),
        one("without-mx", LEAF).twist(Twist::NoMx),
        one("wrongly-signed", LEAF).wrongly_signed(),
        one("bracketed", OTHER).nexthop("[{host}]").entry("[{host}]", level),
        one("without-dnssec", LEAF).group("no-dnssec"),
        one("native", LEAF).group("native"),
        one("alias-names", LEAF).twist(Twist::TargetHasRecords).group("alias-names"),
    ]
}

fn insecure_mx() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, group) in [
        ("default", "main"),
        ("may", "insecure-mx-may"),
        ("encrypt", "insecure-mx-encrypt"),
        ("dane", "insecure-mx-dane"),
    ] {
        let one = |what: &str, records: &[Tlsa]| {
            case(format!("dane-mx-{name}-{what}"), "dane").tlsa(records).insecure_mx().group(group)
        };
        cases.push(one("good", LEAF));
        cases.push(one("other", OTHER));
        cases.push(one("not-offered", LEAF).start(Start::Nothing));
        cases.push(one("none", &[]));
    }
    cases.push(case("dane-only-mx-insecure", "dane-only").tlsa(LEAF).insecure_mx());
    cases
}

/// Two mail exchangers of one domain.
fn hosts() -> Vec<Case> {
    let no_tls = Behaviour { start: Start::Nothing, ..Behaviour::default() };
    vec![
        case("dane-second-of-two", "dane").tlsa(LEAF).start(Start::Nothing).then(Behaviour::default()),
        case("dane-neither-of-two", "dane").tlsa(LEAF).start(Start::Nothing).then(no_tls.clone()),
        case("dane-only-second-of-two", "dane-only")
            .tlsa(LEAF)
            .start(Start::Nothing)
            .then(Behaviour::default()),
        case("dane-only-neither-of-two", "dane-only").tlsa(OTHER).then(no_tls),
    ]
}
