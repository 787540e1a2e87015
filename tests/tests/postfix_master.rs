//! Our agent as a child of Postfix's master: how long it lives, what a reload and a stop mean, and what it does when the
//! daemons around it are not there.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::time::Duration;
use testkit::postfix::{Launch, Letter, Postfix};
use testkit::process::Process;
use testkit::sink::{Act, FinalReply, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

fn ours(sandbox: &Sandbox, sink: &Sink, arguments: &str) -> Launch {
    let address = sink.address();
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ d.test = ours:[{}]:{} }} }}", address.ip(), address.port()),
        )
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .option("service_throttle_time", "1s")
        .agent("ours", "-", arguments)
}

fn letter(number: u32) -> Letter {
    Letter { recipient: format!("u{number}@d.test"), age: Duration::ZERO }
}

/// Delivers one message after the other, and gives the process that delivered each.
fn one_by_one(postfix: &Postfix, numbers: std::ops::Range<u32>) -> Vec<u32> {
    numbers
        .map(|number| {
            postfix.inject(&[letter(number)]);
            let line = postfix.expect_line(&[&format!("to=<u{number}@d.test>"), "status=sent"]);
            let (_, rest) = line.split_once("postfix/smtp[").unwrap();
            rest.split_once(']').unwrap().0.parse().unwrap()
        })
        .collect()
}

#[test]
fn a_process_ends_after_max_use_deliveries() {
    let sandbox = Sandbox::new("pfm");
    let sink = Sink::start(Settings::smtp());
    let postfix = ours(&sandbox, &sink, "-o max_use=2").start();
    let pids = one_by_one(&postfix, 0..4);
    assert!(matches!(pids.as_slice(), [a, b, c, d] if a == b && b != c && c == d), "{pids:?}");
    postfix.stop();
}

#[test]
fn an_idle_process_ends_by_max_idle_and_by_reload() {
    let sandbox = Sandbox::new("pfm");
    let sink = Sink::start(Settings::smtp());
    let postfix = ours(&sandbox, &sink, "-o max_idle=1s").start();
    let pids = one_by_one(&postfix, 0..1);
    wait::expect("the end of an idle process", || Process::find(pids[0]).is_none().then_some(()));
    postfix.stop();
    let postfix = ours(&sandbox, &sink, "").start();
    let pids = one_by_one(&postfix, 1..2);
    postfix.reload();
    wait::expect("the end of a process that master forgot", || {
        Process::find(pids[0]).is_none().then_some(())
    });
    one_by_one(&postfix, 2..3);
    postfix.stop();
}

#[test]
fn a_reload_during_a_delivery_neither_loses_nor_repeats_it_nor_holds_others_up() {
    let sandbox = Sandbox::new("pfm");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let postfix = ours(&sandbox, &sink, "").start();
    postfix.inject(&[letter(0)]);
    wait::expect("the final dot", || (sink.messages().len() == 1).then_some(()));
    postfix.reload();
    postfix.expect_line(&["postfix/master", "reload"]);
    postfix.inject(&[letter(1)]);
    wait::expect("the other's final dot", || (sink.messages().len() == 2).then_some(()));
    sink.release();
    for number in 0..2 {
        postfix.expect_line(&[&format!("to=<u{number}@d.test>"), "status=sent"]);
    }
    // The new queue manager lets a message alone that was being delivered for a minute; its mark is what counts.
    for file in ["active", "deferred", "incoming"].iter().flat_map(|queue| postfix.queue_files(queue)) {
        let octets = fs::read(file).unwrap_or_default();
        assert!(!octets.windows(11).any(|some| some == b"R\x09u0@d.test"), "u0 is not marked");
    }
    assert_eq!(sink.messages().len(), 2);
    postfix.stop();
}

#[test]
fn a_process_that_is_killed_is_replaced_and_its_message_delivered_later() {
    let sandbox = Sandbox::new("pfm");
    let silent = Rule::at(Stage::Mail).connections(2, 2).act(Act::Silence);
    let sink = Sink::start(Settings::smtp().rule(silent));
    let postfix =
        ours(&sandbox, &sink, "").option("transport_retry_time", "1s").option("queue_run_delay", "1s");
    let postfix = postfix.option("minimal_backoff_time", "1s").start();
    let pids = one_by_one(&postfix, 0..1);
    postfix.inject(&[letter(1)]);
    wait::expect("a second connection", || (sink.record().connections.len() == 2).then_some(()));
    Process::find(pids[0]).unwrap().signal(rustix::process::Signal::KILL);
    postfix.expect_line(&["postfix/master", "killed by signal 9"]);
    postfix.expect_line(&["to=<u1@d.test>", "status=sent"]);
    assert!(!postfix.log_from(0).contains("throttling"), "it had done a delivery before");
    postfix.stop();
}

#[test]
fn a_failure_that_cannot_be_recorded_leaves_the_message_in_the_queue() {
    let sandbox = Sandbox::new("pfm");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 no")));
    let postfix = ours(&sandbox, &sink, "-o bounce_service_name=nobody").start();
    postfix.inject(&[letter(0)]);
    postfix.expect_line(&[
        "to=<u0@d.test>",
        "dsn=4.3.0",
        "status=deferred",
        "bounce or trace service failure",
    ]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    postfix.stop();
}

#[test]
fn soft_bounce_keeps_refused_mail_and_says_so() {
    let sandbox = Sandbox::new("pfm");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 no")));
    let postfix = ours(&sandbox, &sink, "-o soft_bounce=yes").start();
    postfix.inject(&[letter(0)]);
    postfix.expect_line(&["to=<u0@d.test>", "dsn=4.1.1", "status=SOFTBOUNCE"]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    postfix.stop();
}
