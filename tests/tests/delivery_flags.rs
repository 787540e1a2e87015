//! What the last hop before a mail store adds (`lmtp_delivery_flags`, Postfix's `flags=DORX`), from the client to the store.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use testkit::injector::Client;
use testkit::relay::Relay;
use testkit::sink::{Listen, Received, Settings, Sink};
use testkit::{Sandbox, wait};

/// A mail store, and what came of one message to these recipients.
fn delivered(
    flags: &str,
    more: &[(&str, &str)],
    recipients: &[&str],
    content: &str,
) -> (Vec<Received>, String) {
    let sandbox = Sandbox::new("flags");
    let settings = Settings::lmtp_unix("unused".into());
    let store = Sink::start(settings.listening([Listen::Tcp(([127, 0, 0, 1], 0).into())]));
    let mut options = Relay::in_sandbox(&sandbox)
        .option("default_transport", format!("lmtp:inet:127.0.0.1:{}", store.address().port()))
        .option("lmtp_delivery_flags", flags);
    for (name, value) in more {
        options = options.option(name, *value);
    }
    let mut relay = options.start();
    let mut client = Client::connect(relay.intake());
    client.ask("MAIL FROM:<>", '2');
    for recipient in recipients {
        client.ask(&format!("RCPT TO:{recipient}"), '2');
    }
    client.ask("DATA", '3');
    client.write(format!("{content}\r\n.\r\n").as_bytes());
    assert!(client.reply().starts_with('2'));
    client.quit();
    relay.expect_empty(wait::PATIENCE);
    let log = relay.log();
    relay.stop();
    (store.messages(), log)
}

const PLAIN: &str = "Subject: x\r\n\r\nbody";

fn text(message: &Received) -> String {
    String::from_utf8(message.content.clone()).unwrap()
}

#[test]
fn lmtp_delivery_flags_add_headers_in_postfix_order_one_recipient_at_a_time() {
    let (messages, _) = delivered("DORX", &[], &["<\"a b\"@d.test>", "<c@d.test>"], PLAIN);
    assert_eq!(messages.len(), 2);
    for recipient in ["\"a b\"@d.test", "c@d.test"] {
        let start = format!("Return-Path: <>\r\nX-Original-To: {recipient}\r\nDelivered-To: {recipient}\r\n");
        let with = messages.iter().filter(|message| text(message).starts_with(&start)).count();
        let texts: Vec<_> = messages.iter().map(text).collect();
        assert_eq!(with, 1, "{texts:?}");
    }
    for (flags, start) in [
        ("D", "Delivered-To: c@d.test\r\nReceived:"),
        ("R", "Return-Path: <>\r\nReceived:"),
        ("", "Received:"),
    ] {
        let (messages, _) = delivered(flags, &[], &["<c@d.test>"], PLAIN);
        assert!(text(&messages[0]).starts_with(start), "{flags}: {}", text(&messages[0]));
    }
    let (messages, _) = delivered("RX", &[], &["<b@d.test>", "<c@d.test>"], PLAIN);
    assert_eq!(messages.len(), 1, "together where no header tells them apart");
}

#[test]
fn addresses_of_added_headers_are_those_of_generic_maps() {
    let maps = ("lmtp_generic_maps", "inline:{{c@d.test = new@store.test}}");
    let (messages, _) = delivered("DO", &[maps], &["<c@d.test>"], PLAIN);
    let start = "X-Original-To: new@store.test\r\nDelivered-To: new@store.test\r\n";
    assert!(text(&messages[0]).starts_with(start), "{}", text(&messages[0]));
}

#[test]
fn mail_that_was_there_before_bounces_with_flag_d() {
    let looping = format!("Delivered-To: C@D.test\r\n{PLAIN}");
    let (messages, log) = delivered("D", &[], &["<c@d.test>"], &looping);
    assert!(messages.is_empty());
    assert!(log.contains("dsn=5.4.6, status=bounced (mail forwarding loop for c@d.test)"), "{log}");
    let (messages, _) = delivered("OR", &[], &["<c@d.test>"], &looping);
    assert_eq!(messages.len(), 1);
}

#[test]
fn smtp_delivery_flags_x_makes_success_a_delivery() {
    for (flags, action) in [("X", "Action: delivered"), ("", "Action: relayed")] {
        let sandbox = Sandbox::new("flag-x");
        let sink = Sink::start(Settings::smtp());
        let options = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
        let mut relay = options.option("smtp_delivery_flags", flags).start();
        let mut client = Client::connect(relay.intake());
        client.ask("MAIL FROM:<s@client.test>", '2');
        client.ask("RCPT TO:<c@d.test> NOTIFY=SUCCESS", '2');
        client.ask("DATA", '3');
        client.write(b"Subject: x\r\n\r\nbody\r\n.\r\n");
        assert!(client.reply().starts_with('2'));
        client.quit();
        relay.expect_empty(wait::PATIENCE);
        relay.stop();
        let notice = sink.messages().into_iter().find(|message| message.sender.is_empty()).unwrap();
        assert!(text(&notice).contains(action), "{}", text(&notice));
    }
}
