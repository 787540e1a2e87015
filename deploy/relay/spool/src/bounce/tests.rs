//! Notices: the shape of RFC 3464, and that nothing foreign gets out of its place.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::envelope::tests::sample;
use crate::testing::{at, diagnosis};

fn composed(envelope: &Envelope, said: &Diagnosis, returned: Returned<'_>, kind: Kind) -> Composed {
    let subjects: Vec<_> = envelope
        .recipients
        .iter()
        .map(|recipient| Subject {
            recipient,
            cause: Cause::Refused,
            diagnosis: said,
            last_attempt: Some(at(60)),
        })
        .collect();
    let queue_id = "4bqsnF2s1Kz1".parse().unwrap();
    let now = at(120) + Duration::from_micros(7);
    compose(&Notice {
        kind,
        postmaster: None,
        reporting_mta: "relay.example",
        queue_id: &queue_id,
        envelope,
        subjects: &subjects,
        returned,
        now,
    })
}

fn text(composed: &Composed) -> String {
    String::from_utf8(composed.content.clone()).unwrap()
}

/// Every line ends in CRLF, none is too long, no CR or LF stands alone.
fn assert_lines(content: &[u8]) {
    assert!(content.ends_with(b"\r\n"));
    for line in content.strip_suffix(b"\r\n").unwrap().split(|&octet| octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(line.len() <= 998, "{} octets", line.len());
        assert!(!line.contains(&b'\r'));
    }
    assert_eq!(
        content.iter().filter(|&&octet| octet == b'\n').count(),
        content.windows(2).filter(|w| w == b"\r\n").count()
    );
}

/// The parts between the boundaries.
fn parts(content: &[u8]) -> Vec<Vec<u8>> {
    let text: String = content.iter().map(|&octet| char::from(octet)).collect();
    let start = text.find("boundary=\"").unwrap() + "boundary=\"".len();
    let boundary = &text[start..start + text[start..].find('"').unwrap()];
    let delimiter = format!("\r\n--{boundary}");
    let octets = |part: &str| part.chars().map(|c| c as u8).collect();
    text.split(&delimiter).map(octets).collect()
}

const CONTENT: &[u8] = b"From: s@example.org\r\nSubject: hello\r\n\r\nbody line\r\n";

#[test]
fn a_failure_notice_to_the_letter() {
    let mut envelope = sample(&["user@remote.example"]);
    envelope.recipients[0].orcpt = Some("rfc822;list@example.org".into());
    envelope.recipients[0].original = Some("list@example.org".into());
    envelope.envid = Some("QQ314159".into());
    let mut said = diagnosis(
        "5.1.1",
        "host mx.remote.example[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)",
    );
    said.remote_mta = Some("mx.remote.example".into());
    said.reply = Some("550 5.1.1 no such user".into());
    let composed = composed(&envelope, &said, Returned::Full(CONTENT), Kind::Failure);
    assert!(!composed.has_8bit && !composed.smtputf8);
    let want = "\
Date: Tue, 14 Nov 2023 22:15:20 +0000
From: Mail Delivery <MAILER-DAEMON@relay.example>
To: <sender@example.org>
Subject: Mail could not be delivered
Message-ID: <4bqsnF2s1Kz1.1700000120000007@relay.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary=\"4bqsnF2s1Kz1.1700000120000007\"
Content-Transfer-Encoding: 7bit

--4bqsnF2s1Kz1.1700000120000007
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

The mail server relay.example could not deliver your message to the
recipients below and has given up. The reason is given for each. The
message, or its header, is attached.

<user@remote.example>
    (you wrote to <list@example.org>)
    host mx.remote.example[192.0.2.1] said: 550 5.1.1 no such user (in reply
    to RCPT TO command)

--4bqsnF2s1Kz1.1700000120000007
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Original-Envelope-Id: QQ314159
Reporting-MTA: dns; relay.example
X-Baton-Queue-ID: 4bqsnF2s1Kz1
X-Baton-Sender: rfc822; sender@example.org
Arrival-Date: Tue, 14 Nov 2023 22:13:20 +0000

Original-Recipient: rfc822;list@example.org
Final-Recipient: rfc822; user@remote.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.remote.example
Diagnostic-Code: smtp; 550 5.1.1 no such user
Last-Attempt-Date: Tue, 14 Nov 2023 22:14:20 +0000

--4bqsnF2s1Kz1.1700000120000007
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

From: s@example.org
Subject: hello

body line

--4bqsnF2s1Kz1.1700000120000007--
";
    assert_eq!(text(&composed), want.replace('\n', "\r\n"));
}

