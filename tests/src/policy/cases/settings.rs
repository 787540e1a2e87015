//! What only main.cf can say.

use crate::policy::case::{Case, case};
use crate::tls_server::{Behaviour, Handshake, Identity, Inside, Issuer, Names, Start};

pub(super) fn cases() -> Vec<Case> {
    [old_switches(), sites(), wrappers(), trust(), names(), timing(), broken(), others()].concat()
}

fn bare(name: &str, group: &'static str) -> Case {
    case(name, "").group(group)
}

fn old_switches() -> Vec<Case> {
    let wrong = Identity { names: Names { san: &["other.example"], cn: "" }, ..Identity::default() };
    vec![
        bare("level-none", "level-none"),
        bare("level-unset", "level-unset"),
        bare("level-may", "main"),
        bare("level-encrypt-not-offered", "level-encrypt").start(Start::Nothing),
        bare("level-secure-wrong-name", "level-secure").shows(wrong),
        bare("level-dane-without-records", "level-dane"),
        bare("level-fingerprint-without-any", "level-fingerprint"),
        bare("old-use-tls", "old-use"),
        bare("old-enforce-not-offered", "old-enforce").start(Start::Nothing),
        bare("old-enforce-wrong-name", "old-enforce").shows(wrong),
        bare("old-enforce-without-peername", "old-enforce-anybody").shows(wrong),
    ]
}

fn sites() -> Vec<Case> {
    let site = |name: &str, group, value: &str| bare(name, group).entry("{domain}", value);
    vec![
        site("site-none", "site", "NONE"),
        site("site-may", "site", "MAY"),
        site("site-must", "site", "MUST"),
        site("site-must-not-offered", "site", "MUST").start(Start::Nothing),
        site("site-anybody-not-offered", "site", "MUST_NOPEERMATCH").start(Start::Nothing),
        site("site-anybody", "site", "MUST_NOPEERMATCH"),
        site("site-unknown", "site", "PERHAPS"),
        bare("site-by-host", "site").entry("{host}", "MUST").start(Start::Nothing),
        site("site-none-but-host-may", "site", "NONE").entry("{host}", "MAY"),
        site("site-may-but-host-must", "site", "MAY").entry("{host}", "MUST").start(Start::Nothing),
        site("site-may-under-encrypt", "site-encrypt", "MAY").start(Start::Nothing),
        site("site-none-under-encrypt", "site-encrypt", "NONE").start(Start::Nothing),
        bare("site-absent-under-encrypt", "site-encrypt").start(Start::Nothing),
    ]
}

fn wrappers() -> Vec<Case> {
    let wrapper = |name: &str, policy: &str| {
        case(name, policy).group("wrapper").nexthop("[{host}]:465").start(Start::Wrapper)
    };
    let keyed = |name: &str, level: &str| wrapper(name, "").entry("[{host}]:465", level);
    vec![
        wrapper("wrapper-encrypt", ""),
        keyed("wrapper-verify", "verify"),
        keyed("wrapper-secure", "secure"),
        keyed("wrapper-may", "may"),
        keyed("wrapper-none", "none"),
        keyed("wrapper-dane-only", "dane-only"),
        wrapper("wrapper-alert", "").handshake(Handshake::Alert(40)),
        wrapper("wrapper-closes", "").handshake(Handshake::CloseAfterHello),
        wrapper("wrapper-greets-421", "").inside(Inside::Greeting("421 4.3.2 busy")),
        wrapper("wrapper-greets-554", "").inside(Inside::Greeting("554 5.7.1 go away")),
        wrapper("wrapper-lost", "").inside(Inside::Lost),
        wrapper("wrapper-unknown-issuer", "")
            .entry("[{host}]:465", "verify")
            .shows(Identity { issuer: Issuer::Unknown, ..Identity::default() }),
        case("wrapper-plaintext-server", "").group("wrapper"),
        case("wrapper-port-without", "").nexthop("[{host}]:465").group("impatient").start(Start::Wrapper),
    ]
}

