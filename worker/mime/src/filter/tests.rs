//! The rules of the conversion, one message each; the expected ones were compared with Postfix 3.7.11.

use super::*;
use crate::AsTheyAre;

const LIMITS: Limits = Limits { boundary: 2048, nesting: 100, header: 102_400, line: 2048 };

fn filtered(
    conversion: Conversion,
    limits: &Limits,
    content: &[u8],
) -> Result<Vec<u8>, Error<std::convert::Infallible>> {
    let (mut filter, mut out) = (Filter::new(limits, conversion), Vec::new());
    filter.feed(content, &mut AsTheyAre, &mut out)?;
    filter.finish(&mut AsTheyAre, &mut out)?;
    Ok(out)
}

/// Latin-1 in and out, so that every octet can be written in a string.
fn seven(content: &str) -> String {
    let octets: Vec<u8> = content.chars().map(|character| u8::try_from(character).unwrap()).collect();
    filtered(Conversion::SevenBit, &LIMITS, &octets).unwrap().into_iter().map(char::from).collect()
}

/// As it was.
fn same(content: &str) {
    assert_eq!(seven(content), content);
}

const EIGHT: &str = "Content-Transfer-Encoding: 8bit\n";
const QUOTED: &str = "Content-Transfer-Encoding: quoted-printable\n";
const SEVEN: &str = "Content-Transfer-Encoding: 7bit\n";

#[test]
fn an_eight_bit_body_is_encoded_and_says_so_at_the_end_of_its_headers() {
    assert_eq!(
        seven("Content-Transfer-Encoding: 8bit\nX-After: \u{e9}\n\nh\u{e9} = x \n"),
        format!("X-After: \u{e9}\n{QUOTED}\nh=E9 =3D x=20\n")
    );
    assert_eq!(seven("content-transfer-encoding : BINARY (c)\n\n\u{0}\n"), format!("{QUOTED}\n=00\n"));
}

#[test]
fn what_does_not_say_that_it_is_eight_bit_stays_as_it_is() {
    same("Subject: x\n\n\u{e9} =\n");
    for encoding in ["7bit", "quoted-printable", "base64", "x-unknown", "\"8bit\""] {
        same(&format!("Content-Transfer-Encoding: {encoding}\n\n\u{e9} = \n"));
    }
    same("");
    same("\n\u{e9}");
    same("no header\nContent-Transfer-Encoding: 8bit\n\n\u{e9}\n");
    same(" no header\nContent-Transfer-Encoding: 8bit\n\n\u{e9}\n");
}

#[test]
fn of_several_encodings_the_last_known_one_counts() {
    assert_eq!(seven(&format!("{SEVEN}{EIGHT}A: b\n\n\u{e9}\n")), format!("{SEVEN}A: b\n{QUOTED}\n=E9\n"));
    assert_eq!(seven(&format!("{EIGHT}{SEVEN}A: b\n\n\u{e9}\n")), format!("{SEVEN}A: b\n\n\u{e9}\n"));
    assert_eq!(
        seven(&format!("{EIGHT}Content-Transfer-Encoding: x-foo\nA: b\n\n\u{e9}\n")),
        format!("A: b\n{QUOTED}\n=E9\n")
    );
}

#[test]
fn an_encoding_header_goes_with_its_continuation_lines() {
    assert_eq!(seven("Content-Transfer-Encoding:\n 8bit\n \n\tx\nA: b\n\n"), format!("A: b\n{QUOTED}\n"));
}

#[test]
fn a_multipart_becomes_7bit_and_each_part_what_it_needs() {
    let head =
        |encoding: &str| format!("Content-Type: multipart/mixed; boundary=bb\n{encoding}\n\u{e9}preamble\n");
    let parts = |first: &str, text: &str, second: &str| {
        format!(
            "--bb\n{first}\n{text}\n--bb \nContent-Type: text/plain\n{second}\n\u{e9} =\n--bb--\n\u{e9}pilogue =\n"
        )
    };
    assert_eq!(
        seven(&(head(EIGHT) + &parts(EIGHT, "\u{e9} =", SEVEN))),
        head(SEVEN) + &parts(QUOTED, "=E9 =3D", SEVEN)
    );
}

