//! Which addresses are found, and what a header looks like when one has changed; as Postfix 3.7.11 writes them where
//! nothing else is said.

use super::*;
use std::convert::Infallible;

/// `@map` becomes `@new.example`.
fn map(address: &str) -> Result<Option<String>, Infallible> {
    Ok(address.strip_suffix("@map").map(|local| format!("{local}@new.example")))
}

fn header(raw: &str) -> Header<'_> {
    let end = raw.ends_with('\n').then_some(if raw.ends_with("\r\n") { LineEnd::CrLf } else { LineEnd::Lf });
    Header { block: Block::Message, raw: raw.as_bytes(), end }
}

fn rewritten(raw: &str) -> Option<String> {
    rewrite(&header(raw), &mut map).unwrap().map(|lines| String::from_utf8(lines).unwrap())
}

/// The value of `To` after it.
fn to(value: &str) -> String {
    rewritten(&format!("To: {value}\n"))
        .unwrap()
        .strip_prefix("To: ")
        .unwrap()
        .trim_end_matches('\n')
        .to_owned()
}

/// What is asked for, in order.
fn asked(value: &str) -> Vec<String> {
    let mut asked = Vec::new();
    let mut ask = |address: &str| {
        asked.push(address.to_owned());
        Ok::<_, Infallible>(None)
    };
    assert_eq!(rewrite(&header(&format!("To: {value}\n")), &mut ask), Ok(None));
    asked
}

#[test]
fn only_headers_of_senders_and_recipients_of_the_message_itself_change() {
    for name in NAMES {
        assert_eq!(rewritten(&format!("{name}: a@map\n")).unwrap(), format!("{name}: a@new.example\n"));
    }
    assert_eq!(rewritten("resent-TO : a@map\n").unwrap(), "resent-TO: a@new.example\n");
    for name in ["Delivered-To", "Message-Id", "X-To", "Mail-Reply-To", "Subject", "T"] {
        assert_eq!(rewritten(&format!("{name}: a@map\n")), None, "{name}");
    }
    for block in [Block::Part, Block::Nested] {
        assert_eq!(rewrite(&Header { block, ..header("To: a@map\n") }, &mut map), Ok(None));
    }
}

#[test]
fn a_header_without_a_changed_address_stays_as_it_is() {
    for value in
        ["a@b", "", "undisclosed-recipients: ;", "  a@b ,\n\tc@d  ", "map", "\"a@map\" <b@c>", "(a@map) b@c"]
    {
        assert_eq!(rewritten(&format!("To: {value}\n")), None, "{value}");
    }
}

#[test]
fn names_comments_and_groups_stay() {
    assert_eq!(to("John Doe <a@map>"), "John Doe <a@new.example>");
    assert_eq!(to("\"John, Doe\" <a@map>"), "\"John, Doe\" <a@new.example>");
    assert_eq!(to("a@map (John Doe)"), "a@new.example (John Doe)");
    assert_eq!(to("=?utf-8?q?J=C3=B6?= <a@map>"), "=?utf-8?q?J=C3=B6?= <a@new.example>");
    assert_eq!(to("J\u{f6} <a@map>"), "J\u{f6} <a@new.example>");
    assert_eq!(to("\"a\\\"b\" <a@map>"), "\"a\\\"b\" <a@new.example>");
    assert_eq!(to("Group:a@map, \"B\" <b@c>;, d@map"), "Group: a@new.example, \"B\" <b@c>;, d@new.example");
    assert_eq!(to("a(c)@map"), "a@new.example (c)");
    assert_eq!(to("<a(c)@map>"), "<a@new.example (c)>");
    assert_eq!(to("<>, a@map"), "<>, a@new.example");
}

#[test]
fn what_postfix_would_rearrange_stays_too() {
    assert_eq!(to("Joe Q. Public <a@map>"), "Joe Q. Public <a@new.example>");
    assert_eq!(to("(before) a@map"), "(before) a@new.example");
    assert_eq!(to("A<a@map>"), "A<a@new.example>");
}

#[test]
fn routes_and_blanks_in_an_address_go_when_it_changes() {
    assert_eq!(to("<@r1,@r2:a@map>"), "<a@new.example>");
    assert_eq!(to("a . b @ map"), "a.b@new.example");
    assert_eq!(to("<@r1:a@b>, c@map"), "<@r1:a@b>, c@new.example");
}

