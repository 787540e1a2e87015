//! Replies: one line per case, then bounds and arbitrary octets.

use super::*;
use proptest::prelude::*;

fn read(octets: &[u8]) -> Result<Option<Arc<Reply>>, ReplyError> {
    let mut reader = ReplyReader::default();
    reader.feed(octets);
    reader.next_reply()
}

#[track_caller]
fn check(octets: &[u8], want: &str) {
    let got = match read(octets) {
        Ok(Some(reply)) => format!("{} {} [{}]", reply.code.value(), reply.status, reply.one_line()),
        Ok(None) => "incomplete".into(),
        Err(error) => error.to_string(),
    };
    assert_eq!(got, want);
}

#[test]
fn complete_replies() {
    check(b"250 ok\r\n", "250 2.0.0 [250 ok]");
    check(b"250 ok\n", "250 2.0.0 [250 ok]");
    check(b"250\r\n", "250 2.0.0 [250]");
    check(b"250 \r\n", "250 2.0.0 [250 ]");
    check(b"250 2.1.5 ok\r\n", "250 2.1.5 [250 2.1.5 ok]");
    check(b"250-a\r\n250-b\r\n250 c\r\n", "250 2.0.0 [250-a 250-b 250 c]");
    check(b"354 go\r\n", "354 5.5.0 [354 go]");
    check(b"250\0hidden\r\n", "250 2.0.0 [250]");
}

#[test]
fn code_and_status_are_those_of_the_last_line() {
    check(b"250-2.0.0 a\r\n550 5.1.1 b\r\n", "550 5.1.1 [250-2.0.0 a 550 5.1.1 b]");
    check(b"550-5.7.1 a\r\n550 see above\r\n", "550 5.0.0 [550-5.7.1 a 550 see above]");
}

#[test]
fn short_and_odd_enhanced_codes() {
    for odd in ["250 2", "250 2.", "250 2.0.", "250 2.0.0.0", "250 x2.0.0", "250  "] {
        assert_eq!(Reply::parse(odd).unwrap().status.to_string(), "2.0.0", "{odd}");
    }
    assert_eq!(Reply::parse("550 4.1.1 x").unwrap().status.to_string(), "5.0.0");
    assert_eq!(Reply::parse("550 5.1.1").unwrap().status.to_string(), "5.1.1");
}

#[test]
fn incomplete_replies_wait() {
    for part in [&b""[..], b"2", b"250", b"250 ok", b"250-a\r\n", b"250-a\r\n250"] {
        check(part, "incomplete");
    }
}

#[test]
fn everything_else_is_garbage() {
    for line in
        ["25", "2500 ok", "ok", "", "-50 ok", "2 50", "250\tok", "250_ok", "SSH-2.0-x", "+50 ok", " 250 ok"]
    {
        assert!(matches!(read(format!("{line}\r\n").as_bytes()), Err(ReplyError::Garbage(_))), "{line}");
    }
    check(b"HTTP/1.1 400 \x1b[31m\r\n", "a line that is no reply: \"HTTP/1.1 400 \\x1b[31m\"");
    check(
        "２５０ ok\n".as_bytes(),
        "a line that is no reply: \"\\xef\\xbc\\x92\\xef\\xbc\\x95\\xef\\xbc\\x90 ok\"",
    );
    check(b"250-a\r\ngarbage\r\n250 c\r\n", "a line that is no reply: \"garbage\"");
}

#[test]
fn no_reply_comes_after_garbage() {
    let mut reader = ReplyReader::default();
    reader.feed(b"what\r\n250 ok\r\n");
    assert!(reader.next_reply().is_err());
    reader.feed(b"250 ok\r\n");
    assert!(reader.next_reply().is_err() && reader.has_reply() && reader.has_leftover());
}

#[test]
fn text_fit_for_logs() {
    check(b"550 \x1b]0;x\x07 no\r\n", "550 5.0.0 [550 ?]0;x? no]");
    check("550 a\u{202e}b\r\n".as_bytes(), "550 5.0.0 [550 a?b]");
    check(b"550 a\rContent-Type: x\r\n", "550 5.0.0 [550 a?Content-Type: x]");
}

