//! Submissions: text and options in, envelope and message out.

use std::ffi::OsString;

use proptest::prelude::*;

use super::*;
use crate::submit::{Invocation, parse_arguments};
use crate::sysexits::SysExit;

const ADDED: &str = "Date: Sun, 23 Nov 2025 03:13:00 +0000\r\n\
                     From: joe@o.example\r\n\
                     Message-ID: <20251123031300.u1@o.example>\r\n";

fn caller() -> Caller {
    Caller {
        login: "joe".into(),
        full_name: None,
        origin: "o.example".into(),
        unix_seconds: 1_763_867_580,
        offset_minutes: 0,
        unique: "u1".into(),
    }
}

fn send(arguments: &[&str], text: &[u8], step: usize) -> Result<(Submitted, Vec<u8>), SubmitError> {
    let Invocation::Submit(options) = parse_arguments(arguments.iter().map(OsString::from))? else {
        panic!("not a submission");
    };
    let mut composer = Composer::new(options, caller())?;
    let mut out = Vec::new();
    for chunk in text.chunks(step.max(1)) {
        assert!(out.is_empty() || composer.envelope().is_some(), "text before the envelope");
        if composer.feed(chunk, &mut out)? == Fed::Ended {
            break;
        }
    }
    let submitted = composer.finish(&mut out)?;
    Ok((submitted, out))
}

/// Sender, recipients and message, the same however the input is cut.
#[track_caller]
fn sent(arguments: &[&str], text: &str) -> (String, Vec<String>, String) {
    let whole = send(arguments, text.as_bytes(), text.len()).unwrap();
    for step in 1..text.len() {
        assert_eq!(send(arguments, text.as_bytes(), step).as_ref(), Ok(&whole), "in pieces of {step}");
    }
    let (submitted, out) = whole;
    assert_eq!(submitted.size, out.len() as u64);
    let recipients = submitted.envelope.recipients.iter().map(ToString::to_string).collect();
    (submitted.envelope.sender.to_string(), recipients, String::from_utf8(out).unwrap())
}

#[test]
fn a_text_without_header_gets_one() {
    let (sender, recipients, message) = sent(&["a@b.c", "root, d@e.f", "A@b.c", "a@B.C"], "hello\nworld");
    assert_eq!(sender, "joe@o.example");
    assert_eq!(recipients, ["a@b.c", "root@o.example", "d@e.f", "A@b.c"]);
    assert_eq!(message, format!("{ADDED}\r\nhello\r\nworld\r\n"));
    assert_eq!(sent(&["a@b.c"], "").2, format!("{ADDED}\r\n"));
    assert_eq!(sent(&["a@b.c"], "\n\nx\n").2, format!("{ADDED}\r\n\r\nx\r\n"));
    assert_eq!(sent(&["a@b.c"], " indented: x\n").2, format!("{ADDED}\r\n indented: x\r\n"));
}

#[test]
fn a_complete_header_stays_as_it_is() {
    let header = "Received: x\r\nMESSAGE-ID: <1@b>\r\nFrom : a@b\r\nDate:\r\n yesterday\r\n";
    let (_, _, message) = sent(&["a@b.c"], &format!("{}\nbody\n", header.replace("\r\n", "\n")));
    assert_eq!(message, format!("{header}\r\nbody\r\n"));
}

#[test]
fn header_and_text_are_parted_where_they_are_not() {
    assert_eq!(
        sent(&["a@b.c"], "Subject: x\nno field\n").2,
        format!("{ADDED}Subject: x\r\n\r\nno field\r\n")
    );
    assert_eq!(sent(&["a@b.c"], "Subject: x\n y").2, format!("{ADDED}Subject: x\r\n y\r\n\r\n"));
    assert_eq!(sent(&["a@b.c"], "From x Thu\nSubject: x\n\n").2, format!("{ADDED}Subject: x\r\n\r\n"));
    assert_eq!(sent(&["a@b.c"], "S: x\nFrom x Thu\n").2, format!("{ADDED}S: x\r\n\r\nFrom x Thu\r\n"));
}

#[test]
fn recipients_come_from_the_header() {
    let text = "To: Joe <a@b.c>,\n d@e.f (D)\nBcc: g@h.i\n Cc: no@one.example\ncc: friends: j@k.l;\nSubject: x\n\nTo: x@y.z\n";
    let (_, recipients, message) = sent(&["-t", "m@n.o"], &text.replace("\n Cc: no@one.example", ""));
    assert_eq!(recipients, ["m@n.o", "a@b.c", "d@e.f", "g@h.i", "j@k.l"]);
    assert!(!message.contains("Bcc"));
    assert!(
        message
            .contains("To: Joe <a@b.c>,\r\n d@e.f (D)\r\ncc: friends: j@k.l;\r\nSubject: x\r\n\r\nTo: x@y.z")
    );
}

#[test]
fn bcc_leaves_without_t_too() {
    let (_, recipients, message) = sent(&["a@b.c"], "Bcc: secret@x.y\n more@x.y\nReturn-Path: <z>\nX: y\n\n");
    assert_eq!(recipients, ["a@b.c"]);
    assert_eq!(message, format!("{ADDED}X: y\r\n\r\n"));
}

