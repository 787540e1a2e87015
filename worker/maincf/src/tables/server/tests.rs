//! Servers that are away, come back, say too much, too little, or nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use super::*;
use crate::tables::{Table, TableSpec};

/// A server that gives each connection these replies, one per line that it reads, and then closes it.
fn server(connections: Vec<Vec<&'static str>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for replies in connections {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for reply in replies {
                _ = lines.next();
                _ = stream.write_all(reply.as_bytes());
            }
        }
    });
    format!("tcp:127.0.0.1:{port}")
}

fn table(name: &str) -> Box<dyn Table> {
    TableSpec::parse(name).unwrap().open().unwrap()
}

#[test]
fn one_connection_serves_many_lookups() {
    let table = table(&server(vec![vec!["200 1\n", "500 no\n", "200 3\n"]]));
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("1"));
    assert_eq!(table.lookup("b").unwrap(), None);
    assert_eq!(table.lookup("c").unwrap().as_deref(), Some("3"));
}

#[test]
fn a_server_that_was_started_again_is_connected_to_again() {
    let table = table(&server(vec![vec!["200 1\n"], vec!["200 2\n"], vec!["400 busy\n"], vec!["200 3\n"]]));
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("1"));
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("2"));
    let error = table.lookup("a").unwrap_err();
    assert_eq!(error.reason, "the server reports \"busy\"");
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("3"));
}

#[test]
fn a_reply_that_comes_unasked_does_not_pass_for_the_next() {
    let table = table(&server(vec![vec!["200 1\n200 2\n"], vec!["200 3\n"]]));
    let first = table.lookup("a");
    assert!(first.is_err() || first == Ok(Some("1".into())), "{first:?}");
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("3"));
}

#[test]
fn a_server_that_is_away_is_never_not_found() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for name in
        [format!("tcp:{free}"), format!("socketmap:inet:{free}:x"), "socketmap:unix:/no/such:x".into()]
    {
        let error = table(&name).lookup("a").unwrap_err();
        assert!(error.reason.starts_with("cannot connect to "), "{error}");
    }
}

#[test]
fn replies_that_end_early_or_never_are_errors() {
    let table = |replies| table(&server(vec![replies]));
    assert!(table(vec![""]).lookup("a").unwrap_err().reason.ends_with("has closed the connection"));
    assert!(table(vec!["200 half"]).lookup("a").unwrap_err().reason.contains("malformed"));
    let long: &'static str = Box::leak(("200 ".to_owned() + &"x".repeat(5000)).into_boxed_str());
    assert!(table(vec![long]).lookup("a").unwrap_err().reason.contains("more than 4096"));
    assert!(table(vec!["200 ok\n"]).lookup(&"k".repeat(70_000)).unwrap_err().reason.contains("the key"));
}

/// Asks a server that is given less time than others.
fn ask_soon(address: Address) -> NoAnswer {
    let server = Server { patience: Duration::from_millis(300), ..Server::new(address) };
    server.ask(b"x", |_| Ok::<Option<((), usize)>, _>(None)).unwrap_err()
}

fn tcp(listener: &TcpListener) -> Address {
    Address::tcp(&listener.local_addr().unwrap().to_string()).unwrap()
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let error = ask_soon(tcp(&listener));
    assert_eq!(error.to_string(), format!("{} has not answered in 300ms", tcp(&listener)));
    assert_eq!(Server::new(tcp(&listener)).patience, Duration::from_secs(10));
}

#[test]
fn a_server_that_says_a_little_again_and_again_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp(&listener);
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let drip = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while wait.recv_timeout(Duration::from_millis(20)).is_err() && stream.write_all(b"2").is_ok() {}
    });
    assert!(matches!(ask_soon(address), NoAnswer::Slow(..)));
    _ = done.send(());
    drip.join().unwrap();
}

#[test]
fn a_unix_server_whose_queue_is_full_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    rustix::net::bind(&listener, &SocketAddrUnix::new(path.as_path()).unwrap()).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waits = Address::Unix(path.clone()).connect(Instant::now() + PATIENCE).unwrap();
    assert!(matches!(ask_soon(Address::Unix(path)), NoAnswer::Slow(..)));
}

#[test]
fn hosts_and_ports_are_read_as_they_are_written() {
    let tcp = |host: &str, port| Some(Address::Tcp { host: host.into(), port });
    assert_eq!(Address::tcp("host:25"), tcp("host", 25));
    assert_eq!(Address::tcp("[2001:db8::1]:25"), tcp("2001:db8::1", 25));
    assert_eq!(Address::tcp("25"), tcp("localhost", 25));
    assert_eq!(Address::tcp(":25"), tcp("localhost", 25));
    assert_eq!(Address::tcp("host:submission"), tcp("host", 587));
    assert_eq!(Address::tcp("host:no-such-service"), None);
    assert_eq!(Address::tcp("2001:db8::1:25"), None);
    assert_eq!(tcp("2001:db8::1", 25).unwrap().to_string(), "[2001:db8::1]:25");
}
