//! A rewritten header in lines.

use super::list::{Kind, Token};
use crate::header::LineEnd;

/// Lines are shorter than this, if one address is. The tab does not count.
const COLUMNS: usize = 70;

/// The header with its name, one address after the other. `ended`: with an end of the last line.
pub(super) fn wrapped(name: &[u8], tokens: &[Token<'_>], end: LineEnd, ended: bool) -> Vec<u8> {
    let elements: Vec<_> = tokens.split_inclusive(comma()).map(element).collect();
    let mut out = [name, b":"].concat();
    let mut column = out.len();
    for (at, text) in elements.iter().enumerate() {
        if text.is_empty() {
            continue;
        }
        if at == 0 || column + 1 + text.len() < COLUMNS {
            out.push(b' ');
            column += 1 + text.len();
        } else {
            out.extend_from_slice(end.octets());
            out.push(b'\t');
            column = text.len();
        }
        out.extend_from_slice(text);
    }
    if ended {
        out.extend_from_slice(end.octets());
    }
    out
}

/// Whether a token is a comma between addresses; in a route it is none.
fn comma() -> impl FnMut(&Token<'_>) -> bool {
    let mut inside = false;
    move |token| {
        match token.kind {
            Kind::Special(b'<') => inside = true,
            Kind::Special(b'>') => inside = false,
            _ => {}
        }
        token.is(b',') && !inside
    }
}

/// One element with its comma, blanks between its tokens made single, one after the name of a group.
fn element(tokens: &[Token<'_>]) -> Vec<u8> {
    let mut text = Vec::new();
    let (mut blank, mut inside) = (false, false);
    for token in tokens {
        match token.kind {
            Kind::Blank => blank = true,
            _ if token.text.is_empty() => {}
            kind => {
                if blank && !text.is_empty() && kind != Kind::Special(b',') {
                    text.push(b' ');
                }
                text.extend_from_slice(&token.text);
                inside = kind == Kind::Special(b'<') || (inside && kind != Kind::Special(b'>'));
                blank = kind == Kind::Special(b':') && !inside;
            }
        }
    }
    text
}
