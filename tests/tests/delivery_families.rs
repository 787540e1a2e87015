//! Servers with addresses of both families, one of which leads nowhere (RFC 8305).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use testkit::mail;
use testkit::relay::Relay;
use testkit::sink::{Listen, Settings, Sink};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, injector, wait};

/// Connections to `[::1]` at this port get no answer: its queue of connections is full, and nobody takes one out.
fn silent(port: u16) -> Vec<OwnedFd> {
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    // No process that is started later has it too: it goes when the test lets it go.
    let new = || socket_with(AddressFamily::INET6, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let server = new();
    bind(&server, &address).unwrap();
    listen(&server, 0).unwrap();
    let client = new();
    connect(&client, &address).unwrap();
    vec![server, client]
}

/// A relay that prefers IPv6, to a host whose IPv6 address does not answer, and the host.
fn stage(sandbox: &Sandbox, stagger: &str) -> (Relay, Sink, FakeDns, Vec<OwnedFd>) {
    let settings =
        Settings { listen: vec![Listen::Tcp((Ipv4Addr::LOCALHOST, 0).into())], ..Settings::smtp() };
    let sink = Sink::start(settings);
    let port = sink.address().port();
    let silent = silent(port);
    let zone = Zone::new()
        .address("mx.test", Ipv4Addr::LOCALHOST.into())
        .address("mx.test", Ipv6Addr::LOCALHOST.into());
    let dns = FakeDns::start(zone);
    let server = dns.address();
    let relay = Relay::in_sandbox(sandbox)
        .option("baton_dns_server", format!("{}:{}", server.ip(), server.port()))
        .option("relayhost", format!("[mx.test]:{port}"))
        .option("smtp_address_preference", "ipv6")
        .option("smtp_connect_timeout", "1h")
        .option("baton_connect_stagger", stagger)
        .start();
    (relay, sink, dns, silent)
}

#[test]
fn baton_connect_stagger_lets_the_other_family_try_beside_one_that_does_not_answer() {
    let sandbox = Sandbox::new("families");
    let (mut relay, sink, _dns, _silent) = stage(&sandbox, "50");
    injector::send(relay.intake(), 1, mail::distinct(1, 100));
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}

#[test]
fn without_baton_connect_stagger_one_host_is_tried_after_the_other() {
    let sandbox = Sandbox::new("families-strict");
    let (mut relay, sink, _dns, silent) = stage(&sandbox, "0");
    injector::send(relay.intake(), 1, mail::distinct(1, 100));
    // The worker that has the message waits for the silent address.
    let port = format!(":{:04X}", sink.address().port());
    wait::expect("a connection that is not answered", || {
        let table = std::fs::read_to_string("/proc/net/tcp6").unwrap();
        let mut rows = table.lines().filter_map(|row| {
            let mut columns = row.split_ascii_whitespace().skip(2);
            Some((columns.next()?, columns.next()?))
        });
        // State 02 is SYN_SENT.
        rows.any(|(remote, state)| remote.ends_with(&port) && state == "02").then_some(())
    });
    // Once it is refused, and only then, it is the other one's turn.
    drop(silent);
    sink.expect_messages(1);
    let refused = format!("connect to mx.test[::1]:{}: Connection refused", sink.address().port());
    assert!(relay.log().contains(&refused), "{}", relay.log());
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}
