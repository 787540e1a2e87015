//! DSN (RFC 3461) from the client that asks to the server that knows it, and the notices of a relay whose server does not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use testkit::injector::Client;
use testkit::relay::{Launch, Relay};
use testkit::sink::{Listen, Received, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

/// Reads a notice with Python's email package: the fields of its machine-readable part, and the type of its last one.
const READER: &str = "import email, email.policy, sys
m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default)
assert m.get_content_type() == 'multipart/report', m
parts = list(m.iter_parts())
for group in parts[1].get_payload():
    for name, value in group.items():
        print(name + ': ' + value)
print(parts[2].get_content_type())";

fn report(notice: &Received) -> String {
    let mut reader = Command::new("python3");
    reader.args(["-c", READER]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = reader.spawn().unwrap();
    python.stdin.take().unwrap().write_all(&notice.content).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&notice.content));
    String::from_utf8(output.stdout).unwrap()
}

fn launch(sandbox: &Sandbox, sink: &Sink) -> Launch {
    Relay::in_sandbox(sandbox).option("relayhost", sink.nexthop())
}

/// One message; `sender` and `recipients` with their parameters.
fn send(to: SocketAddr, sender: &str, recipients: &[&str]) {
    let mut client = Client::connect(to);
    client.ask(&format!("MAIL FROM:{sender}"), '2');
    for recipient in recipients {
        client.ask(&format!("RCPT TO:{recipient}"), '2');
    }
    client.ask("DATA", '3');
    client.write(b"From: <s@client.test>\r\nSubject: kept\r\n\r\nthe body\r\n.\r\n");
    assert!(client.reply().starts_with('2'));
    client.quit();
}

/// Everything the sink got once the queue is empty: the notices, and the commands in order.
fn settled(relay: &mut Relay, sink: &Sink) -> (Vec<Received>, Vec<String>) {
    relay.expect_empty(wait::PATIENCE);
    let notices = sink.messages().into_iter().filter(|message| message.sender.is_empty()).collect();
    let commands = sink.record().connections.iter().flat_map(|one| one.commands.clone()).collect();
    (notices, commands)
}

const ASKED: &str = "<s@client.test> RET=HDRS ENVID=QQ+2B314";

#[test]
fn a_server_with_dsn_is_told_what_the_client_asked_for_and_tells_the_sender_itself() {
    let sink = Sink::start(Settings::smtp().with("DSN"));
    let sandbox = Sandbox::new("dsn-passed-on");
    let mut relay = launch(&sandbox, &sink).start();
    let recipients = [
        "<a@d.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;orig+2Ba@d.test",
        "<b@d.test> NOTIFY=NEVER",
        "<c@d.test>",
    ];
    send(relay.intake(), ASKED, &recipients);
    let (notices, commands) = settled(&mut relay, &sink);
    assert!(notices.is_empty());
    let mail = commands.iter().find(|command| command.starts_with("MAIL")).unwrap();
    assert!(mail.contains(" ENVID=QQ+2B314 RET=HDRS"), "{mail}");
    for want in [
        "RCPT TO:<a@d.test> ORCPT=rfc822;orig+2Ba@d.test NOTIFY=SUCCESS,FAILURE",
        "RCPT TO:<b@d.test> NOTIFY=NEVER",
        "RCPT TO:<c@d.test>",
    ] {
        assert!(commands.iter().any(|command| command == want), "{want}: {commands:?}");
    }
}

