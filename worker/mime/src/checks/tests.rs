//! Tests of what checks do to text.

#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::{Conversion, Filter, Limits};
use std::convert::Infallible;

/// Says `Drop`, `Replace` or `Prepend` where a text has the word; notes what it was asked.
#[derive(Default)]
struct Words(Vec<(Option<Class>, String)>);

impl Words {
    fn say(&mut self, class: Option<Class>, text: &[u8]) -> Check {
        let text = String::from_utf8_lossy(text).into_owned();
        let check = match &text {
            text if text.contains("DROP") => Check::Drop,
            text if text.contains("REPLACE") => Check::Replace("X-New: new".into()),
            text if text.contains("PREPEND") => Check::Prepend("X-Before: b".into()),
            _ => Check::Keep,
        };
        self.0.push((class, text));
        check
    }
}

impl Editor for Words {
    type Error = Infallible;

    fn rewrite(&mut self, _: &str) -> Result<Option<String>, Infallible> {
        Ok(None)
    }

    fn header(&mut self, class: Class, text: &[u8]) -> Result<Check, Infallible> {
        Ok(self.say(Some(class), text))
    }

    fn checks_headers(&self) -> bool {
        true
    }

    fn line(&mut self, text: &[u8]) -> Result<Check, Infallible> {
        Ok(self.say(None, text))
    }

    fn checks_lines(&self) -> bool {
        true
    }
}

fn run(content: &str, conversion: Conversion, step: usize) -> (String, Vec<(Option<Class>, String)>) {
    let (mut words, mut out) = (Words::default(), Vec::new());
    let mut filter = Filter::new(&Limits { line: 10, ..Limits::default() }, conversion);
    for piece in content.as_bytes().chunks(step) {
        filter.feed(piece, &mut words, &mut out).unwrap();
    }
    filter.finish(&mut words, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), words.0)
}

#[track_caller]
fn check(content: &str, expected: &str) {
    for step in 1..=content.len() {
        assert_eq!(run(content, Conversion::None, step).0, expected, "in pieces of {step}");
    }
}

#[test]
fn headers_are_dropped_replaced_and_preceded_however_content_is_cut() {
    check(
        "A: DROP\r\n x\r\nB: REPLACE\r\n x\r\nC: PREPEND\r\nD: d\r\n\r\ntext\r\n",
        "X-New: new\r\nX-Before: b\r\nC: PREPEND\r\nD: d\r\n\r\ntext\r\n",
    );
}

#[test]
fn lines_are_dropped_replaced_and_preceded_however_content_is_cut() {
    check("A: a\n\nDROP\nx REPLACE\n\nPREPEND\nDROP", "A: a\n\nX-New: new\n\nX-Before: b\nPREPEND\n");
}

#[test]
fn pieces_of_a_long_line_are_looked_up_by_themselves() {
    check("A: a\n\n0123456789DROP\nb\n", "A: a\n\n0123456789\nb\n");
    check("A: a\n\nDROP56789-tail\nb\n", "A: a\n\ntail\nb\n");
    check("A: a\n\n0123456789\nDROP567890DROP\nb", "A: a\n\n0123456789\nb");
}

#[test]
fn each_header_goes_to_its_table_and_keeps_its_folds() {
    let content = "Subject: a\r\n b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
                   --x\r\nX-Part: p\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-ID: i\r\n\r\n\r\n";
    let asked = run(content, Conversion::None, 7).1;
    let headers: Vec<_> =
        asked.iter().filter_map(|(class, text)| class.map(|class| (class, &**text))).collect();
    assert_eq!(
        headers,
        [
            (Class::Primary, "Subject: a\n b"),
            (Class::Mime, "MIME-Version: 1.0"),
            (Class::Mime, "Content-Type: multipart/mixed; boundary=x"),
            (Class::Mime, "X-Part: p"),
            (Class::Mime, "Content-Type: message/rfc822"),
            (Class::Nested, "Subject: in"),
            (Class::Mime, "Content-ID: i"),
        ]
    );
}

#[test]
fn lines_are_looked_up_as_they_are_after_conversion() {
    let content = "Content-Transfer-Encoding: 8bit\n\n\u{e4}=\n";
    let asked = run(content, Conversion::SevenBit, 3).1;
    assert_eq!(asked.last().map(|(_, text)| &**text), Some("=C3=A4=3D"));
}
