//! EHLO replies: keywords, odd forms, floods, discard lists.

use super::*;
use proptest::prelude::*;

fn ehlo(reply: &str, discard: &str) -> (EhloFacts, Vec<Remark>) {
    EhloFacts::of_ehlo(&Reply::parse(reply).unwrap(), &Discard::parse(discard))
}

#[track_caller]
fn check(keyword: &str, extensions: &str) -> (EhloFacts, Vec<Remark>) {
    let (facts, remarks) = ehlo(&format!("250-mx\n250 {keyword}"), "");
    assert_eq!(facts.extensions.to_string(), extensions, "{keyword}");
    (facts, remarks)
}

#[test]
fn keywords_in_any_spelling() {
    check("PIPELINING", "PIPELINING");
    check("pipelining", "PIPELINING");
    check("8bitmime", "8BITMIME");
    check("Dsn", "DSN");
    check("STARTTLS", "STARTTLS");
    check("CHUNKING", "CHUNKING");
    check("ENHANCEDSTATUSCODES", "ENHANCEDSTATUSCODES");
    check("8BITMIME\textra", "8BITMIME");
    check("XPIPELINING", "");
    check("PIPELINING2", "");
    check("HELP", "");
    check("", "");
}

#[test]
fn names_keep_their_spelling_and_the_first_line_is_no_keyword() {
    let (facts, _) = ehlo("250-Mx.Example greets you\n250 SIZE 5", "");
    assert_eq!((facts.server_name.as_str(), facts.size_limit), ("Mx.Example", Some(5)));
    let (facts, _) = ehlo("250 PIPELINING", "");
    assert_eq!((facts.server_name.as_str(), facts.extensions.to_string().as_str()), ("PIPELINING", ""));
    assert_eq!(ehlo("250", "").0, EhloFacts::default());
}

#[test]
fn size_limits() {
    let limit = |text| check(text, "SIZE").0.size_limit;
    assert_eq!(limit("SIZE 1000"), Some(1000));
    assert_eq!(limit("SIZE=1000"), Some(1000));
    assert_eq!(limit("SIZE 1000 more"), Some(1000));
    assert_eq!(limit("SIZE 0"), None);
    assert_eq!(limit("SIZE"), None);
    assert_eq!(limit("SIZE 99999999999999999999"), None);
    assert_eq!(limit("SIZE 18446744073709551615"), Some(u64::MAX));
    for odd in ["-1", "1k", "+5", "0x10", "１"] {
        let (facts, remarks) = check(&format!("SIZE {odd}"), "SIZE");
        assert_eq!((facts.size_limit, remarks), (None, vec![Remark::BadSizeLimit(odd.into())]));
    }
}

#[test]
fn mechanisms_of_all_lines_are_gathered() {
    let (facts, remarks) = ehlo("250-mx\n250-AUTH PLAIN LOGIN\n250 AUTH=PLAIN  CRAM-MD5", "");
    assert_eq!((facts.auth.as_str(), remarks), ("PLAIN LOGIN PLAIN CRAM-MD5", vec![]));
    let (facts, _) = ehlo("250-mx\n250 XFORWARD NAME ADDR", "");
    assert_eq!(facts.xforward, "NAME ADDR");
}

#[test]
fn floods_are_bounded() {
    let mut facts = EhloFacts::default();
    let mut remarks = vec![];
    for _ in 0..1000 {
        facts.take("AUTH PLAIN LOGIN", &Discard::default(), &mut remarks);
    }
    assert!((LONGEST_LIST - 6..=LONGEST_LIST).contains(&facts.auth.len()));
    assert!(facts.auth.split(' ').all(|word| ["PLAIN", "LOGIN"].contains(&word)), "no word is cut");
    assert_eq!(remarks, [Remark::TooMuch("AUTH mechanisms")]);

    let many = "250-X\n".repeat(MOST_KEYWORDS);
    let (facts, remarks) = ehlo(&format!("250-mx\n{many}250 PIPELINING"), "");
    assert!(!facts.offers(Extension::Pipelining));
    assert_eq!(remarks, [Remark::TooMuch("keywords")]);
}

#[test]
fn eight_bit_is_assumed_where_utf8_is_offered() {
    let (_, remarks) = check("SMTPUTF8", "8BITMIME SMTPUTF8");
    assert_eq!(remarks, [Remark::Utf8WithoutEightBit]);
    let (facts, remarks) = ehlo("250-mx\n250 SMTPUTF8", "8bitmime");
    assert_eq!((facts.extensions.to_string().as_str(), remarks), ("SMTPUTF8", vec![]));
}

#[test]
fn what_is_discarded_was_never_offered() {
    let reply = "250-mx\n250-SIZE 10\n250-AUTH PLAIN\n250-PIPELINING\n250 DSN";
    let (facts, _) = ehlo(reply, "size, auth dsn");
    let want = EhloFacts {
        server_name: "mx".into(),
        extensions: [Extension::Pipelining].into_iter().collect(),
        ..EhloFacts::default()
    };
    assert_eq!(facts, want);
}

#[test]
fn helo_tells_a_name_only() {
    let facts = EhloFacts::of_helo(&Reply::parse("250-mx hello\n250 PIPELINING").unwrap());
    assert_eq!(facts, EhloFacts { server_name: "mx".into(), ..EhloFacts::default() });
}

proptest! {
    #[test]
    fn no_reply_hurts(lines in prop::collection::vec("[ -~\té]{0,60}|(AUTH|SIZE|XFORWARD)[ =][ -~]{0,99}", 1..40)) {
        let last = lines.len() - 1;
        let text: Vec<String> = lines.iter().enumerate()
            .map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' })).collect();
        let (facts, _) = ehlo(&text.join("\n"), "");
        prop_assert!(facts.auth.len() <= LONGEST_LIST && facts.xforward.len() <= LONGEST_LIST);
        prop_assert!(!facts.server_name.contains(char::is_whitespace));
    }
}