#[test]
fn a_delimiter_is_never_encoded() {
    let parts = |encoding: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=\"=b\"\n\n--=b\n{encoding}\n--=b=\n{encoding}\n--=b--=\n"
        )
    };
    assert_eq!(seven(&parts(EIGHT)), parts(QUOTED));
}

#[test]
fn a_message_inside_has_headers_of_its_own() {
    let outer = |encoding: &str| format!("Content-Type: message/rfc822\n{encoding}\nSubject: x\n");
    assert_eq!(seven(&(outer(EIGHT) + EIGHT + "\n\u{e9}\n")), outer(SEVEN) + QUOTED + "\n=E9\n");
    assert_eq!(seven(&(outer(EIGHT) + "\n\u{e9}\n")), outer(SEVEN) + "\n\u{e9}\n");
    same(&(outer("Content-Transfer-Encoding: base64\n") + "\n\u{e9}\n"));
}

#[test]
fn parts_of_a_digest_are_messages_by_default() {
    let digest = |part: &str, inner: &str, text: &str| {
        format!(
            "Content-Type: multipart/digest; boundary=b\n\n--b\n{part}\nSubject: x\n{inner}\n{text}\n--b--\n"
        )
    };
    assert_eq!(seven(&digest(EIGHT, EIGHT, "\u{e9}")), digest(SEVEN, QUOTED, "=E9"));
    let text = "Content-Type: text/plain\n";
    assert_eq!(
        seven(&digest(&format!("{EIGHT}{text}"), EIGHT, "\u{e9}")),
        digest(&format!("{text}{QUOTED}"), EIGHT, "=E9")
    );
}

#[test]
fn an_eight_bit_message_global_is_encoded_as_a_whole_and_a_7bit_one_is_entered() {
    let outer = |encoding: &str| format!("Content-Type: message/global\n{encoding}\nSubject: x\n");
    assert_eq!(seven(&(outer(EIGHT) + EIGHT + "\n\u{e9}\n")), outer(QUOTED) + EIGHT + "\n=E9\n");
    assert_eq!(seven(&(outer("") + EIGHT + "\n\u{e9}\n")), outer("") + QUOTED + "\n=E9\n");
}

#[test]
fn other_messages_are_called_7bit_and_encoded_as_in_postfix() {
    for kind in ["message/partial; id=x", "message/delivery-status", "message"] {
        let part = |encoding: &str, text: &str| format!("Content-Type: {kind}\n{encoding}\n{text}\n");
        assert_eq!(seven(&part(EIGHT, "\u{e9}: \u{e9}")), part(SEVEN, "=E9: =E9"));
    }
}

#[test]
fn parts_end_at_outer_delimiters_too() {
    let nested = |first: &str, second: &str, third: &str, text: &str, rest: &str| {
        format!(
            "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n\
             Content-Type: multipart/mixed; boundary=c\n{first}\n--c\n{second}\n{text}\n--a\n{third}\n{text}\n{rest}"
        )
    };
    assert_eq!(
        seven(&nested(EIGHT, EIGHT, EIGHT, "\u{e9}", "--c\nContent-Transfer-Encoding: 8bit\n\n\u{e9}\n")),
        nested(SEVEN, QUOTED, QUOTED, "=E9", "--c\nContent-Transfer-Encoding: 8bit\n\n=E9\n"),
    );
}

#[test]
fn a_delimiter_ends_headers_without_a_blank_line() {
    assert_eq!(
        seven(&format!(
            "Content-Type: multipart/x; boundary=b\n\n--b\n{EIGHT}--b\n{EIGHT}not = a header\n--b--\n"
        )),
        format!(
            "Content-Type: multipart/x; boundary=b\n\n--b\n{QUOTED}--b\n{QUOTED}not =3D a header\n--b--\n"
        )
    );
}

#[test]
fn what_ends_the_headers_of_a_multipart_or_a_message_is_not_encoded() {
    for kind in ["multipart/mixed; boundary=b", "message/rfc822"] {
        let message = |encoding: &str| format!("Content-Type: {kind}\n{encoding}no header = \u{e9}\n");
        assert_eq!(seven(&message(EIGHT)), message(SEVEN));
    }
}

