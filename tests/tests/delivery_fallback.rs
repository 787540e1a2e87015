//! Fallback relays and relayhost: when they are asked, and that a mistake of the operator's bounces no mail.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::Ipv4Addr;
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::postfix::Postfix;
use testkit::relay::{Launch, Relay};
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, injector, wait};

/// A domain whose only exchanger is at 127.0.0.9, where nobody listens. `gone.test` does not exist.
fn dns() -> FakeDns {
    let nobody = Ipv4Addr::new(127, 0, 0, 9).into();
    FakeDns::start(Zone::new().mx("silent.test", 10, "mx.silent.test").address("mx.silent.test", nobody))
}

/// Mail for `d.test` goes to `nexthop`, notices to `sender`.
fn launch(sandbox: &Sandbox, dns: &FakeDns, nexthop: &str, sender: &Sink) -> Launch {
    let table =
        format!("inline:{{ {{ d.test = smtp:{nexthop} }}, {{ client.test = smtp:{} }} }}", sender.nexthop());
    Relay::in_sandbox(sandbox)
        .option("baton_dns_server", dns.address().to_string())
        .option("transport_maps", table)
}

fn sink() -> Sink {
    Sink::start(Settings::smtp())
}

fn send(relay: &Relay, recipients: &[&str]) {
    let recipients = recipients.iter().map(|&one| one.to_owned()).collect();
    let mail = Mail { recipients, ..Mail::new("", "1@client.test", b"the body\r\n") };
    injector::send(relay.intake(), 1, vec![mail]);
}

/// The first line with a recipient's fate.
fn fate(relay: &Relay, recipient: &str) -> Line {
    wait::expect("a delivery line", || {
        let log = relay.log();
        let complete = log.rfind('\n').and_then(|end| log.get(..end))?;
        complete.lines().filter_map(Line::parse).find(|line| line.to == recipient)
    })
}

#[track_caller]
fn expect(line: &Line, dsn: &str, status: &str) {
    assert_eq!((&*line.dsn, &*line.status), (dsn, status), "{line:?}");
}

#[test]
fn a_host_that_does_not_exist_bounces_mail_only_where_the_recipient_s_domain_leads_to_it() {
    let (sandbox, dns, sender) = (Sandbox::new("gone"), dns(), sink());
    // As the request's next hop by a table, and as relayhost.
    let relay = launch(&sandbox, &dns, "gone.test", &sender).option("relayhost", "absent.test").start();
    send(&relay, &["a@d.test", "b@elsewhere.test"]);
    let (by_table, by_relayhost) = (fate(&relay, "a@d.test"), fate(&relay, "b@elsewhere.test"));
    expect(&by_table, "5.4.4", "bounced");
    expect(&by_relayhost, "4.3.5", "deferred");
    assert!(by_relayhost.reason.contains("absent.test"), "{by_relayhost:?}");
    let log = relay.log();
    let warned: Vec<_> = log.lines().filter(|line| line.contains("configuration problem")).collect();
    assert!(!warned.is_empty() && warned.iter().all(|line| line.contains("absent.test")), "{log}");
}

#[test]
fn a_smtp_fallback_relay_that_does_not_exist_defers() {
    for nexthop in ["silent.test", "gone.test"] {
        let (sandbox, dns, sender) = (Sandbox::new("gone-fallback"), dns(), sink());
        let launch = launch(&sandbox, &dns, nexthop, &sender);
        let relay = launch.option("smtp_fallback_relay", "absent.test").start();
        send(&relay, &["a@d.test"]);
        let line = fate(&relay, "a@d.test");
        expect(&line, "4.3.5", "deferred");
        assert!(line.reason.contains("absent.test"), "{line:?}");
        assert!(relay.log().contains("configuration problem"), "{}", relay.log());
    }
}

