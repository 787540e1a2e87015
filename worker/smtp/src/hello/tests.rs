//! Introductions as transcripts: `<` is what the server says, `>` what must be answered.

use super::*;
use crate::command::HeloName;
use crate::ext::Discard;

fn options() -> HelloOptions {
    HelloOptions {
        name: HeloName::new("us").unwrap(),
        my_hostname: "me.example".into(),
        ehlo: EhloUse::Always,
        refused_greeting: RefusedGreeting::TryElsewhere,
        discard: Discard::default(),
        pix: PixWorkarounds::default(),
    }
}

/// Plays a session and tells its result in one line. `! lost` and `! timed out` break off.
#[track_caller]
fn play<C: Channel>(mut hello: Hello<'_, C>, transcript: &str) -> String {
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    let mut action = hello.next_action(&mut replies, &mut out);
    let mut lines = transcript.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
    while let Some(line) = lines.next() {
        let (side, text) = line.split_once(' ').unwrap();
        match side {
            ">" => {
                assert_eq!(std::str::from_utf8(&out), Ok(&*format!("{text}\r\n")));
                out.clear();
                continue;
            }
            "<" => {
                assert!(out.is_empty(), "{out:?} before {line}");
                assert_ne!(action, HelloAction::Done, "at {line}");
                replies.feed(format!("{text}\r\n").as_bytes());
                if lines.peek().is_some_and(|next| next.starts_with('<')) {
                    continue;
                }
            }
            _ if text == "lost" => hello.on_lost(&mut replies, Lost::Closed),
            _ => hello.on_lost(&mut replies, Lost::TimedOut),
        }
        action = hello.next_action(&mut replies, &mut out);
    }
    assert_eq!((out.as_slice(), action), (&b""[..], HelloAction::Done));
    match hello.finish() {
        Ok(greeted) => {
            let OwnName { in_greeting, in_hello } = greeted.own_name();
            let own = match (in_greeting, in_hello) {
                (false, false) => "",
                (true, false) => " (greets with our name)",
                (_, true) => " (has our name)",
            };
            format!("{} offers [{}]{own}", greeted.facts().server_name, greeted.facts().extensions)
        }
        Err(failed) => {
            assert_eq!(failed.failure.scope, crate::Scope::Site);
            format!("{} {:?}: {}", failed.failure.status, failed.farewell, failed.failure.reason)
        }
    }
}

#[track_caller]
fn check(options: &HelloOptions, transcript: &str, want: &str) {
    assert_eq!(play(Hello::<Plain>::new(Dialect::SMTP, "h[1]", options), transcript), want);
}

#[track_caller]
fn usual(transcript: &str, want: &str) {
    check(&options(), transcript, want);
}

#[test]
fn ehlo_is_answered() {
    usual(
        "< 220 mx ESMTP\n > EHLO us\n < 250-Mx hi\n < 250-PIPELINING\n < 250 SIZE 10",
        "Mx offers [PIPELINING SIZE]",
    );
}

#[test]
fn a_greeting_of_many_lines() {
    usual("< 220-mx\n < 220-no spam\n < 220 please\n > EHLO us\n < 250 mx", "mx offers []");
}

#[test]
fn helo_where_ehlo_is_not_understood() {
    for no in ["500 what", "502 no", "554 no", "450 no", "354 no", "150 no"] {
        usual(&format!("< 220 mx\n > EHLO us\n < {no}\n > HELO us\n < 250 mx hi"), "mx offers []");
    }
}

#[test]
fn helo_refused() {
    usual(
        "< 220 mx\n > EHLO us\n < 500 what\n > HELO us\n < 550 5.7.1 go away",
        "5.7.1 Quit: host h[1] refused to talk to me: 550 5.7.1 go away",
    );
    usual(
        "< 220 mx\n > EHLO us\n < 500 what\n > HELO us\n < 354 go",
        "5.5.0 Quit: host h[1] refused to talk to me: 354 go",
    );
}

#[test]
fn ehlo_answered_by_421_has_no_second_try() {
    usual("< 220 mx\n > EHLO us\n < 421 busy", "4.0.0 Quit: host h[1] refused to talk to me: 421 busy");
}

#[test]
fn refused_greetings() {
    usual("< 554 5.7.1 no", "4.7.1 Quit: host h[1] refused to talk to me: 554 5.7.1 no");
    usual("< 421 4.3.2 busy", "4.3.2 Quit: host h[1] refused to talk to me: 421 4.3.2 busy");
    usual("< 354 go", "5.5.0 Quit: host h[1] refused to talk to me: 354 go");
    let last = HelloOptions { refused_greeting: RefusedGreeting::Final, ..options() };
    check(&last, "< 554 5.7.1 no", "5.7.1 Quit: host h[1] refused to talk to me: 554 5.7.1 no");
}

#[test]
fn something_else_than_smtp() {
    usual(
        "< SSH-2.0-OpenSSH",
        "4.5.0 Close: Protocol error: host h[1] sent a line that is no reply: \"SSH-2.0-OpenSSH\" \
         while receiving the initial server greeting",
    );
}

