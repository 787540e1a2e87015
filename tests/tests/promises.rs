//! What an administrator is promised, each in the short form of its demonstration (`tests/show` has the long ones).
use std::time::Duration;
use testkit::peer::{Kind, Suite};
use testkit::relay::Relay;
use testkit::show::{blackhole, crash, exactly_once, final_reply, intake_sync, tls_chain};
use testkit::sink::{Settings, Sink};
use testkit::{Sandbox, injector, ledger, mail, wait};

const PLAN: exactly_once::Plan = exactly_once::Plan {
    messages: 500,
    size: 3_000,
    sessions: 5,
    concurrency: 10,
    limit: Duration::from_secs(60),
};

#[test]
fn mail_of_a_stock_client_arrives_once_and_unchanged_over_few_connections() {
    let outcome = exactly_once::from_smtp_source(&PLAN);
    assert!(outcome.holds(&PLAN), "{outcome:?}");
}

#[test]
fn bodies_that_transports_get_wrong_arrive_unchanged() {
    let outcome = exactly_once::from_injector(&PLAN);
    assert!(outcome.holds(&PLAN), "{outcome:?}");
}

#[test]
fn lmtp_over_a_unix_socket_works_the_same() {
    let sandbox = Sandbox::new("lmtp");
    let sink = Sink::start(Settings::lmtp_unix(sandbox.join("lmtp.sock")));
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("default_transport", format!("lmtp:{}", sink.nexthop()))
        .held()
        .start();
    let sent = injector::send(relay.intake(), 2, mail::distinct(100, 2_000));
    relay.resume();
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!(balance.faults(), 0, "{balance}");
    assert!(sink.record().connections.len() <= 20, "{}", sink.record());
}

/// Every so-many-th call; the demonstration takes each.
const STEP: usize = 7;

fn survives(victim: crash::Victim) {
    survives_on(victim, [crash::Session::Parked, crash::Session::Fresh]);
}

fn survives_on(victim: crash::Victim, sessions: [crash::Session; 2]) {
    for session in sessions {
        let outcomes = crash::every_cut(victim, session, STEP);
        assert!(!outcomes.is_empty(), "no cut was reached");
        let wrong: Vec<_> = outcomes.iter().filter(|outcome| !outcome.holds()).collect();
        assert!(wrong.is_empty(), "{session}: {wrong:#?}");
    }
}

#[test]
fn killed_worker_loses_nothing() {
    survives(crash::Victim::Worker);
}

#[test]
fn killed_worker_loses_nothing_under_tls() {
    survives_on(crash::Victim::Worker, [crash::Session::ParkedTls, crash::Session::FreshTls]);
}

#[test]
fn killed_scache_costs_no_mail() {
    survives(crash::Victim::Scache);
}

#[test]
fn killed_supervisor_loses_nothing() {
    survives(crash::Victim::Supervisor);
}

#[test]
fn supervisor_killed_before_the_final_reply_makes_no_second_copy() {
    for answer in [final_reply::Answer::BeforeRestart, final_reply::Answer::AfterRestart] {
        assert_eq!(final_reply::run(answer), (1, 0), "copies and messages left, {answer:?}");
    }
}

#[test]
fn accepted_mail_is_on_stable_storage() {
    let acceptances = intake_sync::run(3);
    assert_eq!(acceptances.len(), 3);
    for acceptance in acceptances {
        assert!(acceptance.holds(), "{acceptance:?}");
    }
}

#[test]
fn blackholes_do_not_hold_up_other_destinations() {
    let plan =
        blackhole::Plan { messages: 100, holes: 5, rounds: 1, delay: Duration::ZERO, limit: wait::PATIENCE };
    // It ends the test by itself when the good destination's mail does not get through.
    let (_, connections) = blackhole::run(&plan, plan.holes);
    assert!(connections > 0, "the blackholes were tried");
}

/// The demonstration takes every suite with every server.
fn one_handshake_serves_a_chain_of_processes(server: Kind, suite: Suite) {
    let outcome = tls_chain::run(server, suite, tls_chain::Plan::LEAST);
    assert!(outcome.holds(), "{outcome}");
}

#[test]
fn one_handshake_with_rustls_serves_a_chain_of_processes() {
    one_handshake_serves_a_chain_of_processes(Kind::Rustls, "ECDHE-RSA-CHACHA20-POLY1305".parse().unwrap());
}

#[test]
fn one_handshake_with_openssl_serves_a_chain_of_processes() {
    one_handshake_serves_a_chain_of_processes(Kind::Postfix, "TLS_AES_256_GCM_SHA384".parse().unwrap());
}

#[test]
fn one_handshake_with_gnutls_serves_a_chain_of_processes() {
    one_handshake_serves_a_chain_of_processes(Kind::Gnutls, "ECDHE-ECDSA-AES128-GCM-SHA256".parse().unwrap());
}
