//! Workers that break the rules, stop or die: that one is dropped, the others notice nothing.

use crate::harness::*;
use proto::cache::{MAX_ENDPOINTS, ToCache};
use proto::channel::ChannelError;
use proto::key::EndpointKey;
use proto::packet::MAX_PACKET;
use proto::parked::{MAX_PARKED_BYTES, Parked};
use std::os::fd::AsFd;

/// Whatever `offence` does to one worker's channel, it is dropped, and a session of another worker is taken by
/// a third as if nothing had happened.
fn costs_only_the_offender(offence: impl FnOnce(&mut Worker)) {
    let mut daemon = Daemon::start(CAPS);
    let (mut alice, mut bob) = (daemon.worker(1), daemon.worker(2));
    let _server = alice.park(parked(1, "a.example"));
    let mut offender = daemon.worker(3);
    offence(&mut offender);
    offender.expect_dropped();
    assert!(bob.take(1).is_some());
    assert!(alice.take(1).is_none());
    let counted = daemon.await_statistics(|counted| counted.dropped_clients == 1);
    assert_eq!((counted.held, counted.evicted, counted.expired), (0, 0, 0));
    let (status, log) = daemon.leave();
    assert!(status.success());
    assert_eq!(log.matches("warning: client [3] dropped: ").count(), 1, "{log}");
}

#[test]
fn garbage() {
    costs_only_the_offender(|worker| worker.send_raw(&[0xff; 300], &[]));
}

#[test]
fn half_a_message() {
    let whole = encoded(&ToCache::Park(parked(7, "b.example")));
    costs_only_the_offender(|worker| {
        let (session, _server) = pair();
        worker.send_raw(&whole[..whole.len() / 2], &[session.as_fd()]);
    });
}

#[test]
fn a_message_and_more() {
    let mut bytes = encoded(&ToCache::TakeByEndpoint(vec![endpoint(1)]));
    bytes.push(0);
    costs_only_the_offender(|worker| worker.send_raw(&bytes, &[]));
}

#[test]
fn a_packet_that_is_too_large() {
    costs_only_the_offender(|worker| worker.send_raw(&vec![0; MAX_PACKET + 10], &[]));
}

#[test]
fn a_session_without_its_descriptor() {
    let bytes = encoded(&ToCache::Park(parked(7, "b.example")));
    costs_only_the_offender(|worker| worker.send_raw(&bytes, &[]));
}

#[test]
fn too_many_descriptors_all_of_which_are_closed() {
    let park = encoded(&ToCache::Park(parked(7, "b.example")));
    let take = encoded(&ToCache::TakeByEndpoint(vec![]));
    for (bytes, count) in [(&park, 2), (&park, 3), (&park, 7), (&take, 1)] {
        let (session, server) = pair();
        costs_only_the_offender(|worker| worker.send_raw(bytes, &vec![session.as_fd(); count]));
        drop(session);
        assert_eq!(server.last_words(), "", "{count} descriptors");
    }
}

#[test]
fn more_endpoints_than_allowed() {
    let endpoints: Vec<EndpointKey> = (0..=MAX_ENDPOINTS).map(|number| endpoint(number as u16)).collect();
    costs_only_the_offender(|worker| worker.say(&ToCache::TakeByEndpoint(endpoints)));
}

#[test]
fn a_session_with_more_state_than_allowed() {
    let parked = Parked { sealed: vec![0; MAX_PARKED_BYTES], ..parked(7, "b.example") };
    costs_only_the_offender(|worker| drop(worker.park(parked)));
}

#[test]
fn a_second_greeting() {
    costs_only_the_offender(|worker| worker.say(&ToCache::Hello { version: proto::VERSION, pid: 3 }));
}

#[test]
fn nothing_is_served_before_the_greeting_or_in_another_version() {
    let mut daemon = Daemon::start(CAPS);
    let mut early = daemon.stranger();
    let server = early.park(parked(1, "a.example"));
    early.expect_dropped();
    assert_eq!(server.last_words(), "");
    let mut other = daemon.stranger();
    other.say(&ToCache::Hello { version: proto::VERSION + 1, pid: 9 });
    assert!(matches!(other.hear(), proto::cache::FromCache::Hello { version: proto::VERSION }));
    other.expect_dropped();
    daemon.await_statistics(|counted| counted.dropped_clients == 2 && counted.parked == 0);
    let (_, log) = daemon.leave();
    assert!(log.contains(&format!("dropped: speaks version {}", proto::VERSION + 1)), "{log}");
}

#[test]
fn a_worker_that_does_not_read_is_dropped_and_its_sessions_are_closed() {
    let mut daemon = Daemon::start(CAPS);
    let mut bob = daemon.worker(2);
    let mut reader = daemon.worker(1);
    let mut servers = Vec::new();
    for _ in 0..600 {
        servers.push(bob.park(parked(1, "a.example")));
    }
    assert_eq!(bob.take(9).map(drop), None);
    // It asks and asks; every answer carries a session.
    let question = ToCache::TakeByEndpoint(vec![endpoint(1)]);
    for _ in 0..600 {
        match reader.channel.send(&question, &[]) {
            Ok(()) => {}
            Err(ChannelError::Closed) => break,
            Err(other) => panic!("{other}"),
        }
    }
    let counted = daemon.await_statistics(|counted| counted.dropped_clients == 1);
    assert!(counted.held > 0 && counted.endpoint_hits > 0);
    drop(reader);
    assert!(bob.take(1).is_some(), "others are served");
    let held = daemon.statistics().held as usize;
    let (status, _) = daemon.leave();
    assert!(status.success());
    let words: Vec<_> = servers.into_iter().map(Server::last_words).collect();
    let farewells = words.iter().filter(|words| *words == "QUIT\r\n").count();
    assert_eq!(farewells, held, "the parked ones were said farewell to");
    assert_eq!(words.iter().filter(|words| words.is_empty()).count(), 600 - held, "all others are closed");
}

#[test]
fn a_worker_that_dies_with_a_session_on_its_way_costs_that_session_only() {
    let mut daemon = Daemon::start(CAPS);
    let mut alice = daemon.worker(1);
    let server = alice.park(parked(1, "a.example"));
    let other = alice.park(parked(2, "b.example"));
    alice.say(&ToCache::TakeByEndpoint(vec![endpoint(1)]));
    drop(alice);
    assert_eq!(server.last_words(), "", "closed");
    let counted = daemon.await_statistics(|counted| counted.held == 1);
    assert_eq!(counted.dropped_clients, 0, "leaving is no offence");
    let mut bob = daemon.worker(2);
    assert!(bob.take(2).is_some());
    drop(other);
}

#[test]
fn what_is_no_socket_is_not_kept() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    worker.channel.send(&ToCache::Park(parked(1, "a.example")), &[file.as_fd()]).unwrap();
    daemon.await_statistics(|counted| counted.parked == 1 && counted.evicted == 1);
    assert!(worker.take(1).is_none());
}

#[test]
fn a_flood_of_offences_does_not_flood_the_log() {
    let mut daemon = Daemon::start(CAPS);
    for _ in 0..200 {
        let mut worker = daemon.worker(1);
        worker.send_raw(&[0xff; 9], &[]);
        worker.expect_dropped();
    }
    daemon.await_statistics(|counted| counted.dropped_clients == 200);
    let (_, log) = daemon.leave();
    let lines = log.matches("warning: client").count();
    assert!((20..100).contains(&lines), "{lines} lines");
}
