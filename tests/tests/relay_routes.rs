//! Where mail goes and how it is cut up: tables, LMTP, recipient limits, permanent caching.
#![allow(clippy::unwrap_used, reason = "a test")]
use serde_json::Value;
use std::fs;
use testkit::injector;
use testkit::mail::{self, Mail};
use testkit::relay::Relay;
use testkit::script::Script;
use testkit::sink::{Listen, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

fn mail(recipients: &[&str], id: &str) -> Vec<Mail> {
    let recipients: Vec<String> = recipients.iter().map(|&one| one.to_owned()).collect();
    vec![Mail { recipients, ..Mail::new("", id, b"the body\r\n") }]
}

fn statistics(relay: &Relay) -> Value {
    serde_json::from_str(&relay.command(&["statistics", "--json"])).unwrap()
}

#[test]
fn a_table_decides_and_a_reload_reads_it_again() {
    let sandbox = Sandbox::new("table");
    let (first, second, rest) =
        (Sink::start(Settings::smtp()), Sink::start(Settings::smtp()), Sink::start(Settings::smtp()));
    let table = sandbox.write("transport", format!("# who goes where\nd.test  smtp:{}\n", first.nexthop()));
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", rest.nexthop())
        .option("transport_maps", format!("texthash:{}", table.display()))
        .start();
    injector::send(relay.intake(), 1, mail(&["u@d.test", "u@e.test"], "1@client.test"));
    first.expect_messages(1);
    rest.expect_messages(1);
    assert_eq!(first.messages()[0].recipients, ["u@d.test"]);
    assert_eq!(rest.messages()[0].recipients, ["u@e.test"]);
    fs::write(&table, format!("d.test smtp:{}\nvip@d.test smtp:{}\n", second.nexthop(), first.nexthop()))
        .unwrap();
    relay.reload();
    wait::expect("the reload", || relay.log().contains("configuration read again").then_some(()));
    injector::send(relay.intake(), 1, mail(&["vip@d.test", "u@d.test"], "2@client.test"));
    first.expect_messages(2);
    second.expect_messages(1);
    assert_eq!(first.messages()[1].recipients, ["vip@d.test"]);
    assert_eq!(second.messages()[0].recipients, ["u@d.test"]);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn a_transport_that_is_not_there_defers() {
    let sandbox = Sandbox::new("nowhere");
    let mut relay =
        Relay::in_sandbox(&sandbox).option("transport_maps", "inline:{ d.test=uucp:somewhere }").start();
    injector::send(relay.intake(), 1, mail(&["u@d.test"], "1@client.test"));
    wait::expect("the deferral", || {
        relay.log().contains("status=deferred (mail transport unavailable)").then_some(())
    });
    assert!(relay.log().contains("there is no transport \"uucp\""), "{}", relay.log());
    assert_eq!(relay.queued(), 1);
    relay.stop();
}

#[test]
fn lmtp_recipients_over_a_unix_socket_each_have_their_own_fate() {
    let sandbox = Sandbox::new("lmtp-rcpt");
    let settings = Settings::lmtp_unix(sandbox.join("lmtp.sock"))
        .rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 unknown").containing("bad@"))
        .rule(Rule::at(Stage::Rcpt).reply("450 4.2.1 busy").containing("busy@"));
    let sink = Sink::start(settings);
    let sender = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ d.test=lmtp:{} }}", sink.nexthop()))
        .option("relayhost", sender.nexthop())
        .start();
    let to = ["a@d.test", "bad@d.test", "busy@d.test", "b@d.test"];
    injector::send(relay.intake(), 1, mail(&to, "fates@client.test"));
    sink.expect_messages(1);
    sender.expect_messages(1);
    assert_eq!(sink.messages()[0].recipients, ["a@d.test", "b@d.test"]);
    let notice = String::from_utf8(sender.messages()[0].content.clone()).unwrap();
    assert!(notice.contains("Final-Recipient: rfc822; bad@d.test\r\n"), "{notice}");
    wait::expect("one recipient left", || {
        let list = relay.command(&["queue", "list", "--json"]);
        let message: Value = serde_json::from_str(list.lines().next()?).unwrap();
        let left = message["recipients_left"] == 1 && message["recipients"][0]["address"] == "busy@d.test";
        (list.lines().count() == 1 && left).then_some(())
    });
    let counted = statistics(&relay);
    let fates = ["delivered", "bounced", "deferred"].map(|name| counted[name].as_u64().unwrap());
    assert_eq!(fates, [3, 1, 1], "two recipients and the notice, one, one");
    relay.stop();
}

