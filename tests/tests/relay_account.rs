//! A relay that root started and that has given root up: what needs no privilege works without one.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use testkit::mail::Mail;
use testkit::relay::Relay;
use testkit::sink::{Settings, Sink, Tls};
use testkit::{Sandbox, injector, programs, wait};

/// An account of every system, which may do nothing.
const ACCOUNT: &str = "nobody";
const ACCOUNTS_NUMBER: &str = "65534";

#[test]
fn an_encrypted_session_goes_from_process_to_process_by_way_of_a_confined_cache() {
    let sandbox = Sandbox::new("acct");
    let sink = Sink::start(Settings::smtp().tls(&Tls::default()));
    let libexec = sandbox.folder("libexec");
    for name in ["scache", "baton-worker"] {
        // Where they were built the account may not have access.
        fs::copy(programs::ours(name), libexec.join(name)).unwrap();
    }
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("mail_owner", ACCOUNT)
        .option("relayhost", sink.nexthop())
        .option("max_use", "1")
        .option("smtp_connection_cache_destinations", "static:all")
        .option("smtp_connection_cache_time_limit", "600s")
        .libexec(&libexec)
        .start();
    for number in 1..=5 {
        let id = format!("{number}@client.test");
        injector::send(relay.intake(), 1, vec![Mail::new("user@d.test", &id, b"the body\r\n")]);
        sink.expect_messages(number);
        relay.expect_empty(wait::PATIENCE);
    }
    let record = sink.record();
    assert_eq!((record.connections.len(), record.handshakes), (1, 1), "{record}\n{}", relay.log());
    let statistics = relay.command(&["statistics"]);
    assert!(statistics.contains("handovers: 4"), "{statistics}");
    let scache = relay.processes("scache").remove(0);
    let status = fs::read_to_string(format!("/proc/{}/status", scache.pid)).unwrap();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    assert!(uids.split_whitespace().all(|uid| uid == ACCOUNTS_NUMBER), "{status}");
    assert!(status.contains("Seccomp:\t2"), "{status}");
    assert!(!relay.log().contains("warning"), "{}", relay.log());
    relay.stop();
}
