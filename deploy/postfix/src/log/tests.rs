//! Shapes of lines, and a log daemon that comes late, goes, is slow, does not read, or waits for master.

use super::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

fn log(target: Target) -> Log {
    Log {
        socket: None,
        target,
        zone: TimeZone::UTC,
        origin: "postfix/smtp[7]: ".into(),
        level: Level::INFO,
        patience: AtomicU64::new(0),
    }
}

fn syslog(path: &Path) -> Target {
    Target::Syslog { path: path.to_owned(), facility: SyslogFacility::Mail }
}

#[test]
fn lines_have_the_shape_of_their_target() {
    let now = jiff::Timestamp::from_second(1_795_348_800).unwrap();
    let to = |facility| log(Target::Syslog { path: "/dev/log".into(), facility });
    let line = to(SyslogFacility::Local6).datagram(Severity::Info, "x", now);
    assert!(line.starts_with("<182>"), "{line}");
    let line = to(SyslogFacility::Mail).datagram(Severity::Warning, "a\r\nb\u{1b}", now);
    assert!(line.starts_with("<20>") && line.ends_with(" postfix/smtp[7]: warning: a? b?"), "{line}");
    let postlog = log(Target::Postlog { path: "x".into(), hostname: "mx".into() });
    let line = postlog.datagram(Severity::Info, &"x".repeat(3000), now);
    assert!(line.contains(" mx postfix/smtp[7]: xxx"), "{line}");
    assert_eq!(line.matches('x').count(), LONGEST + 2, "and those of mx and postfix");
}

#[test]
fn a_log_daemon_that_was_started_again_gets_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let first = UnixDatagram::bind(&path).unwrap();
    let log = Log::new(syslog(&path), "postfix/smtp", 0);
    drop(first);
    std::fs::remove_file(&path).unwrap();
    tracing::subscriber::with_default(log, || {
        tracing::info!("lost");
        let second = UnixDatagram::bind(&path).unwrap();
        for _ in 0..2 {
            tracing::info!("found");
            let mut line = [0; 200];
            let length = second.recv(&mut line).unwrap();
            assert!(line[..length].ends_with(b": found"));
        }
    });
}

#[test]
fn a_log_daemon_that_came_later_gets_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let log = Log::new(syslog(&path), "postfix/smtp", 0);
    tracing::subscriber::with_default(log, || {
        tracing::info!("lost");
        let reader = UnixDatagram::bind(&path).unwrap();
        tracing::error!(target: PANIC, "found");
        let mut line = [0; 200];
        let length = reader.recv(&mut line).unwrap();
        assert!(line[..length].ends_with(b": panic: found"));
    });
}

#[test]
fn a_log_that_is_read_slowly_loses_nothing() {
    let path = env::temp_dir().join(format!("baton-slow-log-{}", std::process::id()));
    let reader = UnixDatagram::bind(&path).unwrap();
    let target = Target::Syslog { path: path.clone(), facility: SyslogFacility::Mail };
    let log = Log::new(target, "postfix/smtp", 0);
    let all = thread::spawn(move || (0..500).filter(|_| reader.recv(&mut [0; 100]).is_ok()).count());
    tracing::subscriber::with_default(log, || (0..500).for_each(|number| tracing::info!("{number}")));
    assert_eq!(all.join().unwrap(), 500);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let folder = env::temp_dir().join(format!("baton-log-{}", std::process::id()));
    let reader = UnixDatagram::bind(&folder).unwrap();
    let log = Log::new(syslog(&folder), "postfix/smtp", 0);
    tracing::subscriber::with_default(log, || {
        for _ in 0..2000 {
            tracing::info!("{}", "y".repeat(1500));
        }
    });
    std::fs::remove_file(folder).unwrap();
    drop(reader);
}

/// Processes that log at once, and how many lines each has.
const CROWD: (usize, usize) = (100, 200);
/// Lines of master's meanwhile.
const OF_MASTER: usize = 300;
/// What postlogd tells master before and after each line.
const WORDS: [u8; 24] = [0; 24];

/// Whether all come to an end: a crowd; master, which logs by a call that waits in the kernel, and only between its lines
/// reads what postlogd tells it with each; and so postlogd.
fn comes_to_an_end() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postlog");
    let queue = UnixDatagram::bind(&path).unwrap();
    let (mut to_master, mut from_postlogd) = UnixStream::pair().unwrap();
    from_postlogd.set_nonblocking(true).unwrap();
    let (over, ends) = mpsc::channel();
    thread::spawn(move || while queue.recv(&mut [0; 200]).is_ok() && to_master.write_all(&WORDS).is_ok() {});
    for _ in 0..CROWD.0 {
        let (log, over) = (Log::new(syslog(&path), "postfix/smtp", 0), over.clone());
        thread::spawn(move || {
            let lines = || (0..CROWD.1).for_each(|number| tracing::info!("{number}"));
            tracing::subscriber::with_default(log, lines);
            over.send(())
        });
    }
    thread::spawn(move || {
        let master = UnixDatagram::unbound().unwrap();
        master.connect(path).unwrap();
        for _ in 0..OF_MASTER {
            while from_postlogd.read(&mut [0; 4096]).is_ok() {}
            master.send(b"warning: process killed by signal 9").unwrap();
        }
        over.send(()).unwrap();
        // Until postlogd has written down what the others say.
        from_postlogd.set_nonblocking(false).unwrap();
        while from_postlogd.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    });
    (0..=CROWD.0).all(|_| ends.recv_timeout(Duration::from_secs(20)).is_ok())
}

/// Chance has a part in it: of five crowds that wait by poll(2), two come to an end at most.
#[test]
fn a_crowd_keeps_neither_master_nor_postlogd_from_going_on() {
    let well = (0..5).filter(|_| comes_to_an_end()).count();
    assert!(well >= 3, "{well} of 5");
}