#[test]
fn smtp_fallback_relay_is_asked_last_and_only_for_those_whom_nobody_decided_about() {
    let first = Sink::start(
        Settings::smtp()
            .rule(Rule::at(Stage::Rcpt).containing("<later@").reply("450 4.2.0 later"))
            .rule(Rule::at(Stage::Rcpt).containing("<never@").reply("550 5.1.1 never")),
    );
    let (sandbox, dns, sender, unused) = (Sandbox::new("fallback"), dns(), sink(), sink());
    let second = sink();
    // Nobody is at the first fallback relay; nobody is left for the third.
    let relays = format!("[127.0.0.9]:25, {}, {}", second.nexthop(), unused.nexthop());
    let mut relay =
        launch(&sandbox, &dns, &first.nexthop(), &sender).option("smtp_fallback_relay", relays).start();
    send(&relay, &["now@d.test", "later@d.test", "never@d.test"]);
    sender.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    let to = |sink: &Sink| sink.messages().into_iter().flat_map(|one| one.recipients).collect::<Vec<_>>();
    assert_eq!((to(&first), to(&second)), (vec!["now@d.test".into()], vec!["later@d.test".into()]));
    assert_eq!(unused.record().connections.len(), 0);
    expect(&fate(&relay, "never@d.test"), "5.1.1", "bounced");
}

#[test]
fn a_domain_that_does_not_exist_is_left_to_smtp_fallback_relay() {
    for nexthop in ["gone.test", "silent.test"] {
        let (sandbox, dns, sender, fallback) = (Sandbox::new("unfound"), dns(), sink(), sink());
        let launch = launch(&sandbox, &dns, nexthop, &sender);
        let mut relay = launch.option("smtp_fallback_relay", fallback.nexthop()).start();
        send(&relay, &["a@d.test"]);
        fallback.expect_messages(1);
        relay.expect_empty(wait::PATIENCE);
        expect(&fate(&relay, "a@d.test"), "2.0.0", "sent");
        relay.stop();
    }
}

#[test]
fn a_loop_makes_its_next_hop_final() {
    let (sandbox, dns, sender, fallback) = (Sandbox::new("loop-final"), dns(), sink(), sink());
    // Neither the next hop after it nor the fallback relay is asked.
    let nexthop = format!("[127.0.0.1]:25, {}", fallback.nexthop());
    let launch = launch(&sandbox, &dns, &nexthop, &sender);
    let mut relay = launch.option("smtp_fallback_relay", fallback.nexthop()).start();
    send(&relay, &["a@d.test"]);
    sender.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    expect(&fate(&relay, "a@d.test"), "5.4.6", "bounced");
    assert_eq!(fallback.record().connections.len(), 0, "{}", relay.log());
}

/// What Postfix says of the same mail: status, fate and reason.
fn by_postfix(options: &[(&str, &str)]) -> String {
    let sandbox = Sandbox::new("own-relay-postfix");
    let launch =
        options.iter().fold(Postfix::in_sandbox(&sandbox), |all, (name, value)| all.option(name, *value));
    let postfix = launch.start();
    postfix.submit(&[], "s@client.test", &["a@d.test"], "Subject: x\n\nbody\n");
    let line = postfix.expect_line(&["to=<a@d.test>", "dsn="]);
    postfix.stop();
    line.split_once("dsn=").unwrap().1.trim_end().to_owned()
}

#[test]
fn relayhost_and_smtp_fallback_relay_that_are_this_host_defer_as_in_postfix_and_never_use_best_mx_transport()
{
    let own = "[127.0.0.1]:25";
    let nobody = ("transport_maps", "inline:{ d.test=smtp:[127.0.0.9]:9 }");
    let cases = [
        vec![("relayhost", own)],
        vec![("smtp_fallback_relay", own), nobody],
        vec![("transport_maps", "inline:{ d.test=smtp:[127.0.0.1]:25 }")],
        vec![("relayhost", own), ("best_mx_transport", "discard:")],
        vec![("smtp_fallback_relay", own), nobody, ("best_mx_transport", "discard:")],
    ];
    for options in &cases {
        let sandbox = Sandbox::new("own-relay");
        let launch = Relay::in_sandbox(&sandbox);
        let relay = options.iter().fold(launch, |all, (name, value)| all.option(name, *value)).start();
        send(&relay, &["a@d.test"]);
        let ours = wait::expect("a line", || {
            let log = relay.log();
            let line = log.lines().find(|line| {
                line.contains("to=<a@d.test>") && line.contains(" dsn=") && line.ends_with(')')
            })?;
            Some(line.split_once("dsn=")?.1.to_owned())
        });
        assert_eq!(ours, by_postfix(options), "{options:?}");
    }
}
