//! The supervisor's side: flush, list in pages, reconfigure, statistics, and a supervisor that misbehaves.

use crate::harness::*;
use proto::parked::{Label, Parked};
use proto::steward::{Caps, FromSteward, ToSteward};
use std::collections::BTreeSet;
use std::os::fd::AsFd;
use std::process::Command;

#[test]
fn a_long_list_comes_in_pages_that_miss_nothing() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(77);
    let mut servers = Vec::new();
    for number in 0..600_u16 {
        let label = Label { service: "smtp".into(), nexthop: "x".repeat(200), relay: number.to_string() };
        servers.push(worker.park(Parked { label, uses_left: 3, ..parked(number, "a.example") }));
    }
    daemon.await_statistics(|counted| counted.held == 600);
    let (listed, pages) = daemon.list();
    assert!(pages >= 3, "{pages} pages");
    let relays: BTreeSet<_> = listed.iter().map(|listed| listed.label.relay.clone()).collect();
    assert_eq!((listed.len(), relays.len()), (600, 600));
    assert!(listed.iter().all(|listed| listed.parked_by == 77 && listed.uses_left == 3));
    assert!(listed.iter().all(|listed| listed.expires_ms > 3_000_000 && listed.label.nexthop.len() == 200));
}

#[test]
fn the_largest_session_fits_into_a_page() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(u32::MAX);
    let label = Label { nexthop: "n".repeat(16_000), ..Label::default() };
    let _server =
        worker.park(Parked { label, uses_left: u32::MAX, farewell: vec![], ..parked(1, "a.example") });
    daemon.await_statistics(|counted| counted.held == 1);
    assert_eq!(daemon.list().0[0].label.nexthop.len(), 16_000);
}

#[test]
fn flush_ends_one_next_hop_or_all() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let a = worker.park(parked(1, "a.example"));
    let b = worker.park(parked(2, "b.example"));
    daemon.await_statistics(|counted| counted.held == 2);
    assert_eq!(daemon.ask(&ToSteward::Flush(Some("a.example".into()))), FromSteward::Done(1));
    assert_eq!(a.last_words(), "QUIT\r\n");
    assert_eq!(daemon.ask(&ToSteward::Flush(Some("A.example".into()))), FromSteward::Done(0));
    assert_eq!(daemon.ask(&ToSteward::Flush(None)), FromSteward::Done(1));
    assert_eq!(b.last_words(), "QUIT\r\n");
    assert_eq!(daemon.statistics().flushed, 2);
}

#[test]
fn new_caps_apply_to_what_is_parked() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let mut servers: Vec<_> = (0..10).map(|_| worker.park(parked(1, "a.example"))).collect();
    daemon.await_statistics(|counted| counted.held == 10);
    assert_eq!(daemon.ask(&ToSteward::Reconfigure(Caps { sessions: 6, ..CAPS })), FromSteward::Done(4));
    for server in servers.drain(..4) {
        assert_eq!(server.last_words(), "QUIT\r\n");
    }
    assert_eq!(daemon.ask(&ToSteward::Reconfigure(Caps { per_endpoint: 5, ..CAPS })), FromSteward::Done(1));
    assert_eq!(daemon.ask(&ToSteward::Reconfigure(Caps { idle_ms: 0, ..CAPS })), FromSteward::Done(5));
    let counted = daemon.statistics();
    assert_eq!((counted.displaced, counted.expired, counted.held), (5, 5, 0));
}

#[test]
fn statistics_are_logged_when_asked_for_and_at_the_end() {
    let mut daemon = Daemon::start(Caps { status_update_s: 1, ..CAPS });
    let mut worker = daemon.worker(1);
    let _server = worker.park(parked(1, "a.example"));
    assert!(worker.take(1).is_some());
    assert!(worker.take(1).is_none());
    let mut log = String::new();
    let mut lines = std::io::BufReader::new(daemon.child.stderr.take().unwrap());
    while !log.contains("max simultaneous") {
        assert!(std::io::BufRead::read_line(&mut lines, &mut log).unwrap() > 0, "{log}");
    }
    let texts: Vec<_> = log.lines().map(|line| line.split_once("]: ").unwrap().1).collect();
    assert!(texts[0].starts_with("statistics: start interval "), "{log}");
    assert_eq!(texts[1], "statistics: address lookup hits=1 miss=1 success=50%");
    assert_eq!(texts[2], "statistics: max simultaneous domains=1 addresses=1 connection=1");
    let prefix = log.lines().next().unwrap().split_once(" baton/scache[").unwrap().0;
    assert_eq!(prefix.split_whitespace().count(), 4, "Mon DD HH:MM:SS host: {prefix}");
}

#[test]
fn a_supervisor_that_reads_late_gets_every_answer_in_order() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let mut servers = Vec::new();
    for number in 0..250_u16 {
        let label = Label { nexthop: "y".repeat(200), ..Label::default() };
        servers.push(worker.park(Parked { label, ..parked(number, "a.example") }));
    }
    daemon.await_statistics(|counted| counted.held == 250);
    for _ in 0..40 {
        daemon.steward.send(&ToSteward::List(0), &[]).unwrap();
    }
    daemon.steward.send(&ToSteward::Flush(None), &[]).unwrap();
    assert!(worker.take(9).is_some(), "workers are served meanwhile");
    for _ in 0..40 {
        let (FromSteward::Page { sessions, .. }, _) = daemon.steward.receive().unwrap() else {
            panic!("not a page")
        };
        assert!(sessions.len() >= 200);
    }
    assert_eq!(daemon.steward.receive::<FromSteward>().unwrap().0, FromSteward::Done(249));
}

#[test]
fn a_supervisor_of_another_release_is_told_and_left() {
    let (daemon, sessions) = Daemon::start_as(&mut Command::new(program()), proto::VERSION + 1, CAPS);
    assert_eq!(sessions, Some(0));
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("fatal: supervisor: speaks version"), "{log}");
}

#[test]
fn a_supervisor_that_breaks_the_protocol_ends_the_daemon_politely() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let server = worker.park(parked(1, "a.example"));
    daemon.await_statistics(|counted| counted.held == 1);
    rustix::net::send(&daemon.steward, &[0xff; 20], rustix::net::SendFlags::NOSIGNAL).unwrap();
    assert_eq!(server.last_words(), "QUIT\r\n");
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("fatal: supervisor: packet does not decode"), "{log}");
}

#[test]
fn a_client_that_is_no_packet_socket_is_refused() {
    let mut daemon = Daemon::start(CAPS);
    let (stream, server) = pair();
    daemon.steward.send(&ToSteward::Client, &[stream.as_fd()]).unwrap();
    drop(stream);
    assert_eq!(server.last_words(), "");
    assert_eq!(daemon.statistics().dropped_clients, 1);
}
