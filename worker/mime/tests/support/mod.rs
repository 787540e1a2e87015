//! What the tests of whole messages share: passing one through in pieces, and what must hold of every output.
#![allow(dead_code, reason = "each test uses some of it")]

use mime::{Conversion, Error, Filter, Limits};
use std::convert::Infallible;

/// Limits that short messages reach.
pub(crate) const TIGHT: Limits = Limits { boundary: 5, nesting: 1, header: 60, line: 9 };

/// `@map` becomes `@new.example`.
pub(crate) fn map(address: &str) -> Result<Option<String>, Infallible> {
    Ok(address.strip_suffix("@map").map(|local| format!("{local}@new.example")))
}

/// Nothing changes.
pub(crate) fn keep(_: &str) -> Result<Option<String>, Infallible> {
    Ok(None)
}

/// The output for pieces of content. What came before an error counts.
pub(crate) fn filtered<'a>(
    limits: &Limits,
    conversion: Conversion,
    mut addresses: impl FnMut(&str) -> Result<Option<String>, Infallible>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Option<Error<Infallible>>) {
    let (mut filter, mut out) = (Filter::new(limits, conversion), Vec::new());
    for piece in pieces {
        if let Err(error) = filter.feed(piece, &mut addresses, &mut out) {
            return (out, Some(error));
        }
    }
    let last = filter.finish(&mut addresses, &mut out);
    (out, last.err())
}

/// `content` with every CR that no LF follows as a space.
pub(crate) fn without_lone_cr(content: &[u8]) -> Vec<u8> {
    let next = content.iter().skip(1).copied().chain([0]);
    content
        .iter()
        .zip(next)
        .map(|(octet, next)| if *octet == b'\r' && next != b'\n' { b' ' } else { *octet })
        .collect()
}

/// Decoded with 7-bit conversion, one piece.
pub(crate) fn seven(content: &[u8]) -> Vec<u8> {
    let (out, error) = filtered(&Limits::default(), Conversion::SevenBit, keep, [content]);
    assert_eq!(error, None);
    out
}

/// The leaves of a message as an independent parser decodes them, line ends as LF.
pub(crate) fn leaves(message: &[u8]) -> Vec<Vec<u8>> {
    fn collect(message: &mail_parser::Message<'_>, found: &mut Vec<Vec<u8>>) {
        for part in &message.parts {
            match &part.body {
                mail_parser::PartType::Text(text) | mail_parser::PartType::Html(text) => {
                    found.push(text.as_bytes().to_vec());
                }
                mail_parser::PartType::Binary(octets) | mail_parser::PartType::InlineBinary(octets) => {
                    found.push(octets.to_vec());
                }
                mail_parser::PartType::Message(inside) => collect(inside, found),
                mail_parser::PartType::Multipart(_) => found.push(b"(multipart)".to_vec()),
            }
        }
    }
    let mut found = Vec::new();
    if let Some(message) = mail_parser::MessageParser::default().parse(message) {
        collect(&message, &mut found);
    }
    found.iter().map(|leaf| with_lf(leaf)).collect()
}

/// CR LF as LF.
pub(crate) fn with_lf(text: &[u8]) -> Vec<u8> {
    let next = text.iter().skip(1).copied().chain([0]);
    text.iter()
        .zip(next)
        .filter(|(octet, next)| (**octet, *next) != (b'\r', b'\n'))
        .map(|(octet, _)| *octet)
        .collect()
}
