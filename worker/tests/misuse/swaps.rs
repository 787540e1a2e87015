//! The cache gives a blob with a socket, a key or a destination that is not the blob's own.

use crate::rig::{Session, Worker, session_to};
use crate::scene::Scene;
use crate::server::{Offers, Server};
use proto::job::Fate;
use proto::key::EndpointKey;
use proto::parked::Taken;
use std::os::fd::AsFd;

const OTHER_SOCKET: &str = "came with another connection: closed";
const FORGED: &str = "came with a state that is not its own (the seal is not right): closed";
const NOT_ASKED: &str = "came under another endpoint than was asked for: closed";
const DIGEST: &str = "smtp_tls_fingerprint_digest=sha256";
/// TLS where the server offers it: sessions of both kinds have one endpoint key.
const MAY: &[&str] = &["smtp_tls_security_level=may"];

#[test]
fn of_two_sessions_to_one_server_neither_blob_goes_with_the_other_socket() {
    let scene = Scene::set();
    let other = session_to(&scene.server, &[]);
    let octets = scene.server.connection(1).octets();
    assert_eq!(other.parked.endpoint, scene.session.parked.endpoint);
    for (blob, socket) in [(&scene.session, &other), (&other, &scene.session)] {
        let mut worker = Worker::start(&[]);
        worker.deliver(&scene.server);
        worker.give(blob.taken(), socket.descriptor.as_fd());
        assert_eq!(worker.fate(), Fate::Sent);
        crate::scene::assert_said_once(&worker.end(), OTHER_SOCKET);
    }
    let Scene { server, session, octets: first } = scene;
    drop((session, other));
    assert_eq!(server.connection(0).octets_at_end(), first);
    assert_eq!(server.connection(1).octets_at_end(), octets);
    assert_eq!(server.messages(), 4);
}

#[test]
fn a_blob_does_not_open_under_the_key_of_another_endpoint() {
    let other = Server::start(Offers::Tls);
    let foreign = session_to(&other, &[]);
    let scene = Scene::set();
    let taken = Taken { sealed: foreign.parked.sealed, ..scene.session.taken() };
    let octets = other.connection(0).octets();
    scene.refused(taken, foreign.descriptor, FORGED);
    assert_eq!(other.connection(0).octets_at_end(), octets);
}

#[test]
fn a_session_of_an_endpoint_that_was_not_asked_for_is_not_used() {
    let other = Server::start(Offers::Tls);
    let foreign = session_to(&other, &[]);
    let octets = other.connection(0).octets();
    let taken = foreign.taken();
    Scene::set().refused(taken, foreign.descriptor, NOT_ASKED);
    assert_eq!(other.connection(0).octets_at_end(), octets);
}

#[test]
fn a_blob_does_not_go_with_a_socket_to_another_server() {
    let other = Server::start(Offers::Tls);
    let foreign = session_to(&other, &[]);
    let octets = other.connection(0).octets();
    let scene = Scene::set();
    let taken = scene.session.taken();
    scene.refused(taken, foreign.descriptor, OTHER_SOCKET);
    assert_eq!(other.connection(0).octets_at_end(), octets);
}

#[test]
fn a_tls_blob_does_not_go_with_a_plaintext_socket() {
    let other = Server::start(Offers::Plaintext);
    let plain = session_to(&other, MAY);
    let octets = other.connection(0).octets();
    let scene = Scene::set();
    let taken = scene.session.taken();
    scene.refused(taken, plain.descriptor, OTHER_SOCKET);
    assert_eq!(other.connection(0).octets_at_end(), octets);
}

/// A session in plaintext.
fn plain() -> (Server, Session) {
    let server = Server::start(Offers::Plaintext);
    let session = session_to(&server, MAY);
    (server, session)
}

#[test]
fn a_plaintext_blob_does_not_go_with_a_tls_socket() {
    let scene = Scene::with(Offers::Plaintext, MAY);
    let tls = Scene::set();
    let taken = scene.session.taken();
    let worker = Worker::start(MAY);
    scene.refused_by(worker, taken, tls.session.socket(), OTHER_SOCKET);
    let Scene { server, session, octets } = tls;
    drop(session);
    assert_eq!(server.connection(0).octets_at_end(), octets);
}

#[test]
fn mail_in_plaintext_does_not_go_over_a_socket_to_another_server() {
    let (other, foreign) = plain();
    let octets = other.connection(0).octets();
    let scene = Scene::with(Offers::Plaintext, MAY);
    let taken = scene.session.taken();
    scene.refused_by(Worker::start(MAY), taken, foreign.descriptor, OTHER_SOCKET);
    assert_eq!((other.connection(0).octets_at_end(), other.messages()), (octets, 1));
}

#[test]
fn of_two_workers_that_were_given_one_plaintext_session_the_second_leaves_it_alone() {
    let Scene { server, session, .. } = Scene::with(Offers::Plaintext, MAY);
    let connection = server.connection(0);
    connection.turn_deaf_at("MAIL");
    let mut first = Worker::start(MAY);
    first.deliver(&server);
    first.give(session.taken(), session.descriptor.as_fd());
    connection.wait_for("MAIL", 2);
    let mut second = Worker::start(MAY);
    second.deliver(&server);
    second.give(session.taken(), session.descriptor.as_fd());
    assert_eq!(second.fate(), Fate::Sent);
    crate::scene::assert_said_once(&second.end(), "is held by another process: closed");
    assert_eq!(server.connection(1).messages(), 1);
    first.kill();
}

#[test]
fn a_blob_of_a_lax_policy_does_not_open_under_the_key_of_a_strict_one() {
    let Scene { server, session, octets } = Scene::set();
    let strict = strict(&server);
    let other = session_to(&server, &[&strict, DIGEST]);
    assert_ne!(other.parked.endpoint, session.parked.endpoint);
    for (options, key, blob) in
        [(&[&*strict][..], other.parked.endpoint, &session), (&[], session.parked.endpoint, &other)]
    {
        let line = refused_under(&server, options, key, blob);
        crate::scene::assert_said_once(&line, FORGED);
    }
    // Each under its own key, where it was not asked for.
    for (options, blob) in [(&[&*strict][..], &session), (&[], &other)] {
        let line = refused_under(&server, options, blob.parked.endpoint, blob);
        crate::scene::assert_said_once(&line, NOT_ASKED);
    }
    let strict_octets = server.connection(1).octets();
    drop((session, other));
    assert_eq!(server.connection(0).octets_at_end(), octets);
    assert_eq!(server.connection(1).octets_at_end(), strict_octets);
    assert_eq!(server.messages(), 6);
}

/// Only the server's own certificate will do.
fn strict(server: &Server) -> String {
    let (hop, print) = (server.nexthop(), &server.fingerprint);
    format!("smtp_tls_policy_maps=inline:{{ {{{hop} = fingerprint match={print}}} }}")
}

fn refused_under(server: &Server, options: &[&str], endpoint: EndpointKey, blob: &Session) -> String {
    let options: Vec<&str> = options.iter().copied().chain([DIGEST]).collect();
    let mut worker = Worker::start(&options);
    worker.deliver(server);
    let before = server.connection(0).octets() + server.connection(1).octets();
    worker.give(Taken { endpoint, ..blob.taken() }, blob.descriptor.as_fd());
    assert_eq!(worker.fate(), Fate::Sent);
    assert_eq!(server.connection(0).octets() + server.connection(1).octets(), before);
    worker.end()
}
