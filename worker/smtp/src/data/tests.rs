//! The wire form of content: cases, then what must hold for every content and every cut.

use super::*;
use proptest::prelude::*;

fn encode_in(content: &[u8], limit: usize, step: usize) -> (Vec<u8>, usize) {
    let mut encoder = DataEncoder::new(limit);
    let mut out = Vec::new();
    content.chunks(step.max(1)).for_each(|chunk| encoder.encode(chunk, &mut out));
    encoder.finish(&mut out);
    (out, encoder.folded())
}

#[track_caller]
fn check(content: &[u8], want: &[u8]) {
    for step in [1, 2, 3, content.len()] {
        let (out, _) = encode_in(content, 998, step);
        assert_eq!(out.escape_ascii().to_string(), want.escape_ascii().to_string(), "in steps of {step}");
    }
}

#[test]
fn lines_end_in_cr_lf() {
    check(b"", b"");
    check(b"a\r\nb\r\n", b"a\r\nb\r\n");
    check(b"a\nb\n", b"a\r\nb\r\n");
    check(b"a", b"a\r\n");
    check(b"a\r\n\r\nb", b"a\r\n\r\nb\r\n");
    check(b"\n\r\n", b"\r\n\r\n");
}

#[test]
fn dots_at_line_start_are_doubled() {
    check(b".", b"..\r\n");
    check(b".\r\n", b"..\r\n");
    check(b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n");
    check(b"a.b\r\n..c\r\n", b"a.b\r\n...c\r\n");
}

#[test]
fn no_stray_line_end_survives() {
    check(b"a\rb", b"a b\r\n");
    check(b"a\r\rb\r\n", b"a  b\r\n");
    check(b"a\r\r\n", b"a \r\n");
    check(b"a\n\rb", b"a\r\n b\r\n");
    check(b"a\r", b"a \r\n");
    check(b"\r", b" \r\n");
    check(b"\0\r\0\n", b"\0 \0\r\n");
}

/// Security C1: what lenient servers take for the end of data.
#[test]
fn nothing_looks_like_another_end_of_data() {
    let ends: [&[u8]; 12] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r\n",
        b"\r.\r",
        b"\r\n.\n",
        b"\r\n.\r",
        b"\r\n.\r\r\n",
        b"\n\n.\r\n",
        b"\r\r.\r\n",
        b"\0\n.\r\n",
        b"\r\n\0.\r\n",
        b"\n.\0\r\n",
    ];
    for end in ends {
        let content = [b"a", end, b"MAIL FROM:<x@y>\r\n"].concat();
        for step in 1..content.len() {
            let (wire, _) = encode_in(&content, 998, step);
            assert_safe(&wire);
        }
    }
}

#[track_caller]
fn assert_safe(wire: &[u8]) {
    for (at, octet) in wire.iter().enumerate() {
        match octet {
            b'\r' => assert_eq!(wire.get(at + 1), Some(&b'\n'), "a lone CR"),
            b'\n' => assert!(at > 0 && wire[at - 1] == b'\r', "a lone LF"),
            _ => {}
        }
    }
    assert!(wire.is_empty() || wire.ends_with(b"\r\n"));
    for line in wire.split(|octet| *octet == b'\n') {
        assert_ne!(line, b".\r", "the end of data inside the content");
    }
}

fn line_lengths(content: &[u8], limit: usize) -> Vec<usize> {
    let (wire, _) = encode_in(content, limit, 1000);
    let text = wire.strip_suffix(b"\r\n").unwrap();
    text.split(|octet| *octet == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).len()).collect()
}

#[test]
fn long_lines_are_folded_where_the_seed_folds_them() {
    assert_eq!(line_lengths(&[b'z'; 998], 998), [998]);
    assert_eq!(line_lengths(&[b'z'; 999], 998), [998, 2]);
    assert_eq!(line_lengths(&[b'z'; 1996], 998), [998, 998, 2]);
    assert_eq!(line_lengths(&[b'z'; 3000], 998), [998, 998, 998, 9]);
    assert_eq!(line_lengths(&[b'z'; 100_000], 0), [100_000]);
    assert_eq!(encode_in(&[b'z'; 3000], 998, 7).1, 3);
    assert_eq!(encode_in(&[b'z'; 998], 998, 7).1, 0);
}

