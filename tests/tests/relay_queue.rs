//! What becomes of mail that is not delivered at once: tried again, returned, expired; and what the operator does with it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use testkit::injector::{self, Client};
use testkit::mail::{self, Mail};
use testkit::relay::{Launch, Relay};
use testkit::sandbox::free_port;
use testkit::sink::{FinalReply, Received, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, ledger, wait};

/// A relay that sends everything to `sink`, with a back-off of a second.
fn impatient(sandbox: &Sandbox, sink: &Sink) -> Launch {
    Relay::in_sandbox(sandbox)
        .option("relayhost", sink.nexthop())
        .option("minimal_backoff_time", "1s")
        .option("maximal_backoff_time", "1s")
}

fn send(relay: &Relay, recipients: &[&str], id: &str) {
    let mut mail = Mail::new(recipients[0], id, b"the body\r\n");
    mail.recipients = recipients.iter().map(|&one| one.to_owned()).collect();
    injector::send(relay.intake(), 1, vec![mail]);
}

fn send_from_nobody(relay: &Relay, recipient: &str) {
    let mut client = Client::connect(relay.intake());
    let mail = Mail { sender: String::new(), ..Mail::new(recipient, "null@client.test", b"body\r\n") };
    client.mail(&mail);
    client.quit();
}