#[test]
fn a_delay_notice_says_until_when() {
    let said = diagnosis("4.4.1", "connection timed out");
    let kind = Kind::Delay { retry_until: at(432_000) };
    let text = text(&composed(&sample(&["a@x"]), &said, Returned::Header(b"Subject: x\r\n"), kind));
    for want in [
        "\r\nAction: delayed\r\nStatus: 4.4.1\r\nDiagnostic-Code: x-baton; connection timed out\r\n",
        "\r\nWill-Retry-Until: Sun, 19 Nov 2023 22:13:20 +0000\r\n",
        "\r\nContent-Type: text/rfc822-headers\r\n",
    ] {
        assert!(text.contains(want), "{want}\n{text}");
    }
}

#[test]
fn what_a_server_says_stays_in_its_field() {
    let mut said = diagnosis("5.1.1\r\nX: y", "no\r\n\r\n--evil\r\nContent-Type: text/html\r\n\r\n<b>");
    said.remote_mta = Some("mx\r\nAction: delivered".into());
    said.reply = Some(
        "550 no\r\nAction: delivered\r\n\r\n--4bqsnF2s1Kz1.1700000120000007--\r\n\u{202e}\x1b[2J\0é".into(),
    );
    let composed = composed(&sample(&["a@x"]), &said, Returned::Header(b""), Kind::Failure);
    assert_lines(&composed.content);
    assert!(
        composed.content.is_ascii() && !composed.content.contains(&0x1b) && !composed.content.contains(&0)
    );
    let parts = parts(&composed.content);
    assert_eq!(parts.len(), 5);
    let text = text(&composed);
    assert!(
        !text.contains("\r\nAction: delivered") && !text.contains("\r\nX: y") && !text.contains("\r\n--evil")
    );
    assert!(text.contains("\r\nStatus: 5.0.0\r\n"));
    assert_eq!(text.matches("\r\nContent-Type:").count(), 4);
}

#[test]
fn status_codes_are_of_the_right_class_or_replaced() {
    use Cause::{Expired, Refused};
    let delay = Kind::Delay { retry_until: at(0) };
    for (kind, cause, given, want) in [
        (Kind::Failure, Refused, "5.1.1", "5.1.1"),
        (Kind::Failure, Refused, "5.999.999", "5.999.999"),
        (Kind::Failure, Refused, "4.1.1", "5.0.0"),
        (Kind::Failure, Refused, "2.0.0", "5.0.0"),
        (Kind::Failure, Expired, "4.4.1", "4.4.1"),
        (Kind::Failure, Expired, "5.4.4", "5.4.4"),
        (Kind::Failure, Expired, "2.0.0", "4.4.7"),
        (delay, Refused, "4.4.1", "4.4.1"),
        (delay, Refused, "5.4.1", "4.0.0"),
    ] {
        assert_eq!(status_code(kind, cause, given), want, "{given}");
    }
    for bad in [
        "", "5", "5.", "5.1", "5.1.", "5..1", "5.1.1.1", "5.1.1000", "5.1.x", "5.1.１", "55.1.1", "45.1.1",
        ".1.1", " 5.1.1",
    ] {
        assert_eq!(status_code(Kind::Failure, Refused, bad), "5.0.0", "{bad:?}");
        assert_eq!(status_code(Kind::Failure, Expired, bad), "4.4.7", "{bad:?}");
    }
}

#[test]
fn eight_bit_content_is_returned_as_it_is_and_labelled() {
    let content = b"Subject: x\r\n\r\nna\xefve\r\n";
    let said = diagnosis("5.0.0", "no");
    let composed = composed(&sample(&["a@x"]), &said, Returned::Full(content), Kind::Failure);
    assert!(composed.has_8bit && !composed.smtputf8);
    let parts = parts(&composed.content);
    assert_eq!(parts[0].windows(31).filter(|w| w == b"Content-Transfer-Encoding: 8bit").count(), 1);
    assert!(parts[3].windows(content.len()).any(|window| window == content));
    assert!(parts[3].starts_with(b"\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"));
    assert!(parts[1].is_ascii() && parts[2].is_ascii());
}

