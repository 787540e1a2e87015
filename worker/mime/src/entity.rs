//! What a header block says about the body below it.
//!
//! RFC 2045 §5 and §6, RFC 2046 §5, RFC 6532 §3.7 (message/global).

use crate::header::Header;
use crate::token::{Token, Tokens};

/// What kind of body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, or anything else without parts of its own.
    Leaf,
    /// `multipart/*`.
    Multipart,
    /// `message/rfc822`: a message with headers.
    Message,
    /// `message/global`: the same, but it may be encoded itself.
    MessageGlobal,
    /// Any other `message/*`.
    MessageOther,
}

/// What octets it says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `7bit`, whatever is encoded, and where nothing is said.
    SevenBit,
    /// `8bit`.
    EightBit,
    /// `binary`.
    Binary,
}

/// What is known of the body that the scanner is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entity {
    /// By its `Content-Type`, the last one if there are several.
    pub kind: Kind,
    /// By its `Content-Transfer-Encoding`, the last one that is known.
    pub domain: Domain,
}

impl Entity {
    /// A body whose headers say nothing more.
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, domain: Domain::SevenBit }
    }

    /// Whether a message with headers of its own begins below the blank line. An encoded message/global is opaque.
    #[must_use]
    pub const fn has_message(self) -> bool {
        match self.kind {
            Kind::Message => true,
            Kind::MessageGlobal => !self.is_eight_bit(),
            Kind::Leaf | Kind::Multipart | Kind::MessageOther => false,
        }
    }

    /// Whether it says that it has octets above 127, or lines that are none.
    #[must_use]
    pub const fn is_eight_bit(self) -> bool {
        !matches!(self.domain, Domain::SevenBit)
    }

    /// Reads a header. The boundaries that it names are given to `boundary` with the kind of the parts.
    pub(crate) fn read(&mut self, header: &Header<'_>, boundary: impl FnMut(Vec<u8>, Kind)) {
        if header.is("Content-Type") {
            self.kind = read_type(header.value(), boundary);
        } else if header.is("Content-Transfer-Encoding") {
            self.domain = read_encoding(header.value()).unwrap_or(self.domain);
        }
    }
}

fn read_encoding(value: &[u8]) -> Option<Domain> {
    let token = Tokens::new(value).next()?;
    let known = [
        ("7bit", Domain::SevenBit),
        ("8bit", Domain::EightBit),
        ("binary", Domain::Binary),
        ("quoted-printable", Domain::SevenBit),
        ("base64", Domain::SevenBit),
    ];
    known.into_iter().find(|(name, _)| token.is(name)).map(|(_, domain)| domain)
}

fn read_type(value: &[u8], mut boundary: impl FnMut(Vec<u8>, Kind)) -> Kind {
    let mut sections = Sections { tokens: Tokens::new(value), ended: false };
    let first = sections.next().unwrap_or_default();
    let subtype = |name: &str| {
        first.get(1).is_some_and(|slash| slash.is_special(b'/'))
            && first.get(2).is_some_and(|sub| sub.is(name))
    };
    let is = |name: &str| first.first().is_some_and(|kind| kind.is(name));
    if is("message") {
        return match () {
            () if subtype("rfc822") => Kind::Message,
            () if subtype("global") => Kind::MessageGlobal,
            () => Kind::MessageOther,
        };
    }
    if !is("multipart") {
        return Kind::Leaf;
    }
    let part = if subtype("digest") { Kind::Message } else { Kind::Leaf };
    for text in sections.filter_map(boundary_of) {
        boundary(text, part);
    }
    Kind::Multipart
}

/// `boundary=x`; whatever follows is passed over.
fn boundary_of(parameter: Vec<Token>) -> Option<Vec<u8>> {
    let mut tokens = parameter.into_iter();
    let named = tokens.next()?.is("boundary") && tokens.next()?.is_special(b'=');
    if named { tokens.next().map(Token::into_text) } else { None }
}

/// What stands between semicolons, of each its first three tokens.
struct Sections<'a> {
    tokens: Tokens<'a>,
    ended: bool,
}

