//! The record layer against OpenSSL: commands that its `s_server` takes make it renew keys and ask for renegotiation.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

#[path = "hand_over/holder.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod holder;

use holder::{Sealed, Session};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// TLS 1.3, then TLS 1.2 by OpenSSL's names. The server's certificate is ECDSA.
const SUITES: [(&str, &str); 6] = [
    ("-ciphersuites", "TLS_AES_128_GCM_SHA256"),
    ("-ciphersuites", "TLS_AES_256_GCM_SHA384"),
    ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"),
    ("-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ("-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"),
];

/// A server, its certificate, and lines to it that it sends on or obeys.
struct Server {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    fn start(folder: &Path, (option, suite): (&str, &str)) -> Self {
        let identity = rcgen::generate_simple_self_signed(vec!["mx.example.test".to_owned()]).unwrap();
        let (certificate, key) = (folder.join("certificate"), folder.join("key"));
        std::fs::write(&certificate, identity.cert.pem()).unwrap();
        std::fs::write(&key, identity.signing_key.serialize_pem()).unwrap();
        let version = if option == "-cipher" { "-tls1_2" } else { "-tls1_3" };
        let mut process = Command::new("openssl")
            .args(["s_server", "-accept", "127.0.0.1:0", "-naccept", "1", version, option, suite, "-cert"])
            .args([certificate.as_path(), Path::new("-key"), &key])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut server = Self { process, input, output, port: 0 };
        let accepting = line_with(&mut server.output, "ACCEPT 127.0.0.1:");
        server.port = accepting.trim().rsplit(':').next().unwrap().parse().unwrap();
        server
    }

    fn say(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).unwrap();
    }
}

/// Reads up to a line that has `text`.
fn line_with(output: &mut impl BufRead, text: &str) -> String {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the server ended before it said {text:?}");
    }
    line
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn openssl_understands_a_session_that_changes_hands() {
    for suite in SUITES {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(folder.path(), suite);
        let socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut session = Session::fresh(&socket);
        let mut sealed = Sealed { socket: socket.try_clone().unwrap(), blob: Vec::new() };
        for round in 0..6 {
            if suite.0 == "-ciphersuites" && round > 0 {
                // Both kinds of key update. Once the record is here, the order has been read without the next line.
                server.say(if round % 2 == 0 { "k\n" } else { "K\n" });
                assert_eq!(socket.peek(&mut [0]).unwrap(), 1);
            }
            server.say(&format!("250 round {round}\r\n"));
            session.command(&format!("command {round} {}", "x".repeat(round * 3_000)));
            line_with(&mut server.output, &format!("command {round} "));
            sealed.blob = session.deposit();
            session = Session::take(&sealed).unwrap();
        }
        session.close();
    }
}
