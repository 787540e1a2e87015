//! AUTH in every order of events.

use super::*;
use crate::hello::{EhloUse, Encryption, Hello, HelloOptions, Onward, Plain, RefusedGreeting};
use crate::{Discard, HeloName, PixWorkarounds};
use sasl::{Authzid, Circumstances, ClientCertificate, Credential, Filtered, Nonce, SecurityOptions};

const SECRET: &str = "s3cr3t-of-ours";
/// NUL, `user`, NUL and the secret.
const PLAIN: &str = "AHVzZXIAczNjcjN0LW9mLW91cnM=";

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

fn entrance<'a>(options: &'a HelloOptions, auth: &str) -> Entrance<'a> {
    let mut hello = Hello::<Plain>::new(Dialect::SMTP, "mx[1]", options);
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    for answer in ["220 mx ESMTP\r\n".to_owned(), format!("250-mx\r\n{auth}250 PIPELINING\r\n")] {
        assert!(matches!(hello.next_action(&mut replies, &mut out), HelloAction::Await(_)));
        replies.feed(answer.as_bytes());
    }
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Done);
    match hello.finish().unwrap().onward(Encryption::Never) {
        Ok(Onward::Plaintext(entrance)) => entrance,
        other => panic!("{other:?}"),
    }
}

fn terms<'c>(
    credential: &'c Credential,
    auth: &str,
    options: &str,
    refusals: LoginRefusals,
) -> LoginTerms<'c> {
    let circumstances = Circumstances {
        options: SecurityOptions::parse(options).unwrap(),
        certificate: ClientCertificate::Absent,
        binding: None,
    };
    let selection = Selection::new(auth, |_| Filtered::In, &circumstances);
    LoginTerms {
        selection,
        setting: Setting { credential, nonce: Nonce::of_random([7; 18]), server: None },
        refusals,
    }
}

/// What a login with PLAIN or LOGIN leads to when the server answers so, one answer after the other.
fn answered(auth: &str, answers: &[&str], refusals: LoginRefusals) -> String {
    let options = options();
    let credential = Credential::new("user", SECRET, Authzid::Omit).unwrap();
    let entrance = entrance(&options, auth);
    let terms = terms(&credential, &entrance.facts().auth.clone(), "noanonymous", refusals);
    let mut login = match entrance.onward(Identification::WhereOffered(terms)) {
        Ok(Admission::LogIn(login)) => login,
        Ok(Admission::Mail(ready)) => return format!("mail as {:?}", ready.facts().standing),
        Err(failed) => return shown(&failed),
    };
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    for answer in answers {
        assert_eq!(login.next_action(&mut replies, &mut out), HelloAction::Await(Stage::Auth));
        assert!(!format!("{login:?}").contains(PLAIN) && !format!("{login:?}").contains(SECRET));
        assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), 1, "one line, alone");
        out.clear();
        match *answer {
            "lost" => login.on_lost(Lost::Closed),
            "slow" => login.on_lost(Lost::TimedOut),
            text => replies.feed(text.as_bytes()),
        }
    }
    assert_eq!(login.next_action(&mut replies, &mut out), HelloAction::Done);
    assert!(out.is_empty());
    match login.finish() {
        Ok(ready) => format!("mail as {:?}", ready.facts().standing),
        Err(failed) => shown(&failed),
    }
}

fn shown(failed: &HelloFailed) -> String {
    let all = format!("{failed:?}");
    assert!(!all.contains(SECRET) && !all.contains(PLAIN), "{all}");
    assert_eq!(failed.failure.scope, Scope::Site);
    format!("{} {} {:?}", failed.failure.status, failed.failure.reason, failed.farewell)
}

const OFFERS: &str = "250-AUTH PLAIN\r\n";

#[test]
fn every_answer_has_its_meaning() {
    let said = "SASL authentication failed; server mx[1] said:";
    let cases: &[(&[&str], String)] = &[
        (&["235 2.7.0 welcome\r\n"], "mail as LoggedIn".into()),
        (&["535 5.7.8 no\r\n"], format!("4.7.8 {said} 535 5.7.8 no Quit")),
        (&["454 4.7.0 later\r\n"], format!("4.7.0 {said} 454 4.7.0 later Quit")),
        (&["421 4.3.2 closing\r\n"], format!("4.3.2 {said} 421 4.3.2 closing Quit")),
        (&["535 bad\r\n"], format!("4.0.0 {said} 535 bad Quit")),
        (&["lost"], "4.4.2 lost connection with mx[1] while performing the EHLO handshake Close".into()),
        (
            &["slow"],
            "4.4.2 conversation with mx[1] timed out while performing the EHLO handshake Close".into(),
        ),
        (
            &["334 \r\n", "501 5.7.0 cancelled\r\n"],
            "4.7.0 SASL authentication failed; cannot authenticate to server mx[1]: \
             a challenge after the last response Quit"
                .into(),
        ),
    ];
    for (answers, outcome) in cases {
        assert_eq!(answered(OFFERS, answers, LoginRefusals::Soft), *outcome, "{answers:?}");
    }
    assert_eq!(
        answered(OFFERS, &["535 5.7.8 no\r\n"], LoginRefusals::AsSaid),
        format!("5.7.8 {said} 535 5.7.8 no Quit")
    );
}

