//! A message's content as it came over the wire: where it ends, and what identifies it.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Digest = [u8; 32];

/// What identifies a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The Message-ID header's value, or empty.
    pub message_id: String,
    /// SHA-256 of what follows the first empty line.
    pub body: Digest,
    /// SHA-256 of everything after the leading trace fields.
    pub original: Digest,
}

/// Finds what identifies a message in its content (CRLF line ends, no dot-stuffing).
pub fn parse(content: &[u8]) -> Parsed {
    let (header, body) = match memchr::memmem::find(content, b"\r\n\r\n") {
        _ if content.starts_with(b"\r\n") => (&content[..0], &content[2..]),
        Some(end) => (&content[..end + 2], &content[end + 4..]),
        None => (content, &content[..0]),
    };
    let mut original_at = None;
    let mut message_id = String::new();
    let mut at = 0;
    for field in fields(header) {
        let name = field.split(|&octet| octet == b':').next().unwrap_or_default().to_ascii_lowercase();
        if original_at.is_none() && name != b"received" && name != b"return-path" {
            original_at = Some(at);
        }
        if name == b"message-id" {
            message_id = String::from_utf8_lossy(&field[name.len() + 1..]).trim().to_owned();
        }
        at += field.len();
    }
    let original = &content[original_at.unwrap_or(at)..];
    Parsed { message_id, body: Sha256::digest(body).into(), original: Sha256::digest(original).into() }
}

/// The header's fields, folded lines included.
fn fields(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = header;
    std::iter::from_fn(move || {
        let mut end = 0;
        while end < rest.len() {
            end = memchr::memmem::find(&rest[end..], b"\r\n").map_or(rest.len(), |at| end + at + 2);
            if !matches!(rest.get(end), Some(b' ' | b'\t')) {
                break;
            }
        }
        let (field, tail) = rest.split_at(end);
        rest = tail;
        (!field.is_empty()).then_some(field)
    })
}

/// The end of the content in `wire`, which begins right after the 354 reply: the content's length as sent and the
/// octets up to and with the final dot's line. `from` octets were searched before.
pub(super) fn end(wire: &[u8], from: usize) -> Option<(usize, usize)> {
    if wire.starts_with(b".\r\n") {
        return Some((0, 3));
    }
    let start = from.saturating_sub(4);
    memchr::memmem::find(&wire[start..], b"\r\n.\r\n").map(|at| (start + at + 2, start + at + 5))
}

/// Undoes dot-stuffing (RFC 5321 section 4.5.2).
pub(super) fn unstuff(wire: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(wire.len());
    let mut rest = wire.strip_prefix(b".").unwrap_or(wire);
    while let Some(at) = memchr::memmem::find(rest, b"\r\n.") {
        content.extend_from_slice(&rest[..at + 2]);
        rest = &rest[at + 3..];
    }
    content.extend_from_slice(rest);
    content
}

/// There is a CR or an LF that is not half of a CRLF.
pub(super) fn has_bare_line_end(wire: &[u8]) -> bool {
    memchr::memchr2_iter(b'\r', b'\n', wire).any(|at| match wire[at] {
        b'\n' => at == 0 || wire[at - 1] != b'\r',
        _ => wire.get(at + 1) != Some(&b'\n'),
    })
}

/// Lower-case hexadecimal.
pub fn hex(digest: &Digest) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(64), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &[u8]) -> Digest {
        Sha256::digest(text).into()
    }

    #[test]
    fn a_relays_trace_fields_do_not_change_what_identifies_a_message() {
        let sent = b"From: <a@x>\r\nMessage-ID: <1@x>\r\nSubject: folded\r\n line\r\n\r\nbody\r\n".as_slice();
        let mut relayed = b"Received: from a\r\n\tby b; date\r\nReceived: by c\r\n".to_vec();
        relayed.extend_from_slice(sent);
        assert_eq!(parse(&relayed), parse(sent));
        assert_eq!(parse(sent).message_id, "<1@x>");
        assert_eq!(parse(sent).body, digest(b"body\r\n"));
        assert_eq!(parse(sent).original, digest(sent));
    }

    #[test]
    fn later_received_fields_belong_to_the_original() {
        let sent = b"From: <a@x>\r\nReceived: by c\r\n\r\nbody\r\n".as_slice();
        assert_eq!(parse(sent).original, digest(sent));
    }

    #[test]
    fn content_without_header_or_body_is_parsed() {
        for (content, body) in
            [(&b""[..], &b""[..]), (b"\r\nbody\r\n", b"body\r\n"), (b"A: b\r\n", b""), (b"A: b\r\n\r\n", b"")]
        {
            assert_eq!(parse(content).body, digest(body), "{content:?}");
        }
    }

    #[test]
    fn the_final_dot_is_found_wherever_the_packets_are_cut() {
        let wire = b"a\r\n..b\r\n.\r\nQUIT\r\n";
        for from in 0..=10 {
            assert_eq!(end(wire, from), Some((8, 11)), "searched before: {from}");
        }
        assert_eq!(end(b".\r\nQUIT\r\n", 0), Some((0, 3)));
        assert_eq!(end(b"a\r\n.\r", 0), None);
        assert_eq!(unstuff(b"a\r\n..b\r\n"), b"a\r\n.b\r\n");
        assert_eq!(unstuff(b"..\r\n..\r\n"), b".\r\n.\r\n");
    }

    #[test]
    fn bare_line_ends_are_noticed() {
        assert!(!has_bare_line_end(b"a\r\nb\r\n"));
        assert!(has_bare_line_end(b"a\nb"));
        assert!(has_bare_line_end(b"a\rb"));
        assert!(has_bare_line_end(b"a\r"));
        assert!(has_bare_line_end(b"\n"));
    }
}
