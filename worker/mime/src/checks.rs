//! What the operator's tables say of headers and body lines on their way out (`smtp_header_checks` and its kin), done.

use crate::editor::Editor;
use crate::header::{Block, Header, LineEnd, Start, push_verbatim, start};

/// Which table a header belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The message's own headers but those of MIME: `*_header_checks`.
    Primary,
    /// `Content-*` and `MIME-Version` wherever they stand, and all headers of parts: `*_mime_header_checks`.
    Mime,
    /// Other headers of messages inside: `*_nested_header_checks`.
    Nested,
}

/// What becomes of a header or a line. Texts have no line end of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// It stays.
    Keep,
    /// It goes.
    Drop,
    /// This stands for it.
    Replace(String),
    /// This goes before it.
    Prepend(String),
}

/// By name, then by place.
const MIME_NAMES: [&str; 6] = [
    "Content-Description",
    "Content-Disposition",
    "Content-ID",
    "Content-Transfer-Encoding",
    "Content-Type",
    "MIME-Version",
];

impl Class {
    /// The class of a header.
    #[must_use]
    pub fn of(header: &Header<'_>) -> Self {
        match header.block {
            _ if MIME_NAMES.iter().any(|name| header.is(name)) => Self::Mime,
            Block::Message => Self::Primary,
            Block::Part => Self::Mime,
            Block::Nested => Self::Nested,
        }
    }
}

/// Whether a text begins as a header does.
#[must_use]
pub fn is_header(text: &[u8]) -> bool {
    matches!(start(text), Start::Header(_))
}

/// Its lines joined by LF, without the last end: what is looked up.
pub(crate) fn plain(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(text) => {
                plain.extend_from_slice(text);
                plain.push(b'\n');
            }
            None => plain.extend_from_slice(line),
        }
    }
    if plain.last() == Some(&b'\n') {
        plain.pop();
    }
    plain
}

/// Appends a table's text; where it has lines, they end with `end`. What could end a line elsewhere becomes a space.
pub(crate) fn push_text(text: &str, end: LineEnd, out: &mut Vec<u8>) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.extend_from_slice(end.octets());
        }
        push_verbatim(line.as_bytes(), out);
    }
}

/// Gathers body lines until they can be looked up. Of a line longer than the limit each piece of that length is looked
/// up by itself, as Postfix, whose queue has such pieces, does.
#[derive(Debug, Clone)]
pub(crate) struct BodyLines {
    pub(crate) pending: Vec<u8>,
    limit: usize,
    /// Some of this line has been written.
    begun: bool,
}

impl BodyLines {
    pub(crate) fn new(limit: usize) -> Self {
        Self { pending: Vec::new(), limit: limit.max(1), begun: false }
    }

    /// Writes what is complete.
    pub(crate) fn advance<E: Editor>(
        &mut self,
        end: LineEnd,
        editor: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), E::Error> {
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        loop {
            let line = memchr::memchr(b'\n', rest).and_then(|at| rest.split_at_checked(at + 1));
            match line {
                Some((line, after)) if text_of(line).0.len() <= self.limit => {
                    let (text, end) = text_of(line);
                    self.write(text, end, end, editor, out)?;
                    rest = after;
                }
                _ if rest.len() > self.limit + 1 => {
                    let (piece, after) = rest.split_at(self.limit);
                    self.write(piece, b"", end.octets(), editor, out)?;
                    rest = after;
                }
                _ => break,
            }
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Writes a last line that has no end.
    pub(crate) fn finish<E: Editor>(
        &mut self,
        end: LineEnd,
        editor: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), E::Error> {
        self.advance(end, editor, out)?;
        let rest = std::mem::take(&mut self.pending);
        if rest.is_empty() { Ok(()) } else { self.write(&rest, b"", end.octets(), editor, out) }
    }

    /// One line or piece; `own` is its end, `added` that of a line before it.
    fn write<E: Editor>(
        &mut self,
        text: &[u8],
        own: &[u8],
        added: &[u8],
        editor: &mut E,
        out: &mut Vec<u8>,
    ) -> Result<(), E::Error> {
        let check = if text.is_empty() { Check::Keep } else { editor.line(text)? };
        let written = check != Check::Drop;
        match check {
            Check::Keep => out.extend_from_slice(text),
            Check::Drop => {}
            Check::Replace(new) => push_text(&new, LineEnd::Lf, out),
            Check::Prepend(new) => {
                push_text(&new, LineEnd::Lf, out);
                out.extend_from_slice(added);
                out.extend_from_slice(text);
            }
        }
        // The end of a line that was dropped whole goes with it.
        if written || self.begun {
            out.extend_from_slice(own);
        }
        self.begun = own.is_empty() && (self.begun || written);
        Ok(())
    }
}

fn text_of(line: &[u8]) -> (&[u8], &[u8]) {
    let length =
        line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n")).map_or(line.len(), <[u8]>::len);
    line.split_at(length)
}

#[cfg(test)]
mod tests;
