//! What must hold for every server: all codes in all places, the window, and servers that say anything.

use super::*;
use crate::command;
use crate::dialect::Dialect;
use crate::envelope::Recipient;
use crate::ext::{EhloFacts, Extensions};
use crate::failure::Certainty;
use proptest::prelude::*;

const PEER: &str = "h[1]";

fn ready(dialect: Dialect, extensions: &[Extension], origin: Origin) -> Ready {
    let extensions: Extensions = extensions.iter().copied().collect();
    Ready::new(dialect, EhloFacts { extensions, ..EhloFacts::default() }, origin)
}

fn envelope<'a>(recipients: &'a [Recipient<'a>]) -> Envelope<'a> {
    Envelope {
        sender: "s@x",
        size: 9,
        body: Body::Undeclared,
        utf8: Utf8::NotAsked,
        envid: None,
        ret: None,
        auth: crate::envelope::MailAuth::Unsaid,
        client: None,
        recipients,
    }
}

fn options(afterwards: Afterwards) -> TransactionOptions {
    TransactionOptions { quoting: Quoting::Rfc5321, purpose: Purpose::Delivery, afterwards }
}

/// Answers MAIL, RCPT, DATA and the dot as told, and RSET well.
fn lock_step<'a>(session: Ready, envelope: &'a Envelope<'a>, answers: [&str; 4]) -> Settled {
    let mut transaction = session.transaction(PEER, envelope, options(Afterwards::Keep));
    let (mut reader, mut out) = (ReplyReader::default(), Vec::new());
    for _ in 0..100 {
        match transaction.next_action(&mut reader, &mut out) {
            Action::Await(stage) => {
                let place = [Stage::Mail, Stage::Rcpt, Stage::Data, Stage::EndOfData]
                    .iter()
                    .position(|place| *place == stage);
                let answer = place.map_or("250 ok", |place| answers[place]);
                reader.feed(format!("{answer}\r\n").as_bytes());
            }
            Action::SendContent => transaction.on_content_written(),
            Action::Flush => {}
            Action::Done => break,
        }
    }
    match transaction.into_outcome() {
        Outcome::Settled(settled) => settled,
        Outcome::Stale(stale) => panic!("{stale:?}"),
    }
}

/// Security B5: every code in reply to MAIL, RCPT, DATA and the dot.
#[test]
fn every_code_in_every_place() {
    let recipients = [Recipient { address: "a@x", ..Recipient::default() }];
    let envelope = envelope(&recipients);
    for place in 0..4 {
        for code in 0..1000u16 {
            let said = format!("{code:03} x");
            let mut answers = ["250 ok", "250 ok", "354 go", "250 ok"];
            answers[place] = &said;
            let settled = lock_step(ready(Dialect::SMTP, &[], Origin::Fresh), &envelope, answers);
            let [verdict] = &settled.verdicts[..] else { panic!("one recipient, one verdict") };
            let what = format!("{code} at {place}: {verdict:?} {:?}", settled.session);
            let hoped_for = if place == 2 { code / 100 == 3 } else { code / 100 == 2 && code != 221 };
            match verdict {
                Verdict::Deliverable(_) => panic!("no probe"),
                Verdict::Sent(_) => assert!(hoped_for, "{what}"),
                Verdict::Failed(failure) => {
                    assert!(!hoped_for, "{what}");
                    check_failure(failure, code, place, &what);
                }
            }
            let proper = matches!(code, 400..=420 | 422..=499 | 510..=554 | 556..=599);
            assert_eq!(matches!(settled.session, SessionEnd::Ready(_)), hoped_for || proper, "{what}");
        }
    }
}

fn check_failure(failure: &Failure, code: u16, place: usize, what: &str) {
    let status = match code / 100 {
        // The reply to QUIT: out of step, which may pass.
        2 if code == 221 => "4.5.0",
        4 => "4.0.0",
        5 => "5.0.0",
        _ => "5.5.0",
    };
    assert_eq!(failure.status.to_string(), status, "{what}");
    let uncertain = place == 3 && !matches!(code / 100, 4 | 5);
    assert_eq!(failure.certainty == Certainty::Uncertain, uncertain, "{what}");
}

