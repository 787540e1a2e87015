//! A header as it stood in the message, and how the beginning of a line is known for one.

/// How a line ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// CR LF.
    CrLf,
    /// LF alone.
    Lf,
}

impl LineEnd {
    /// Its octets.
    #[must_use]
    pub const fn octets(self) -> &'static [u8] {
        match self {
            Self::CrLf => b"\r\n",
            Self::Lf => b"\n",
        }
    }
}

/// Whose headers these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// The message's own: the primary headers.
    Message,
    /// A part's of a multipart.
    Part,
    /// Those of a message inside the message.
    Nested,
}

/// One header with its continuation lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// Where it stands.
    pub block: Block,
    /// The lines with their ends, at most `header_size_limit` octets and an end. Other CR are in it as they came.
    pub raw: &'a [u8],
    /// How its last line ended; `None` where the message ends.
    pub end: Option<LineEnd>,
}

impl<'a> Header<'a> {
    /// The name as written, without blanks before the colon.
    #[must_use]
    pub fn name(&self) -> &'a [u8] {
        self.parts().0.trim_ascii_end()
    }

    /// What follows the colon, with folds and line end.
    #[must_use]
    pub fn value(&self) -> &'a [u8] {
        self.parts().1
    }

    /// Whether this is its name, in any case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name.as_bytes())
    }

    fn parts(&self) -> (&'a [u8], &'a [u8]) {
        let colon = memchr::memchr(b':', self.raw).unwrap_or(self.raw.len());
        let (name, rest) = self.raw.split_at(colon);
        (name, rest.get(1..).unwrap_or_default())
    }
}

/// The longest name that makes a line a header.
pub(crate) const LONGEST_NAME: usize = 1024;

/// What the first octets of a line in a header block say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// A header whose name and colon are this long.
    Header(usize),
    /// Not a header.
    Other,
    /// More must be seen.
    Open,
}

/// RFC 5322 §2.2: a name of printable ASCII, blanks (§4.5, obsolete), a colon.
pub(crate) fn start(line: &[u8]) -> Start {
    let mut blank = false;
    for (at, octet) in line.iter().enumerate() {
        match octet {
            b':' if at == 0 => return Start::Other,
            b':' => return Start::Header(at + 1),
            b' ' | b'\t' if at > 0 => blank = true,
            b'!'..=b'~' if !blank => {}
            _ => return Start::Other,
        }
        if at >= LONGEST_NAME {
            return Start::Other;
        }
    }
    Start::Open
}

/// Appends text that goes out as it is, but for a CR without LF, which becomes a space: what follows it must not be
/// taken for a line of its own.
pub(crate) fn push_verbatim(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\r', rest) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        let taken = if after.starts_with(b"\r\n") { b"\r\n".as_slice() } else { b" ".as_slice() };
        out.extend_from_slice(taken);
        rest = after.get(taken.len()..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_name_and_a_colon() {
        assert_eq!(start(b"To: a"), Start::Header(3));
        assert_eq!(start(b"To \t: a"), Start::Header(5));
        assert_eq!(start(b"To"), Start::Open);
        assert_eq!(start(b"To "), Start::Open);
        for other in [&b": a"[..], b" To: a", b"not a header: a", b"T\xc3\xa4: a", b"T\x01: a", b"T\r: a"] {
            assert_eq!(start(other), Start::Other, "{other:?}");
        }
    }

    #[test]
    fn a_name_without_end_is_no_header() {
        let long = [b"x".repeat(LONGEST_NAME + 1), b": a".to_vec()].concat();
        assert_eq!(start(&long), Start::Other);
        assert_eq!(start(&long[1..]), Start::Header(LONGEST_NAME + 1));
    }

    #[test]
    fn name_and_value_are_found_in_the_raw_lines() {
        let header =
            Header { block: Block::Message, raw: b"Subject : a: b\r\n c\r\n", end: Some(LineEnd::CrLf) };
        assert_eq!(header.name(), b"Subject");
        assert_eq!(header.value(), b" a: b\r\n c\r\n");
        assert!(header.is("subject") && !header.is("subjects"));
    }

    #[test]
    fn a_carriage_return_alone_becomes_a_space() {
        let mut out = Vec::new();
        push_verbatim(b"\ra\r\r\nb\nc\r\n\r", &mut out);
        assert_eq!(out, b" a \r\nb\nc\r\n ");
    }
}
