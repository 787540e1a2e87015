//! Messages with 8-bit parts, converted and read by an independent parser: every part says what it said.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod support;

use mime::Limits;
use proptest::prelude::*;
use support::{leaves, seven};

#[derive(Debug, Clone)]
enum Node {
    /// Encoding as declared, and lines: text in UTF-8.
    Text(&'static str, Vec<String>),
    /// The same with any octets.
    Octets(&'static str, Vec<Vec<u8>>),
    Message(Box<Node>),
    Multipart(Multipart),
}

#[derive(Debug, Clone)]
struct Multipart {
    /// What follows the number in the boundary.
    boundary: &'static str,
    declares: bool,
    around: bool,
    closed: bool,
    parts: Vec<Node>,
}

/// Characters of text; lines that look like something else come from them, too.
const CHARACTERS: &[char] =
    &['a', 'b', ' ', '\t', '=', '-', '.', ':', 'é', 'ß', '€', '\u{1f600}', '\u{1}', '~'];
const BOUNDARIES: &[&str] = &["", "'()+_,-./:=?", " with blanks x", "=_\"q\\", "----=_Part", "é"];
const ENCODINGS: &[&str] = &["8bit", "binary", "8BIT", "Binary"];

fn text() -> impl Strategy<Value = Node> {
    let line = prop::collection::vec(prop::sample::select(CHARACTERS), 0..200).prop_map(String::from_iter);
    (prop::sample::select(ENCODINGS), prop::collection::vec(line, 0..6))
        .prop_map(|(encoding, lines)| Node::Text(encoding, lines))
}

fn octets() -> impl Strategy<Value = Node> {
    let octet = any::<u8>().prop_map(|octet| if matches!(octet, b'\r' | b'\n') { b'=' } else { octet });
    let lines = prop::collection::vec(prop::collection::vec(octet, 0..150), 0..6);
    (prop::sample::select(ENCODINGS), lines).prop_map(|(encoding, lines)| Node::Octets(encoding, lines))
}

fn node() -> impl Strategy<Value = Node> {
    let ascii = prop::sample::select(vec!["7bit", "quoted-printable"])
        .prop_map(|encoding| Node::Text(encoding, vec!["plain".into(), "as it was".into(), String::new()]));
    let leaf = prop_oneof![3 => text(), 2 => octets(), 1 => ascii];
    leaf.prop_recursive(5, 24, 4, |inner| {
        let multipart = (
            prop::sample::select(BOUNDARIES),
            any::<(bool, bool)>(),
            prop::bool::weighted(0.8),
            prop::collection::vec(inner.clone(), 1..4),
        );
        let multipart = multipart.prop_map(|(boundary, (declares, around), closed, parts)| {
            Node::Multipart(Multipart { boundary, declares, around, closed, parts })
        });
        // The parser panics at some messages directly inside of messages.
        let message = inner.prop_map(|node| match node {
            Node::Message(_) => node,
            node => Node::Message(Box::new(node)),
        });
        prop_oneof![1 => message, 3 => multipart]
    })
}

/// Writes messages; every boundary has a number of its own.
struct Pen {
    out: Vec<u8>,
    end: &'static str,
    boundaries: Vec<String>,
    leaves: Vec<Vec<u8>>,
}

impl Pen {
    fn line(&mut self, line: impl AsRef<[u8]>) {
        self.out.extend_from_slice(line.as_ref());
        self.out.extend_from_slice(self.end.as_bytes());
    }

    fn leaf(&mut self, encoding: &str, kind: &str, lines: &[&[u8]]) {
        self.line(format!("Content-Transfer-Encoding: {encoding}"));
        self.line(format!("Content-Type: {kind}"));
        self.line("");
        lines.iter().for_each(|line| self.line(line));
        self.leaves.push(lines.join(&b"\n"[..]));
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text(encoding, lines) => {
                let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
                self.leaf(encoding, "text/plain; charset=utf-8", &lines);
            }
            Node::Octets(encoding, lines) => {
                let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
                self.leaf(encoding, "application/octet-stream", &lines);
            }
            Node::Message(inside) => {
                self.line("Content-Type: message/rfc822");
                self.line("Content-Transfer-Encoding: 8bit");
                self.line("");
                self.line("Subject: inside");
                self.node(inside);
            }
            Node::Multipart(multipart) => self.multipart(multipart),
        }
    }

    fn multipart(&mut self, multipart: &Multipart) {
        let boundary = format!("{:03}{}", self.boundaries.len(), multipart.boundary);
        self.boundaries.push(boundary.clone());
        let quoted = boundary.replace('\\', "\\\\").replace('"', "\\\"");
        self.line(format!("Content-Type: multipart/mixed;{}\tboundary=\"{quoted}\"", self.end));
        if multipart.declares {
            self.line("Content-Transfer-Encoding: binary");
        }
        self.line("");
        if multipart.around {
            self.line("preamble é =");
        }
        for part in &multipart.parts {
            self.line(format!("--{boundary}"));
            self.node(part);
        }
        if multipart.closed {
            self.line(format!("--{boundary}--"));
            if multipart.around {
                self.line("epilogue é =");
            }
        }
    }
}

fn written(node: &Node, end: &'static str) -> Pen {
    let mut pen = Pen { out: Vec::new(), end, boundaries: Vec::new(), leaves: Vec::new() };
    pen.line("Subject: generated");
    pen.line("MIME-Version: 1.0");
    pen.node(node);
    pen
}

/// With the last delimiters that the message lacks: the parser decodes nothing without them.
fn closed_up(message: &[u8], pen: &Pen) -> Vec<u8> {
    let (mut out, mut open) = (Vec::new(), Vec::<&str>::new());
    let close = |boundary: &str| format!("--{boundary}--{}", pen.end).into_bytes();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let text = line.trim_ascii_end();
        let this = |boundary: &&String| {
            let rest = text.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
            matches!(rest, Some(b"" | b"--"))
        };
        if let Some(boundary) = pen.boundaries.iter().find(this) {
            if let Some(at) = open.iter().position(|open| open == boundary) {
                open.drain(at + 1..).rev().for_each(|inner| out.extend(close(inner)));
            } else {
                open.push(boundary);
            }
            if text.len() > boundary.len() + 2 {
                open.pop();
            }
        }
        out.extend_from_slice(line);
    }
    open.iter().rev().for_each(|inner| out.extend(close(inner)));
    out
}