#[test]
fn a_server_that_speaks_out_of_turn() {
    usual(
        "< 220 mx\n < 250 mx",
        "4.5.0 Close: Protocol error: host h[1] sent more than one reply while performing the EHLO handshake",
    );
    usual("< 220 mx\n < 421 busy", "4.0.0 Close: host h[1] refused to talk to me: 421 busy");
}

#[test]
fn lost_on_the_way() {
    usual("! lost", "4.4.2 Close: lost connection with h[1] while receiving the initial server greeting");
    usual(
        "< 220 mx\n > EHLO us\n ! timed out",
        "4.4.2 Close: conversation with h[1] timed out while performing the EHLO handshake",
    );
    usual(
        "< 220 mx\n > EHLO us\n < 500 what\n > HELO us\n ! lost",
        "4.4.2 Close: lost connection with h[1] while performing the HELO handshake",
    );
}

#[test]
fn a_refusal_that_came_before_the_loss_explains_it() {
    let options = options();
    let mut hello = Hello::<Plain>::new(Dialect::SMTP, "h[1]", &options);
    let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
    assert_eq!(hello.next_action(&mut replies, &mut out), HelloAction::Await(Stage::Greeting));
    replies.feed(b"421 4.3.2 busy\r\n");
    hello.on_lost(&mut replies, Lost::Closed);
    let failed = hello.finish().unwrap_err();
    assert_eq!(failed.failure.reason, "host h[1] refused to talk to me: 421 4.3.2 busy");
    assert_eq!(failed.farewell, Farewell::Close);
}

#[test]
fn which_verb() {
    let with = |ehlo| HelloOptions { ehlo, ..options() };
    let (esmtp, smtp) = ("< 220-mx\n < 220 hi esmtp", "< 220 mx ESMTPX");
    let cases = [
        (EhloUse::Always, smtp, "EHLO"),
        (EhloUse::WhereAnnounced, smtp, "HELO"),
        (EhloUse::WhereAnnounced, esmtp, "EHLO"),
        (EhloUse::Never, esmtp, "HELO"),
    ];
    for (ehlo, greeting, verb) in cases {
        let want = if verb == "EHLO" { "mx offers [DSN]" } else { "mx offers []" };
        check(&with(ehlo), &format!("{greeting}\n > {verb} us\n < 250-mx\n < 250 DSN"), want);
    }
}

#[test]
fn lhlo_has_no_fallback() {
    let options = HelloOptions { ehlo: EhloUse::Never, ..options() };
    let lmtp = || Hello::<Plain>::new(Dialect::LMTP, "h[1]", &options);
    assert_eq!(play(lmtp(), "< 220 mx\n > LHLO us\n < 250-mx\n < 250 DSN"), "mx offers [DSN]");
    let refused = play(lmtp(), "< 220 mx\n > LHLO us\n < 500 what");
    assert_eq!(refused, "5.0.0 Quit: host h[1] refused to talk to me: 500 what");
}

#[test]
fn a_hidden_greeting_is_answered_with_helo_where_it_is_worked_around() {
    let with = |list| HelloOptions { pix: PixWorkarounds::parse(list), ..options() };
    let late = |options: &HelloOptions, greeting: &str| {
        let mut hello = Hello::<Plain>::new(Dialect::SMTP, "h[1]", options);
        let (mut replies, mut out) = (ReplyReader::default(), Vec::new());
        replies.feed(format!("{greeting}\r\n").as_bytes());
        hello.next_action(&mut replies, &mut out);
        replies.feed(b"250 mx\r\n");
        hello.next_action(&mut replies, &mut out);
        (
            String::from_utf8(out).unwrap(),
            hello.workarounds().to_string(),
            hello.finish().unwrap().facts().dot,
        )
    };
    let (both, dot) = (with("disable_esmtp,delay_dotcrlf"), with("delay_dotcrlf"));
    let hidden = "220 *****2***0*";
    let want = |line: &str, names: &str, dot| (line.to_owned(), names.to_owned(), dot);
    let all = want("HELO us\r\n", "disable_esmtp delay_dotcrlf", FinalDot::Late);
    assert_eq!(late(&both, hidden), all);
    assert_eq!(late(&dot, hidden), want("EHLO us\r\n", "delay_dotcrlf", FinalDot::Late));
    assert_eq!(late(&both, "220 mx ****"), want("EHLO us\r\n", "", FinalDot::AtOnce));
    assert_eq!(late(&with(""), hidden), want("EHLO us\r\n", "", FinalDot::AtOnce));
}

#[test]
fn our_own_name() {
    usual("< 220 ME.example ESMTP\n > EHLO us\n < 250 mx", "mx offers [] (greets with our name)");
    usual("< 220 mx\n > EHLO us\n < 250 Me.Example", "Me.Example offers [] (has our name)");
    usual("< 220 not me.example\n > EHLO us\n < 250 mx me.example", "mx offers []");
}

#[test]
fn discarded_keywords() {
    let options = HelloOptions { discard: Discard::parse("dsn"), ..options() };
    check(
        &options,
        "< 220 mx\n > EHLO us\n < 250-mx\n < 250-DSN\n < 250 PIPELINING",
        "mx offers [PIPELINING]",
    );
}
