//! The cache keeps a descriptor and misuses it while the worker works; and what a worker holds after much of that.

use crate::rig::Worker;
use crate::scene::Scene;
use proto::cache::FromCache;
use proto::job::Fate;
use proto::parked::Taken;
use std::collections::BTreeMap;
use std::os::fd::AsFd;

#[test]
fn a_worker_does_not_hang_when_the_cache_makes_its_socket_wait() {
    let scene = Scene::set();
    let connection = scene.server.connection(0);
    connection.turn_deaf_at("MAIL");
    let mut worker = Worker::start(&["smtp_data_xfer_timeout=1s"]);
    worker.deliver_text(scene.server.nexthop(), &b"0123456789abcde\n".repeat(1_000_000));
    worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    connection.wait_for("MAIL", 2);
    // The flag belongs to everybody who has the descriptor.
    rustix::io::ioctl_fionbio(&scene.session.descriptor, false).unwrap();
    connection.turn_deaf_at("DATA");
    connection.hear_again();
    assert_eq!(worker.fate(), Fate::Deferred);
    crate::scene::assert_said_once(&worker.end(), "timed out while sending message body");
}

#[test]
fn a_worker_does_not_hang_in_close_when_the_cache_makes_its_socket_linger() {
    let scene = Scene::set();
    let connection = scene.server.connection(0);
    connection.turn_deaf_at("DATA");
    let mut worker = Worker::start(&["smtp_data_xfer_timeout=1s"]);
    worker.deliver_text(scene.server.nexthop(), &b"0123456789abcde\n".repeat(1_000_000));
    worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    connection.wait_for("DATA", 2);
    let long = Some(std::time::Duration::from_secs(3600));
    rustix::net::sockopt::set_socket_linger(&scene.session.descriptor, long).unwrap();
    // The worker's descriptor becomes the last one.
    drop(scene.session);
    assert_eq!(worker.fate(), Fate::Deferred);
    crate::scene::assert_said_once(&worker.end(), "timed out while sending message body");
}

#[test]
fn a_worker_does_not_hang_when_it_closes_a_socket_that_it_refused() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut full = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    full.set_nonblocking(true).unwrap();
    while std::io::Write::write(&mut full, &[0; 65_536]).is_ok() {}
    let long = std::time::Duration::from_secs(3600);
    rustix::net::sockopt::set_socket_linger(&full, Some(long)).unwrap();
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    worker.answer_beforehand(&FromCache::Miss, None);
    worker.answer_beforehand(&FromCache::Hit(scene.session.taken()), Some(full.into()));
    worker.deliver(&scene.server);
    scene.refuses(worker, "came with another connection: closed");
}

#[test]
fn a_server_that_hears_nothing_because_the_cache_shut_the_socket_costs_no_mail() {
    let scene = Scene::set();
    let connection = scene.server.connection(0);
    connection.turn_deaf_at("MAIL");
    let mut worker = Worker::start(&[]);
    worker.deliver(&scene.server);
    worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    connection.wait_for("MAIL", 2);
    rustix::net::shutdown(&scene.session.descriptor, rustix::net::Shutdown::Both).unwrap();
    connection.hear_again();
    assert!(matches!(worker.fate(), Fate::Sent | Fate::Deferred));
    worker.end();
}

/// All descriptors of a process: what they are, and whether they are closed on exec. Needs root, as a worker shows nothing
/// to others.
fn descriptors(pid: u32) -> BTreeMap<u32, (String, bool)> {
    let folder = format!("/proc/{pid}/fd");
    let numbers = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    // `None`: closed while we looked.
    let what = |number: &str| {
        let link = std::fs::read_link(format!("{folder}/{number}")).ok()?;
        let info = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        Some((number.parse().unwrap(), (link.display().to_string(), flags & 0o2_000_000 != 0)))
    };
    numbers.filter_map(|number| what(&number.into_string().unwrap())).collect()
}

#[test]
fn no_descriptor_is_left_over_and_none_is_inherited() {
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    crate::rig::fresh(&mut worker, &scene.server);
    let before = descriptors(worker.pid());
    let mut session = crate::rig::fresh(&mut worker, &scene.server);
    for round in 0..12 {
        worker.deliver(&scene.server);
        let taken = session.taken();
        let sealed = match round % 4 {
            0 => scene.session.parked.sealed.clone(),
            1 => Vec::new(),
            2 => [&taken.sealed[..], &[0]].concat(),
            _ => taken.sealed,
        };
        worker.give(Taken { sealed, ..session.taken() }, session.descriptor.as_fd());
        session = worker.parks();
        assert_eq!(worker.fate(), Fate::Sent);
    }
    let after = descriptors(worker.pid());
    assert_eq!(after.len(), before.len(), "{before:#?} {after:#?}");
    // What the test itself was started with is not the worker's doing.
    let ours = descriptors(std::process::id());
    let inherited: Vec<_> = after
        .iter()
        .filter(|(number, what)| **number > 2 && !what.1 && ours.get(number) != Some(what))
        .collect();
    assert!(inherited.is_empty(), "{inherited:?}");
    // With more than one descriptor the channel is closed, and so is all that came over it.
    worker.deliver(&scene.server);
    worker.give_raw(session.taken(), &[session.descriptor.as_fd(), session.descriptor.as_fd()]);
    assert_eq!(worker.fate(), Fate::Sent);
    worker.deliver(&scene.server);
    assert_eq!(worker.fate(), Fate::Sent);
    let last = descriptors(worker.pid());
    assert_eq!(last.len() + 1, after.len(), "{after:#?} {last:#?}");
    worker.end();
}