fn listed(relay: &Relay) -> Vec<Value> {
    let text = relay.command(&["queue", "list", "--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The whole queue, once every message in it is deferred and there are this many.
fn all_deferred(relay: &Relay, number: usize) -> Vec<Value> {
    wait::expect("deferred mail", || {
        let messages = listed(relay);
        let deferred = messages.iter().all(|message| message["state"] == "deferred");
        (messages.len() == number && deferred).then_some(messages)
    })
}

fn text(message: &Received) -> String {
    String::from_utf8(message.content.clone()).unwrap()
}

fn statistics(relay: &Relay) -> Value {
    serde_json::from_str(&relay.command(&["statistics", "--json"])).unwrap()
}

#[test]
fn mail_that_is_refused_for_now_is_tried_again_after_the_back_off() {
    let sandbox = Sandbox::new("retry");
    let settings = Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("450 4.2.0 not now").connections(1, 1));
    let sink = Sink::start(settings);
    let mut relay = impatient(&sandbox, &sink).option("smtp_connection_cache_on_demand", "no").start();
    send(&relay, &["user@d.test"], "retry@client.test");
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    let log = relay.log();
    let line = |status: &str| log.find(status);
    assert!(line("status=deferred").unwrap() < line("status=sent").unwrap(), "{log}");
    assert!(log.contains("450 4.2.0 not now"), "{log}");
    let counted = statistics(&relay);
    assert_eq!(
        (&counted["deferred"], &counted["delivered"], &counted["queued"]),
        (&1.into(), &1.into(), &0.into())
    );
    relay.stop();
}

#[test]
fn a_site_that_is_down_is_left_alone_and_tried_again() {
    let sandbox = Sandbox::new("dead");
    let port = free_port();
    let number = port.number();
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", format!("[127.0.0.1]:{}", port.release()))
        .option("minimal_backoff_time", "1s")
        .option("maximal_backoff_time", "1s")
        .start();
    let sent = injector::send(relay.intake(), 1, mail::distinct(20, 500));
    wait::expect("a failed attempt", || relay.log().contains("Connection refused").then_some(()));
    let listen = testkit::sink::Listen::Tcp(([127, 0, 0, 1], number).into());
    let sink = Sink::start(Settings::smtp().listening([listen]));
    sink.expect_messages(20);
    relay.expect_empty(wait::PATIENCE);
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!(balance.faults(), 0, "{balance}");
    relay.stop();
}

#[test]
fn a_permanent_failure_is_reported_to_the_sender() {
    let sandbox = Sandbox::new("bounce");
    let refusal = Rule::at(Stage::Rcpt).reply("550 5.1.1 no such user").containing("bad@");
    let sink = Sink::start(Settings::smtp().rule(refusal));
    let mut relay = impatient(&sandbox, &sink).start();
    send(&relay, &["good@d.test", "bad@d.test"], "partly@client.test");
    sink.expect_messages(2);
    relay.expect_empty(wait::PATIENCE);
    let messages = sink.messages();
    let (notice, mail): (Vec<_>, Vec<_>) = messages.iter().partition(|message| message.sender.is_empty());
    assert_eq!(mail.iter().map(|one| one.recipients.clone()).collect::<Vec<_>>(), [["good@d.test"]]);
    assert_eq!(notice.iter().map(|one| one.recipients.clone()).collect::<Vec<_>>(), [["sender@client.test"]]);
    let report = text(notice[0]);
    for wanted in [
        "Content-Type: multipart/report",
        "report-type=delivery-status",
        "Reporting-MTA: dns; relay.test\r\n",
        "Final-Recipient: rfc822; bad@d.test\r\n",
        "Action: failed\r\n",
        "Status: 5.1.1\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Content-Type: message/rfc822",
        "Message-ID: <partly@client.test>\r\n",
        "the body\r\n",
    ] {
        assert!(report.contains(wanted), "no {wanted:?} in\n{report}");
    }
    assert!(!report.contains("good@d.test\r\nAction"), "only who failed is in the report:\n{report}");
    let counted = statistics(&relay);
    assert_eq!(
        (&counted["bounced"], &counted["delivered"], &counted["queued"]),
        (&1.into(), &2.into(), &0.into())
    );
    relay.stop();
}

#[test]
fn mail_from_nobody_is_never_returned() {
    let sandbox = Sandbox::new("null");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 nobody here")));
    let mut relay = impatient(&sandbox, &sink).start();
    send_from_nobody(&relay, "gone@d.test");
    wait::expect("the failure", || relay.log().contains("status=bounced").then_some(()));
    relay.expect_empty(wait::PATIENCE);
    assert!(relay.log().contains("nobody to tell"), "{}", relay.log());
    assert_eq!(statistics(&relay)["bounced"], 1);
    // A notice that cannot be delivered is mail from nobody too.
    send(&relay, &["gone@d.test"], "refused@client.test");
    wait::expect("the notice", || (statistics(&relay)["bounced"] == 3).then_some(()));
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 0);
    relay.stop();
}

#[test]
fn mail_that_is_too_old_is_returned() {
    let sandbox = Sandbox::new("old");
    let refusal = Rule::at(Stage::Rcpt).reply("451 4.3.2 busy for ever").containing("@d.test");
    let sink = Sink::start(Settings::smtp().rule(refusal));
    let mut relay = impatient(&sandbox, &sink).option("maximal_queue_lifetime", "1s").start();
    send(&relay, &["user@d.test"], "old@client.test");
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    let messages = sink.messages();
    assert_eq!((messages[0].sender.as_str(), &messages[0].recipients[0][..]), ("", "sender@client.test"));
    let report = text(&messages[0]);
    assert!(report.contains("Action: failed\r\n") && report.contains("451 4.3.2 busy for ever"), "{report}");
    assert!(relay.log().contains("status=expired, returned to sender"), "{}", relay.log());
    relay.stop();
}

#[test]
fn the_queue_can_be_looked_at_and_changed() {
    let sandbox = Sandbox::new("queue");
    let sink = Sink::start(Settings::smtp());
    let mut relay = impatient(&sandbox, &sink).held().start();
    for number in 0..3 {
        send(&relay, &["a@d.test", "b@d.test"], &format!("{number}@client.test"));
    }
    let messages = listed(&relay);
    let ids: Vec<&str> = messages.iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.is_sorted(), "oldest first: {ids:?}");
    let shown: Value = serde_json::from_str(&relay.command(&["queue", "show", ids[1], "--json"])).unwrap();
    assert_eq!(shown, messages[1]);
    assert_eq!((&shown["state"], &shown["sender"]), (&"active".into(), &"sender@client.test".into()));
    assert_eq!(shown["recipients"][1]["address"], "b@d.test");
    assert_eq!(statistics(&relay)["paused"], true);

    let removed: Value =
        serde_json::from_str(&relay.command(&["queue", "remove", ids[1], "--json"])).unwrap();
    assert_eq!(removed["messages"], 1);
    for action in ["show", "remove", "flush"] {
        let output = relay.try_command(&["queue", action, ids[1]]);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(65), "{action}: {complaint}");
        assert!(complaint.contains("no such message"), "{action}: {complaint}");
    }
    assert!(relay.command(&["queue", "list"]).contains("-- 2 messages"));
    assert_eq!(sink.messages().len(), 0, "delivered although it is held");
    relay.resume();
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 2);
    assert!(relay.command(&["queue", "list"]).contains("The queue is empty."));

    let paused: Value = serde_json::from_str(&relay.command(&["queue", "pause", "--json"])).unwrap();
    assert_eq!(paused["messages"], 0);
    send(&relay, &["c@d.test"], "late@client.test");
    assert_eq!(listed(&relay).len(), 1);
    relay.resume();
    sink.expect_messages(3);
    relay.stop();
}

