//! The cache gives a parked socket another connection, and brings its counters to where they were: the same marks, the
//! same lock, other eyes at the other end.

use crate::rig::{Session, Worker};
use crate::scene::{Scene, assert_said_once};
use crate::server::{Offers, PATIENCE};
use proto::job::Fate;
use proto::parked::Taken;
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tls::handover::SocketMark;

const MAY: &[&str] = &["smtp_tls_security_level=may"];

/// Connects the socket anew, if that is possible at all. On the loopback it takes microseconds; that it cannot is told by
/// the limit.
fn reconnect(socket: &OwnedFd, to: &TcpListener) -> Result<TcpStream, Errno> {
    rustix::net::connect_unspec(socket)?;
    rustix::io::ioctl_fionbio(socket, false)?;
    set_socket_timeout(socket, Timeout::Send, Some(Duration::from_millis(500)))?;
    rustix::net::connect(socket, &to.local_addr().unwrap())?;
    let stream = to.accept().unwrap().0;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Ok(stream)
}

/// Lets octets pass until the socket has come as far as it had once.
fn drive(socket: &OwnedFd, mut server: &TcpStream, mark: SocketMark) {
    let now = SocketMark::of(socket.as_fd()).unwrap();
    let mut client = TcpStream::from(socket.try_clone().unwrap());
    let (out, back) = (mark.written - now.written, mark.received - now.received);
    client.write_all(&vec![0; out as usize]).unwrap();
    server.read_exact(&mut vec![0; out as usize]).unwrap();
    server.write_all(&vec![0; back as usize]).unwrap();
    client.read_exact(&mut vec![0; back as usize]).unwrap();
    assert_eq!(SocketMark::of(socket.as_fd()).unwrap(), mark);
}

/// Baits a worker with a blob on a socket whose connection was exchanged, and gives its log.
fn baited(scene: &Scene, sealed: Vec<u8>, session: &Session, mark: SocketMark) -> String {
    let hostile = TcpListener::bind("127.0.0.1:0").unwrap();
    let exchanged = reconnect(&session.descriptor, &hostile);
    if let Ok(server) = &exchanged {
        drive(&session.descriptor, server, mark);
    }
    let mut worker = Worker::start(MAY);
    worker.deliver(&scene.server);
    worker.give(Taken { sealed, ..session.taken() }, session.descriptor.as_fd());
    if let Ok(mut server) = exchanged {
        let count = server.read(&mut [0; 99]).unwrap_or(0);
        panic!("{count} octets were written to another server");
    }
    assert_eq!(worker.fate(), Fate::Sent);
    worker.end()
}

#[test]
fn a_state_that_was_used_is_not_used_again_on_another_connection_of_its_socket() {
    let scene = Scene::with(Offers::Tls, MAY);
    let old = &scene.session;
    let mark = SocketMark::of(old.descriptor.as_fd()).unwrap();
    let mut second = Worker::start(MAY);
    second.deliver(&scene.server);
    second.give(old.taken(), old.descriptor.as_fd());
    let new = second.parks();
    assert_eq!(second.fate(), Fate::Sent);
    second.end();
    // Records were sealed under the numbers of the old state. The same numbers again would be the same nonces.
    let log = baited(&scene, old.parked.sealed.clone(), &new, mark);
    assert_said_once(&log, ": closed");
    assert_eq!((scene.server.connections(), scene.server.messages()), (2, 3), "{log}");
}

#[test]
fn mail_in_plaintext_does_not_go_over_another_connection_of_its_socket() {
    let scene = Scene::with(Offers::Plaintext, MAY);
    let mark = SocketMark::of(scene.session.descriptor.as_fd()).unwrap();
    let log = baited(&scene, scene.session.parked.sealed.clone(), &scene.session, mark);
    assert_said_once(&log, ": closed");
    assert_eq!((scene.server.connections(), scene.server.messages()), (2, 2), "{log}");
}
