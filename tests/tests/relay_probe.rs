//! `sendmail -bv`: addresses are asked about, nothing is sent, and the caller has a report by mail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::process::Command;
use testkit::relay::Relay;
use testkit::sink::{Received, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, programs, wait};

/// What the sink heard of the probe, its report, and the relay's log.
struct Probed {
    commands: Vec<String>,
    report: String,
    log: String,
}

fn probe(target: &str) -> Probed {
    let refusal = Rule::at(Stage::Rcpt).reply("550 5.1.1 no such user").containing("bad@");
    let later = Rule::at(Stage::Rcpt).reply("450 4.2.0 not now").containing("later@");
    let sink = Sink::start(Settings::smtp().rule(refusal).rule(later));
    let sandbox = Sandbox::new("probe");
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("soft_bounce", "yes")
        .option("smtp_address_verify_target", target)
        .start();
    let mut baton = Command::new(programs::ours("baton"));
    baton.args(["send", "--config"]).arg(sandbox.join("main.cf"));
    let asked =
        baton.args(["-bv", "-f", "asks@d.test", "good@d.test", "bad@d.test", "later@d.test"]).output();
    let asked = asked.unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    let messages: Vec<Received> = sink.messages();
    let [report] = &messages[..] else { panic!("the report and nothing else: {messages:?}") };
    assert_eq!((report.sender.as_str(), &report.recipients[..]), ("", &["asks@d.test".to_owned()][..]));
    let commands = sink.record().connections[0].commands.clone();
    let probed =
        Probed { commands, report: String::from_utf8(report.content.clone()).unwrap(), log: relay.log() };
    relay.stop();
    probed
}

#[test]
fn verify_target_rcpt_takes_the_recipients_back_and_data_hangs_up_after_354() {
    let rcpt = probe("rcpt");
    assert!(rcpt.commands[1].starts_with("MAIL FROM:<asks@d.test>"), "{:?}", rcpt.commands);
    let after: Vec<_> = rcpt.commands[5..].iter().map(String::as_str).take(1).collect();
    assert_eq!(after, ["RSET"], "{:?}", rcpt.commands);
    assert!(!rcpt.commands[..6].contains(&"DATA".to_owned()));

    let data = probe("data");
    assert_eq!(data.commands[5..], ["DATA"], "nothing follows: {:?}", data.commands);
    assert!(data.log.contains("dsn=2.0.0, status=deliverable (354"), "{}", data.log);
}

#[test]
fn the_report_of_a_probe_names_each_recipient_and_the_log_says_deliverable_or_not() {
    let Probed { report, log, .. } = probe("rcpt");
    for want in [
        "Subject: Mail Delivery Status Report\r\n",
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Final-Recipient: rfc822; good@d.test\r\nAction: deliverable\r\nStatus: 2.",
        "Final-Recipient: rfc822; bad@d.test\r\nAction: undeliverable\r\nStatus: 5.1.1\r\n",
        "Final-Recipient: rfc822; later@d.test\r\nAction: undeliverable\r\nStatus: 4.2.0\r\n",
    ] {
        assert!(report.contains(want), "{want}\n{report}");
    }
    assert_eq!(log.matches("status=deliverable (250").count(), 1, "{log}");
    assert_eq!(log.matches("status=undeliverable (").count(), 2, "tried once, and not softened: {log}");
    assert!(!log.contains("SOFTBOUNCE") && !log.contains("non-delivery notification"), "{log}");
}
