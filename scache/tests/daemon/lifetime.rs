//! How sessions end while they are parked: by the server, by time, by a limit, with the daemon.

use crate::harness::*;
use proto::clock::Boottime;
use proto::parked::Parked;
use proto::steward::Caps;
use rustix::process::{Pid, Signal};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_session_that_its_server_ends_is_evicted_without_farewell() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let server = worker.park(parked(1, "a.example"));
    let half = worker.park(parked(2, "b.example"));
    daemon.await_statistics(|counted| counted.held == 2);
    drop(server);
    half.0.shutdown(std::net::Shutdown::Write).unwrap();
    let counted = daemon.await_statistics(|counted| counted.evicted == 2);
    assert_eq!(counted.held, 0);
    assert_eq!(half.last_words(), "");
    assert!(worker.take(1).is_none());
}

#[test]
fn a_session_that_says_something_nobody_asked_for_is_evicted() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let mut server = worker.park(parked(1, "a.example"));
    server.say("421 4.3.2 closing\r\n");
    daemon.await_statistics(|counted| counted.evicted == 1);
    assert!(worker.take(1).is_none());
}

#[test]
fn a_session_is_watched_again_after_it_was_taken_and_parked_again() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let servers: Vec<_> = (0..3).map(|number| worker.park(parked(number, "a.example"))).collect();
    for round in 0..3 {
        // The sweep has passed when a session that was parked later has been found dead.
        drop(worker.park(parked(100 + round, "dead.example")));
        daemon.await_statistics(|counted| counted.evicted == u64::from(round) + 1);
        let (_, session) = worker.take(round).unwrap();
        worker.park_again(parked(round, "a.example"), &session);
    }
    drop(servers);
    let counted = daemon.await_statistics(|counted| counted.evicted == 6);
    assert_eq!(counted.held, 0);
}

#[test]
fn an_idle_session_is_said_farewell_to() {
    let mut daemon = Daemon::start(Caps { idle_ms: 30, ..CAPS });
    let mut worker = daemon.worker(1);
    let idle = worker.park(parked(1, "a.example"));
    let old = worker.park(Parked { retire_at: Boottime::now(), ..parked(2, "a.example") });
    let silent = worker.park(Parked { farewell: vec![], ..parked(3, "a.example") });
    assert_eq!(idle.last_words(), "QUIT\r\n");
    assert_eq!(old.last_words(), "QUIT\r\n");
    assert_eq!(silent.last_words(), "");
    let counted = daemon.statistics();
    assert_eq!((counted.expired, counted.held), (3, 0));
}

#[test]
fn an_expired_session_is_never_handed_out() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let retire_at = Boottime::now().after(Duration::from_millis(20));
    let _server = worker.park(Parked { retire_at, ..parked(1, "a.example") });
    while let Some((_, session)) = worker.take(1) {
        // Sent before the deadline as the clock stood then; what matters is that it ends.
        worker.park_again(Parked { retire_at, ..parked(1, "a.example") }, &session);
    }
    assert!(Boottime::now() >= retire_at);
}

#[test]
fn a_server_that_takes_no_farewell_holds_nobody_up() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let (session, _server) = pair();
    rustix::io::ioctl_fionbio(&session, true).unwrap();
    while rustix::io::write(&session, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&session, false).unwrap();
    worker.park_again(parked(1, "a.example"), &session);
    daemon.await_statistics(|counted| counted.held == 1);
    let (status, _) = daemon.leave();
    assert!(status.success());
}

#[test]
fn end_of_file_from_the_supervisor_ends_everything_politely() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let servers: Vec<_> = (0..700).map(|number| worker.park(parked(number, "a.example"))).collect();
    daemon.await_statistics(|counted| counted.held == 700);
    let (status, log) = daemon.leave();
    assert!(status.success(), "{log}");
    for server in servers {
        assert_eq!(server.last_words(), "QUIT\r\n");
    }
    worker.expect_dropped();
    assert!(log.contains("statistics: max simultaneous domains=1 addresses=700 connection=700"), "{log}");
}

#[test]
fn sigterm_likewise_and_the_terminals_signals_are_not_for_it() {
    let mut daemon = Daemon::start(CAPS);
    let mut worker = daemon.worker(1);
    let server = worker.park(parked(1, "a.example"));
    daemon.await_statistics(|counted| counted.held == 1);
    let pid = Pid::from_child(&daemon.child);
    for signal in [Signal::INT, Signal::HUP] {
        rustix::process::kill_process(pid, signal).unwrap();
    }
    assert_eq!(daemon.statistics().held, 1);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(server.last_words(), "QUIT\r\n");
    assert!(daemon.wait().0.success());
}

#[test]
fn the_session_cap_follows_the_descriptor_limit() {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n 96 && exec {}", program())]);
    let (mut daemon, sessions) = Daemon::start_as(&mut shell, proto::VERSION, CAPS);
    let sessions = sessions.unwrap() as usize;
    assert_eq!(sessions, 48);
    let mut worker = daemon.worker(1);
    let mut servers: Vec<_> = (0..150).map(|number| worker.park(parked(number, "a.example"))).collect();
    let counted = daemon.await_statistics(|counted| counted.parked == 150);
    assert_eq!((counted.held as usize, counted.displaced as usize), (sessions, 150 - sessions));
    for server in servers.drain(..150 - sessions) {
        assert_eq!(server.last_words(), "QUIT\r\n", "the oldest goes first");
    }
    for number in 150 - sessions..150 {
        assert!(worker.take(number as u16).is_some());
    }
    assert!(daemon.leave().0.success());
}

#[test]
fn more_clients_than_descriptors_are_refused_and_nobody_suffers() {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n 64 && exec {}", program())]);
    let (mut daemon, _) = Daemon::start_as(&mut shell, proto::VERSION, CAPS);
    let mut first = daemon.worker(0);
    let crowd: Vec<_> = (1..80).map(|_| daemon.stranger()).collect();
    let counted = daemon.await_statistics(|counted| counted.dropped_clients > 0);
    assert_eq!(counted.dropped_clients, 80 - 31);
    assert!(first.take(1).is_none(), "still served");
    drop(crowd);
    let server = loop {
        // Room comes back as the crowd leaves.
        let server = first.park(parked(1, "a.example"));
        if first.take(1).is_some() {
            break server;
        }
    };
    drop(server);
}
