//! Lines of a notice: whatever goes in, only short lines that end in CRLF come out.

/// What characters a notice may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    Ascii,
    Utf8,
}

/// Text under construction.
#[derive(Debug)]
pub(super) struct Text {
    charset: Charset,
    octets: Vec<u8>,
}

impl Text {
    pub(super) fn new(charset: Charset) -> Self {
        Self { charset, octets: Vec::with_capacity(2048) }
    }

    /// A line that the caller knows to be short and clean.
    pub(super) fn line(&mut self, line: &str) {
        self.octets.extend_from_slice(line.as_bytes());
        self.octets.extend_from_slice(b"\r\n");
    }

    /// Octets that are lines already.
    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// Content-Transfer-Encoding by what the part has in it.
    pub(super) fn encoding(&mut self, has_8bit: bool) {
        self.line(if has_8bit {
            "Content-Transfer-Encoding: 8bit"
        } else {
            "Content-Transfer-Encoding: 7bit"
        });
    }

    /// A field of any length: folded between words, overlong words cut into pieces.
    pub(super) fn field(&mut self, name: &str, kind: &str, value: &str) {
        let start = format!("{name}: {kind}");
        let value = self.clean(value);
        self.fold(&start, " ", if value.trim().is_empty() { "unknown" } else { &value });
    }

    /// A field with an address as value and its type before it (RFC 3464 §2.3.1, RFC 6533 §3).
    pub(super) fn address_field(&mut self, name: &str, address: &str) {
        let kind = if address.is_ascii() { "rfc822" } else { "utf-8" };
        let address = self.address(address);
        self.line(&format!("{name}: {kind}; {address}"));
    }

    /// Text for people, indented, its lines filled.
    pub(super) fn paragraph(&mut self, indent: usize, text: &str) {
        let margin = " ".repeat(indent);
        let text = self.clean(text);
        self.fold(&margin, &margin, &text);
    }

    /// An address as it may stand in a line: it may have spaces in quotes, so it is not folded.
    pub(super) fn address(&self, address: &str) -> String {
        cut(&self.clean(address), LONGEST_ADDRESS).to_owned()
    }

    /// One word: a host name, a type.
    pub(super) fn word(&self, word: &str) -> String {
        let word: String =
            word.chars().filter(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(*c)).collect();
        if word.is_empty() { "unknown".to_owned() } else { cut(&word, LONGEST_WORD).to_owned() }
    }

    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    pub(super) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.octets).into_owned()
    }

    /// Control and direction characters become `?`, and without SMTPUTF8 all that is not ASCII does.
    fn clean(&self, text: &str) -> String {
        let clean = |c: char| match c {
            '\t' | '\r' | '\n' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
            c if c.is_control() || (self.charset == Charset::Ascii && !c.is_ascii()) => '?',
            c => c,
        };
        text.chars().map(clean).collect()
    }

    fn fold(&mut self, start: &str, margin: &str, text: &str) {
        let mut line = start.to_owned();
        let mut empty = true;
        for word in text.split(' ').filter(|word| !word.is_empty()).flat_map(pieces) {
            if !empty && line.len() + 1 + word.len() > WIDTH {
                self.line(&line);
                line = margin.to_owned();
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        if !empty {
            self.line(&line);
        }
    }
}

/// A word in pieces that fit into a line.
fn pieces(mut word: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let piece = cut(word, LONGEST_WORD);
        word = word.get(piece.len()..).unwrap_or_default();
        (!piece.is_empty()).then_some(piece)
    })
}

/// At most `length` octets, whole characters.
fn cut(text: &str, length: usize) -> &str {
    let end = (0..=text.len().min(length)).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// RFC 5322 §2.1.1 recommends 78.
const WIDTH: usize = 76;
/// With any field name before it, below the 998 of RFC 5322 §2.1.1.
const LONGEST_WORD: usize = 400;
/// The envelope's limit for an address.
const LONGEST_ADDRESS: usize = 900;