fn trust() -> Vec<Case> {
    let below = Identity { issuer: Issuer::Intermediate, ..Identity::default() };
    let unknown = Identity { issuer: Issuer::Unknown, ..Identity::default() };
    vec![
        case("cafile-missing-may", "may").group("cafile-missing"),
        case("cafile-missing-encrypt", "encrypt").group("cafile-missing"),
        case("cafile-missing-verify", "verify").group("cafile-missing"),
        case("cafile-missing-fingerprint", "fingerprint match={leaf-sha256}").group("cafile-missing"),
        case("cafile-missing-none", "none").group("cafile-missing"),
        case("cafile-garbage-may", "may").group("cafile-garbage"),
        case("cafile-garbage-verify", "verify").group("cafile-garbage"),
        case("cafile-empty-verify", "verify").group("cafile-none"),
        case("cafile-empty-may", "may").group("cafile-none"),
        case("certificate-missing-may", "may").group("certificate-missing"),
        case("certificate-missing-encrypt", "encrypt").group("certificate-missing"),
        case("depth-one-direct", "verify").group("depth-one"),
        case("depth-one-intermediate", "verify").group("depth-one").shows(below),
        case("depth-none-direct", "verify").group("depth-none"),
        case("anchors-of-main", "verify").group("tafile").shows(unknown),
        case("anchors-of-main-other", "verify").group("tafile"),
        case("anchors-of-main-missing", "verify").group("tafile-missing"),
        case("anchors-of-main-missing-encrypt", "encrypt").group("tafile-missing"),
        case("anchors-of-main-missing-may", "may").group("tafile-missing"),
    ]
}

fn names() -> Vec<Case> {
    let domain = Identity { names: Names { san: &["{domain}"], cn: "" }, ..Identity::default() };
    vec![
        case("sni-of-main", "encrypt").group("servername"),
        case("sni-of-main-none", "none").group("servername"),
        case("sni-of-main-invalid", "encrypt").group("servername-invalid"),
        case("secure-names-of-main", "secure").group("names").shows(domain),
        case("secure-names-of-main-other", "secure").group("names"),
        case("verify-names-of-main", "verify").group("names").shows(domain),
    ]
}

fn timing() -> Vec<Case> {
    let silent = |name: &str, level: &str| case(name, level).group("impatient").handshake(Handshake::Silence);
    let mute = |name: &str, level: &str| case(name, level).group("impatient").inside(Inside::Silence);
    vec![
        silent("silent-handshake-may", "may"),
        silent("silent-handshake-may-old", "may").old(),
        silent("silent-handshake-encrypt", "encrypt"),
        silent("silent-handshake-verify", "verify"),
        mute("silent-hello-may", "may"),
        mute("silent-hello-may-old", "may").old(),
        mute("silent-hello-encrypt", "encrypt"),
        mute("silent-hello-verify", "verify"),
        case("silent-starttls-may", "may").group("impatient").start(Start::Silence),
        case("silent-starttls-encrypt", "encrypt").group("impatient").start(Start::Silence),
        case("early-reply", "encrypt").group("block-early").inside(Inside::Extra("250 2.1.0 early")),
        case("early-reply-may", "may").group("block-early").inside(Inside::Extra("250 2.1.0 early")),
        case("early-reply-allowed", "encrypt").inside(Inside::Extra("250 2.1.0 early")),
        case("early-record", "encrypt").group("block-early").inside(Inside::ExtraRecord("250 2.1.0 early")),
        case("early-record-verify", "verify")
            .group("block-early")
            .inside(Inside::ExtraRecord("250 2.1.0 early")),
        case("early-record-allowed", "encrypt").inside(Inside::ExtraRecord("250 2.1.0 early")),
        case("early-reply-none", "encrypt").group("block-early"),
    ]
}

fn broken() -> Vec<Case> {
    vec![
        case("main-protocols-unknown-encrypt", "encrypt").group("protocols-unknown"),
        case("main-protocols-unknown-may", "may").group("protocols-unknown"),
        case("main-ciphers-unknown-encrypt", "encrypt").group("ciphers-unknown"),
        case("main-ciphers-unknown-may", "may").group("ciphers-unknown"),
        case("main-ciphers-nonsense-encrypt", "encrypt").group("cipherlist-nonsense"),
        case("main-ciphers-nonsense-may", "may").group("cipherlist-nonsense"),
        case("table-missing", "").group("table-missing"),
        case("table-missing-second", "").group("table-missing").then(Behaviour::default()),
    ]
}

fn others() -> Vec<Case> {
    vec![
        case("discarded-may", "may").group("discard"),
        case("discarded-encrypt", "encrypt").group("discard"),
        case("never-ehlo-may", "may").group("never-ehlo"),
        case("never-ehlo-encrypt", "encrypt").group("never-ehlo"),
        case("offer-noted", "none").group("note"),
        case("offer-noted-not-offered", "none").group("note").start(Start::Nothing),
        case("quiet", "encrypt").group("quiet"),
        case("quiet-unknown-issuer", "verify")
            .group("quiet")
            .shows(Identity { issuer: Issuer::Unknown, ..Identity::default() }),
        case("talkative-wrong-name", "may")
            .group("level-none")
            .shows(Identity { names: Names { san: &["other.example"], cn: "" }, ..Identity::default() }),
    ]
}
