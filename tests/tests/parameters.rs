//! Parameters of the relay itself: set and not set, what becomes of mail, sessions and the log.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader};
use testkit::relay::{Launch, Relay};
use testkit::sink::{FinalReply, Settings, Sink};
use testkit::{Sandbox, injector, mail, wait};

fn launch(sandbox: &Sandbox, sink: &Sink) -> Launch {
    Relay::in_sandbox(sandbox).option("relayhost", sink.nexthop())
}

/// The most connections at once for six messages that are there from the beginning, of which each is answered late.
fn most_open(options: &[(&str, &str)], at_least: usize) -> usize {
    let sandbox = Sandbox::new("concurrency");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let launch = launch(&sandbox, &sink).option("smtp_connection_cache_on_demand", "no").held();
    let set = |launch: Launch, &(name, value): &(&str, &str)| launch.option(name, value);
    let mut relay = options.iter().fold(launch, set).start();
    injector::send(relay.intake(), 1, mail::distinct(6, 100));
    relay.resume();
    sink.expect("connections", wait::PATIENCE, |record| record.open >= at_least);
    sink.release();
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    drop(relay);
    sink.record().most_open
}

#[test]
fn no_more_deliveries_at_once_than_a_destination_may_have() {
    assert_eq!(most_open(&[], 5), 5);
    // Successes let it grow.
    assert!(most_open(&[("initial_destination_concurrency", "2")], 2) < 5);
    assert_eq!(most_open(&[("default_destination_concurrency_limit", "1")], 1), 1);
    assert_eq!(most_open(&[("smtp_destination_concurrency_limit", "1")], 1), 1);
    assert_eq!(most_open(&[("default_process_limit", "1")], 1), 1);
}

#[test]
fn no_more_recipients_in_one_delivery_than_the_transport_may_have() {
    let sandbox = Sandbox::new("recipients");
    let sink = Sink::start(Settings::smtp());
    let mut relay = launch(&sandbox, &sink).option("smtp_destination_recipient_limit", "2").start();
    let recipients = (0..5).map(|n| format!("u{n}@d.test")).collect();
    let mail = mail::Mail { recipients, ..mail::distinct(1, 100).remove(0) };
    injector::send(relay.intake(), 1, vec![mail]);
    relay.expect_empty(wait::PATIENCE);
    let mut sizes: Vec<_> = sink.messages().iter().map(|message| message.recipients.len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 2, 2]);
    relay.stop();
}

/// How many of six messages for two destinations go out before a rest of this name ends.
fn sent_before_rest(parameter: &str) -> usize {
    let sandbox = Sandbox::new("rests");
    let sinks = [Sink::start(Settings::smtp()), Sink::start(Settings::smtp())];
    let [d, e] = sinks.each_ref().map(Sink::nexthop);
    let launch = Relay::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ d.test=smtp:{d}, e.test=smtp:{e} }}"));
    let mut relay = launch.clone().option(parameter, "1000s").held().start();
    injector::send(relay.intake(), 1, mail::spread(6, 100, &["d.test", "e.test"]));
    relay.resume();
    let sent = || sinks.iter().map(|sink| sink.messages().len()).sum::<usize>();
    wait::expect("the first of them", || (sent() > 0 && relay.queued() == 6 - sent()).then_some(()));
    relay.stop();
    let before = sent();
    // Without the parameter what was held back goes at once.
    let mut relay = launch.option(parameter, "0s").start();
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sent(), 6);
    relay.stop();
    before
}

#[test]
fn destinations_and_transports_rest_after_each_delivery() {
    for parameter in ["default_destination_rate_delay", "smtp_destination_rate_delay"] {
        assert!((1..=2).contains(&sent_before_rest(parameter)), "{parameter}");
    }
    for parameter in ["default_transport_rate_delay", "smtp_transport_rate_delay"] {
        assert_eq!(sent_before_rest(parameter), 1, "{parameter}");
    }
}

#[test]
fn a_rest_ends_by_itself() {
    for parameter in ["default_destination_rate_delay", "default_transport_rate_delay"] {
        let sandbox = Sandbox::new("rest-ends");
        let sink = Sink::start(Settings::smtp());
        let mut relay = launch(&sandbox, &sink).option(parameter, "1s").start();
        injector::send(relay.intake(), 1, mail::distinct(3, 100));
        relay.expect_empty(wait::PATIENCE);
        assert_eq!(sink.record().most_open, 1, "{parameter}");
        relay.stop();
    }
}

#[test]
fn the_cache_keeps_no_session_longer_than_its_own_limit() {
    let sandbox = Sandbox::new("ttl-limit");
    let sink = Sink::start(Settings::smtp());
    let launch = launch(&sandbox, &sink).option("smtp_connection_cache_destinations", "127.0.0.1");
    let launch = launch.option("smtp_connection_cache_time_limit", "1000s");
    let mut relay = launch.clone().option("connection_cache_ttl_limit", "1s").start();
    injector::send(relay.intake(), 1, mail::distinct(1, 100));
    sink.expect("the end of the session", wait::PATIENCE, |record| {
        record.messages.len() == 1 && record.connections.iter().all(|connection| connection.closed)
    });
    relay.stop();
}

#[test]
fn the_cache_tells_of_itself_as_often_as_it_is_asked_to() {
    let sandbox = Sandbox::new("statistics");
    let sink = Sink::start(Settings::smtp());
    let mut relay = launch(&sandbox, &sink)
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .option("connection_cache_status_update_time", "1s")
        .start();
    injector::send(relay.intake(), 1, mail::distinct(1, 100));
    relay.expect_empty(wait::PATIENCE);
    wait::expect("statistics", || relay.log().contains("statistics: ").then_some(()));
    relay.stop();
}

#[test]
fn the_listener_greets_with_the_name_of_the_product() {
    let sandbox = Sandbox::new("mail-name");
    let mut relay = Relay::in_sandbox(&sandbox).option("mail_name", "Pigeon").start();
    let mut greeting = String::new();
    let stream = std::net::TcpStream::connect(relay.intake()).unwrap();
    stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    BufReader::new(stream).read_line(&mut greeting).unwrap();
    assert_eq!(greeting, "220 relay.test ESMTP Pigeon\r\n");
    relay.stop();
}

#[test]
fn subdomains_follow_their_parent_or_not() {
    for (list, arrives) in [("transport_maps", true), ("", false)] {
        let sandbox = Sandbox::new("parents");
        let (sink, other) = (Sink::start(Settings::smtp()), Sink::start(Settings::smtp()));
        let mut relay = launch(&sandbox, &other)
            .option("transport_maps", format!("inline:{{ test=smtp:{} }}", sink.nexthop()))
            .option("parent_domain_matches_subdomains", list)
            .start();
        injector::send(relay.intake(), 1, mail::distinct(1, 100));
        relay.expect_empty(wait::PATIENCE);
        assert_eq!(sink.messages().len() == 1, arrives, "{list}");
        relay.stop();
    }
}

#[test]
fn processes_run_as_the_account_that_owns_the_queue() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = Sandbox::new("owner");
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let nobody = accounts.lines().find_map(|line| line.strip_prefix("nobody:x:")).unwrap();
    let wanted = nobody.split(':').next().unwrap();
    let mut relay = Relay::in_sandbox(&sandbox).option("mail_owner", "nobody").start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", relay.supervisor().pid)).unwrap();
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert_eq!(user.split_whitespace().nth(1), Some(wanted));
    relay.stop();
}