#[test]
fn the_end_of_a_full_line_is_no_reason_to_fold() {
    for step in [1, 2, 998, 999, 5000] {
        let content = [&[b'z'; 998][..], b"\r\n", &[b'z'; 998], b"\n"].concat();
        let (wire, folded) = encode_in(&content, 998, step);
        assert_eq!((wire.len(), folded), (2000, 0));
    }
}

#[test]
fn a_folded_line_goes_on_with_a_space_and_is_not_stuffed() {
    let check = |content: &[u8], limit, want: &[u8]| {
        for step in [1, 2, 3, 50] {
            assert_eq!(
                encode_in(content, limit, step).0.escape_ascii().to_string(),
                want.escape_ascii().to_string()
            );
        }
    };
    check(b"abc.def\r\n", 3, b"abc\r\n .d\r\n ef\r\n");
    check(b".bc.\r\n", 3, b"..bc\r\n .\r\n");
    check(b"abc\rd\n", 3, b"abc\r\n  d\r\n");
    check(b"abc\r", 3, b"abc\r\n  \r\n");
    check(b"abc", 1, b"ab\r\n c\r\n");
}

#[test]
fn what_needs_no_change_is_reported() {
    let mut encoder = DataEncoder::new(10);
    assert_eq!(encoder.verbatim(b"abc\r\ndef\r\n"), 10);
    assert_eq!(encoder.verbatim(b"a.b\r\n.c\r\n"), 5);
    let mut out = vec![];
    encoder.encode(b".c\r", &mut out);
    assert_eq!(encoder.verbatim(b"\nabc"), 0, "after CR the encoder must see what follows");
    encoder.encode(b"\n", &mut out);
    assert_eq!(out, b"..c\r\n");
    assert_eq!(encoder.verbatim(b"0123456789abc"), 10);
}

/// What a receiver makes of the wire form.
fn decode(wire: &[u8]) -> Vec<u8> {
    let lines = wire.split_inclusive(|octet| *octet == b'\n');
    lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect()
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'.'), Just(b'a'), any::<u8>()], 0..200)
}

/// What fills several blocks with ordinary lines, and has something odd here and there.
fn mail() -> impl Strategy<Value = String> {
    let odd =
        prop_oneof![Just(".\r\n"), Just("a\rb"), Just("\n"), Just("\r"), Just("a\n.b\r\n"), Just("\r\n")];
    let line = prop_oneof![150 => "[a-z][a-z.]{0,150}\r\n", 1 => "[a-z]{200,400}\r\n", 1 => odd.prop_map(str::to_owned)];
    prop::collection::vec(line, 0..120).prop_map(|lines| lines.concat())
}

proptest! {
    #[test]
    fn many_lines_at_once_are_as_each_for_itself(mail in mail(), limit in 0usize..300) {
        let (content, limit) = (mail.as_bytes(), if limit < 100 { 0 } else { limit });
        let (at_once, folded) = encode_in(content, limit, content.len());
        // In single octets there are never lines to be looked at as a whole.
        let (singly, folded_singly) = encode_in(content, limit, 1);
        prop_assert!(at_once == singly);
        prop_assert_eq!(folded, folded_singly);
    }

    #[test]
    fn cuts_change_nothing_and_nothing_strays(
        content in content(), limit in 0usize..20, steps in prop::collection::vec(1usize..9, 1..9),
    ) {
        let (whole, folded) = encode_in(&content, limit, content.len());
        assert_safe(&whole);
        let mut encoder = DataEncoder::new(limit);
        let (mut out, mut rest, mut steps) = (Vec::new(), &content[..], steps.iter().cycle());
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(rest.len().min(*steps.next().unwrap()));
            // The same octets in two ways: what is verbatim may bypass the encoder.
            let verbatim = encoder.verbatim(chunk);
            out.extend_from_slice(&chunk[..verbatim]);
            encoder.encode(&chunk[verbatim..], &mut out);
            rest = after;
        }
        encoder.finish(&mut out);
        prop_assert_eq!(&out, &whole);
        prop_assert_eq!(encoder.folded(), folded);
        if limit > 1 {
            for line in whole.split(|octet| *octet == b'\n') {
                let stuffed = usize::from(line.starts_with(b"."));
                prop_assert!(line.len() <= limit + 1 + stuffed);
            }
        }
    }

    #[test]
    fn a_receiver_gets_what_the_queue_holds(lines in prop::collection::vec("[ -~é]{0,40}", 0..20)) {
        let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let (wire, _) = encode_in(content.as_bytes(), 998, 13);
        prop_assert_eq!(String::from_utf8(decode(&wire)).unwrap(), content);
    }
}