#[test]
fn replies_come_one_by_one() {
    let mut reader = ReplyReader::default();
    reader.feed(b"250 a\r\n550 b\r\n35");
    assert!(reader.has_reply() && reader.has_reply());
    assert_eq!(reader.next_reply().unwrap().unwrap().text, "250 a");
    assert_eq!(reader.next_reply().unwrap().unwrap().text, "550 b");
    assert!(!reader.has_reply() && reader.has_leftover());
    reader.feed(b"4 c\r\n");
    assert_eq!(reader.next_reply().unwrap().unwrap().text, "354 c");
    assert!(!reader.has_leftover());
}

#[test]
fn a_reply_of_too_many_lines() {
    let most = "250-x\r\n".repeat(MOST_LINES - 1);
    assert!(read(format!("{most}250 x\r\n").as_bytes()).unwrap().is_some());
    assert_eq!(read(format!("{most}250-x\r\n250 x\r\n").as_bytes()), Err(ReplyError::Lines));
}

#[test]
fn text_is_kept_up_to_a_limit_and_the_last_line_still_counts() {
    let line = format!("550-{}\r\n", "x".repeat(500));
    let reply = read(format!("{}250 2.5.0 end\r\n", line.repeat(10)).as_bytes()).unwrap().unwrap();
    assert_eq!((reply.code.value(), reply.status.to_string()), (250, "2.5.0".into()));
    assert_eq!(reply.text.lines().map(str::len).collect::<Vec<_>>(), [504; 4], "no line is cut");
}

#[test]
fn a_server_that_talks_while_nobody_asks_is_bounded() {
    let mut reader = ReplyReader::default();
    let many = "250 ok\r\n".repeat(1024);
    for _ in 0..=MOST_UNREAD / many.len() {
        reader.feed(many.as_bytes());
    }
    assert_eq!(reader.next_reply(), Err(ReplyError::Flood));
}

#[test]
fn an_endless_line_is_an_error() {
    let mut reader = ReplyReader::default();
    let mut fed = 0;
    while !reader.has_reply() {
        reader.feed(&[b'2'; 512]);
        fed += 512;
        assert!(fed < 8192);
    }
    assert_eq!(reader.next_reply(), Err(ReplyError::Line(EndlessLine)));
}

#[test]
fn protocol_error_codes() {
    let codes: Vec<u16> = (0..1000).filter(|code| !Code(*code).is_protocol_error()).collect();
    let want: Vec<u16> = (400..500).chain(510..555).chain(556..600).collect();
    assert_eq!(codes, want);
}

proptest! {
    #[test]
    fn arbitrary_octets_never_hurt_and_splits_do_not_matter(
        octets in prop::collection::vec(prop_oneof![
            any::<u8>(), prop::sample::select(b"0123456789 -\r\n.".to_vec()), Just(b'\n'), Just(b'2'),
        ], 0..400),
        step in 1usize..50,
    ) {
        let mut whole = ReplyReader::default();
        whole.feed(&octets);
        let mut parts = ReplyReader::default();
        let (mut from_whole, mut from_parts) = (vec![], vec![]);
        while let Ok(Some(reply)) = whole.next_reply() { from_whole.push(reply); }
        for chunk in octets.chunks(step) {
            parts.feed(chunk);
            while let Ok(Some(reply)) = parts.next_reply() { from_parts.push(reply); }
        }
        prop_assert_eq!(&from_whole, &from_parts);
        prop_assert_eq!(whole.next_reply(), parts.next_reply());
        for reply in from_whole {
            prop_assert!(!reply.one_line().chars().any(char::is_control));
            prop_assert!(reply.text.len() <= LONGEST_TEXT);
        }
    }

    #[test]
    fn what_is_written_as_a_reply_is_read_as_one(code in 200u16..600, texts in prop::collection::vec("[ -~]{0,60}", 1..6)) {
        let last = texts.len() - 1;
        let lines: Vec<String> = texts.iter().enumerate()
            .map(|(at, text)| format!("{code}{}{text}", if at == last { ' ' } else { '-' })).collect();
        let reply = Reply::parse(&lines.join("\r\n")).unwrap();
        prop_assert_eq!(reply.code.value(), code);
        prop_assert_eq!(&reply.text, &lines.join("\n"));
        prop_assert_eq!(reply.lines().collect::<Vec<_>>(), texts);
    }
}