#[test]
fn lmtp_final_replies_are_taken_for_the_recipient_they_belong_to() {
    let sandbox = Sandbox::new("lmtp-dot");
    let script = Script::start(&["< 220 lmtp.test ready
        > LHLO relay.test
        < 250 lmtp.test
        > MAIL FROM:<sender@client.test>*
        < 250 2.1.0 ok
        > RCPT TO:<a@d.test>*
        < 250 2.1.5 ok
        > RCPT TO:<full@d.test>*
        < 250 2.1.5 ok
        > RCPT TO:<b@d.test>*
        < 250 2.1.5 ok
        > DATA
        < 354 go on
        > ...
        < 250 2.0.0 a has it
        < 552 5.2.2 over quota
        < 250 2.0.0 b has it
        ~ close"]);
    let sender = Sink::start(Settings::smtp());
    let nexthop = format!("inet:[127.0.0.1]:{}", script.address().port());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ d.test=lmtp:{nexthop} }}"))
        .option("relayhost", sender.nexthop())
        .start();
    let to = ["a@d.test", "full@d.test", "b@d.test"];
    injector::send(relay.intake(), 1, mail(&to, "dots@client.test"));
    sender.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    script.finish().unwrap();
    let log = relay.log();
    for (recipient, fate) in [("a@", "a has it"), ("full@", "over quota"), ("b@", "b has it")] {
        let told =
            log.lines().any(|line| line.contains(&format!("to=<{recipient}d.test>")) && line.contains(fate));
        assert!(told, "{recipient}: {fate}\n{log}");
    }
    let notice = String::from_utf8(sender.messages()[0].content.clone()).unwrap();
    assert!(notice.contains("Final-Recipient: rfc822; full@d.test\r\n"), "{notice}");
    assert!(!notice.contains("Final-Recipient: rfc822; a@d.test"), "{notice}");
    relay.stop();
}

