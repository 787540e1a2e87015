//! A sending client for the relay's intake: several sessions, many messages on each.

use crate::mail::{Mail, Sent};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A client that waits longer than this for a reply has found a defect.
const REPLY: Duration = Duration::from_secs(60);

/// Sends everything over so many sessions at once; ends the test when a message is refused.
pub fn send(to: SocketAddr, sessions: usize, mails: Vec<Mail>) -> Vec<Sent> {
    let sent = mails.iter().map(Mail::sent).collect();
    let share = mails.len().div_ceil(sessions.max(1)).max(1);
    std::thread::scope(|scope| {
        let clients: Vec<_> = mails
            .chunks(share)
            .map(|mails| {
                scope.spawn(move || {
                    let mut client = Client::connect(to);
                    for mail in mails {
                        client.mail(mail);
                    }
                    client.quit();
                })
            })
            .collect();
        for client in clients {
            client.join().expect("an injecting session");
        }
    });
    sent
}

/// One session, step by step. Commands are not pipelined.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects, reads the greeting and says EHLO.
    pub fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap_or_else(|error| panic!("the intake at {to}: {error}"));
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(REPLY)).expect("a TCP socket");
        let mut client = Self { stream: BufReader::new(stream) };
        assert_eq!(client.reply().chars().next(), Some('2'), "greeting");
        client.ask("EHLO client.test", '2');
        client
    }

    /// Sends one message; ends the test when it is refused. Gives the final reply.
    pub fn mail(&mut self, mail: &Mail) -> String {
        let body = if mail.content.is_ascii() { "" } else { " BODY=8BITMIME" };
        self.ask(&format!("MAIL FROM:<{}>{body}", mail.sender), '2');
        for recipient in &mail.recipients {
            self.ask(&format!("RCPT TO:<{recipient}>"), '2');
        }
        self.ask("DATA", '3');
        let mut wire = stuffed(&mail.content);
        wire.extend_from_slice(b".\r\n");
        self.write(&wire);
        let reply = self.reply();
        assert!(reply.starts_with('2'), "the message was refused: {reply}");
        reply
    }

    /// Sends one command and gives the reply; ends the test when it is not of the class asked for.
    pub fn ask(&mut self, command: &str, class: char) -> String {
        let reply = self.command(command);
        assert!(reply.starts_with(class), "{command:?} was answered {reply:?}");
        reply
    }

    /// Sends one command and gives the reply, whatever it is; lines are parted by `\n`.
    pub fn command(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes());
        self.reply()
    }

    /// Takes leave.
    pub fn quit(mut self) {
        self.ask("QUIT", '2');
    }

    /// Writes octets as they are.
    pub fn write(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).expect("the intake reads");
    }

    /// Reads one reply; empty when the server has closed.
    pub fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).expect("the intake answers in time") == 0 {
                return reply;
            }
            reply.push_str(line.trim_end_matches(['\r', '\n']));
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }
}

/// Doubles the dots at line starts (RFC 5321 section 4.5.2).
fn stuffed(content: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(content.len() + 64);
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b".") {
            wire.push(b'.');
        }
        wire.extend_from_slice(line);
    }
    wire
}
