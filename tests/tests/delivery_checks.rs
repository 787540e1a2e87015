//! Headers and body lines that tables change on their way out, beside Postfix's own client.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::net::SocketAddr;
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::postfix::Postfix;
use testkit::relay::Relay;
use testkit::sandbox::free_port;
use testkit::sink::{Settings, Sink};
use testkit::{Sandbox, injector, wait};

/// A table with every action, and such as are not for a delivery agent.
const TABLE: &str = "/^Subject: ignore/ IGNORE
/^X-Strip:/ STRIP with a word
/^Subject: replace (.*)/ REPLACE Subject: $1 (new)
/^X-Fold: .*\\n/ PREPEND X-Folded: yes
/^X-Bad:/ REPLACE no header here
/^X-Empty:/ REPLACE
/^X-Reject:/ REJECT not here
/^X-Case:/ prepend X-Lower: yes
/^X-Warn:/ WARN careful
/^X-Info:/ INFO
/^X-Dunno:/ DUNNO
/^Content-Type: text\\/html/ REPLACE Content-Type: text/plain
/^Content-Transfer-Encoding: quoted/ PREPEND X-Converted: yes
/^secret/ REPLACE no header, in a body it may be
/^drop/ IGNORE
/^before/ PREPEND ahead
/^--part/ INFO
/=C3=A4/ REPLACE was encoded
/^From:/ REPLACE From: <other@client.test>
/^Subject: inner/ REPLACE Subject: inside
";

const PARAMETERS: [&str; 4] = ["header_checks", "mime_header_checks", "nested_header_checks", "body_checks"];

/// What is compared begins here: above are lines that each server writes for itself.
const MARK: &str = "X-Mark: 1\r\n";

fn messages() -> Vec<String> {
    let head = "From: <a@client.test>\nTo: <r@d.test>\nMessage-ID: <m@client.test>\nDate: Thu, 1 Jan 2026 00:00:00 +0000\n";
    let cases = [
        "Subject: ignore this\nX-Strip: a\nX-Keep: b\n\ntext\n".to_owned(),
        "Subject: replace a b\nX-Fold: a\n\tb\nX-Bad: 1\nX-Empty: 1\nX-Reject: 1\nX-Case: 1\n\nsecret a\n".into(),
        "X-Warn: 1\nX-Info: 1\nX-Dunno: 1\n\ndrop\n\nbefore a\n.dot\nend\n".into(),
        format!("Subject: s\n\nsecret {}\n", "z".repeat(1500)),
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=part\nContent-Transfer-Encoding: 8bit\n\n\
         secret\n--part\nContent-Type: text/html\nContent-Transfer-Encoding: 8bit\nSubject: replace me\n\nGr\u{e4}\n\u{f6}=\n\
         --part\nContent-Type: message/rfc822\n\nSubject: inner\nFrom: <b@client.test>\nContent-Type: text/html\n\
         X-Strip: a\n\ndrop\nrest\n--part--\nbefore\n"
            .into(),
    ];
    cases.iter().map(|case| format!("{head}X-Mark: 1\n{case}").replace('\n', "\r\n")).collect()
}

/// What the server got of each message from the mark on.
fn deliver(to: SocketAddr, sink: &Sink) -> Vec<String> {
    let all = messages();
    let mut got = Vec::new();
    for content in &all {
        injector::send(
            to,
            1,
            vec![Mail {
                content: content.clone().into_bytes(),
                ..Mail::new("r@d.test", "a@client.test", b"")
            }],
        );
        let came = wait::expect("a message", || sink.messages().into_iter().nth(got.len()));
        let text = String::from_utf8(came.content).unwrap();
        got.push(text.split_once(MARK).unwrap().1.to_owned());
    }
    got
}

/// The four parameters with the same table each, but the one left out.
fn options(sandbox: &Sandbox, left_out: Option<&str>) -> Vec<(String, String)> {
    let path = sandbox.path().join("checks");
    std::fs::write(&path, TABLE).unwrap();
    let named = PARAMETERS.iter().filter(|name| Some(**name) != left_out);
    named.map(|name| (format!("smtp_{name}"), format!("regexp:{}", path.display()))).collect()
}

