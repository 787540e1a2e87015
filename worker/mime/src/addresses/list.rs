//! The tokens of an address list.
//!
//! RFC 5322 §3.2 to §3.4 and §4. Every octet of the list is in one token, so that what does not change can be written
//! as it was. Octets above 127 are atoms (RFC 6532).

use std::borrow::Cow;

/// One token with its octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: Cow<'a, [u8]>,
}

/// What it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Blanks of any number.
    Blank,
    /// With its brackets, and the comments in it.
    Comment,
    Atom,
    /// With its quotes.
    Quoted,
    /// A domain in square brackets, with them.
    Literal,
    /// One of `<>:;@,.` and brackets that close nothing.
    Special(u8),
}

impl Token<'_> {
    pub(super) fn is(&self, special: u8) -> bool {
        self.kind == Kind::Special(special)
    }

    /// Blanks and comments (CFWS).
    pub(super) const fn is_filling(&self) -> bool {
        matches!(self.kind, Kind::Blank | Kind::Comment)
    }
}

/// The list in tokens. What is not closed is closed by the end.
pub(super) fn tokens(list: &[u8]) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = list;
    while let Some(first) = rest.first() {
        let (kind, length) = match first {
            b' ' | b'\t' => (Kind::Blank, run(rest, |octet| matches!(octet, b' ' | b'\t'))),
            b'(' => (Kind::Comment, comment(rest)),
            b'"' => (Kind::Quoted, closed(rest, b'"')),
            b'[' => (Kind::Literal, closed(rest, b']')),
            octet if !is_atom(*octet) => (Kind::Special(*octet), 1),
            _ => (Kind::Atom, atom(rest)),
        };
        let (text, after) = rest.split_at(length.clamp(1, rest.len()));
        tokens.push(Token { kind, text: Cow::Borrowed(text) });
        rest = after;
    }
    tokens
}

const fn is_atom(octet: u8) -> bool {
    !matches!(
        octet,
        b' ' | b'\t' | b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b',' | b'.' | b'"'
    )
}

fn run(text: &[u8], belongs: impl Fn(u8) -> bool) -> usize {
    text.iter().position(|octet| !belongs(*octet)).unwrap_or(text.len())
}

/// An atom; an octet after a backslash belongs to it, whatever it is (RFC 822).
fn atom(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text.iter().position(|octet| {
        let belongs = escaped || is_atom(*octet);
        escaped = !escaped && *octet == b'\\';
        !belongs
    });
    end.unwrap_or(text.len())
}

/// Up to the closing octet that no backslash precedes.
fn closed(text: &[u8], by: u8) -> usize {
    let mut escaped = true;
    let end = text.iter().position(|octet| {
        let closes = !escaped && *octet == by;
        escaped = !escaped && *octet == b'\\';
        closes
    });
    end.map_or(text.len(), |at| at + 1)
}

fn comment(text: &[u8]) -> usize {
    let (mut depth, mut escaped) = (0usize, false);
    for (at, octet) in text.iter().enumerate() {
        match octet {
            _ if escaped => {}
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        escaped = !escaped && *octet == b'\\';
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(list: &str) -> Vec<(Kind, String)> {
        let text = |token: &Token<'_>| String::from_utf8(token.text.to_vec()).unwrap();
        tokens(list.as_bytes()).iter().map(|token| (token.kind, text(token))).collect()
    }

    fn only(list: &str) -> Kind {
        let found = split(list);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].0
    }

    #[test]
    fn nothing_of_the_list_is_lost() {
        for list in
            ["a@b, \"c d\" <e@[1.2]> (f (g) h)\t;", "\\", "\"", "(", "[", ")]>", "a\\", "\u{e9}@\u{e9}", ""]
        {
            assert_eq!(split(list).into_iter().map(|(_, text)| text).collect::<String>(), list);
        }
    }

    #[test]
    fn specials_inside_of_quotes_and_brackets_do_not_count() {
        assert_eq!(only("\"a, \\\" <b>\""), Kind::Quoted);
        assert_eq!(only("(a, (b) \\) c)"), Kind::Comment);
        assert_eq!(only("[IPv6:::1]"), Kind::Literal);
        assert_eq!(only("a\\@b"), Kind::Atom);
    }

    #[test]
    fn what_is_not_closed_ends_with_the_list() {
        assert_eq!(only("\"a, b"), Kind::Quoted);
        assert_eq!(only("(a, b"), Kind::Comment);
        assert_eq!(only("[a, b"), Kind::Literal);
    }
}
