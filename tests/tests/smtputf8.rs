//! Mail with addresses and headers in UTF-8 (RFC 6531): in by the listener, out to servers that offer it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use testkit::maillog::Line;
use testkit::relay::Relay;
use testkit::script::Script;
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, wait};

/// Says these lines to the listener, one after the other, and gives the last line of each reply.
fn dialogue(relay: &Relay, lines: &[&str]) -> Vec<String> {
    let stream = TcpStream::connect(relay.intake()).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut reply = || {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0, "the listener closed");
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.trim_end().to_owned();
            }
        }
    };
    reply();
    let say = |line: &&str| {
        writer.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        reply()
    };
    lines.iter().map(say).collect()
}

fn send(relay: &Relay, mail: &str, recipient: &str, subject: &str) {
    let text = format!("Subject: {subject}\r\n\r\ntext\r\n.");
    let rcpt = format!("RCPT TO:<{recipient}>");
    let replies = dialogue(relay, &["EHLO client.test", mail, &rcpt, "DATA", &text, "QUIT"]);
    let codes: Vec<_> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["250", "250", "250", "354", "250", "221"], "{replies:?}");
}

fn line(relay: &Relay) -> Line {
    wait::expect("the delivery line", || relay.log().lines().find_map(Line::parse))
}

fn relay(sandbox: &Sandbox, hosts: &[&Script]) -> Relay {
    let hosts: Vec<_> =
        hosts.iter().map(|script| format!("[127.0.0.1]:{}", script.address().port())).collect();
    Relay::in_sandbox(sandbox).option("relayhost", hosts.join(", ")).start()
}

const WITHOUT: &str = "< 220 old.test ESMTP\n> EHLO *\n< 250-old.test\n< 250 8BITMIME\n> QUIT\n";
const MAIL: &str = "MAIL FROM:<jö@client.test> SMTPUTF8";

#[test]
fn mail_that_needs_smtputf8_goes_to_the_next_server_where_one_does_not_offer_it() {
    let with = "< 220 new.test ESMTP\n> EHLO *\n< 250-new.test\n< 250-8BITMIME\n< 250 SMTPUTF8\n\
        > MAIL FROM:<jö@client.test> SMTPUTF8\n< 250 ok\n> RCPT TO:<ü@bücher.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n\
        < 250 2.0.0 taken\n> QUIT\n";
    let (old, new) = (Script::start(&[WITHOUT]), Script::start(&[with]));
    let sandbox = Sandbox::new("utf8");
    let relay = relay(&sandbox, &[&old, &new]);
    send(&relay, MAIL, "ü@bücher.test", "x");
    let line = line(&relay);
    assert_eq!((line.status.as_str(), line.to.as_str()), ("sent", "ü@bücher.test"), "{}", relay.log());
    old.finish().unwrap();
    new.finish().unwrap();
}

#[test]
fn mail_that_needs_smtputf8_bounces_where_no_server_offers_it() {
    let old = Script::start(&[WITHOUT]);
    let sandbox = Sandbox::new("utf8-none");
    let relay = relay(&sandbox, &[&old]);
    // What needs it is the header.
    send(&relay, "MAIL FROM:<a@client.test> SMTPUTF8", "b@d.test", "Grüße");
    let line = line(&relay);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("bounced", "5.6.7"), "{}", relay.log());
    old.finish().unwrap();
}

#[test]
fn mail_that_only_asked_for_smtputf8_goes_to_every_server() {
    let old = Script::start(&["< 220 old.test ESMTP\n> EHLO *\n< 250-old.test\n< 250 8BITMIME\n\
        > MAIL FROM:<a@client.test>\n< 250 ok\n> RCPT TO:<b@d.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n\
        < 250 2.0.0 taken\n> QUIT\n"]);
    let sandbox = Sandbox::new("utf8-asked");
    let relay = relay(&sandbox, &[&old]);
    send(&relay, "MAIL FROM:<a@client.test> SMTPUTF8", "b@d.test", "x");
    assert_eq!(line(&relay).status, "sent", "{}", relay.log());
    old.finish().unwrap();
}

#[test]
fn smtputf8_enable_decides_whether_the_listener_offers_it() {
    let sandbox = Sandbox::new("utf8-off");
    let off = Relay::in_sandbox(&sandbox).option("smtputf8_enable", "no").held().start();
    let replies = dialogue(
        &off,
        &[
            "EHLO client.test",
            MAIL,
            "MAIL FROM:<a@client.test> SMTPUTF8",
            "MAIL FROM:<a@client.test>",
            "QUIT",
        ],
    );
    let codes: Vec<_> = replies.iter().map(|reply| &reply[..3]).collect();
    assert_eq!(codes, ["250", "501", "555", "250", "221"], "{replies:?}");
    let sandbox = Sandbox::new("utf8-on");
    let on = Relay::in_sandbox(&sandbox).held().start();
    let replies = dialogue(
        &on,
        &[
            "EHLO client.test",
            "MAIL FROM:<jö@client.test>",
            "MAIL FROM:<a@client.test>",
            "RCPT TO:<ü@d.test>",
            "NOOP ü",
            "QUIT",
        ],
    );
    let codes: Vec<_> = replies.iter().map(|reply| &reply[..9]).collect();
    assert_eq!(codes, ["250 ENHAN", "553 5.6.7", "250 2.1.0", "553 5.6.7", "500 5.6.7", "221 2.0.0"]);
}

#[test]
fn smtputf8_enable_decides_whether_a_next_hop_may_be_in_another_alphabet() {
    let zone =
        Zone::new().mx("xn--bcher-kva.test", 10, "mx.test").address("mx.test", Ipv4Addr::LOCALHOST.into());
    let dns = FakeDns::start(zone);
    let taken = "< 220 new.test ESMTP\n> EHLO *\n< 250-new.test\n< 250-8BITMIME\n< 250 SMTPUTF8\n> MAIL FROM:*\n\
        < 250 ok\n> RCPT TO:<a@BÜCHER.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n< 250 2.0.0 taken\n> QUIT\n";
    let server = Script::start(&[taken]);
    let port = server.address().port().to_string();
    let run = |name: &str, enable: &str| {
        let sandbox = Sandbox::new(name);
        let relay = Relay::in_sandbox(&sandbox)
            .option("baton_dns_server", dns.address().to_string())
            .option("smtp_tcp_port", port.as_str())
            .option("transport_maps", "inline:{ d.test=smtp:bücher.test }")
            .option("smtputf8_enable", enable)
            .start();
        let recipient = if enable == "yes" { "a@BÜCHER.test" } else { "a@d.test" };
        let mail = if enable == "yes" { MAIL } else { "MAIL FROM:<s@client.test>" };
        send(&relay, mail, recipient, "x");
        line(&relay)
    };
    let sent = run("utf8-domain", "yes");
    assert_eq!(sent.status, "sent", "{sent:?}");
    server.finish().unwrap();
    assert_ne!(run("utf8-domain-off", "no").status, "sent");
}