fn ours(sink: &Sink, left_out: Option<&str>) -> (Vec<String>, String) {
    let sandbox = Sandbox::new("checks");
    let launch = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
    let launch =
        options(&sandbox, left_out).into_iter().fold(launch, |all, (name, value)| all.option(&name, value));
    let mut relay = launch.start();
    let got = deliver(relay.intake(), sink);
    relay.expect_empty(wait::PATIENCE);
    (got, relay.log())
}

fn postfix(sink: &Sink, left_out: Option<&str>) -> (Vec<String>, String) {
    let sandbox = Sandbox::new("checks-postfix");
    let port = free_port();
    let launch = Postfix::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
    let launch =
        options(&sandbox, left_out).into_iter().fold(launch, |all, (name, value)| all.option(&name, value));
    let launch = launch.server(port.number(), &[("smtpd_peername_lookup", "no".to_owned())]);
    let port = port.release();
    let server = launch.start();
    let got = deliver(SocketAddr::from(([127, 0, 0, 1], port)), sink);
    // What an agent logs of a message is in front of that one's last line, which may come later than the message.
    let log = wait::expect("a last line for each message", || {
        Some(server.log_from(0)).filter(|log| log.matches(" status=").count() >= got.len())
    });
    server.stop();
    (got, log)
}

/// What checks log, without what differs by machine and moment.
fn remarks(log: &str) -> Vec<String> {
    let starts = ["warning: header ", "info: header ", "info: body ", "replace: ", "prepend: ", "strip: "];
    let all = ["unsupported command", "bad REPLACE", "REPLACE action"];
    let mut found: Vec<_> = log
        .lines()
        .filter_map(|line| {
            let at = starts.iter().chain(&all).filter_map(|start| line.find(start)).min()?;
            line.get(at..).map(str::to_owned)
        })
        .collect();
    found.sort();
    found
}

fn compare(left_out: Option<&str>, settings: fn() -> Settings) {
    let (own, other) = (Sink::start(settings()), Sink::start(settings()));
    let (got, log) = ours(&own, left_out);
    let (expected, their_log) = postfix(&other, left_out);
    assert_eq!(got, expected);
    assert_eq!(remarks(&log), remarks(&their_log));
    assert!(!remarks(&log).is_empty());
}

#[test]
fn header_and_body_checks_make_the_octets_and_the_log_that_postfix_makes() {
    compare(None, Settings::smtp);
}

#[test]
fn checks_of_a_message_made_seven_bit_make_the_octets_that_postfix_makes() {
    compare(None, || Settings::smtp().without("8BITMIME"));
}

#[test]
fn each_of_the_four_checks_parameters_changes_what_a_server_gets() {
    let sink = Sink::start(Settings::smtp());
    let all = ours(&sink, None).0;
    for name in PARAMETERS {
        let sink = Sink::start(Settings::smtp());
        assert_ne!(ours(&sink, Some(name)).0, all, "smtp_{name}");
    }
}

#[test]
fn a_table_that_fails_in_the_middle_of_content_sends_no_dot_and_defers() {
    let sink = Sink::start(Settings::smtp());
    for name in PARAMETERS {
        let sandbox = Sandbox::new("checks-fail");
        let launch = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
        let relay = launch.option(&format!("smtp_{name}"), "fail:no").start();
        let content = messages().pop().unwrap().into_bytes();
        injector::send(
            relay.intake(),
            1,
            vec![Mail { content, ..Mail::new("r@d.test", "a@client.test", b"") }],
        );
        let line = wait::expect("a delivery line", || {
            let log = relay.log();
            let complete = log.rfind('\n').map_or("", |end| &log[..end]);
            complete.lines().find(|line| line.contains(" status=")).map(|line| Line::parse(line).unwrap())
        });
        assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.3.0"), "{line:?}");
    }
    assert!(sink.messages().is_empty());
}