#[test]
fn a_resent_message_goes_to_resent_recipients_only() {
    let text = "Resent-To: a@b.c\nresent-bcc: d@e.f\nTo: old@x.y\nBcc: older@x.y\nFrom: f@x.y\nDate: d\nMessage-ID: <i>\n\n";
    let (_, recipients, message) = sent(&["-t"], text);
    assert_eq!(recipients, ["a@b.c", "d@e.f"]);
    let added =
        ADDED.replace("Date", "Resent-Date").replace("From", "Resent-From").replace("Mess", "Resent-Mess");
    let rest = "Resent-To: a@b.c\r\nTo: old@x.y\r\nFrom: f@x.y\r\nDate: d\r\nMessage-ID: <i>\r\n\r\n";
    assert_eq!(message, format!("{added}{rest}"));
}

#[test]
fn senders() {
    for (arguments, sender, from) in [
        (&["-f", "a@b.c", "x@y.z"][..], "a@b.c", "From: a@b.c\r\n"),
        (&["-f", "Joe <a@b.c>", "x@y.z"], "a@b.c", "From: a@b.c\r\n"),
        (&["-fa", "-F", "A. B", "x@y.z"], "a@o.example", "From: \"A. B\" <a@o.example>\r\n"),
        (&["-f", "", "x@y.z"], "", "From: MAILER-DAEMON@o.example\r\n"),
        (&["-f", "<>", "x@y.z"], "", "From: MAILER-DAEMON@o.example\r\n"),
    ] {
        let (got, _, message) = sent(arguments, "x\n");
        assert_eq!(got, sender);
        assert!(message.contains(from), "{message}");
    }
}

#[test]
fn the_dot_rule_is_followed() {
    assert_eq!(sent(&["a@b.c"], "S: x\n\na\n.\nb\n").2, format!("{ADDED}S: x\r\n\r\na\r\n"));
    assert_eq!(sent(&["-i", "a@b.c"], "S: x\n\na\n.\nb\n").2, format!("{ADDED}S: x\r\n\r\na\r\n.\r\nb\r\n"));
    assert_eq!(sent(&["a@b.c"], "S: x\n.\nb\n").2, format!("{ADDED}S: x\r\n\r\n"));
}

#[test]
fn faults_have_their_exit_code() {
    for (arguments, text, exit) in [
        (&[][..], "x", SysExit::Usage),
        (&["-t"], "Subject: x\n\n", SysExit::DataErr),
        (&["-t"], "To: undisclosed:;\n\n", SysExit::DataErr),
        (&["-t"], "To: a@b.c, Joe Public\n\n", SysExit::DataErr),
        (&["-t"], "To: a@b\u{fc}.c\n\n", SysExit::DataErr),
        (&["a b"], "", SysExit::DataErr),
        (&[""], "", SysExit::DataErr),
        (&["-f", "a@b, c@d", "x@y.z"], "", SysExit::DataErr),
        (&["-f", "a@b\nX", "x@y.z"], "", SysExit::DataErr),
    ] {
        let got = send(arguments, text.as_bytes(), 1000).map_err(|error| error.exit());
        assert_eq!(got.map(drop), Err(exit), "{arguments:?} {text:?}");
    }
}

#[test]
fn a_header_has_an_end_but_a_long_first_line_is_text() {
    let endless = "X: y\n".repeat(MAX_HEADER / 4);
    assert_eq!(
        send(&["a@b.c"], endless.as_bytes(), 65536),
        Err(SubmitError::LongHeader { limit: MAX_HEADER })
    );
    let one_field = format!("X: {}", "y".repeat(MAX_HEADER + 1));
    assert_eq!(
        send(&["a@b.c"], one_field.as_bytes(), 65536),
        Err(SubmitError::LongHeader { limit: MAX_HEADER })
    );
    let line = "QUJD".repeat(MAX_HEADER);
    let (submitted, out) = send(&["a@b.c"], line.as_bytes(), 65536).unwrap();
    assert_eq!(out.len(), ADDED.len() + 2 + line.len() + 2);
    assert_eq!(submitted.header.message_id.as_deref(), Some("<20251123031300.u1@o.example>"));
}

#[test]
fn octets_above_127_are_noted() {
    let has_8bit = |text: &[u8]| send(&["a@b.c"], text, 3).unwrap().0.has_8bit;
    assert!(has_8bit(b"S: x\n\n\xe9\n"));
    assert!(has_8bit(b"S: \xe9\n\n"));
    assert!(!has_8bit(b"S: x\n\n\x7f\0\n"));
}

proptest! {
    #[test]
    fn no_input_panics_and_cuts_change_nothing(
        text in "(To|Bcc|Subject|Resent-To|From |x)?:? ?[a-z@.,<>\n\r \t\u{e9}:]{0,60}",
        step in 1_usize..20,
    ) {
        let whole = send(&["-t", "a@b.c"], text.as_bytes(), text.len());
        prop_assert_eq!(&send(&["-t", "a@b.c"], text.as_bytes(), step), &whole);
        if let Ok((_, out)) = whole {
            let message = String::from_utf8(out).unwrap();
            prop_assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(message.contains("\r\n\r\n"));
        }
    }
}
