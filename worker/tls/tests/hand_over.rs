//! One TLS session in the hands of many processes, by the public interface only.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "hand_over/holder.rs"]
mod holder;
#[path = "hand_over/server.rs"]
mod server;

use holder::{Holder, Refusal, Sealed, Session};
use server::Server;

/// TLS 1.3, and TLS 1.2 with the key of the server's certificate.
const SUITES: [u16; 6] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xcca9];

/// Not a test: a process that holds a session. It is started by the others.
#[test]
#[ignore = "run by the other tests"]
fn holder() {
    holder::obey();
}

/// A session that is deposited after one command.
fn deposited(server: &Server) -> Sealed {
    let socket = server.connect();
    let mut session = Session::fresh(&socket);
    session.command("command 1");
    let blob = session.deposit();
    Sealed { socket, blob }
}

#[test]
fn five_processes_use_one_session_of_every_suite() {
    for suite in SUITES {
        let server = Server::start(suite);
        let mut sealed = deposited(&server);
        for number in 2..7 {
            let mut holder = Holder::start(&sealed.socket);
            assert_eq!(holder.take(&sealed), Ok(()));
            holder.command(&format!("command {number}"));
            sealed.blob = holder.deposit();
            assert!(holder.ended());
        }
        let mut session = Session::take(&sealed).unwrap();
        session.command("command 7");
        session.close();
        let heard = server.heard();
        assert_eq!(heard, Vec::from_iter((1..8).map(|number| format!("command {number}"))));
    }
}

#[test]
fn large_writes_go_through_many_hands() {
    for suite in SUITES {
        let server = Server::start(suite);
        let mut sealed = deposited(&server);
        let mut expected = vec!["command 1".to_owned()];
        for length in [0, 1, 16_383, 16_384, 16_385, 300_000] {
            let mut holder = Holder::start(&sealed.socket);
            assert_eq!(holder.take(&sealed), Ok(()));
            let command = "x".repeat(length);
            holder.command(&command);
            expected.push(command);
            sealed.blob = holder.deposit();
            assert!(holder.ended());
        }
        Session::take(&sealed).unwrap().close();
        assert!(server.heard() == expected);
    }
}

#[test]
fn a_session_that_is_issued_twice_has_one_holder() {
    let server = Server::start(0x1301);
    let sealed = deposited(&server);
    let (mut first, mut second) = (Holder::start(&sealed.socket), Holder::start(&sealed.socket));
    assert_eq!(first.take(&sealed), Ok(()));
    assert_eq!(second.take(&sealed), Err(Refusal::Claim));
    first.command("command 2");
    assert_eq!(second.take(&sealed), Err(Refusal::Claim));
    first.kill();
    // The first one is gone, and with it the only state that fits.
    assert_eq!(second.take(&sealed), Err(Refusal::Mark));
    second.kill();
    drop(sealed);
    assert_eq!(server.heard(), ["command 1", "command 2"]);
}

#[test]
fn an_old_state_is_not_taken_up_again() {
    let server = Server::start(0xc02b);
    let mut sealed = deposited(&server);
    let old = sealed.blob.clone();
    let mut holder = Holder::start(&sealed.socket);
    assert_eq!(holder.take(&sealed), Ok(()));
    holder.command("command 2");
    let new = holder.deposit();
    assert!(holder.ended());
    sealed.blob = old;
    assert_eq!(Session::take(&sealed).err(), Some(Refusal::Mark));
    sealed.blob = new;
    Session::take(&sealed).unwrap().close();
    assert_eq!(server.heard(), ["command 1", "command 2"]);
}

#[test]
fn states_do_not_change_sockets() {
    let (server, other) = (Server::start(0x1302), Server::start(0x1302));
    let (mut sealed, mut swapped) = (deposited(&server), deposited(&other));
    std::mem::swap(&mut sealed.blob, &mut swapped.blob);
    assert_eq!(Session::take(&sealed).err(), Some(Refusal::Mark));
    assert_eq!(Session::take(&swapped).err(), Some(Refusal::Mark));
    std::mem::swap(&mut sealed.blob, &mut swapped.blob);
    Session::take(&sealed).unwrap().close();
    Session::take(&swapped).unwrap().close();
    assert_eq!((server.heard().len(), other.heard().len()), (1, 1));
}

#[test]
fn an_altered_deposit_is_not_opened() {
    let server = Server::start(0x1303);
    let mut sealed = deposited(&server);
    for at in 0..sealed.blob.len() {
        sealed.blob[at] ^= 1;
        assert_eq!(Session::take(&sealed).err(), Some(Refusal::Seal));
        sealed.blob[at] ^= 1;
    }
    drop(sealed);
    assert_eq!(server.heard(), ["command 1"]);
}
