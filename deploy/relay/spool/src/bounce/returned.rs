//! What a notice returns of the message: octets whose lines are safe to send.

use super::Returned;
use super::text::Charset;

/// The last part of a notice.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) content_type: &'static str,
    pub(super) content: Vec<u8>,
}

impl Part {
    pub(super) fn has_8bit(&self) -> bool {
        !self.content.is_ascii()
    }
}

/// RFC 3462 §2 (text/rfc822-headers), RFC 6533 §4 for UTF-8.
pub(super) fn part(returned: &Returned<'_>, charset: Charset) -> Part {
    let (content_type, octets) = match (returned, charset) {
        (Returned::Full(content), Charset::Ascii) => ("message/rfc822", content),
        (Returned::Full(content), Charset::Utf8) => ("message/global", content),
        (Returned::Header(header), Charset::Ascii) => ("text/rfc822-headers", header),
        (Returned::Header(header), Charset::Utf8) => ("message/global-headers", header),
    };
    Part { content_type, content: safe_lines(octets) }
}

/// The header of a message, with the CRLF of its last line, without the empty line.
pub fn header_of(content: &[u8]) -> &[u8] {
    if content.starts_with(b"\r\n") {
        return &[];
    }
    let end = content.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 2);
    content.get(..end.unwrap_or(content.len())).unwrap_or(content)
}

/// The same lines, where a lone LF ends a line too, a lone CR is a space, no line is longer than 998 octets (the rest
/// goes on after CRLF SP) and the last one is complete.
fn safe_lines(octets: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + 2);
    let mut lines = octets.split(|&octet| octet == b'\n').peekable();
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        if last && line.is_empty() {
            break;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for (number, piece) in line.chunks(PIECE).enumerate() {
            out.extend_from_slice(if number == 0 { b"" } else { b"\r\n " });
            out.extend(piece.iter().map(|&octet| if octet == b'\r' { b' ' } else { octet }));
        }
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// RFC 5321 §4.5.3.1.6, less the space of a continuation.
const PIECE: usize = 997;