#[test]
fn a_flush_tries_deferred_mail_at_once() {
    let sandbox = Sandbox::new("flush");
    let settings = Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("450 4.2.0 not now").connections(1, 2));
    let sink = Sink::start(settings);
    // The default back-off: without a flush this test would take five minutes.
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_connection_cache_on_demand", "no")
        .start();
    for number in 0..2 {
        send(&relay, &["user@d.test"], &format!("{number}@client.test"));
        all_deferred(&relay, number + 1);
    }
    let messages = all_deferred(&relay, 2);
    let reason = messages[0]["recipients"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("450 4.2.0 not now"), "{reason}");
    assert!(messages[0]["next_attempt"].as_u64() > messages[0]["arrival"].as_u64().map(|at| at + 200));
    let second = messages[1]["id"].as_str().unwrap();
    assert_eq!(relay.command(&["queue", "flush", second]), "due now: 1\n");
    sink.expect_messages(1);
    assert_eq!(sink.messages()[0].message_id, "<1@client.test>");
    assert_eq!(relay.command(&["queue", "flush"]), "due now: 1\n");
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn a_flush_tries_a_suspended_site() {
    let sandbox = Sandbox::new("revive");
    let settings =
        Settings::smtp().rule(Rule::at(Stage::Greeting).reply("421 4.3.2 closed").connections(1, 1));
    let sink = Sink::start(settings);
    // With a concurrency of one the first failure makes a dead site.
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("initial_destination_concurrency", "1")
        .start();
    send(&relay, &["user@d.test"], "first@client.test");
    let first = all_deferred(&relay, 1);
    send(&relay, &["user@d.test"], "second@client.test");
    let both = all_deferred(&relay, 2);
    let reason = both[1]["recipients"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("delivery temporarily suspended"), "{reason}");
    relay.command(&["queue", "flush", first[0]["id"].as_str().unwrap()]);
    sink.expect_messages(1);
    relay.command(&["queue", "flush"]);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn mail_of_a_deferred_transport_waits_for_the_flush() {
    let sandbox = Sandbox::new("defer");
    let sink = Sink::start(Settings::smtp());
    let mut relay = impatient(&sandbox, &sink).option("defer_transports", "smtp").start();
    send(&relay, &["user@d.test"], "deferred@client.test");
    let log = "status=deferred (deferred transport)";
    wait::expect("two turns", || (relay.log().matches(log).count() >= 2).then_some(()));
    assert_eq!(sink.record().connections.len(), 0);
    // It may be just on its turn: then it is asked again.
    wait::expect("the delivery", || {
        relay.command(&["queue", "flush"]);
        (!sink.messages().is_empty()).then_some(())
    });
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn more_mail_than_the_active_queue_holds_is_delivered() {
    let sandbox = Sandbox::new("full");
    let sink = Sink::start(Settings::smtp());
    let mut relay = impatient(&sandbox, &sink).option("qmgr_message_active_limit", "5").held().start();
    let sent = injector::send(relay.intake(), 1, mail::distinct(100, 500));
    assert_eq!(statistics(&relay)["queued"], 100);
    let waits = relay.command(&["queue", "list", "--json"]);
    let last: Value = serde_json::from_str(waits.lines().last().unwrap()).unwrap();
    assert_eq!(relay.command(&["queue", "flush", last["id"].as_str().unwrap()]), "due now: 1\n");
    relay.resume();
    relay.expect_empty(wait::PATIENCE);
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!(balance.faults(), 0, "{balance}");
    assert_eq!(statistics(&relay)["queued"], 0);
    relay.stop();
}

/// Each of these messages gets its turn and loses it at once: that must cost no stack.
#[test]
fn a_long_queue_for_a_dead_site_does_no_harm() {
    const MESSAGES: usize = 3_000;
    let sandbox = Sandbox::new("many");
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", format!("[127.0.0.1]:{}", free_port().release()))
        .option("qmgr_message_active_limit", "10")
        .held()
        .start();
    injector::send(relay.intake(), 4, mail::distinct(MESSAGES, 200));
    relay.resume();
    let deferred = || statistics(&relay)["deferred"].as_u64().unwrap() as usize;
    wait::expect("all of them deferred", || (deferred() == MESSAGES).then_some(()));
    assert_eq!(all_deferred(&relay, MESSAGES).len(), MESSAGES);
    assert_eq!(statistics(&relay)["queued"], MESSAGES);
    relay.command(&["queue", "flush"]);
    wait::expect("all of them deferred again", || (deferred() == 2 * MESSAGES).then_some(()));
    relay.stop();
    assert_eq!(relay.queued(), MESSAGES);
}

/// The file refuses to be written, as on a full disk: who has the message must not get it again.
#[test]
fn results_that_cannot_be_written_down_are_not_forgotten() {
    let sandbox = Sandbox::new("unwritten");
    let later = Rule::at(Stage::Rcpt).reply("450 4.2.0 not now").connections(1, 1).containing("later@");
    let sink = Sink::start(Settings::smtp().rule(later).final_reply(FinalReply::Held));
    let mut relay = impatient(&sandbox, &sink).option("smtp_connection_cache_on_demand", "no").start();
    send(&relay, &["now@d.test", "later@d.test"], "twice@client.test");
    sink.expect_messages(1);
    let file = wait::expect("the queue file", || {
        let shards = fs::read_dir(sandbox.join("spool/queue")).unwrap();
        shards.flat_map(|shard| fs::read_dir(shard.unwrap().path()).unwrap()).next()
    });
    let set_mode =
        |mode| fs::set_permissions(file.as_ref().unwrap().path(), fs::Permissions::from_mode(mode)).unwrap();
    // The relay does not trust a file that others may write.
    set_mode(0o660);
    sink.release();
    let failed = |times| move |log: &str| log.matches("others may write it").count() >= times;
    wait::expect("several attempts to write", || failed(3)(&relay.log()).then_some(()));
    assert_eq!(sink.messages().len(), 1, "delivered again");
    set_mode(0o600);
    sink.expect_messages(2);
    relay.expect_empty(wait::PATIENCE);
    let reached: Vec<_> = sink.messages().into_iter().map(|message| message.recipients).collect();
    assert_eq!(reached, [["now@d.test"], ["later@d.test"]]);
    assert_eq!(statistics(&relay)["queued"], 0);
    relay.stop();
}

#[test]
fn parked_sessions_are_listed() {
    let sandbox = Sandbox::new("sessions");
    let sink = Sink::start(Settings::smtp());
    let mut relay = impatient(&sandbox, &sink)
        .option("smtp_connection_cache_destinations", "static:all")
        .option("smtp_connection_cache_time_limit", "60s")
        .option("connection_cache_ttl_limit", "60s")
        .start();
    assert_eq!(relay.command(&["sessions", "--json"]).trim(), "[]");
    send(&relay, &["user@d.test"], "parks@client.test");
    let session = wait::expect("a parked session", || {
        let all: Vec<Value> = serde_json::from_str(&relay.command(&["sessions", "--json"])).unwrap();
        all.into_iter().next()
    });
    assert_eq!(session["service"], "smtp");
    assert!(session["expires_ms"].as_u64().unwrap() <= 60_000, "{session}");
    assert!(relay.command(&["sessions"]).contains("1 parked sessions"));
    relay.stop();
    // The relay has gone, and scache has taken leave of the server.
    sink.expect("QUIT", Duration::from_secs(10), |record| {
        record.connections.iter().all(|one| one.commands.last().is_some_and(|last| last == "QUIT"))
    });
}