/// RFC 2920 by way of behaviours 8: unanswered commands never exceed the window.
#[test]
fn the_window_is_never_exceeded_and_well_used() {
    let addresses: Vec<String> =
        (0..500).map(|n| format!("recipient.number.{n}@destination.example")).collect();
    let recipients: Vec<_> =
        addresses.iter().map(|address| Recipient { address, ..Recipient::default() }).collect();
    let envelope = envelope(&recipients);
    let session = ready(Dialect::SMTP, &[Extension::Pipelining], Origin::Reused);
    let mut transaction = session.transaction(PEER, &envelope, options(Afterwards::Quit));
    let (mut reader, mut out, mut batches, mut commands) = (ReplyReader::default(), Vec::new(), 0, 0);
    loop {
        match transaction.next_action(&mut reader, &mut out) {
            Action::Await(_) => {
                assert!(out.len() <= crate::ext::pipelining::WINDOW);
                batches += 1;
                let lines = String::from_utf8(std::mem::take(&mut out)).unwrap();
                for line in lines.lines() {
                    commands += 1;
                    reader.feed(if line == "DATA" { b"354 go\r\n" } else { b"250 ok\r\n" });
                }
            }
            Action::SendContent => transaction.on_content_written(),
            Action::Flush => {
                assert_eq!(out, b".\r\nQUIT\r\n");
                out.clear();
                assert_eq!(transaction.next_action(&mut reader, &mut out), Action::Await(Stage::EndOfData));
                reader.feed(b"250 ok\r\n");
            }
            Action::Done => break,
        }
    }
    assert_eq!((batches, commands), (7, 503), "RSET, MAIL, 500 RCPT, DATA");
    let Outcome::Settled(settled) = transaction.into_outcome() else { panic!("it was alive") };
    assert_eq!(settled.session, SessionEnd::Quitting);
    assert!(settled.verdicts.iter().all(|verdict| matches!(verdict, Verdict::Sent(_))));
}

/// One thing that a server or a network may do.
#[derive(Debug, Clone)]
enum Move {
    Say(String),
    SayInContent(String),
    SayInFlush(String),
    Lose(Lost, usize),
}

