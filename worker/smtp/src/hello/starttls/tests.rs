//! STARTTLS in every order of events.

use super::*;
use crate::dialect::Dialect;
use crate::ext::Discard;
use crate::hello::{EhloUse, HelloOptions, RefusedGreeting};
use crate::{HeloName, PixWorkarounds, Reply};

fn options() -> HelloOptions {
    HelloOptions {
        name: HeloName::new("us").unwrap(),
        my_hostname: "us".into(),
        ehlo: EhloUse::Always,
        refused_greeting: RefusedGreeting::TryElsewhere,
        discard: Discard::default(),
        pix: PixWorkarounds::default(),
    }
}

fn greeted<'a>(options: &'a HelloOptions, ehlo: &str) -> Greeted<'a, Plain> {
    let mut hello = Hello::<Plain>::new(Dialect::SMTP, "mx[1]", options);
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    for answer in ["220 mx ESMTP\r\n", ehlo] {
        assert!(matches!(hello.next_action(&mut replies, &mut out), HelloAction::Await(_)));
        replies.feed(answer.as_bytes());
    }
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Done);
    hello.finish().unwrap()
}

const OFFERS: &str = "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
const OFFERS_NOT: &str = "250-mx\r\n250 PIPELINING\r\n";

/// What STARTTLS leads to when the server answers so.
fn answered(encryption: Encryption, answer: &str) -> String {
    let options = options();
    let Ok(Onward::StartTls(mut starttls)) = greeted(&options, OFFERS).onward(encryption) else {
        return "no STARTTLS".into();
    };
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    assert_eq!(starttls.next_action(&mut replies, &mut out), HelloAction::Await(Stage::StartTls));
    assert_eq!(out, b"STARTTLS\r\n", "alone");
    match answer {
        "lost" => starttls.on_lost(Lost::Closed),
        "slow" => starttls.on_lost(Lost::TimedOut),
        text => replies.feed(text.as_bytes()),
    }
    assert_eq!(starttls.next_action(&mut replies, &mut out), HelloAction::Done);
    match starttls.finish() {
        Ok(TlsAnswer::Handshake(_)) => "handshake".into(),
        Ok(TlsAnswer::Plaintext(entrance)) => format!("plaintext {:?}", entrance.facts().extensions),
        Err(failed) => format!("{} {} {:?}", failed.failure.status, failed.failure.reason, failed.farewell),
    }
}

#[test]
fn every_answer_at_every_level() {
    let plaintext = "plaintext Extensions(PIPELINING STARTTLS)";
    let cases = [
        (Encryption::WhereOffered, "220 go\r\n", "handshake"),
        (Encryption::Required, "220 2.0.0 go\r\n", "handshake"),
        (Encryption::WhereOffered, "454 4.7.0 no\r\n", plaintext),
        (Encryption::WhereOffered, "554 no\r\n", plaintext),
        (
            Encryption::Required,
            "454 4.7.0 no\r\n",
            "4.7.0 TLS is required, but host mx[1] refused to start TLS: 454 4.7.0 no Quit",
        ),
        (
            Encryption::Required,
            "554 5.7.1 no\r\n",
            "5.7.1 TLS is required, but host mx[1] refused to start TLS: 554 5.7.1 no Quit",
        ),
        (Encryption::Never, "", "no STARTTLS"),
        (
            Encryption::Required,
            "lost",
            "4.4.2 lost connection with mx[1] while receiving the STARTTLS response Close",
        ),
        (
            Encryption::WhereOffered,
            "slow",
            "4.4.2 conversation with mx[1] timed out while receiving the STARTTLS response Close",
        ),
    ];
    for (encryption, answer, outcome) in cases {
        assert_eq!(answered(encryption, answer), outcome, "{encryption:?} {answer:?}");
    }
}

#[test]
fn octets_behind_the_answer_end_the_connection() {
    for level in [Encryption::WhereOffered, Encryption::Required] {
        for answer in [
            "220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n",
            "220 go\r\n2",
            "220 go\r\n\r\n",
            "454 no\r\n250 ok\r\n",
        ] {
            let outcome = answered(level, answer);
            assert!(outcome.starts_with("4.7.5 ") && outcome.ends_with(" Close"), "{outcome}");
        }
    }
}

#[test]
fn a_reply_that_came_before_starttls_was_said_is_not_its_answer() {
    let options = options();
    let Ok(Onward::StartTls(mut starttls)) = greeted(&options, OFFERS).onward(Encryption::Required) else {
        panic!("offered")
    };
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    replies.feed(b"220 go\r\n");
    assert_eq!(starttls.next_action(&mut replies, &mut out), HelloAction::Done);
    assert!(out.is_empty());
    assert!(starttls.finish().is_err());
}

#[test]
fn what_is_required_and_not_offered_fails() {
    let options = options();
    let failed = greeted(&options, OFFERS_NOT).onward(Encryption::Required).unwrap_err();
    assert_eq!(failed.failure.status.to_string(), "4.7.4");
    assert_eq!(failed.failure.reason, "TLS is required, but was not offered by host mx[1]");
    assert!(matches!(
        greeted(&options, OFFERS_NOT).onward(Encryption::WhereOffered),
        Ok(Onward::Plaintext(_))
    ));
    assert!(matches!(greeted(&options, OFFERS).onward(Encryption::Never), Ok(Onward::Plaintext(_))));
}

#[test]
fn inside_tls_introductions_begin_again() {
    let options = options();
    let upgrade = Upgrade(greeted(&options, OFFERS));
    let mut hello = upgrade.secured();
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Await(Stage::Ehlo));
    assert_eq!(out, b"EHLO us\r\n");
    replies.feed(b"250-mx\r\n250-STARTTLS\r\n250 DSN\r\n");
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Done);
    let entrance = hello.finish().unwrap().entrance();
    assert_eq!(format!("{:?}", entrance.facts().extensions), "Extensions(DSN)");
}

/// Whatever a server says, what is required is not left out.
#[test]
fn no_answer_of_a_server_leads_from_required_to_plaintext() {
    for code in 0..=999 {
        for text in ["", " x", "-x\r\n250 x"] {
            let answer = format!("{code:03}{text}\r\n");
            let accepted = Reply::parse(answer.trim_end())
                .is_ok_and(|reply| reply.code.class() == ReplyClass::Completed);
            let outcome = answered(Encryption::Required, &answer);
            assert!(!outcome.contains("plaintext"), "{answer:?}: {outcome}");
            assert_eq!(outcome == "handshake", accepted, "{answer:?}: {outcome}");
        }
    }
}