#[test]
fn line_ends_stay_and_added_lines_end_like_the_one_before() {
    let long = "x".repeat(80);
    assert_eq!(
        seven(&format!("Content-Transfer-Encoding: 8bit\r\n\r\n{long}\na\r\n{long}\r\n")),
        format!(
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n{0}=\r\n{1}\na\r\n{0}=\r\n{1}\r\n",
            &long[..73],
            &long[73..]
        )
    );
    assert_eq!(seven(EIGHT), QUOTED);
    assert_eq!(seven(EIGHT.trim_end()), QUOTED.replace('\n', "\r\n"));
    assert_eq!(seven(&format!("{EIGHT}A: b")), format!("A: b\n{QUOTED}"));
    assert_eq!(seven(&format!("{EIGHT}\nlast ")), format!("{QUOTED}\nlast=20"));
}

#[test]
fn a_carriage_return_alone_leaves_as_a_space_or_encoded() {
    assert_eq!(seven("A: b\rc\r\r\n\r\n\r.\r\r\n.\r"), "A: b c \r\n\r\n . \r\n. ");
    assert_eq!(seven(&format!("{EIGHT}\n\r.\r\r\n\r")), format!("{QUOTED}\n=0D.=0D\r\n=0D"));
    assert_eq!(seven("A: b\n\r\r\nc"), "A: b\n \r\nc");
}

#[test]
fn a_long_header_is_cut_before_the_line_that_passes_the_limit() {
    let limits = Limits { header: 40, ..LIMITS };
    let cut = |content: &str| {
        String::from_utf8(filtered(Conversion::None, &limits, content.as_bytes()).unwrap()).unwrap()
    };
    let folded = format!(
        "Folded: {}\r\n {}\r\n {}\r\nNext: x\r\n\r\n",
        "a".repeat(10),
        "b".repeat(10),
        "c".repeat(10)
    );
    assert_eq!(cut(&folded), folded.replace(&format!(" {}\r\n", "c".repeat(10)), ""));
    let long = "Long: ".to_owned() + &"x".repeat(100);
    assert_eq!(cut(&format!("{long}\n\nbody\n")), format!("{}\n\nbody\n", &long[..40]));
    assert_eq!(cut(&long), long[..40]);
    let name = "N".repeat(60) + ":";
    assert_eq!(cut(&format!("{name} x\n")), format!("{name}\n"));
}

#[test]
fn multiparts_two_deeper_than_the_limit_pass_and_no_more() {
    let limits = Limits { nesting: 4, ..LIMITS };
    let nested = |depth: usize| {
        let level = |at| format!("Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n");
        (0..depth).map(level).collect::<String>()
    };
    let six = nested(6).into_bytes();
    assert_eq!(filtered(Conversion::SevenBit, &limits, &six), Ok(six));
    let seven = nested(7).into_bytes();
    assert_eq!(filtered(Conversion::SevenBit, &limits, &seven), Err(Error::TooDeep));
    assert_eq!(filtered(Conversion::None, &limits, &seven), Ok(seven));
}

#[test]
fn boundaries_that_agree_up_to_the_limit_are_the_same() {
    let limits = Limits { boundary: 4, ..LIMITS };
    let message =
        |encoding: &str| format!("Content-Type: multipart/x; boundary=abcdef\n\n--abcdxx\n{encoding}\n");
    assert_eq!(
        filtered(Conversion::SevenBit, &limits, message(EIGHT).as_bytes()).unwrap(),
        message(QUOTED).into_bytes()
    );
}

#[test]
fn it_is_known_when_no_more_addresses_can_come() {
    let (mut filter, mut out) = (Filter::new(&LIMITS, Conversion::None), Vec::new());
    let mut asked = 0;
    let mut count = |_: &str| {
        asked += 1;
        Ok::<_, std::convert::Infallible>(None)
    };
    filter.feed(b"To: a@b\nCc: c@d\n\r", &mut count, &mut out).unwrap();
    assert!(!filter.is_past_headers());
    filter.feed(b"\nTo: e@f\n", &mut count, &mut out).unwrap();
    assert!(filter.is_past_headers());
    assert_eq!(asked, 2);
}
