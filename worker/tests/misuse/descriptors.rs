//! The cache gives no descriptor, two, one that is no connection, or one whose connection is not as it was.

use crate::rig::Worker;
use crate::scene::Scene;
use crate::server::{Offers, Server};
use proto::job::Fate;
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

const OTHER_SOCKET: &str = "came with another connection: closed";
const OVER: &str = "was over: closed";

fn raw(descriptors: &[BorrowedFd<'_>], line: &str) {
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    worker.deliver(&scene.server);
    worker.give_raw(scene.session.taken(), descriptors);
    scene.refuses(worker, line);
}

#[test]
fn a_session_without_its_descriptor_ends_the_channel() {
    raw(&[], "going on without the connection cache: 0 descriptors where the message carries 1");
}

#[test]
fn a_session_with_two_or_three_descriptors_ends_the_channel() {
    for count in [2, 3] {
        let scene = Scene::set();
        let mut worker = Worker::start(&[]);
        worker.deliver(&scene.server);
        let socket = scene.session.socket();
        worker.give_raw(scene.session.taken(), &vec![socket.as_fd(); count]);
        drop(socket);
        let line = format!("going on without the connection cache: {count} descriptors where the message");
        scene.refuses(worker, &line);
    }
}

/// Descriptors of everything but the connection.
fn others() -> Vec<(&'static str, OwnedFd)> {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.connect(udp.local_addr().unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let unconnected =
        rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None);
    let unix = UnixStream::pair().unwrap();
    std::mem::forget(unix.1);
    let closed = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(listener.accept().unwrap());
    let pipe = rustix::pipe::pipe().unwrap();
    vec![
        ("a file", tempfile::tempfile().unwrap().into()),
        ("a folder", std::fs::File::open("/").unwrap().into()),
        ("the reading end of a pipe", pipe.0),
        ("the writing end of a pipe", pipe.1),
        ("an event set", rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap()),
        ("UDP", udp.into()),
        ("a listening socket", listener.into()),
        ("a socket that is not connected", unconnected.unwrap()),
        ("a Unix socket", unix.0.into()),
        ("a connection that is over", closed.into()),
    ]
}

#[test]
fn what_is_not_the_connection_is_not_used_for_tls() {
    for (what, descriptor) in others() {
        println!("{what}");
        let scene = Scene::set();
        let taken = scene.session.taken();
        scene.refused(taken, descriptor, ": closed");
    }
}

#[test]
fn what_is_not_the_connection_is_not_used_for_plaintext() {
    let may = &["smtp_tls_security_level=may"];
    for (what, descriptor) in others() {
        println!("{what}");
        let scene = Scene::with(Offers::Plaintext, may);
        let taken = scene.session.taken();
        scene.refused_by(Worker::start(may), taken, descriptor, ": closed");
    }
    let (ours, mut scache) = UnixStream::pair().unwrap();
    let scene = Scene::with(Offers::Plaintext, may);
    let taken = scene.session.taken();
    scene.refused_by(Worker::start(may), taken, ours.into(), OTHER_SOCKET);
    assert_eq!(std::io::Read::read(&mut scache, &mut [0; 9]).unwrap(), 0, "no mail for the cache itself");
}

#[test]
fn a_session_whose_server_spoke_or_left_in_between_is_not_used() {
    type Deed = fn(&Server);
    let deeds: [(&str, Deed); 7] = [
        ("a whole record: 421", |server| server.connection(0).send_record(b"421 4.3.2 bye\r\n", None)),
        ("half a record", |server| server.connection(0).send_record(b"421 4.3.2 bye\r\n", Some(9))),
        ("one octet", |server| server.connection(0).send_record(b"421 4.3.2 bye\r\n", Some(1))),
        ("close_notify", |server| server.connection(0).send_close_notify()),
        ("plaintext", |server| server.connection(0).send_raw(b"421 4.3.2 bye\r\n")),
        ("FIN", |server| server.connection(0).finish()),
        ("421 and FIN", |server| {
            server.connection(0).send_record(b"421 4.3.2 bye\r\n", None);
            server.connection(0).finish();
        }),
    ];
    for (what, deed) in deeds {
        println!("{what}");
        let scene = Scene::set();
        deed(&scene.server);
        readable(&scene);
        scene.refused_as_parked(OVER);
    }
}

#[test]
fn a_session_that_was_reset_in_between_is_not_used() {
    let scene = Scene::set();
    scene.server.connection(0).reset();
    readable(&scene);
    scene.refused_as_parked(": closed");
}

#[test]
fn a_session_that_the_cache_shut_for_writing_or_reading_costs_no_mail() {
    for how in [Shutdown::Write, Shutdown::Read, Shutdown::Both] {
        let scene = Scene::set();
        let stream = TcpStream::from(scene.session.socket());
        stream.shutdown(how).unwrap();
        drop(stream);
        let mut worker = Worker::start(&[]);
        worker.deliver(&scene.server);
        worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
        assert_eq!(worker.fate(), Fate::Sent, "{how:?}");
        worker.end();
        assert_eq!(scene.server.messages(), 2);
        drop(scene.session);
        assert_eq!(scene.server.connection(0).octets_at_end(), scene.octets, "{how:?}");
    }
}

/// Waits until the socket knows.
fn readable(scene: &Scene) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let limit = Timespec { tv_sec: 30, tv_nsec: 0 };
    let mut watched = [PollFd::new(&scene.session.descriptor, PollFlags::IN)];
    assert_eq!(poll(&mut watched, Some(&limit)).unwrap(), 1);
}

#[test]
fn where_no_fresh_connection_is_possible_the_mail_is_deferred() {
    let Scene { server, session, octets } = Scene::set();
    let other = Scene::set();
    server.leave();
    let mut worker = Worker::start(&[]);
    worker.deliver(&server);
    worker.give(session.taken(), other.session.descriptor.as_fd());
    assert_eq!(worker.fate(), Fate::Deferred);
    crate::scene::assert_said_once(&worker.end(), OTHER_SOCKET);
    drop((session, other.session));
    assert_eq!(server.connection(0).octets_at_end(), octets);
    assert_eq!(other.server.connection(0).octets_at_end(), other.octets);
    assert_eq!((server.messages(), other.server.messages()), (1, 1));
}
