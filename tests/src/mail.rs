//! Messages for tests, each with its own identity and a body that stresses transparency.

use crate::sink::{self, Digest};

/// A message as it is handed to the injector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Envelope sender.
    pub sender: String,
    /// Envelope recipients.
    pub recipients: Vec<String>,
    /// Header and body, CRLF line ends, dots not stuffed.
    pub content: Vec<u8>,
}

impl Mail {
    /// A message with this Message-ID (without brackets) and body; the body's lines end in CRLF.
    pub fn new(recipient: &str, id: &str, body: &[u8]) -> Self {
        let mut content = format!(
            "From: <sender@client.test>\r\nTo: <{recipient}>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n\
             Message-ID: <{id}>\r\nSubject: test\r\n\r\n"
        )
        .into_bytes();
        content.extend_from_slice(body);
        Self { sender: "sender@client.test".into(), recipients: vec![recipient.to_owned()], content }
    }

    /// What will be found again at the sink.
    pub fn sent(&self) -> Sent {
        let sink::Parsed { message_id, body, original } = sink::parse(&self.content);
        Sent { message_id, body, original, recipients: self.recipients.clone() }
    }
}

/// What is known of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The Message-ID header's value.
    pub message_id: String,
    /// SHA-256 of the body.
    pub body: Digest,
    /// SHA-256 of header and body.
    pub original: Digest,
    /// The envelope's recipients.
    pub recipients: Vec<String>,
}

/// `number` messages of about `size` octets, all different, to `uN@d.test`.
pub fn distinct(number: usize, size: usize) -> Vec<Mail> {
    spread(number, size, &["d.test"])
}

/// As [`distinct`], dealt round over several domains.
pub fn spread(number: usize, size: usize, domains: &[&str]) -> Vec<Mail> {
    (0..number)
        .map(|n| {
            let recipient = format!("u{n}@{}", domains[n % domains.len()]);
            Mail::new(&recipient, &format!("m{n}.{}@client.test", std::process::id()), &body(n as u64, size))
        })
        .collect()
}

/// A body in which everything occurs that transports get wrong: dots at line starts, lines that are only dots,
/// empty lines, trailing blanks, a line of 998 octets, octets above 127, and no two bodies alike.
pub fn body(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut body = format!("number {seed}\r\n").into_bytes();
    while body.len() < size {
        match next() % 8 {
            0 => body.extend_from_slice(b"."),
            1 => body.extend_from_slice(b".."),
            2 => body.extend_from_slice(b".leading dot"),
            3 => {}
            4 => body.extend_from_slice("äöü €  ".as_bytes()),
            5 if size > 2_000 => body.extend(std::iter::repeat_n(b'.', 998)),
            _ => body.extend(format!("{:016x} {:016x}", next(), next()).bytes()),
        }
        body.extend_from_slice(b"\r\n");
    }
    body
}
