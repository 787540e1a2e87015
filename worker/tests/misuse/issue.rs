//! The cache issues one session twice: to two workers at once, and again after it was used.

use crate::rig::{Worker, fresh, session_to};
use crate::scene::{Scene, assert_said_once};
use crate::server::{Offers, Server};
use proto::job::Fate;
use std::os::fd::AsFd;

const HELD: &str = "is held by another process: closed";
const USED: &str = "was used since it was parked: closed";

/// How a record begins: the server waits for the rest of it.
const APPLICATION_DATA: u8 = 23;

#[test]
fn a_session_as_it_was_parked_is_used() {
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    worker.deliver(&scene.server);
    worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    assert_eq!(worker.fate(), Fate::Sent);
    assert_said_once(&worker.end(), "TLS connection reused");
    assert_eq!((scene.server.connections(), scene.server.messages()), (1, 2));
    assert!(scene.server.connection(0).octets() > scene.octets);
}

#[test]
fn of_two_workers_that_were_given_one_session_at_once_one_uses_it() {
    let scene = Scene::set();
    let mut workers = [Worker::start(&[]), Worker::start(&[])];
    for worker in &mut workers {
        worker.deliver(&scene.server);
        worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    }
    for worker in &mut workers {
        assert_eq!(worker.fate(), Fate::Sent);
    }
    let logs = workers.map(Worker::end);
    let all = logs.concat();
    assert_eq!(all.matches("TLS connection reused").count(), 1, "{all}");
    assert_eq!(all.matches(HELD).count() + all.matches(USED).count(), 1, "{all}");
    assert_eq!((scene.server.connections(), scene.server.messages()), (2, 3), "{all}");
    assert_eq!((scene.server.connection(0).messages(), scene.server.connection(1).messages()), (2, 1));
}

#[test]
fn a_session_that_is_in_use_is_not_given_to_a_second_worker() {
    let scene = Scene::set();
    let connection = scene.server.connection(0);
    connection.turn_deaf_at("MAIL");
    let mut first = Worker::start(&[]);
    first.deliver(&scene.server);
    first.give(scene.session.taken(), scene.session.descriptor.as_fd());
    // It has the reply, and what it says next stays where it is: it is alive in the middle of a transaction.
    connection.wait_for("MAIL", 2);
    let mut second = Worker::start(&[]);
    second.deliver(&scene.server);
    second.give(scene.session.taken(), scene.session.descriptor.as_fd());
    assert_eq!(second.fate(), Fate::Sent);
    assert_said_once(&second.end(), HELD);
    assert_eq!(scene.server.connection(1).messages(), 1);
    first.kill();
}

#[test]
fn a_blob_is_not_used_again_after_its_session_went_on_and_was_parked_anew() {
    let server = Server::start(Offers::Tls);
    let old = session_to(&server, &[]);
    let mut second = Worker::start(&[]);
    second.deliver(&server);
    second.give(old.taken(), old.descriptor.as_fd());
    let new = second.parks();
    assert_eq!(second.fate(), Fate::Sent);
    let octets = server.connection(0).octets();
    let scene = Scene { server, session: new, octets };
    let socket = scene.session.socket();
    // The worker that has just used it is alive, and is baited itself as well.
    second.deliver(&scene.server);
    second.give(old.taken(), socket.as_fd());
    drop((socket, old.descriptor));
    let taken = scene.session.taken();
    assert_ne!(taken.sealed, old.parked.sealed);
    assert_eq!(second.parks().parked.endpoint, taken.endpoint);
    let mut third = Worker::start(&[]);
    third.deliver(&scene.server);
    let Scene { server, session, octets } = scene;
    third.give(proto::parked::Taken { sealed: old.parked.sealed, ..taken }, session.descriptor.as_fd());
    for worker in [&mut second, &mut third] {
        assert_eq!(worker.fate(), Fate::Sent);
    }
    drop(session);
    for worker in [second, third] {
        assert_said_once(&worker.end(), USED);
    }
    assert_eq!((server.connections(), server.messages()), (3, 4));
    assert_eq!(server.connection(0).octets_at_end(), octets);
}

#[test]
fn a_session_is_not_used_when_one_octet_was_written_since() {
    let scene = Scene::set();
    assert_eq!(rustix::io::write(&scene.session.descriptor, &[APPLICATION_DATA]).unwrap(), 1);
    let octets = scene.octets + 1;
    Scene { octets, ..scene }.refused_as_parked(USED);
}

#[test]
fn a_session_is_not_used_when_one_octet_was_read_since() {
    let scene = Scene::set();
    scene.server.connection(0).send_raw(b"x");
    let flags = rustix::net::RecvFlags::empty();
    rustix::io::ioctl_fionbio(&scene.session.descriptor, false).unwrap();
    assert_eq!(rustix::net::recv(&scene.session.descriptor, &mut [0; 1][..], flags).unwrap().0, 1);
    scene.refused_as_parked(USED);
}

#[test]
fn a_worker_that_parked_a_session_is_not_given_an_older_state_of_it() {
    let server = Server::start(Offers::Tls);
    let mut worker = Worker::start(&[]);
    let first = fresh(&mut worker, &server);
    worker.deliver(&server);
    worker.give(first.taken(), first.descriptor.as_fd());
    let second = worker.parks();
    assert_eq!(worker.fate(), Fate::Sent);
    drop(first.descriptor);
    let octets = server.connection(0).octets();
    let taken = proto::parked::Taken { sealed: first.parked.sealed, ..second.taken() };
    worker.deliver(&server);
    let socket = second.socket();
    worker.give(taken, socket.as_fd());
    drop((socket, worker.parks()));
    Scene { server, session: second, octets }.outcome_of_three(worker);
}

impl Scene {
    fn outcome_of_three(self, mut worker: Worker) {
        assert_eq!(worker.fate(), Fate::Sent);
        assert_said_once(&worker.end(), USED);
        assert_eq!((self.server.connections(), self.server.messages()), (2, 3));
        drop(self.session);
        assert_eq!(self.server.connection(0).octets_at_end(), self.octets);
    }
}
