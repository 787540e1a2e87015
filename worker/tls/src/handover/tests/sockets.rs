//! Two processes and a socket. The second one is this test's own program; it obeys octet by octet.

use super::super::{ClaimError, SocketMark, claim, release};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

/// Both ends of a connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

fn mark(socket: &TcpStream) -> SocketMark {
    SocketMark::of(socket.as_fd()).unwrap()
}

fn is_held(socket: &TcpStream) -> bool {
    matches!(claim(socket.as_fd()), Err(ClaimError::Held))
}

/// A process that was given a socket, as if by scache.
struct Second {
    process: Child,
    control: UnixStream,
}

impl Second {
    /// Its copy of the socket is made and closed here before anything is claimed: closing it would end our claim.
    fn with(socket: &TcpStream) -> Self {
        let (control, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "handover::tests::sockets::second_process", "--ignored", "--nocapture"])
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::from(OwnedFd::from(socket.try_clone().unwrap())))
            .spawn()
            .unwrap();
        Self { process, control }
    }

    fn order<const N: usize>(&mut self, order: u8) -> [u8; N] {
        self.control.write_all(&[order]).unwrap();
        let mut answer = [0; N];
        self.control.read_exact(&mut answer).unwrap();
        answer
    }

    fn claims(&mut self) -> bool {
        self.order(b'c') == [b'y']
    }

    fn mark(&mut self) -> SocketMark {
        postcard::from_bytes(&self.order::<64>(b'm')).unwrap()
    }

    fn die(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Not a test: the second process. Without its two sockets it has nothing to do.
#[test]
#[ignore = "run by the other tests"]
fn second_process() {
    let (input, error) = (std::io::stdin(), std::io::stderr());
    let (control, socket) = (input.as_fd(), error.as_fd());
    let mut order = [0];
    while rustix::io::read(control, &mut order) == Ok(1) {
        let answer = obey(order[0], socket);
        assert_eq!(rustix::io::write(control, &answer), Ok(answer.len()));
    }
}

fn obey(order: u8, socket: BorrowedFd<'_>) -> Vec<u8> {
    match order {
        b'c' => vec![if claim(socket).is_ok() { b'y' } else { b'n' }],
        b'r' => {
            release(socket);
            vec![b'y']
        }
        b'w' => vec![rustix::io::write(socket, b"QUIT\r\n").unwrap() as u8],
        b'm' => {
            let mut octets = postcard::to_stdvec(&SocketMark::of(socket).unwrap()).unwrap();
            octets.resize(64, 0);
            octets
        }
        other => panic!("what is {other}?"),
    }
}

#[test]
fn only_one_process_can_claim_a_socket() {
    let (client, _server) = connection();
    let mut second = Second::with(&client);
    claim(client.as_fd()).unwrap();
    claim(client.as_fd()).unwrap();
    assert!(!second.claims());
    release(client.as_fd());
    assert!(second.claims());
    assert!(is_held(&client));
    assert_eq!(second.order(b'r'), [b'y']);
    claim(client.as_fd()).unwrap();
    assert!(!second.claims());
    second.die();
}

#[test]
fn a_claim_ends_with_its_process() {
    let (client, _server) = connection();
    let mut second = Second::with(&client);
    assert!(second.claims());
    assert!(is_held(&client));
    second.die();
    claim(client.as_fd()).unwrap();
}

#[test]
fn a_claim_is_of_one_socket() {
    let (client, _server) = connection();
    let (other, _other_server) = connection();
    let mut second = Second::with(&client);
    assert!(second.claims());
    assert!(is_held(&client));
    claim(other.as_fd()).unwrap();
    second.die();
}

#[test]
fn both_processes_see_one_mark_until_somebody_uses_the_socket() {
    let (mut client, mut server) = connection();
    let fresh = mark(&client);
    client.write_all(b"NOOP\r\n").unwrap();
    server.read_exact(&mut [0; 6]).unwrap();
    let mut second = Second::with(&client);
    let before = mark(&client);
    assert_eq!(before, SocketMark { written: fresh.written + 6, ..fresh });
    assert_eq!(second.mark(), before);
    assert_eq!(second.order(b'w'), [6]);
    let after = mark(&client);
    assert_eq!(after, SocketMark { written: before.written + 6, ..before });
    assert_eq!(second.mark(), after);
    second.die();
    assert_eq!(mark(&client), after, "who came and went does not matter");
}

#[test]
fn octets_count_when_they_come_read_or_not() {
    let (mut client, mut server) = connection();
    let before = mark(&client);
    server.write_all(b"250 ok\r\n").unwrap();
    // Waits until they are there.
    assert!(client.peek(&mut [0; 8]).unwrap() > 0);
    let after = SocketMark { received: before.received + 8, ..before };
    assert_eq!(mark(&client), after);
    client.read_exact(&mut [0; 8]).unwrap();
    assert_eq!(mark(&client), after);
}

#[test]
fn octets_count_as_written_before_they_are_acknowledged() {
    let (mut client, mut server) = connection();
    let before = mark(&client).written;
    client.set_nonblocking(true).unwrap();
    // More than the other side's buffer: some are in flight, some unsent.
    let mut written = 0;
    while let Ok(octets) = client.write(&[b'x'; 65_536]) {
        written += octets;
    }
    let expected = before + u64::try_from(written).unwrap();
    assert_eq!(mark(&client).written, expected);
    server.read_exact(&mut vec![0; written]).unwrap();
    assert_eq!(mark(&client).written, expected);
}

#[test]
fn two_sockets_have_two_marks() {
    let (first, server) = connection();
    let (second, _other_server) = connection();
    let (a, b, c) = (mark(&first), mark(&second), mark(&server));
    assert!(a.cookie != b.cookie && a.cookie != c.cookie);
    assert_eq!((a.written, a.received), (b.written, b.received));
}

#[test]
fn what_is_no_tcp_socket_has_no_mark() {
    let (unix, _other) = UnixStream::pair().unwrap();
    assert!(SocketMark::of(unix.as_fd()).is_err());
}

#[test]
fn a_mark_does_not_tell_two_connections_of_one_socket_apart_so_the_cache_must_not_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let marks = [(); 2].map(|()| {
        let mut server = listener.accept().unwrap().0;
        client.write_all(b"QUIT").unwrap();
        server.read_exact(&mut [0; 4]).unwrap();
        let mark = mark(&client);
        rustix::net::connect_unspec(&client).unwrap();
        rustix::net::connect(&client, &address).unwrap();
        mark
    });
    assert_eq!(marks[0], marks[1]);
}
