//! Sessions that only a worker with other rules could have parked: what their state says is not worth what is asked.

use crate::rig::{Worker, keys};
use crate::scene::{Scene, assert_said_once};
use crate::server::{Offers, Server};
use proto::cache::ToCache;
use proto::job::Fate;
use proto::parked::Taken;
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use worker::state::{ParkedTls, open_session, seal_session};

const NOT_WORTH_IT: &str = "was verified for another policy, or too long ago: closed";

/// The session, sealed anew with other facts under the same keys.
fn with_facts(scene: &Scene, change: impl FnOnce(&mut ParkedTls)) -> Taken {
    let taken = scene.session.taken();
    let mut state = open_session(&keys(0), &taken.endpoint, &taken.sealed).unwrap();
    change(state.tls.as_mut().unwrap());
    let sealed = seal_session(&keys(0), &taken.endpoint, &state).unwrap();
    Taken { sealed, ..taken }
}

fn refused(change: impl FnOnce(&mut ParkedTls)) {
    let scene = Scene::set();
    let (taken, socket) = (with_facts(&scene, change), scene.session.socket());
    scene.refused(taken, socket, NOT_WORTH_IT);
}

#[test]
fn a_session_whose_facts_have_expired_is_not_used() {
    refused(|tls| tls.peer.not_after = Some(1));
}

#[test]
fn a_session_that_was_verified_for_another_policy_is_not_used() {
    refused(|tls| tls.peer.policy_digest[0] ^= 1);
}

#[test]
fn a_session_that_was_sealed_anew_without_a_change_is_used() {
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    worker.deliver(&scene.server);
    worker.give(with_facts(&scene, |_| {}), std::os::fd::AsFd::as_fd(&scene.session.descriptor));
    assert_eq!(worker.fate(), Fate::Sent);
    assert_said_once(&worker.end(), "TLS connection reused");
}

/// Passes octets on from one end to the other.
fn pump(mut from: impl std::io::Read + Send + 'static, mut to: impl std::io::Write + Send + 'static) {
    std::thread::spawn(move || std::io::copy(&mut from, &mut to));
}

#[test]
fn a_tls_session_over_a_unix_socket_is_not_parked_since_nothing_shows_that_a_state_of_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lmtp");
    let (listener, server) = (UnixListener::bind(&path).unwrap(), Server::start(Offers::Tls));
    let address = server.address;
    std::thread::spawn(move || {
        let ours: UnixStream = listener.accept().unwrap().0;
        let theirs = TcpStream::connect(address).unwrap();
        pump(ours.try_clone().unwrap(), theirs.try_clone().unwrap());
        pump(theirs, ours);
    });
    let options = ["lmtp_tls_security_level=encrypt", "lmtp_tls_connection_reuse=yes", "lmtp_tls_loglevel=1"];
    let mut worker = Worker::speaking("lmtp", &options, keys(0));
    worker.deliver_text(format!("unix:{}", path.display()), b"x\r\n");
    worker.miss();
    worker.miss();
    assert_eq!(worker.fate(), Fate::Sent);
    // A session that is parked is parked before the report.
    assert!(!worker.has_said(|said| matches!(said, ToCache::Park(_))));
    server.connection(0).wait_for("QUIT", 1);
    assert_said_once(&worker.end(), "TLS connection established");
}