fn line() -> impl Strategy<Value = String> {
    let code =
        prop::sample::select(vec!["250", "250", "354", "550", "450", "421", "221", "200", "999", "503"]);
    let rest = prop::sample::select(vec![" ok\r\n", "\r\n", "-more\r\n", " 5.1.1 no\r\n", " o"]);
    prop_oneof![
        12 => (code, rest).prop_map(|(code, rest)| format!("{code}{rest}")),
        1 => Just("garbage\r\n".to_owned()),
        1 => "[ -~\r\n]{0,12}",
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let lost = prop_oneof![Just(Lost::Closed), Just(Lost::TimedOut)];
    let one = prop_oneof![
        20 => Just(Move::Say("250 ok\r\n".into())),
        6 => Just(Move::Say("354 go\r\n".into())),
        6 => line().prop_map(Move::Say),
        1 => line().prop_map(Move::SayInContent),
        1 => line().prop_map(Move::SayInFlush),
        1 => (lost, 0usize..20).prop_map(|(how, unwritten)| Move::Lose(how, unwritten)),
    ];
    prop::collection::vec(one, 0..30)
}

/// What the test saw on the wire, independent of the transaction's own bookkeeping.
#[derive(Default)]
struct Observed {
    dot_written: bool,
    accepting_replies_after_dot: usize,
    any_early: bool,
    lines: Vec<String>,
}

/// Plays the moves, checks the wire, and ends with a lost connection if they run out.
fn play_any(transaction: &mut Transaction<'_>, moves: Vec<Move>) -> Observed {
    let (mut reader, mut out, mut seen) = (ReplyReader::default(), Vec::new(), Observed::default());
    let mut moves = moves.into_iter().peekable();
    for _ in 0..10_000 {
        match transaction.next_action(&mut reader, &mut out) {
            Action::Await(_) => {
                seen.wrote(&out);
                match moves.next() {
                    Some(Move::Say(text)) => {
                        seen.heard(&text);
                        reader.feed(text.as_bytes());
                    }
                    Some(Move::SayInContent(_) | Move::SayInFlush(_)) => {}
                    Some(Move::Lose(how, unwritten)) => {
                        transaction.on_lost(&mut reader, how, unwritten.min(out.len()));
                    }
                    None => transaction.on_lost(&mut reader, Lost::Closed, 0),
                }
                out.clear();
            }
            Action::SendContent => {
                if let Some(Move::SayInContent(text)) =
                    moves.next_if(|next| matches!(next, Move::SayInContent(_)))
                {
                    seen.any_early |= !text.is_empty();
                    reader.feed(text.as_bytes());
                } else {
                    transaction.on_content_written();
                }
            }
            Action::Flush => {
                if let Some(Move::SayInFlush(text)) =
                    moves.next_if(|next| matches!(next, Move::SayInFlush(_)))
                {
                    seen.any_early |= !text.is_empty();
                    reader.feed(text.as_bytes());
                }
                seen.wrote(&out);
                seen.dot_written = true;
                out.clear();
            }
            Action::Done => {
                seen.wrote(&out);
                return seen;
            }
        }
    }
    panic!("it never ends");
}

impl Observed {
    fn wrote(&mut self, out: &[u8]) {
        let text = std::str::from_utf8(out).unwrap();
        assert!(text.is_empty() || text.ends_with("\r\n"));
        self.lines.extend(text.split_terminator("\r\n").map(str::to_owned));
        assert!(self.lines.iter().all(|line| !line.contains(['\r', '\n'])));
    }

    fn heard(&mut self, text: &str) {
        if self.dot_written && text.starts_with('2') {
            self.accepting_replies_after_dot += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Security G3, F8: sent only if a 2xx came after the final dot; every recipient has one verdict; it always ends.
    #[test]
    fn whatever_the_server_says(
        moves in moves(), count in 1usize..5, lmtp: bool, pipelining: bool, reused: bool, quit: bool,
    ) {
        let addresses: Vec<String> = (0..count).map(|n| format!("r{n}@x")).collect();
        let recipients: Vec<_> =
            addresses.iter().map(|address| Recipient { address, ..Recipient::default() }).collect();
        let envelope = envelope(&recipients);
        let extensions: &[Extension] = if pipelining { &[Extension::Pipelining] } else { &[] };
        let origin = if reused { Origin::Reused } else { Origin::Fresh };
        let session = ready(if lmtp { Dialect::LMTP } else { Dialect::SMTP }, extensions, origin);
        let afterwards = if quit { Afterwards::Quit } else { Afterwards::Keep };
        let mut transaction = session.transaction(PEER, &envelope, options(afterwards));
        let seen = play_any(&mut transaction, moves);
        prop_assert!(transaction.is_done());
        let settled = match transaction.into_outcome() {
            Outcome::Settled(settled) => settled,
            Outcome::Stale(_) => {
                prop_assert!(reused && !seen.dot_written);
                return Ok(());
            }
        };
        prop_assert_eq!(settled.verdicts.len(), count);
        let sent = settled.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Sent(_))).count();
        if sent > 0 {
            prop_assert!(seen.dot_written && !seen.any_early);
            let needed = if lmtp { sent } else { 1 };
            prop_assert!(seen.accepting_replies_after_dot >= needed);
        }
        let uncertain = settled.verdicts.iter().any(|verdict| {
            matches!(verdict, Verdict::Failed(failure) if failure.certainty == Certainty::Uncertain)
        });
        prop_assert!(!uncertain || seen.dot_written);
        for verdict in &settled.verdicts {
            if let Verdict::Failed(failure) = verdict {
                prop_assert!(failure.status.class() != Class::Success && !failure.reason.contains('\n'));
            }
        }
        let quits = seen.lines.iter().filter(|line| line.as_bytes() == command::QUIT.trim_ascii_end()).count();
        prop_assert_eq!(quits, usize::from(quits > 0), "QUIT is said once");
        if let SessionEnd::Ready(ready) = &settled.session {
            prop_assert!(!quit && quits == 0 && ready.origin() == Origin::Reused);
        }
    }
}
