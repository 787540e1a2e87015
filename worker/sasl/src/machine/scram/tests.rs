//! The examples of the RFCs, channel binding, and servers that cheat.

use super::*;
use crate::binding::ChannelBinding;
use crate::credential::{Authzid, Credential};
use crate::machine::Nonce;

fn begin(mechanism: Mechanism, gs2: Gs2, credential: &Credential, nonce: &str) -> (Box<dyn Machine>, String) {
    let setting = Setting { credential, nonce: Nonce::of_example(nonce), server: None };
    let started = start(&Choice { mechanism, gs2 }, &setting).unwrap();
    (started.machine, text(&started.initial.unwrap()))
}

fn text(message: &[u8]) -> String {
    String::from_utf8(message.to_vec()).unwrap()
}

fn user(password: &str) -> Credential {
    Credential::new("user", password, Authzid::Omit).unwrap()
}

/// client first, server first, client final, server final.
#[track_caller]
fn check(mechanism: Mechanism, gs2: Gs2, credential: &Credential, nonce: &str, messages: [&str; 4]) {
    let (mut machine, initial) = begin(mechanism, gs2, credential, nonce);
    assert_eq!(initial, messages[0]);
    assert_eq!(machine.accepted(), Err(Fault::Unproven));
    assert_eq!(text(&machine.respond(messages[1].as_bytes()).unwrap()), messages[2]);
    assert_eq!(machine.accepted(), Err(Fault::Unproven));
    assert_eq!(text(&machine.respond(messages[3].as_bytes()).unwrap()), "");
    assert_eq!(machine.accepted(), Ok(()));
    assert_eq!(machine.respond(b"").unwrap_err(), Fault::NothingLeft);
}

#[test]
fn the_example_of_rfc_5802() {
    check(
        Mechanism::ScramSha1,
        Gs2::Without,
        &user("pencil"),
        "fyko+d2lbbFgONRv9qkxdawL",
        [
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ],
    );
}

#[test]
fn the_example_of_rfc_7677() {
    check(
        Mechanism::ScramSha256,
        Gs2::Without,
        &user("pencil"),
        "rOprNGfwEbeRWgbNEkqO",
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    );
}

/// The messages were computed by another program (Python's hashlib and hmac).
#[test]
fn the_channel_is_part_of_what_is_signed() {
    check(
        Mechanism::ScramSha256Plus,
        Gs2::Bound(ChannelBinding::tls_exporter(&[7; 32])),
        &user("pencil"),
        "abc",
        [
            "p=tls-exporter,,n=user,r=abc",
            "r=abcDEF,s=c2FsdA==,i=3",
            "c=cD10bHMtZXhwb3J0ZXIsLAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH,r=abcDEF,\
             p=jRATPFGzDEWafBrL67sc/zon/LgszeUuPW6VmHkbuc0=",
            "v=OsMh1WJXCoKYYXVKDDyhwufSpW/ysEfqjeM1k8Ffgns=",
        ],
    );
    check(
        Mechanism::ScramSha1Plus,
        Gs2::Bound(ChannelBinding::tls_server_end_point(b"hash of a certificate")),
        &user("pencil"),
        "abc",
        [
            "p=tls-server-end-point,,n=user,r=abc",
            "r=abcDEF,s=c2FsdA==,i=3",
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsaGFzaCBvZiBhIGNlcnRpZmljYXRl,r=abcDEF,\
             p=RKSnESeFUc+S9YQSrmym2XtX4K4=",
            "v=FhaCx70oKFUWEt2Vxar8rzNpm4w=",
        ],
    );
}

/// The same origin: name escaped, identity given, password prepared, server thought to have no binding.
#[test]
fn names_are_escaped_and_passwords_prepared() {
    check(
        Mechanism::ScramSha256,
        Gs2::NotOffered,
        &Credential::new("a=b,c", "I\u{ad}X", Authzid::User).unwrap(),
        "abc",
        [
            "y,a=a=3Db=2Cc,n=a=3Db=2Cc,r=abc",
            "r=abcDEF,s=c2FsdA==,i=3",
            "c=eSxhPWE9M0RiPTJDYyw=,r=abcDEF,p=+xTb2L9dUChfTrcblu/U56qt3ij+mpsr7Wb6cep0tbE=",
            "v=zRGccveimh5EYrWQlNw/mFTKtB7lfZmLDWi67CQVwos=",
        ],
    );
}

#[test]
fn preparation_follows_rfc_4013() {
    let table = [("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX")];
    for (text, want) in table {
        assert_eq!(prepared(text).unwrap(), want);
    }
    for forbidden in ["\u{7}", "\u{627}\u{31}", "a\u{e000}"] {
        assert_eq!(prepared(forbidden), Err(Fault::Unpreparable), "{forbidden:?}");
    }
    assert_eq!(prepared("pass🦀").unwrap(), "pass🦀");
    assert_eq!(prepared("pass🦀\u{7}"), Err(Fault::Unpreparable));
}

fn proved() -> Box<dyn Machine> {
    let (mut machine, _) = begin(Mechanism::ScramSha256, Gs2::Without, &user("pencil"), "abc");
    machine.respond(b"r=abcDEF,s=c2FsdA==,i=3").unwrap();
    machine
}

#[test]
fn a_wrong_signature_is_a_fault() {
    let zeros = format!("v={}", &*base64::encode(&[0; 32]));
    for wrong in [zeros.as_str(), "v=", "v=AAAA"] {
        let mut machine = proved();
        assert_eq!(machine.respond(wrong.as_bytes()).unwrap_err(), Fault::Unproven, "{wrong}");
        assert!(machine.accepted().is_err());
    }
}

#[test]
fn a_final_message_without_meaning_is_a_fault() {
    for odd in ["", "v=!", "r=abcDEF,s=c2FsdA==,i=3"] {
        let mut machine = proved();
        assert_eq!(
            machine.respond(odd.as_bytes()).unwrap_err(),
            Fault::Malformed(Mechanism::ScramSha256),
            "{odd}"
        );
        assert!(machine.accepted().is_err());
    }
}

#[test]
fn an_error_is_answered_and_success_after_it_is_a_fault() {
    let mut machine = proved();
    assert!(machine.respond(b"e=invalid-proof").unwrap().is_empty());
    assert_eq!(machine.accepted(), Err(Fault::Contradiction));
    assert_eq!(machine.respond(b"").unwrap_err(), Fault::NothingLeft);
}

#[test]
fn what_sasl_prep_forbids_does_not_begin() {
    let credential = Credential::new("user", "a\u{7}b", Authzid::Omit).unwrap();
    let setting = Setting { credential: &credential, nonce: Nonce::of_random([0; 18]), server: None };
    let choice = Choice { mechanism: Mechanism::ScramSha1, gs2: Gs2::Without };
    assert_eq!(start(&choice, &setting).err(), Some(Fault::Unpreparable));
}