/// Without line ends at the end: some belong to delimiters.
fn trimmed(leaf: &[u8]) -> &[u8] {
    let end = leaf.iter().rposition(|octet| *octet != b'\n').map_or(0, |last| last + 1);
    &leaf[..end]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_part_decodes_to_what_it_was(node in node(), end in prop::sample::select(vec!["\n", "\r\n"])) {
        let pen = written(&node, end);
        let converted = seven(&pen.out);
        let after = leaves(&closed_up(&converted, &pen));
        prop_assert_eq!(&after, &leaves(&closed_up(&pen.out, &pen)));
        let found: Vec<_> = after.iter().filter(|leaf| *leaf != b"(multipart)").map(|leaf| trimmed(leaf)).collect();
        prop_assert_eq!(found, pen.leaves.iter().map(|leaf| trimmed(leaf)).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_left_of_8_bit_stands_between_parts_only(node in node()) {
        let converted = seven(&written(&node, "\r\n").out);
        for line in converted.split(|octet| *octet == b'\n') {
            let known = line.starts_with(b"preamble") || line.starts_with(b"epilogue") || line.starts_with(b"--")
                || line.starts_with(b"\tboundary=");
            prop_assert!(known || line.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\t' | b'\r')), "{:?}", line);
        }
    }
}

#[test]
fn the_default_limits_are_those_of_postfix() {
    assert_eq!(Limits::default(), Limits { boundary: 2048, nesting: 100, header: 102_400, line: 2048 });
}