#[test]
fn a_local_part_is_asked_for_as_a_header_has_it() {
    assert_eq!(
        asked("\"quoted local\"@b, \"plain\"@b, x\\@y@b"),
        ["\"quoted local\"@b", "plain@b", "\"x@y\"@b"]
    );
    assert_eq!(asked("a..b@c, a.@c, .a@c"), ["\"a..b\"@c", "\"a.\"@c", "\".a\"@c"]);
    assert_eq!(asked("\"a\\\"b\\\\\"@c"), ["\"a\\\"b\\\\\"@c"]);
    assert_eq!(asked("a@[127.0.0.1], b@[IPv6:::1]"), ["a@[127.0.0.1]", "b@[IPv6:::1]"]);
    assert_eq!(asked("\u{f6}@\u{f6}.example"), ["\u{f6}@\u{f6}.example"]);
}

#[test]
fn broken_lists_are_read_as_far_as_possible() {
    assert_eq!(asked("<a@b"), ["a@b"]);
    assert_eq!(asked("a@b c@d"), ["a@b", "c@d"]);
    assert_eq!(asked("a@b>, ,, c@d;"), ["a@b", "c@d"]);
    assert_eq!(asked("root, <postmaster>"), ["root", "postmaster"]);
    assert_eq!(asked("John Doe, a@, @b, <a b@c>, (d@e, \"f@g"), [""; 0]);
    assert_eq!(rewritten("To: a@b, c@map,,\n").unwrap(), "To: a@b, c@new.example, ,\n");
}

#[test]
fn addresses_that_are_no_text_are_left_alone() {
    let raw = b"To: \xff@map, a@map\n";
    let found = rewrite(&Header { raw, ..header("\n") }, &mut map).unwrap().unwrap();
    assert_eq!(found, b"To: \xff@map, a@new.example\n");
}

#[test]
fn lines_are_shorter_than_70_and_continue_with_a_tab() {
    let filler = |length: usize| "c".repeat(length);
    let joined = format!("{}@new.example, b@x", filler(47));
    assert_eq!(("To: ".len() + joined.len()), 68);
    assert_eq!(to(&format!("{}@map,b@x", filler(47))), joined);
    assert_eq!(to(&format!("{}@map,b@x", filler(48))), format!("{}@new.example, b@x", filler(48)));
    assert_eq!(to(&format!("{}@map,b@x", filler(49))), format!("{}@new.example,\n\tb@x", filler(49)));
    let two = format!("{}@map,\r\n  {}@map", filler(60), filler(70));
    let wrapped = format!("To: {}@new.example,\r\n\t{}@new.example\r\n", filler(60), filler(70));
    assert_eq!(rewritten(&format!("To: {two}\r\n")).unwrap(), wrapped);
    assert_eq!(rewritten(&format!("To: {two}")).unwrap(), wrapped.trim_end());
}

#[test]
fn answers_with_control_characters_are_refused() {
    for answer in ["a@b\nBcc: c@d", "a@b\r\n", "a\0@b", "\u{85}a@b"] {
        let mut lie = |_: &str| Ok::<_, Infallible>(Some(answer.to_owned()));
        let refused = RewriteError::ControlCharacters { address: "a@map".into(), answer: answer.into() };
        assert_eq!(rewrite(&header("To: a@map\n"), &mut lie), Err(refused));
    }
}

#[test]
fn of_an_answer_the_first_address_counts_and_one_there_must_be() {
    let with = |answer: &str| {
        let mut say = |_: &str| Ok::<_, Infallible>(Some(answer.to_owned()));
        rewrite(&header("To: a@map\n"), &mut say)
            .map(|lines| lines.map(|lines| String::from_utf8(lines).unwrap()))
    };
    assert_eq!(with("b@c, d@e"), Ok(Some("To: b@c\n".into())));
    assert_eq!(with("X <b@c>"), Ok(Some("To: b@c\n".into())));
    assert_eq!(with("a@map"), Ok(None));
    for none in ["", " ", "@", "<>"] {
        assert!(matches!(with(none), Err(RewriteError::NoAddress { .. })), "{none}");
    }
}

#[test]
fn an_error_of_whoever_rewrites_is_passed_on() {
    let mut fails = |_: &str| Err::<Option<String>, _>("no table");
    assert_eq!(rewrite(&header("To: a@map\n"), &mut fails), Err(RewriteError::Lookup("no table")));
    assert_eq!(rewrite(&header("Subject: a@map\n"), &mut fails), Ok(None));
}

#[test]
fn addresses_go_from_one_form_to_the_other_and_back() {
    assert_eq!(first_address("Some One <\"a b\"@x>, c@x").as_deref(), Some("\"a b\"@x"));
    assert_eq!((first_address("<>"), first_address("")), (None, None));
    for (header, envelope) in [("\"a b\"@x", "a b@x"), ("a.b@x", "a.b@x"), ("a", "a"), ("\"a@b\"@x", "a@b@x")]
    {
        assert_eq!(without_quotes(header).as_deref(), Some(envelope));
        assert_eq!(with_quotes(envelope), header);
    }
}
