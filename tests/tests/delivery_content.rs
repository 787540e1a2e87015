//! What servers get of content and addresses that must change on their way out.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::io::Write;
use std::process::{Command, Stdio};
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::{Launch, Relay};
use testkit::sink::{Received, Settings, Sink, Tls};
use testkit::{Sandbox, injector, wait};

/// Reads a message with Python's email package: every part's type, and what is in it.
const READER: &str = "import email, email.policy, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
for p in m.walk():
    body = '' if p.is_multipart() else (p.get_payload(decode=True) or b'').hex()
    print(p.get_content_type(), p.get_filename(), body)";

fn parts(content: &[u8]) -> String {
    let mut reader = Command::new("python3");
    reader.args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = reader.spawn().unwrap();
    python.stdin.take().unwrap().write_all(content).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

fn launch(sandbox: &Sandbox, sink: &Sink) -> Launch {
    Relay::in_sandbox(sandbox).option("relayhost", sink.nexthop())
}

fn one(content: &[u8]) -> Mail {
    Mail { content: content.to_vec(), ..Mail::new("r@d.test", "one@client.test", b"") }
}

fn received(relay: &mut Relay, sink: &Sink, mails: Vec<Mail>) -> Vec<Received> {
    injector::send(relay.intake(), 1, mails);
    relay.expect_empty(wait::PATIENCE);
    sink.messages()
}

fn lines(relay: &Relay) -> Vec<Line> {
    let log = relay.log();
    let complete = log.rfind('\n').map_or("", |end| &log[..end]);
    complete.lines().filter(|line| line.contains(" status=")).map(|line| Line::parse(line).unwrap()).collect()
}

/// A message with parts of every kind, and a message inside.
fn mixed() -> Vec<u8> {
    let text =
        "From: <sender@client.test>\nTo: <r@d.test>\nMessage-ID: <mixed@client.test>\nMIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"out=er\"
Content-Transfer-Encoding: 8bit

preamble
--out=er
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\u{fc}\u{df}e = \u{20ac}, and blanks at the end: \t 
.
..dots
a long line: LONG
--out=er
Content-Type: application/octet-stream; name=x.bin
Content-Disposition: attachment; filename=x.bin
Content-Transfer-Encoding: base64

AAECAwT+/w==
--out=er
Content-Type: message/rfc822
Content-Transfer-Encoding: 8bit

Subject: inner
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

inner \u{e4}\u{f6}
--out=er--
";
    text.replace("LONG", &"\u{e4}b=".repeat(200)).replace('\n', "\r\n").into_bytes()
}

#[test]
fn a_server_without_8bitmime_gets_the_same_parts_in_seven_bits() {
    let sink = Sink::start(Settings::smtp().without("8BITMIME"));
    let sandbox = Sandbox::new("seven-bit");
    let mut relay = launch(&sandbox, &sink).start();
    let [message] = &received(&mut relay, &sink, vec![one(&mixed())])[..] else { panic!("one message") };
    assert!(message.content.is_ascii());
    assert_eq!(parts(&message.content), parts(&mixed()));
    let parameters = message.mail_parameters.to_ascii_uppercase();
    assert!(!parameters.contains("SIZE") && !parameters.contains("BODY"), "{parameters}");
}

#[test]
fn what_needs_no_conversion_is_not_touched() {
    let eight_bit = Sink::start(Settings::smtp());
    let seven_bit = Sink::start(Settings::smtp().without("8BITMIME"));
    // Nothing says that it is 8-bit: it goes as it is, as in Postfix.
    let undeclared = "From: <a@client.test>\r\nbroken header\r\n\r\nGr\u{fc}\u{df}e\r\n".as_bytes();
    for (sink, option, content) in
        [(&eight_bit, "no", &mixed()[..]), (&seven_bit, "no", undeclared), (&seven_bit, "yes", &mixed()[..])]
    {
        let sandbox = Sandbox::new("untouched");
        let mut relay = launch(&sandbox, sink).option("disable_mime_output_conversion", option).start();
        let messages = received(&mut relay, sink, vec![one(content)]);
        let message = messages.last().unwrap();
        assert!(message.content.ends_with(content), "{}", String::from_utf8_lossy(&message.content));
        assert!(message.mail_parameters.contains("SIZE="));
    }
}

#[test]
fn a_large_message_arrives_as_it_was_in_plaintext_and_inside_tls() {
    let line = |number: usize| match number % 100 {
        7 => ".".to_owned(),
        8 => format!("..{}", "a".repeat(number % 300)),
        _ => "b".repeat(number % 200),
    };
    let body: String = (0..3_000).map(|number| line(number) + "\r\n").collect();
    let content = format!("From: <s@client.test>\r\n\r\n{body}").into_bytes();
    assert!(content.len() > 250_000);
    let tls = Tls::default().open().unwrap();
    for (level, settings) in [("none", Settings::smtp()), ("encrypt", Settings::smtp().tls_server(tls))] {
        let (sink, sandbox) = (Sink::start(settings), Sandbox::new("large-as-it-was"));
        let mut relay = launch(&sandbox, &sink).option("smtp_tls_security_level", level).start();
        let messages = received(&mut relay, &sink, vec![one(&content)]);
        let [message] = &messages[..] else { panic!("one message") };
        assert!(message.content.ends_with(&content), "{level}");
    }
}

#[test]
fn parts_that_nest_too_deep_bounce_and_the_session_goes_on() {
    let sink = Sink::start(Settings::smtp().without("8BITMIME"));
    let sandbox = Sandbox::new("too-deep");
    let part = |n: u32| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n");
    let deep = format!("MIME-Version: 1.0\r\n{}", (0..10).map(part).collect::<String>())
        + "Content-Transfer-Encoding: 8bit\r\n\r\n\u{e4}\r\n";
    let relay = launch(&sandbox, &sink).option("mime_nesting_limit", "3").start();
    injector::send(relay.intake(), 1, vec![one(deep.as_bytes())]);
    let line = wait::expect("the bounce", || lines(&relay).into_iter().next());
    assert_eq!((&*line.status, &*line.dsn), ("bounced", "5.6.0"), "{line:?}");
    assert_eq!(line.reason, "MIME nesting exceeds safety limit");
    let commands = sink.record().connections[0].commands.clone();
    assert!(commands.iter().all(|command| !command.starts_with("MAIL FROM:<sender")), "{commands:?}");
}

#[test]
fn a_large_message_is_converted_in_little_memory() {
    let sink = Sink::start(Settings::smtp().without("8BITMIME"));
    let sandbox = Sandbox::new("large");
    let mut relay = launch(&sandbox, &sink).option("message_size_limit", "100000000").start();
    let body = "\u{e4}\u{f6}\u{fc} and some more text to fill the line = \u{20ac}\r\n".repeat(650_000);
    let head = "From: <s@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
                Content-Transfer-Encoding: 8bit\r\n\r\n";
    let content = format!("{head}{body}").into_bytes();
    assert!(content.len() > 29_000_000);
    injector::send(relay.intake(), 1, vec![one(&content)]);
    let mut most = 0;
    let done = wait::until(4 * wait::PATIENCE, || {
        most = most
            .max(relay.processes("baton-worker").iter().filter_map(|worker| high_water(worker.pid)).max()?);
        (relay.queued() == 0).then_some(())
    });
    assert!(done.is_some() && relay.wait_empty(wait::PATIENCE), "{}", relay.log());
    assert!(most > 0 && most < 24_000, "{most} KiB");
    let [message] = &sink.messages()[..] else { panic!("one message") };
    assert!(message.content.is_ascii() && message.content.len() > content.len());
}

/// The most memory that a process ever had, in KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

const GENERIC: &str = "inline:{{sender@client.test = public@pub.test} {@inside.test = @outside.test}}";

#[test]
fn generic_maps_change_envelope_and_headers_and_keep_the_original_recipient() {
    let sink = Sink::start(Settings::smtp().with("DSN"));
    let sandbox = Sandbox::new("generic");
    let mut relay = launch(&sandbox, &sink)
        .option("smtp_generic_maps", GENERIC)
        .option("recipient_delimiter", "+")
        .option("propagate_unmatched_extensions", "generic")
        .start();
    let text = b"From: Some One <sender+x@client.test>\r\nTo: a@inside.test, b@elsewhere.test\r\n\
        Subject: sender@client.test\r\nMessage-ID: <g@inside.test>\r\n\r\nFrom: sender@client.test\r\n";
    let mail = Mail { recipients: vec!["a@inside.test".into(), "b@elsewhere.test".into()], ..one(text) };
    let null = Mail { sender: String::new(), ..one(b"From: <>\r\n\r\n") };
    let messages = received(&mut relay, &sink, vec![mail, null]);
    let message = messages.iter().find(|message| !message.sender.is_empty()).unwrap();
    assert_eq!(message.sender, "public@pub.test");
    let mut commands =
        sink.record().connections.iter().flat_map(|one| one.commands.clone()).collect::<Vec<_>>();
    commands.sort();
    let rcpt: Vec<_> = commands.iter().filter(|command| command.contains("side.test>")).collect();
    assert_eq!(rcpt, ["RCPT TO:<a@outside.test> ORCPT=rfc822;a@inside.test"], "{commands:?}");
    let text = String::from_utf8(message.content.clone()).unwrap();
    for want in [
        "\r\nFrom: Some One <public+x@pub.test>\r\n",
        "\r\nTo: a@outside.test, b@elsewhere.test\r\n",
        "\r\nSubject: sender@client.test\r\nMessage-ID: <g@inside.test>\r\n\r\nFrom: sender@client.test\r\n",
    ] {
        assert!(text.contains(want), "{want}\n{text}");
    }
    assert!(lines(&relay).iter().any(|line| line.to == "a@inside.test"), "the log has the queue's address");
}

#[test]
fn what_generic_maps_cannot_say_waits_and_never_goes_out_unchanged() {
    let sink = Sink::start(Settings::smtp());
    // The second table is asked only for what is in headers.
    let fails =
        ["fail:no", "inline:{{sender@client.test = public@pub.test} {r@d.test = r@d.test} {x@y.test = <>}}"];
    for table in fails {
        let sandbox = Sandbox::new("generic-fails");
        let relay = launch(&sandbox, &sink).option("smtp_generic_maps", table).start();
        injector::send(relay.intake(), 1, vec![one(b"From: sender@client.test\r\nCc: x@y.test\r\n\r\n")]);
        let line = wait::expect("a delivery line", || lines(&relay).into_iter().next());
        assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.3.0"), "{line:?}");
        assert_eq!(relay.queued(), 1);
    }
    assert!(sink.messages().is_empty());
}