#[test]
fn challenges_are_answered_until_the_server_has_enough() {
    let auth = "250-AUTH LOGIN\r\n";
    let user_and_password = ["334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"];
    let with = |last| {
        let answers: Vec<_> = user_and_password.into_iter().chain([last]).collect();
        answered(auth, &answers, LoginRefusals::Soft)
    };
    assert_eq!(with("235 ok\r\n"), "mail as LoggedIn");
    assert!(with("535 5.7.8 no\r\n").starts_with("4.7.8 "));
}

#[test]
fn secrets_that_a_server_repeats_are_not_shown() {
    for answer in [
        format!("500 5.5.2 what is AUTH PLAIN {PLAIN}?\r\n"),
        format!("535-5.7.8 {SECRET}\r\n535 5.7.8 is wrong\r\n"),
        format!("AUTH PLAIN {PLAIN}\r\n"),
    ] {
        let outcome = answered(OFFERS, &[&answer], LoginRefusals::Soft);
        assert!(!outcome.starts_with("mail"), "{outcome}");
    }
}

#[test]
fn where_auth_is_not_offered_servers_talk_to_strangers() {
    assert_eq!(answered("", &[], LoginRefusals::Soft), "mail as Stranger");
}

#[test]
fn nobody_in_particular_does_not_log_in() {
    let options = options();
    let admission = entrance(&options, OFFERS).onward(Identification::Nobody).unwrap();
    assert!(matches!(admission, Admission::Mail(ready) if ready.facts().standing == Standing::Stranger));
}

#[test]
fn without_a_mechanism_there_is_no_mail_and_no_auth() {
    let credential = Credential::new("user", SECRET, Authzid::Omit).unwrap();
    let refused = |auth: &str, demands| {
        let options = options();
        let entrance = entrance(&options, auth);
        let terms = terms(&credential, &entrance.facts().auth.clone(), demands, LoginRefusals::AsSaid);
        shown(&entrance.onward(Identification::WhereOffered(terms)).unwrap_err())
    };
    assert_eq!(
        refused(OFFERS, "noplaintext, noanonymous"),
        "4.7.0 SASL authentication failed; cannot authenticate to server mx[1]: no mechanism available Quit"
    );
    assert_eq!(
        refused("250-AUTH\r\n", ""),
        "4.7.0 SASL authentication failed: server mx[1] offered no compatible authentication mechanisms for this \
         type of connection security Quit"
    );
}

#[test]
fn a_reply_that_came_before_auth_was_said_is_not_its_answer() {
    let options = options();
    let credential = Credential::new("user", SECRET, Authzid::Omit).unwrap();
    let terms = terms(&credential, "PLAIN", "", LoginRefusals::Soft);
    let Ok(Admission::LogIn(mut login)) =
        entrance(&options, OFFERS).onward(Identification::WhereOffered(terms))
    else {
        panic!("offered")
    };
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    replies.feed(b"235 2.7.0 welcome\r\n");
    assert_eq!(login.next_action(&mut replies, &mut out), HelloAction::Done);
    assert!(out.is_empty());
    assert!(login.finish().is_err());
}

/// Whatever a server says, where it offers AUTH there is no mail for strangers.
#[test]
fn no_answer_of_a_server_leads_to_mail_without_a_login() {
    for code in 0..=999 {
        for text in ["", " x", "-x\r\n250 x"] {
            let answer = format!("{code:03}{text}\r\n");
            let completed = Reply::parse(answer.trim_end())
                .is_ok_and(|reply| reply.code.class() == ReplyClass::Completed);
            // A challenge is answered with `*`, and that with nothing.
            let challenged = Reply::parse(answer.trim_end()).is_ok_and(|reply| reply.code.value() / 100 == 3);
            let answers: &[&str] = if challenged { &[&answer, "lost"] } else { &[&answer] };
            let outcome = answered(OFFERS, answers, LoginRefusals::AsSaid);
            assert!(!outcome.contains("Stranger"), "{answer:?}: {outcome}");
            assert_eq!(outcome == "mail as LoggedIn", completed, "{answer:?}: {outcome}");
        }
    }
}
