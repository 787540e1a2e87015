//! Tables of types tcp and socketmap: the same server answers postmap and us.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::oracle::{Count, Folder, ours};

/// What a server has for a key: nothing for some, and what looks odd for others.
fn value(key: &[u8]) -> Option<Vec<u8>> {
    let sum = key.iter().fold(7_u32, |sum, &octet| sum.wrapping_mul(31).wrapping_add(octet.into()));
    match sum % 5 {
        0 => None,
        1 => Some([b"<".as_slice(), key, b">"].concat()),
        2 => Some(format!("100% of {} words, ünï", sum % 100).into_bytes()),
        3 => Some("long ".repeat(sum as usize % 500 + 1).into_bytes()),
        _ => Some(b"x".to_vec()),
    }
}

fn tcp_lines(stream: impl Read + Write, quote_all: bool) {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let quoted = line.strip_prefix(b"get ").unwrap().strip_suffix(b"\n").unwrap();
        let quote = |octets: &[u8]| -> String {
            let plain =
                |octet: u8| octet.is_ascii_graphic() && octet != b'%' || (octet == b' ' && !quote_all);
            octets
                .iter()
                .map(|&o| if plain(o) { char::from(o).to_string() } else { format!("%{o:02x}") })
                .collect()
        };
        let reply = match value(quoted) {
            Some(value) => format!("200 {}\n", quote(&value)),
            None => "500 not%20here\n".to_owned(),
        };
        stream.get_mut().write_all(reply.as_bytes()).unwrap();
        line.clear();
    }
}

fn netstrings(mut stream: impl Read + Write) {
    loop {
        let mut digits = Vec::new();
        let mut octet = [0];
        while stream.read_exact(&mut octet).is_ok() && octet[0] != b':' {
            digits.push(octet[0]);
        }
        let Ok(length) = String::from_utf8(digits).unwrap().parse::<usize>() else { return };
        let mut inside = vec![0; length + 1];
        stream.read_exact(&mut inside).unwrap();
        assert_eq!(inside.pop(), Some(b','));
        let key = inside.strip_prefix(b"map ").unwrap();
        let reply = value(key).map_or(b"NOTFOUND ".to_vec(), |value| [b"OK ".as_slice(), &value].concat());
        let reply = [format!("{}:", reply.len()).as_bytes(), &reply, b","].concat();
        stream.write_all(&reply).unwrap();
    }
}

/// Serves every connection of a socket in a thread of its own, until the test ends.
fn serve_tcp(serve: fn(std::net::TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.unwrap()));
        }
    });
    address.to_string()
}

fn keys() -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let key = prop_oneof!["[a-zA-Z0-9@.+ %\\\\\"äöß=:,-]{0,30}[a-zA-Zß]", "[!-~]{1,60}", "[ab]{1,3}"];
    (0..1200).map(|_| key.new_tree(&mut runner).unwrap().current()).collect()
}

fn compare(name: &str, kind: &str) {
    let (folder, keys) = (Folder::new(), keys());
    let oracle = folder.ask(name, &keys);
    assert!(oracle.success, "{}", oracle.warnings);
    let mut count = Count::default();
    count.compare_opened(&ours(name).unwrap(), &keys, &oracle, name);
    count.report(kind, 500, 0);
}

#[test]
fn tcp_answers_as_postmap_does() {
    let address = serve_tcp(|stream| tcp_lines(stream, true));
    compare(&format!("tcp:{address}"), "tcp");
}

#[test]
fn tcp_replies_with_plain_blanks_answer_as_postmap_does() {
    let address = serve_tcp(|stream| tcp_lines(stream, false));
    compare(&format!("tcp:{address}"), "tcp, blanks not quoted");
}

#[test]
fn socketmap_over_tcp_answers_as_postmap_does() {
    let address = serve_tcp(netstrings);
    compare(&format!("socketmap:inet:{address}:map"), "socketmap over TCP");
}

#[test]
fn socketmap_over_a_unix_socket_answers_as_postmap_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || netstrings(stream.unwrap()));
        }
    });
    compare(&format!("socketmap:unix:{}:map", path.display()), "socketmap over a Unix socket");
}