impl Iterator for Sections<'_> {
    type Item = Vec<Token>;

    fn next(&mut self) -> Option<Vec<Token>> {
        if self.ended {
            return None;
        }
        let mut section = Vec::new();
        loop {
            match self.tokens.next() {
                Some(Token::Special(b';')) => return Some(section),
                Some(token) if section.len() < 3 => section.push(token),
                Some(_) => {}
                None => {
                    self.ended = true;
                    return Some(section);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Block;

    fn read(raw: &str) -> (Entity, Vec<(String, Kind)>) {
        let mut entity = Entity::new(Kind::Leaf);
        let mut boundaries = Vec::new();
        let header = Header { block: Block::Message, raw: raw.as_bytes(), end: None };
        entity.read(&header, |text, part| boundaries.push((String::from_utf8(text).unwrap(), part)));
        (entity, boundaries)
    }

    fn kind(value: &str) -> Kind {
        read(&format!("Content-Type: {value}")).0.kind
    }

    fn boundaries(parameters: &str) -> Vec<String> {
        let (_, found) = read(&format!("content-type: multipart/mixed{parameters}"));
        found.into_iter().map(|(text, _)| text).collect()
    }

    #[test]
    fn types_are_told_apart_as_in_postfix() {
        assert_eq!(kind("text/plain"), Kind::Leaf);
        assert_eq!(kind("Multipart / x"), Kind::Multipart);
        assert_eq!(kind("multipart"), Kind::Multipart);
        assert_eq!(kind("(c)message/RFC822; x=y"), Kind::Message);
        assert_eq!(kind("message/global"), Kind::MessageGlobal);
        assert_eq!(kind("message/partial"), Kind::MessageOther);
        assert_eq!(kind("message"), Kind::MessageOther);
        assert_eq!(kind("x multipart/mixed"), Kind::Leaf);
        assert_eq!(kind("\"multipart\"/mixed"), Kind::Leaf);
        assert_eq!(kind(""), Kind::Leaf);
    }

    #[test]
    fn parts_of_a_digest_are_messages() {
        assert_eq!(read("Content-Type: multipart/digest; boundary=b").1, [("b".into(), Kind::Message)]);
        assert_eq!(read("Content-Type: multipart/mixed; boundary=b").1, [("b".into(), Kind::Leaf)]);
    }

    #[test]
    fn boundaries_are_found_as_in_postfix() {
        assert_eq!(boundaries("; charset=x; BOUNDARY = \"a b\\\"c\" (comment)"), ["a b\"c"]);
        assert_eq!(boundaries(";boundary=a/b"), ["a"]);
        assert_eq!(boundaries("; ; ;boundary=(c)a b"), ["a"]);
        assert_eq!(boundaries("; boundary=a; boundary=b"), ["a", "b"]);
        assert_eq!(boundaries("; name=\"a;boundary=c\"; boundary=b"), ["b"]);
        assert_eq!(boundaries(" x y; boundary=\"un"), ["un"]);
        assert_eq!(boundaries("; boundary=\"\""), [""]);
        assert_eq!(boundaries("; boundary=[b]"), ["["]);
        for none in [
            "",
            " boundary=b",
            ",boundary=b",
            "; boundary*=b",
            "; boundary=",
            "; boundary=; x",
            "; x boundary=b",
        ] {
            assert_eq!(boundaries(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn the_last_known_encoding_counts() {
        let domain = |value: &str| read(&format!("Content-Transfer-Encoding: {value}")).0.domain;
        assert_eq!(domain("8BIT (comment)"), Domain::EightBit);
        assert_eq!(domain("(c) binary; x"), Domain::Binary);
        for seven in ["7bit", "base64", "quoted-printable", "x-unknown", "\"8bit\"", ""] {
            assert_eq!(domain(seven), Domain::SevenBit, "{seven}");
        }
        let mut entity = Entity { kind: Kind::Leaf, domain: Domain::EightBit };
        let unknown = Header { block: Block::Message, raw: b"Content-Transfer-Encoding: x", end: None };
        entity.read(&unknown, |_, _| {});
        assert_eq!(entity.domain, Domain::EightBit);
    }
}
