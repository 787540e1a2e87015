//! However a message is cut into pieces, the same comes out; and what comes out is safe to send.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use mime::{Conversion, Limits, Survey};
use proptest::prelude::*;
use support::{TIGHT, filtered, keep, map, without_lone_cr};

const CONVERSIONS: [Conversion; 2] = [Conversion::None, Conversion::SevenBit];

/// Lines that mean something at some place, whole or broken.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=b",
        "Content-Type: multipart/digest;\r\n\tboundary=\"bb\"",
        "Content-Type: multipart/x; boundary=\"a:b c\"",
        "Content-Type: multipart/x; boundary=123456789",
        "Content-Type: message/rfc822",
        "Content-Type: message/global",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: 8bit",
        "Content-Transfer-Encoding: binary",
        "Content-Transfer-Encoding: 7bit",
        "To: a@map, \"b c\" <d@e>,\n\tf@map (g)",
        "Subject: none",
        "--b",
        "--bb",
        "--b--",
        "--bb--",
        "--a:b c",
        "--12345xyz",
        "--",
        "-",
        "",
        "",
        " continued",
        "\t",
        ".",
        "trailing ",
    ]);
    let known = known.prop_map(|text| text.as_bytes().to_vec());
    let any = prop::collection::vec(prop::sample::select(b"ab:=- \t\r\n.\xe9\x00".to_vec()), 0..120);
    prop_oneof![5 => known, 1 => any]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let end = prop::sample::select(vec![&b"\n"[..], b"\r\n", b"\r", b""]);
    let end = prop_oneof![8 => Just(&b"\r\n"[..]), 4 => Just(&b"\n"[..]), 1 => end];
    prop::collection::vec((line(), end), 0..40).prop_map(|lines| {
        lines.into_iter().flat_map(|(line, end)| [line, end.to_vec()]).collect::<Vec<_>>().concat()
    })
}

/// Pieces of these sizes, over and over.
fn cut<'a>(content: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let (mut pieces, mut rest, mut at) = (Vec::new(), content, 0);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(sizes[at % sizes.len()].min(rest.len()));
        pieces.push(piece);
        (rest, at) = (after, at + 1);
    }
    pieces
}

/// Where headers end without a blank line, a first line of text that is encoded can look like a header: `=E9:`.
fn without_traps(content: &[u8]) -> Vec<u8> {
    let harmless = |line: &[u8]| {
        let is_trap = line.iter().any(|octet| *octet >= 0x80);
        line.iter().map(|octet| if is_trap && *octet == b':' { b';' } else { *octet }).collect::<Vec<_>>()
    };
    content.split(|octet| *octet == b'\n').map(harmless).collect::<Vec<_>>().join(&b'\n')
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pieces_of_any_size_give_the_same(content in content(), sizes in prop::collection::vec(1usize..50, 1..8)) {
        for limits in [&Limits::default(), &TIGHT] {
            for conversion in CONVERSIONS {
                let whole = filtered(limits, conversion, map, [&content[..]]);
                prop_assert_eq!(&filtered(limits, conversion, map, cut(&content, &sizes)), &whole);
                prop_assert_eq!(&filtered(limits, conversion, map, cut(&content, &[1])), &whole);
            }
        }
    }

    #[test]
    fn no_carriage_return_leaves_without_its_line_feed(content in content()) {
        for conversion in CONVERSIONS {
            let (out, _) = filtered(&Limits::default(), conversion, map, [&content[..]]);
            prop_assert_eq!(&without_lone_cr(&out), &out);
        }
    }

    #[test]
    fn a_message_without_anything_to_change_passes_as_it_is(content in content()) {
        let (out, error) = filtered(&Limits::default(), Conversion::None, keep, [&content[..]]);
        prop_assert_eq!(error, None);
        prop_assert_eq!(out, without_lone_cr(&content));
    }

    #[test]
    fn what_was_converted_once_needs_no_conversion(content in content()) {
        // A space in the place of a lone CR can make another line of it.
        let content = without_lone_cr(&content);
        let content = without_traps(&content);
        let limits = Limits::default();
        let (once, _) = filtered(&limits, Conversion::SevenBit, keep, [&content[..]]);
        let (twice, _) = filtered(&limits, Conversion::SevenBit, keep, [&once[..]]);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn a_survey_foretells_what_the_conversion_does(content in content()) {
        let limits = Limits { header: 102_400, ..TIGHT };
        let mut survey = Survey::new(&limits);
        survey.feed(&content);
        survey.finish();
        let (out, error) = filtered(&limits, Conversion::SevenBit, keep, [&content[..]]);
        prop_assert_eq!(error.is_some(), survey.is_too_deep());
        if !survey.is_too_deep() && !survey.is_eight_bit() {
            prop_assert_eq!(out, without_lone_cr(&content));
        }
    }
}
