//! The daemon as the supervisor and the workers meet it: real process, real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails shall say so"
)]

mod faults;
mod harness;
mod lifetime;
mod stewardship;

use harness::*;
use proto::cache::ToCache;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

#[test]
fn a_session_goes_from_one_worker_to_another_alive() {
    let mut daemon = Daemon::start(CAPS);
    let (mut alice, mut bob) = (daemon.worker(1), daemon.worker(2));
    let server = alice.park(parked(1, "example.org"));
    daemon.await_statistics(|counted| counted.held == 1);
    drop(alice);

    let (taken, session) = bob.ask(&ToCache::TakeByDestination(destination("example.org"))).unwrap();
    assert_eq!((taken.endpoint, taken.route), (endpoint(1), Some(b"route".to_vec())));
    assert_eq!((taken.sealed, taken.uses_left, taken.pace_us), (b"sealed".to_vec(), 10, 1000));
    let way = bob.way(destination("example.org"));
    assert_eq!(way, Some(endpoint(1)), "moved, not copied; the route stays");
    assert_eq!(bob.way(destination("example.net")), None);

    UnixStream::from(session).write_all(b"MAIL").unwrap();
    assert_eq!(server.last_words(), "MAIL", "and scache holds no copy that would keep it open");
    let counted = daemon.statistics();
    assert_eq!((counted.destination_hits, counted.destination_misses), (1, 2));
    assert_eq!((counted.parked, counted.handed_over, counted.held, counted.peak), (1, 1, 0, 1));
}

#[test]
fn five_hundred_destinations_share_the_sessions_of_their_hosts() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let mut servers = Vec::new();
    for number in 0..500_u16 {
        let domain = format!("domain{number}.example");
        let host = number % 20;
        match worker.take(host) {
            Some((_, session)) => worker.park_again(parked(host, &domain), &session),
            None => servers.push(worker.park(parked(host, &domain))),
        }
    }
    assert_eq!(servers.len(), 20);
    for number in 0..500_u16 {
        let domain = format!("domain{number}.example");
        let (taken, session) = worker.ask(&ToCache::TakeByDestination(destination(&domain))).expect(&domain);
        assert_eq!(taken.endpoint, endpoint(number % 20));
        worker.park_again(parked(number % 20, &domain), &session);
    }
}

#[test]
fn put_back_leaves_a_session_as_it_was() {
    let mut daemon = Daemon::start(CAPS);
    let (mut alice, mut bob) = (daemon.worker(1), daemon.worker(2));
    let _server = alice.park(parked(1, "a.example"));
    daemon.await_statistics(|counted| counted.held == 1);
    let (_, session) = bob.ask(&ToCache::TakeByDestination(destination("a.example"))).unwrap();
    let unfit = proto::parked::Parked { route: None, ..parked(1, "a.example") };
    bob.channel.send(&ToCache::PutBack(unfit), &[session.as_fd()]).unwrap();
    drop(session);
    assert!(bob.ask(&ToCache::TakeByDestination(destination("a.example"))).is_none(), "the route was wrong");
    let (listed, _) = daemon.list();
    assert_eq!((listed.len(), listed[0].parked_by), (1, 1));
    assert!(bob.take(1).is_some());
    assert_eq!(daemon.statistics().put_back, 1);
}

#[test]
fn the_faster_session_is_taken_first() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let mut servers = Vec::new();
    for (number, pace_us) in [(1, 500), (2, 100), (3, 300)] {
        servers.push(worker.park(proto::parked::Parked { pace_us, ..parked(number, "x.example") }));
    }
    let wanted = ToCache::TakeByDestination(destination("x.example"));
    let order: Vec<_> = std::iter::from_fn(|| worker.ask(&wanted)).map(|(taken, _)| taken.pace_us).collect();
    assert_eq!(order, [100, 300, 500]);
}

#[test]
fn it_refuses_to_start_by_hand() {
    let output = std::process::Command::new(program()).stdin(std::process::Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("started by `baton relay`"));
    let output = std::process::Command::new(program()).arg("-v").output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}

#[test]
fn it_gives_up_what_it_does_not_need() {
    let daemon = Daemon::start(CAPS);
    let read = |name| std::fs::read_to_string(format!("/proc/{}/{name}", daemon.child.id())).unwrap();
    for line in ["NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(read("status").contains(line), "{}", read("status"));
    }
    let limits = read("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let files: Vec<_> = files.split_whitespace().skip(3).take(2).collect();
    assert_eq!(files[0], files[1], "the soft limit is the hard one");
    let memory = std::fs::File::open(format!("/proc/{}/mem", daemon.child.id())).map(OwnedFd::from);
    let owner = std::os::unix::fs::MetadataExt::uid(
        &std::fs::metadata(format!("/proc/{}/mem", daemon.child.id())).unwrap(),
    );
    assert!(owner == 0 || memory.is_err(), "not dumpable: its memory belongs to root");
}

#[test]
fn it_does_not_start_where_it_cannot_be_confined() {
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "-e", "inject=seccomp:error=EINVAL", "--", program()]);
    let (daemon, greeting) = Daemon::start_as(&mut command, proto::VERSION, CAPS);
    assert_eq!(greeting, None);
    let (status, log) = daemon.wait();
    assert_eq!(status.code(), Some(1));
    assert!(
        log.contains("fatal: without confinement (a seccomp filter) no connection is kept here: "),
        "{log}"
    );
}