#[test]
fn a_message_for_many_is_cut_at_the_recipient_limit() {
    let sandbox = Sandbox::new("many-rcpt");
    let sink = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("default_destination_recipient_limit", "3")
        .start();
    let to: Vec<String> = (0..10).map(|n| format!("u{n}@d.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    injector::send(relay.intake(), 1, mail(&to, "many@client.test"));
    relay.expect_empty(wait::PATIENCE);
    let messages = sink.messages();
    let mut sizes: Vec<usize> = messages.iter().map(|message| message.recipients.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 3, 3, 3]);
    let mut reached: Vec<&str> =
        messages.iter().flat_map(|one| one.recipients.iter().map(String::as_str)).collect();
    reached.sort_unstable();
    assert_eq!(reached, to, "each once");
    relay.stop();
}

#[test]
fn listed_destinations_keep_their_session_without_a_backlog() {
    let sandbox = Sandbox::new("permanent");
    let elsewhere = Listen::Tcp(([127, 0, 0, 2], 0).into());
    let (kept, other) = (Sink::start(Settings::smtp()), Sink::start(Settings::smtp().listening([elsewhere])));
    let table = format!(
        "inline:{{ {{ d.test = smtp:{} }}, {{ e.test = smtp:{} }} }}",
        kept.nexthop(),
        other.nexthop()
    );
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", table)
        .option("smtp_connection_cache_on_demand", "no")
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .option("smtp_connection_cache_time_limit", "60s")
        .option("connection_cache_ttl_limit", "60s")
        .start();
    for number in 1..=4 {
        injector::send(relay.intake(), 1, mail::spread(2, 200, &["d.test", "e.test"]));
        kept.expect_messages(number);
        other.expect_messages(number);
        relay.expect_empty(wait::PATIENCE);
    }
    let (kept, other) = (kept.record().clone(), other.record().clone());
    assert_eq!(
        (kept.connections.len(), other.connections.len()),
        (1, 4),
        "{kept}
{other}"
    );
    relay.stop();
}

#[test]
fn mail_that_would_come_back_goes_to_best_mx_transport() {
    let sandbox = Sandbox::new("best-mx");
    let sink = Sink::start(Settings::lmtp_unix(sandbox.join("lmtp.sock")));
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", "inline:{ d.test=smtp:[127.0.0.1]:25 }")
        .option("best_mx_transport", format!("lmtp:{}", sink.nexthop()))
        .start();
    injector::send(relay.intake(), 1, mail(&["a@d.test", "b@d.test"], "1@client.test"));
    sink.expect_messages(1);
    assert_eq!(sink.messages()[0].recipients, ["a@d.test", "b@d.test"]);
    relay.expect_empty(wait::PATIENCE);
    let log = relay.log();
    assert!(log.contains("passing <a@d.test> to transport=lmtp"), "{log}");
    assert!(!log.contains("status=bounced"), "{log}");
    relay.stop();
}

#[test]
fn a_loop_in_best_mx_transport_itself_bounces() {
    let sandbox = Sandbox::new("best-mx-loop");
    let sender = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("transport_maps", "inline:{ d.test=smtp:[127.0.0.1]:25 }")
        .option("best_mx_transport", "relay:[127.0.0.1]:25")
        .option("relayhost", sender.nexthop())
        .start();
    injector::send(relay.intake(), 1, mail(&["a@d.test"], "1@client.test"));
    sender.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    let log = relay.log();
    assert!(log.contains("passing <a@d.test> to transport=relay"), "{log}");
    assert!(log.contains("dsn=5.4.6, status=bounced (mail for 127.0.0.1 loops back to myself)"), "{log}");
    relay.stop();
}

#[test]
fn error_retry_and_discard_decide_without_a_server() {
    let sandbox = Sandbox::new("verdicts");
    let table = "inline:{ {e.test = error:5.1.2 No Such domain} {r.test = retry:4.3.2 Not now} {d.test = discard:gone} }";
    let mut relay = Relay::in_sandbox(&sandbox).option("transport_maps", table).start();
    injector::send(relay.intake(), 1, mail(&["u@e.test", "u@r.test", "u@d.test"], "1@client.test"));
    wait::expect("three lines", || (relay.log().matches(" status=").count() >= 3).then_some(()));
    let log = relay.log();
    for line in [
        "baton/error[",
        "to=<u@e.test>, relay=none, ",
        "dsn=5.1.2, status=bounced (No Such domain)",
        "dsn=4.3.2, status=deferred (Not now)",
        "baton/discard[",
        "dsn=2.0.0, status=sent (gone)",
        "sender non-delivery notification: ",
    ] {
        assert!(log.contains(line), "no {line:?} in {log}");
    }
    relay.stop();
}

#[test]
fn sender_dependent_relayhost_maps_lead_to_the_senders_own_host() {
    let sandbox = Sandbox::new("sender-hosts");
    let (own, other) = (Sink::start(Settings::smtp()), Sink::start(Settings::smtp()));
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", other.nexthop())
        .option("sender_dependent_relayhost_maps", format!("inline:{{ {{@own.test = {}}} }}", own.nexthop()))
        .start();
    let from = |sender: &str, id: &str| Mail { sender: sender.into(), ..mail(&["u@d.test"], id).remove(0) };
    injector::send(
        relay.intake(),
        1,
        vec![from("a@own.test", "1@client.test"), from("a@else.test", "2@client.test")],
    );
    own.expect_messages(1);
    other.expect_messages(1);
    assert_eq!(own.messages()[0].sender, "a@own.test");
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn sessions_that_began_under_other_discard_lists_are_not_used_after_a_reload() {
    let sandbox = Sandbox::new("old-sessions");
    let sink = Sink::start(Settings::smtp());
    let table = sandbox.write("discard", "192.0.2.1 dsn\n");
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .option("smtp_connection_cache_time_limit", "300s")
        .option("connection_cache_ttl_limit", "300s")
        .option("smtp_discard_ehlo_keyword_address_maps", format!("texthash:{}", table.display()))
        .start();
    let send = |number: usize| {
        injector::send(relay.intake(), 1, mail(&["u@d.test"], &format!("{number}@client.test")));
        sink.expect_messages(number);
        // Only then the session was parked, or could be.
        wait::expect("the delivery line", || {
            (relay.log().matches(" status=sent").count() == number).then_some(())
        });
    };
    send(1);
    send(2);
    assert_eq!(sink.record().connections.len(), 1, "the session is kept");
    fs::write(&table, "127.0.0.1 pipelining\n").unwrap();
    relay.reload();
    wait::expect("the reload", || relay.log().contains("configuration read again").then_some(()));
    send(3);
    assert_eq!(sink.record().connections.len(), 2, "{}", relay.log());
    relay.stop();
}
