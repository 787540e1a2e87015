//! What transcripts cannot show: bounds, machines without end, secrets in what a server repeats.

use super::*;
use crate::credential::{Authzid, Credential};
use crate::machine::Nonce;
use crate::selection::{Circumstances, ClientCertificate, Filtered};
use crate::{ChannelBinding, SecurityOptions};
use proptest::prelude::*;

/// Answers everything.
struct Endless;

impl Machine for Endless {
    fn respond(&mut self, _: &[u8]) -> Result<Message, Fault> {
        Ok(Message::default())
    }
}

fn begin(mechanism: Mechanism, credential: &Credential) -> (Exchange, Line) {
    let binding = ChannelBinding::tls_exporter(&[5; 32]);
    let circumstances = Circumstances {
        options: SecurityOptions::default(),
        certificate: ClientCertificate::Shown,
        binding: Some(&binding),
    };
    let selection = Selection::new(mechanism.name(), |_| Filtered::ByName, &circumstances).unwrap();
    let setting = Setting { credential, nonce: Nonce::of_random([3; 18]), server: Some(("h", 25)) };
    Exchange::begin(&selection, &setting).unwrap()
}

fn user(secret: &str) -> Credential {
    Credential::new("somebody", secret, Authzid::User).unwrap()
}

/// Says `text` as answer to `*`, which must be what comes now.
fn cancelled(step: Step) -> LoginFailed {
    let Step::Say(exchange, line) = step else { panic!("{step:?}") };
    assert_eq!(line.as_str(), "*");
    match exchange.on_reply(501, "501 5.7.0 cancelled") {
        Step::Ended(Outcome::BrokenOff(failed)) => failed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hundred_challenges_are_answered_and_no_more() {
    let started = Started { machine: Box::new(Endless), initial: None };
    let (mut exchange, _) = Exchange::with(Mechanism::Login, started, Veil::default());
    for round in 1..=100 {
        match exchange.on_reply(334, "334 ") {
            Step::Say(next, line) => {
                assert_eq!(line.as_str(), "", "{round}");
                exchange = next;
            }
            Step::Ended(outcome) => panic!("{round}: {outcome:?}"),
        }
    }
    assert_eq!(cancelled(exchange.on_reply(334, "334 ")), LoginFailed::Loop);
}

#[test]
fn a_challenge_is_read_up_to_its_bound() {
    let of = |length| format!("334 {}", "QUFB".repeat(length / 4));
    let (exchange, _) = begin(Mechanism::CramMd5, &user("secret"));
    assert!(
        matches!(exchange.on_reply(334, &of(LONGEST_CHALLENGE)), Step::Say(_, line) if line.as_str() != "*")
    );
    let (exchange, _) = begin(Mechanism::CramMd5, &user("secret"));
    let failed = cancelled(exchange.on_reply(334, &of(LONGEST_CHALLENGE + 4)));
    assert_eq!(failed, LoginFailed::Cannot(Fault::Oversized));
}

#[test]
fn base64_is_taken_in_its_strict_form_only() {
    for odd in
        ["A", "AA", "AAA", "AA=", "A===", "AAAA=", "AB==", "AA==AA==", "AA AA", "=", "AA-_", "é", "Username:"]
    {
        let (exchange, _) = begin(Mechanism::Login, &user("secret"));
        let failed = cancelled(exchange.on_reply(334, &format!("334 {odd}")));
        assert_eq!(failed, LoginFailed::Cannot(Fault::NotBase64), "{odd}");
    }
}

#[test]
fn an_initial_challenge_that_should_be_empty_is_shown_within_bounds() {
    let (exchange, line) = begin(Mechanism::Plain, &user(&"s".repeat(1000)));
    assert_eq!(line.as_str(), "AUTH PLAIN");
    let failed = cancelled(exchange.on_reply(334, &format!("334 {}", "é".repeat(500))));
    let LoginFailed::SpokeFirst { challenge, .. } = failed else { panic!("{failed:?}") };
    assert_eq!(challenge, "é".repeat(SHOWN));
}

#[test]
fn success_in_answer_to_a_cancellation_is_none() {
    let (exchange, _) = begin(Mechanism::Login, &user("secret"));
    let Step::Say(exchange, _) = exchange.on_reply(334, "334 ?") else { panic!() };
    let Step::Ended(outcome) = exchange.on_reply(235, "235 2.7.0 welcome") else { panic!() };
    assert_eq!(outcome, Outcome::BrokenOff(LoginFailed::Cannot(Fault::NotBase64)));
}

#[test]
fn a_reply_cut_short_is_no_panic() {
    for text in ["", "3", "334", "é334"] {
        let (exchange, _) = begin(Mechanism::Login, &user("secret"));
        drop(exchange.on_reply(334, text));
        let (exchange, _) = begin(Mechanism::Login, &user("secret"));
        drop(exchange.on_reply(535, text));
    }
}

#[derive(Debug, Clone)]
enum Reply {
    /// What was sent, repeated.
    Echo(u16),
    /// The password, repeated.
    Tell(u16),
    Challenge(Vec<u8>),
    Other(u16, String),
}

fn reply() -> impl Strategy<Value = Reply> {
    let code = prop_oneof![Just(334_u16), Just(535), Just(500), 200_u16..600];
    prop_oneof![
        code.clone().prop_map(Reply::Echo),
        code.clone().prop_map(Reply::Tell),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Reply::Challenge),
        (code, "[ -~]{0,60}").prop_map(|(code, text)| Reply::Other(code, text)),
    ]
}

/// Everything that a log could get to see of a dialogue, and every line that was sent.
fn play(mechanism: Mechanism, secret: &str, replies: &[Reply]) -> (String, Vec<Line>) {
    let (mut exchange, line) = begin(mechanism, &user(secret));
    let (mut shown, mut lines) = (format!("{line} {line:?}"), vec![line]);
    for reply in replies {
        shown += &format!("{exchange:?}");
        let sent = lines.last().unwrap().as_str();
        let (code, text) = match reply {
            Reply::Echo(code) => (*code, format!("{code} what is {sent}?")),
            Reply::Tell(code) => (*code, format!("{code}-I know\n{code} {secret}")),
            Reply::Challenge(octets) => (334, format!("334 {}", &*base64::encode(octets))),
            Reply::Other(code, text) => (*code, format!("{code} {text}")),
        };
        let step = exchange.on_reply(code, &text);
        shown += &format!("{step:?}");
        match step {
            Step::Say(next, line) => {
                shown += &line.to_string();
                lines.push(line);
                exchange = next;
            }
            Step::Ended(Outcome::Refused(refusal)) => {
                return (shown + &refusal.text + &refusal.reason("h[1]"), lines);
            }
            Step::Ended(Outcome::BrokenOff(failed)) => {
                return (shown + &failed.reason("h[1]") + &failed.diagnostic().unwrap_or_default(), lines);
            }
            Step::Ended(Outcome::Accepted) => break,
        }
    }
    (shown, lines)
}

proptest! {
    #[test]
    fn no_dialogue_shows_a_secret_or_goes_on_without_end(
        which in 0..Mechanism::ALL.len(),
        secret in "[A-Za-z0-9]{8,600}",
        replies in prop::collection::vec(reply(), 0..8),
    ) {
        let (shown, lines) = play(Mechanism::ALL[which], &secret, &replies);
        prop_assert!(!shown.contains(&secret), "{}", shown);
        for line in &lines {
            let hidden = line.hidden();
            prop_assert!(hidden.len() < 8 || !shown.contains(hidden), "{} in {}", hidden, shown);
        }
        prop_assert!(lines.len() <= 5, "{:?}", lines);
    }

    #[test]
    fn a_command_never_exceeds_its_bound(
        which in 0..Mechanism::ALL.len(),
        secret in "[A-Za-z0-9]{1,800}",
    ) {
        let (_, line) = begin(Mechanism::ALL[which], &user(&secret));
        prop_assert!(line.as_str().len() <= 510);
        let begins_with = "AUTH ".to_owned() + Mechanism::ALL[which].name();
        prop_assert!(line.as_str().starts_with(&begins_with));
    }
}
