//! Time that runs over a whole request, farewells, and workers without work.

use crate::rig::{Worker, request};
use proto::job::Fate;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use std::time::Duration;
use testkit::wait::{PATIENCE, pass};

/// Long enough that a client which leaves at once has left; what is told from it is only that this one has not.
const A_WHILE: Duration = Duration::from_millis(400);

/// A server for one connection.
fn server<T: Send + 'static>(
    serve: impl FnOnce(BufReader<TcpStream>) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let nexthop = format!("[127.0.0.1]:{}", listener.local_addr().unwrap().port());
    let thread = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        serve(BufReader::new(stream))
    });
    (nexthop, thread)
}

fn worker(options: &[&str]) -> Worker {
    let always = ["myhostname=client.test", "maillog_file=", "smtp_tls_security_level=none"];
    let options: Vec<String> = always.iter().chain(options).map(|&option| option.to_owned()).collect();
    Worker::start("smtp", &options)
}

/// Says this, and reads the next line.
fn turn(stream: &mut BufReader<TcpStream>, say: &str) -> String {
    let _ = write!(stream.get_mut(), "{say}\r\n");
    let mut line = String::new();
    let _ = stream.read_line(&mut line);
    line
}

/// The dialogue up to DATA's reply, which is not said.
fn up_to_data(stream: &mut BufReader<TcpStream>) {
    for say in ["220 server.test ESMTP", "250 server.test", "250 ok", "250 ok"] {
        turn(stream, say);
    }
}

fn fate(options: &[&str], nexthop: String, length: usize) -> (Fate, String) {
    let mut worker = worker(options);
    let line = b"0123456789012345678901234567890123456789012345678901234567890\r\n";
    let text: Vec<u8> = line.iter().copied().cycle().take(length / line.len() * line.len()).collect();
    worker.deliver(request(nexthop, text.len() as u64), &text);
    let result = worker.report().unwrap().results.remove(0);
    worker.end();
    (result.fate, result.reason)
}

/// What the connection says next after QUIT within the limit: its end, or nothing.
fn after_quit(options: &[&str], limit: Duration) -> std::io::Result<usize> {
    let (nexthop, server) = server(move |mut stream| {
        up_to_data(&mut stream);
        turn(&mut stream, "354 go");
        skip_content(&mut stream);
        assert_eq!(turn(&mut stream, "250 ok").trim_end(), "QUIT");
        stream.get_ref().set_read_timeout(Some(limit)).unwrap();
        stream.read(&mut [0])
    });
    let mut worker = worker(options);
    let text = b"Subject: x\r\n\r\nbody\r\n";
    worker.deliver(request(nexthop, text.len() as u64), text);
    assert_eq!(worker.report().unwrap().results[0].fate, Fate::Sent);
    let seen = server.join().unwrap();
    worker.end();
    seen
}

/// Reads up to the final dot.
fn skip_content(stream: &mut BufReader<TcpStream>) {
    let mut line = String::from("more");
    while !line.is_empty() && line != ".\r\n" {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
}

#[test]
fn the_reply_to_quit_is_awaited_or_not_and_no_longer_than_its_timeout() {
    // smtp_skip_quit_response, smtp_quit_timeout.
    assert_eq!(after_quit(&["smtp_skip_quit_response=yes"], PATIENCE).unwrap(), 0);
    assert_eq!(after_quit(&["smtp_skip_quit_response=no", "smtp_quit_timeout=1s"], PATIENCE).unwrap(), 0);
    let waiting = after_quit(&["smtp_skip_quit_response=no"], A_WHILE).unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_reply_that_comes_in_pieces_has_the_time_of_a_whole_one_where_the_deadline_is_per_request() {
    let dribbles = || {
        server(|mut stream| {
            up_to_data(&mut stream);
            for _ in 0..8 {
                pass(A_WHILE);
                let _ = write!(stream.get_mut(), "354-wait\r\n");
            }
            turn(&mut stream, "354 go");
            skip_content(&mut stream);
            turn(&mut stream, "250 ok");
        })
    };
    for deadline in ["smtp_per_request_deadline=yes", "smtp_per_record_deadline=yes"] {
        let (nexthop, _server) = dribbles();
        let (fate, reason) = fate(&["smtp_data_init_timeout=2s", deadline], nexthop, 100);
        assert_eq!(fate, Fate::Deferred, "{deadline}: {reason}");
        assert!(reason.contains("timed out while sending DATA command"), "{deadline}: {reason}");
    }
    let (nexthop, _server) = dribbles();
    let (fate, reason) = fate(&["smtp_data_init_timeout=2s"], nexthop, 100);
    assert_eq!(fate, Fate::Sent, "{reason}");
}

#[test]
fn text_that_is_taken_slowly_has_the_time_that_its_length_has_at_the_least_data_rate() {
    // Every step is in time; all of them together are not, at the higher rate.
    for (rate, wanted) in
        [("smtp_min_data_rate=100000000", Fate::Deferred), ("smtp_min_data_rate=500", Fate::Sent)]
    {
        let (nexthop, _server) = server(|mut stream| {
            up_to_data(&mut stream);
            let _ = write!(stream.get_mut(), "354 go\r\n");
            let mut text = vec![0; 256 * 1024];
            let mut last = Vec::new();
            while !last.ends_with(b"\r\n.\r\n") {
                let Ok(count @ 1..) = stream.read(&mut text) else { return };
                last.extend_from_slice(&text[..count]);
                last.drain(..last.len().saturating_sub(5));
                pass(Duration::from_millis(20));
            }
            turn(&mut stream, "250 ok");
        });
        let options = ["smtp_per_request_deadline=yes", "smtp_data_xfer_timeout=1s", rate];
        let (fate, reason) = fate(&options, nexthop, 24 << 20);
        assert_eq!(fate, wanted, "{rate}: {reason}");
    }
}

/// A port whose queue of connections is full: the kernel answers no more of them.
fn full_port() -> (u16, Vec<TcpStream>, OwnedFd) {
    use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&socket, 0).unwrap();
    let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
    let more = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    (address.port(), std::iter::from_fn(more).take(100).collect(), socket)
}

#[test]
fn a_host_that_answers_no_connect_is_left_in_time() {
    // smtp_connect_timeout; for LMTP the kernel's own patience is the default, which is longer than ours.
    for protocol in ["smtp", "lmtp"] {
        let (port, _held, _socket) = full_port();
        let options = ["myhostname=client.test", "maillog_file="].map(String::from);
        let timeout = format!("{protocol}_connect_timeout=1s");
        let mut worker = Worker::start(protocol, &[&options[..], &[timeout]].concat());
        worker.deliver(request(format!("[127.0.0.1]:{port}"), 0), b"");
        let result = worker.report().unwrap().results.remove(0);
        assert_eq!(result.reason, format!("connect to 127.0.0.1[127.0.0.1]:{port}: Connection timed out"));
        worker.end();
    }
}

#[test]
fn a_worker_without_work_leaves_after_its_idle_time() {
    let mut idle = worker(&["max_idle=1s"]);
    assert_eq!(idle.report(), None);
    idle.end();
}
