//! Whose credential it is where a next hop has several hosts, or none with a name, and what a refused login means for them.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::net::Ipv4Addr;
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::{Launch, Relay};
use testkit::sink::{Listen, Rule, Settings, Sink, Stage};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, injector, wait};

/// Two exchangers; each has a credential of its own, and so has the next hop.
const PASSWORDS: &str = "mx1.test first:pw-of-first\nmx2.test second:pw-of-second\none.test hop:pw-of-hop\n";

fn exchangers() -> Zone {
    Zone::new()
        .mx("one.test", 10, "mx1.test")
        .mx("one.test", 20, "mx2.test")
        .address("mx1.test", Ipv4Addr::new(127, 0, 0, 9).into())
        .address("mx2.test", Ipv4Addr::LOCALHOST.into())
}

/// A relay with one worker and these credentials.
fn launch(sandbox: &Sandbox, passwords: &str) -> Launch {
    let passwords = sandbox.write("passwords", passwords);
    Relay::in_sandbox(sandbox)
        .option("smtp_sasl_auth_enable", "yes")
        .option("lmtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_password_maps", format!("texthash:{}", passwords.display()))
        .option("lmtp_sasl_password_maps", format!("texthash:{}", passwords.display()))
        .option("smtp_sasl_security_options", "noanonymous")
        .option("lmtp_sasl_security_options", "noanonymous")
        .option("default_process_limit", "1")
}

fn lines(relay: &Relay) -> Vec<Line> {
    let log = relay.log();
    log.lines().filter(|line| line.contains(" status=")).filter_map(Line::parse).collect()
}

fn send(relay: &Relay) -> Line {
    let before = lines(relay).len();
    let mail = Mail::new("r@d.test", &format!("m{before}@client.test"), b"text\r\n");
    injector::send(relay.intake(), 1, vec![mail]);
    let line = wait::until(wait::PATIENCE, || lines(relay).into_iter().nth(before));
    line.unwrap_or_else(|| panic!("no delivery line; log:\n{}", relay.log()))
}

fn logins(sink: &Sink) -> Vec<String> {
    sink.record().connections.iter().flat_map(|connection| connection.logins.clone()).collect()
}

const WARNING: &str = "goes to whatever host MX records name";

#[test]
fn a_refused_login_is_a_reason_to_try_the_next_host_with_its_own_credential() {
    let offers = || Settings::smtp().with("AUTH PLAIN");
    let second = Sink::start(offers());
    let port = second.address().port();
    let there = Listen::Tcp((Ipv4Addr::new(127, 0, 0, 9), port).into());
    let refuses = Rule::at(Stage::Auth).reply("535 5.7.8 not you");
    let first = Sink::start(offers().rule(refuses).listening([there]));
    let (dns, sandbox) = (FakeDns::start(exchangers()), Sandbox::new("auth-mx"));
    let dns_server = format!("{}:{}", dns.address().ip(), dns.address().port());
    let relay = launch(&sandbox, PASSWORDS)
        .option("baton_dns_server", dns_server)
        .option("relayhost", format!("one.test:{port}"))
        .start();
    for _ in 0..2 {
        let line = send(&relay);
        assert_eq!((&*line.status, line.relay), ("sent", format!("mx2.test[127.0.0.1]:{port}")));
    }
    assert!(first.messages().is_empty());
    assert!(logins(&second).iter().all(|login| login == "PLAIN second pw-of-second"));
    let log = relay.log();
    assert!(log.contains("server mx1.test[127.0.0.9] said: 535 5.7.8 not you"), "{log}");
    assert_eq!(log.matches(WARNING).count(), 1, "once, however many hosts and messages: {log}");
    assert!(!log.contains("pw-of"), "{log}");
}

#[test]
fn a_session_that_a_host_s_own_credential_opened_is_found_again_by_destination() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let port = sink.address().port();
    let zone = Zone::new().mx("two.test", 10, "mx2.test").address("mx2.test", Ipv4Addr::LOCALHOST.into());
    let (dns, sandbox) = (FakeDns::start(zone), Sandbox::new("auth-again"));
    let dns_server = format!("{}:{}", dns.address().ip(), dns.address().port());
    let relay = launch(&sandbox, PASSWORDS)
        .option("baton_dns_server", dns_server)
        .option("relayhost", format!("two.test:{port}"))
        .option("smtp_connection_cache_destinations", "two.test")
        .option("smtp_connection_cache_time_limit", "30s")
        .option("connection_cache_ttl_limit", "30s")
        .start();
    let uses: Vec<_> = (0..3).map(|_| send(&relay).conn_use).collect();
    assert_eq!(uses, [None, Some(2), Some(3)], "{}", relay.log());
    assert_eq!(logins(&sink), ["PLAIN second pw-of-second"]);
}

#[test]
fn hosts_that_are_named_or_checked_are_not_worth_the_warning() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let port = sink.address().port();
    let sandbox = Sandbox::new("auth-brackets");
    let relay = launch(&sandbox, &format!("[127.0.0.1]:{port} user:pw\n"));
    let relay = relay.option("relayhost", sink.nexthop()).start();
    assert_eq!(send(&relay).status, "sent");
    assert_eq!(logins(&sink), ["PLAIN user pw"]);
    assert!(!relay.log().contains(WARNING), "{}", relay.log());
}

#[test]
fn lmtp_servers_are_logged_in_to_by_the_path_of_their_socket() {
    let sandbox = Sandbox::new("auth-lmtp");
    let socket = sandbox.join("lmtp");
    let sink = Sink::start(Settings::lmtp_unix(socket.clone()).with("AUTH PLAIN"));
    let relay = launch(&sandbox, &format!("{} user:pw\n", socket.display()))
        .option("default_transport", format!("lmtp:unix:{}", socket.display()))
        .start();
    assert_eq!(send(&relay).status, "sent", "{}", relay.log());
    assert_eq!(logins(&sink), ["PLAIN user pw"]);
}

#[test]
fn an_lmtp_session_lost_in_a_login_was_lost_in_the_lhlo_handshake() {
    let sandbox = Sandbox::new("auth-lost");
    let socket = sandbox.join("lmtp");
    let closes = Rule::at(Stage::Auth);
    let _sink = Sink::start(Settings::lmtp_unix(socket.clone()).with("AUTH PLAIN").rule(closes));
    let relay = launch(&sandbox, &format!("{} user:pw\n", socket.display()))
        .option("default_transport", format!("lmtp:unix:{}", socket.display()))
        .start();
    let line = send(&relay);
    assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.4.2"));
    assert!(line.reason.ends_with("while performing the LHLO handshake"), "{line:?}");
}
