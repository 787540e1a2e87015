//! What the postmaster hears of mail that cannot be delivered: `notify_classes` and the addresses around it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use testkit::injector::Client;
use testkit::mail::Mail;
use testkit::relay::Relay;
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

/// Sender, recipient and subject of everything that is delivered after mail from `sender` was refused.
fn told(sender: &str, options: &[(&str, &str)]) -> Vec<String> {
    let refusal = Rule::at(Stage::Rcpt).reply("550 5.1.1 no such user").containing("bad@");
    let sink = Sink::start(Settings::smtp().rule(refusal));
    let sandbox = Sandbox::new("postmaster");
    let mut launch =
        Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).option("myorigin", "here.test");
    for (name, value) in options {
        launch = launch.option(name, *value);
    }
    let mut relay = launch.start();
    let mut client = Client::connect(relay.intake());
    client.mail(&Mail { sender: sender.into(), ..Mail::new("bad@d.test", "1@client.test", b"the body\r\n") });
    client.quit();
    wait::expect("the failure", || relay.log().contains("status=bounced").then_some(()));
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    let mut told: Vec<_> = sink
        .messages()
        .iter()
        .map(|message| {
            let text = String::from_utf8(message.content.clone()).unwrap();
            let subject = text.lines().find(|line| line.starts_with("Subject: ")).unwrap().to_owned();
            let body = text.contains("the body");
            format!("{} {} {subject} {body}", message.sender, message.recipients[0])
        })
        .collect();
    told.sort();
    told
}

const RETURNED: &str = " s@c.test Subject: Mail could not be delivered true";

#[test]
fn the_postmaster_has_a_header_only_copy_of_returned_mail_where_notify_classes_has_bounce() {
    assert_eq!(told("s@c.test", &[]), [RETURNED]);
    let copy = "double-bounce@here.test postmaster@here.test Subject: Postmaster copy: mail could not be delivered false";
    assert_eq!(told("s@c.test", &[("notify_classes", "bounce")]), [RETURNED, copy]);
    let set = [
        ("notify_classes", "bounce"),
        ("bounce_notice_recipient", "boss@d.test"),
        ("double_bounce_sender", "twice"),
    ];
    let copy = "twice@here.test boss@d.test Subject: Postmaster copy: mail could not be delivered false";
    assert_eq!(told("s@c.test", &set), [RETURNED, copy]);
}

#[test]
fn the_postmaster_hears_of_mail_from_nobody_where_notify_classes_has_2bounce() {
    assert!(told("", &[("notify_classes", "bounce")]).is_empty());
    let set = [("notify_classes", "2bounce"), ("2bounce_notice_recipient", "boss@d.test")];
    let copy =
        "double-bounce@here.test boss@d.test Subject: Postmaster copy: mail could not be delivered false";
    assert_eq!(told("", &set), [copy]);
}

#[test]
fn no_failure_of_mail_from_the_double_bounce_sender_is_told_to_anybody() {
    let set = [("notify_classes", "bounce, 2bounce"), ("double_bounce_sender", "twice")];
    assert!(told("twice@here.test", &set).is_empty());
    assert_eq!(told("double-bounce@here.test", &set).len(), 2);
}