#[test]
fn a_server_without_dsn_makes_the_relay_tell_who_asked_for_success() {
    let sink = Sink::start(Settings::smtp());
    let sandbox = Sandbox::new("dsn-relayed");
    let mut relay = launch(&sandbox, &sink).start();
    let recipients = [
        "<a@d.test> NOTIFY=SUCCESS ORCPT=rfc822;orig+2Ba@d.test",
        "<b@d.test> NOTIFY=SUCCESS,DELAY",
        "<c@d.test> NOTIFY=FAILURE",
        "<d@d.test>",
    ];
    send(relay.intake(), ASKED, &recipients);
    let (notices, _) = settled(&mut relay, &sink);
    let [notice] = &notices[..] else { panic!("one notice: {notices:?}") };
    assert_eq!(notice.recipients, ["s@client.test"]);
    let report = report(notice);
    for want in [
        "Original-Envelope-Id: QQ+314\n",
        "Original-Recipient: rfc822;orig+a@d.test\nFinal-Recipient: rfc822; a@d.test\nAction: relayed\nStatus: 2.",
        "Final-Recipient: rfc822; b@d.test\nAction: relayed\n",
        "text/rfc822-headers\n",
    ] {
        assert!(report.contains(want), "{want}\n{report}");
    }
    assert!(!report.contains("c@d.test") && !report.contains("d@d.test\nAction: failed"), "{report}");
    assert_eq!(report.matches("Action:").count(), 2, "{report}");
    assert!(!String::from_utf8_lossy(&notice.content).contains("the body"));
}

#[test]
fn failures_are_told_to_whom_asked_and_never_to_whom_did_not() {
    let refuse = Rule::at(Stage::Rcpt).containing("@d.test").reply("550 5.1.1 no such user");
    let sink = Sink::start(Settings::smtp().with("DSN").rule(refuse));
    let sandbox = Sandbox::new("dsn-failed");
    let mut relay = launch(&sandbox, &sink).start();
    let all = [
        "<a@d.test> NOTIFY=FAILURE ORCPT=rfc822;orig@d.test",
        "<b@d.test> NOTIFY=NEVER",
        "<c@d.test> NOTIFY=SUCCESS",
        "<e@d.test>",
    ];
    send(relay.intake(), ASKED, &all);
    send(relay.intake(), "<s2@client.test>", &["<b@d.test> NOTIFY=NEVER"]);
    let (notices, commands) = settled(&mut relay, &sink);
    let [notice] = &notices[..] else { panic!("one notice: {notices:?}") };
    assert_eq!(notice.recipients, ["s@client.test"]);
    assert!(commands.iter().any(|command| command == "RCPT TO:<s@client.test> NOTIFY=NEVER"), "{commands:?}");
    let report = report(notice);
    for want in [
        "Original-Envelope-Id: QQ+314\n",
        "Original-Recipient: rfc822;orig@d.test\nFinal-Recipient: rfc822; a@d.test\nAction: failed\nStatus: 5.1.1\n",
        "Final-Recipient: rfc822; e@d.test\nAction: failed\n",
        "text/rfc822-headers\n",
    ] {
        assert!(report.contains(want), "{want}\n{report}");
    }
    assert_eq!(report.matches("Action:").count(), 2, "{report}");
}

#[test]
fn lmtp_without_dsn_means_delivered() {
    let sandbox = Sandbox::new("dsn-lmtp");
    let sink = Sink::start(Settings::smtp());
    let mailbox = Sink::start(
        Settings::lmtp_unix("unused".into()).listening([Listen::Tcp(([127, 0, 0, 1], 0).into())]),
    );
    let maps = format!("inline:{{{{d.test = lmtp:inet:127.0.0.1:{}}}}}", mailbox.address().port());
    let mut relay = launch(&sandbox, &sink).option("transport_maps", maps).start();
    send(relay.intake(), "<s@client.test>", &["<a@d.test> NOTIFY=SUCCESS", "<b@d.test>"]);
    let (notices, _) = settled(&mut relay, &sink);
    let [notice] = &notices[..] else { panic!("one notice: {notices:?}") };
    let report = report(notice);
    assert!(report.contains("Final-Recipient: rfc822; a@d.test\nAction: delivered\n"), "{report}");
    assert_eq!(report.matches("Action:").count(), 1, "{report}");
}