#[test]
fn utf8_addresses_need_smtputf8_and_get_the_global_types() {
    let mut envelope = sample(&["δοκιμή@παράδειγμα.example", "a@x"]);
    let said = diagnosis("5.1.1", "no such user δ");
    let plain = composed(&envelope, &said, Returned::Full(CONTENT), Kind::Failure);
    assert!(plain.content.is_ascii() && !plain.smtputf8, "the client did not speak SMTPUTF8");
    envelope.smtputf8 = SmtpUtf8::Asked;
    let global = composed(&envelope, &said, Returned::Full(CONTENT), Kind::Failure);
    assert!(global.smtputf8 && global.has_8bit);
    let text = text(&global);
    for want in [
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
        "Content-Type: message/global-delivery-status\r\n",
        "Final-Recipient: utf-8; δοκιμή@παράδειγμα.example\r\n",
        "Final-Recipient: rfc822; a@x\r\n",
        "Content-Type: message/global\r\n",
        "no such user δ",
    ] {
        assert!(text.contains(want), "{want}\n{text}");
    }
    let ascii = sample(&["a@x"]);
    assert!(
        !composed(
            &Envelope { smtputf8: SmtpUtf8::Asked, ..ascii },
            &said,
            Returned::Full(CONTENT),
            Kind::Failure
        )
        .smtputf8
    );
}

#[test]
fn a_boundary_that_the_message_has_is_not_used() {
    let content = b"x: 1\r\n\r\n--4bqsnF2s1Kz1.1700000120000007\r\n--4bqsnF2s1Kz1.1700000120000007.1--\r\n";
    let said = diagnosis("5.0.0", "no");
    let composed = composed(&sample(&["a@x"]), &said, Returned::Full(content), Kind::Failure);
    assert!(text(&composed).contains("boundary=\"4bqsnF2s1Kz1.1700000120000007.2\""));
    assert_eq!(parts(&composed.content).len(), 5);
}

#[test]
fn the_header_ends_before_the_empty_line() {
    for (content, want) in [
        (&b"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\n"[..], &b"A: 1\r\nB: 2\r\n"[..]),
        (b"\r\nbody\r\n", b""),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"", b""),
    ] {
        assert_eq!(header_of(content), want);
    }
}

#[test]
fn who_is_told() {
    let envelope = sample(&["a@x"]);
    let null = Envelope { sender: String::new(), ..envelope.clone() };
    let on = |success, failure, delay| Notify::On { success, failure, delay };
    for (notify, failure, delay) in [
        (Notify::Unspecified, true, true),
        (Notify::Never, false, false),
        (on(true, false, false), false, false),
        (on(false, true, false), true, false),
        (on(false, false, true), false, true),
    ] {
        let recipient = Recipient { notify, ..Recipient::plain("a@x") };
        assert_eq!(
            (wants_failure(&envelope, &recipient), wants_delay(&envelope, &recipient)),
            (failure, delay)
        );
        assert!(!wants_failure(&null, &recipient) && !wants_delay(&null, &recipient));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_text_and_any_content_make_lines_and_five_pieces(
        reason in ".{0,300}", reply in proptest::option::of("(?s).{0,3000}"), status in ".{0,9}",
        envid in "\\PC{0,100}", orcpt in "(?s).{0,100}", address in "\\PC{1,100}", utf8: bool,
        content in vec(prop_oneof![4 => Just(b'a'), 1 => Just(b'\r'), 1 => Just(b'\n'), 1 => any::<u8>()], 0..3000),
        long in 0usize..4000, whole: bool,
    ) {
        let mut envelope = sample(&["x"]);
        envelope.smtputf8 = if utf8 { SmtpUtf8::Asked } else { SmtpUtf8::NotAsked };
        envelope.envid = Some(envid);
        envelope.recipients[0].address = address;
        envelope.recipients[0].orcpt = Some(orcpt);
        let said = Diagnosis { status, reason, remote_mta: reply.clone(), reply };
        let content = [content, vec![b'z'; long]].concat();
        let returned = if whole { Returned::Full(&content) } else { Returned::Header(&content) };
        let composed = composed(&envelope, &said, returned, Kind::Failure);
        assert_lines(&composed.content);
        let parts = parts(&composed.content);
        prop_assert_eq!(parts.len(), 5);
        prop_assert_eq!(composed.has_8bit, !composed.content.is_ascii());
        prop_assert!(utf8 || parts[0].is_ascii() && parts[1].is_ascii() && parts[2].is_ascii());
        let status: String = parts[2].iter().map(|&octet| char::from(octet)).collect();
        prop_assert_eq!(status.matches("\r\nAction:").count(), 1);
        prop_assert_eq!(status.matches("\r\n\r\n").count(), 2, "two groups of fields: {}", status);
    }
}
