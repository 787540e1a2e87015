//! Lines out of octets, bounded; text made fit for logs.

use std::fmt::Write;

/// The longest part of a line that is kept, in octets; the rest of it is skipped.
pub(crate) const LONGEST_LINE: usize = 2048;
/// How many octets of one line may be skipped before the server is given up.
pub(crate) const LONGEST_SKIP: usize = 2048;

/// A line that does not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line longer than {} octets", LONGEST_LINE + LONGEST_SKIP)]
pub struct EndlessLine;

/// Cuts what it is fed at LF. Holds at most [`LONGEST_LINE`] octets of an unfinished line.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    buffer: Vec<u8>,
    /// Where the unread part of `buffer` begins.
    start: usize,
    /// How far `buffer` was searched for LF.
    searched: usize,
    /// Octets of the unfinished line that were dropped.
    skipped: usize,
}

impl LineReader {
    /// Takes octets as they came from the network.
    pub(crate) fn feed(&mut self, octets: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// The next line, raw, without its line end and without what was skipped of it.
    ///
    /// # Errors
    /// [`EndlessLine`]: close the connection.
    pub(crate) fn next_line(&mut self) -> Result<Option<&[u8]>, EndlessLine> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unsearched) else {
            self.skip_excess();
            return if self.skipped > LONGEST_SKIP { Err(EndlessLine) } else { Ok(None) };
        };
        let end = self.searched + at;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        if self.skipped + line.len() > LONGEST_LINE + LONGEST_SKIP {
            return Err(EndlessLine);
        }
        self.start = end + 1;
        self.searched = self.start;
        self.skipped = 0;
        let kept = line.get(..LONGEST_LINE).unwrap_or(line);
        Ok(Some(trim_carriage_returns(kept)))
    }

    /// Whether octets are here that no line was made of.
    pub(crate) fn has_leftover(&self) -> bool {
        self.unread() > 0
    }

    /// How many octets are here that no line was made of.
    pub(crate) fn unread(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// No line end was found: keeps the beginning of the line.
    fn skip_excess(&mut self) {
        if let Some(excess) = self.unread().checked_sub(LONGEST_LINE) {
            self.skipped += excess;
            self.buffer.truncate(self.start + LONGEST_LINE);
        }
        self.searched = self.buffer.len();
    }
}

/// RFC 5321 §2.3.8 wants CR LF; any number of CR before LF is taken for one.
fn trim_carriage_returns(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|octet| *octet != b'\r').map_or(0, |last| last + 1);
    line.get(..end).unwrap_or(line)
}

/// Appends a raw line as text that can be logged: it ends at NUL, a tab becomes a space, and every octet that is
/// not part of valid UTF-8, every control and every format character becomes `?`.
pub(crate) fn append_printable(text: &mut String, line: &[u8]) {
    let line = line.split(|octet| *octet == 0).next().unwrap_or_default();
    if line.iter().all(|octet| (0x20..0x7f).contains(octet)) {
        text.push_str(std::str::from_utf8(line).unwrap_or_default());
        return;
    }
    for chunk in line.utf8_chunks() {
        text.extend(chunk.valid().chars().map(printable));
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
}

/// `octets` between quotes, everything unusual escaped, at most `most` octets of it.
pub(crate) fn quoted(octets: &[u8], most: usize) -> String {
    let shown = octets.get(..most).unwrap_or(octets);
    let mut out = String::from("\"");
    for octet in shown {
        let _ = write!(out, "{}", octet.escape_ascii());
    }
    out.push('"');
    out
}

fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() || is_format(c) => '?',
        c => c,
    }
}

/// Characters that change how their neighbours look: bidirectional controls, zero-width ones, line separators,
/// variation tags, the byte order mark. Unicode categories Cf, Zl and Zp as far as a log reader may be misled.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{70f}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = LineReader::default();
        let mut out = Vec::new();
        for chunk in chunks {
            reader.feed(chunk);
            while let Some(line) = reader.next_line().unwrap() {
                out.push(String::from_utf8_lossy(line).into_owned());
            }
        }
        out
    }

    #[test]
    fn every_line_end_is_taken() {
        assert_eq!(lines(&[b"a\r\nb\nc\r\r\r\n\r\nd"]), ["a", "b", "c", ""]);
        assert_eq!(lines(&[b"a\r", b"\n", b"b", b"c\n"]), ["a", "bc"]);
        assert_eq!(lines(&[b"a\rb\r\n"]), ["a\rb"]);
    }

    #[test]
    fn a_long_line_is_cut_and_a_longer_one_is_an_error() {
        let keep = LONGEST_LINE + LONGEST_SKIP;
        for step in [1, 7, 4096, keep] {
            let mut reader = LineReader::default();
            let long = vec![b'x'; keep];
            for chunk in long.chunks(step) {
                reader.feed(chunk);
                assert_eq!(reader.next_line(), Ok(None));
                assert!(reader.buffer.len() <= LONGEST_LINE, "bounded");
            }
            // The CR counts too: a line is measured up to its LF.
            reader.feed(b"\r\n2");
            assert_eq!(reader.next_line().map(|line| line.map(<[u8]>::len)), Err(EndlessLine));
        }
        let mut reader = LineReader::default();
        reader.feed(&vec![b'x'; keep]);
        reader.feed(b"\nnext\n");
        assert_eq!(reader.next_line().unwrap().unwrap().len(), LONGEST_LINE);
        assert_eq!(reader.next_line().unwrap().unwrap(), b"next");
        reader.feed(&vec![b'x'; keep + 1]);
        assert_eq!(reader.next_line(), Err(EndlessLine));
    }

    #[test]
    fn leftover_is_what_no_line_was_made_of() {
        let mut reader = LineReader::default();
        assert!(!reader.has_leftover());
        reader.feed(b"a\nb");
        assert!(reader.next_line().unwrap().is_some() && reader.has_leftover());
        assert!(reader.next_line().unwrap().is_none() && reader.has_leftover());
        reader.feed(b"\n");
        assert!(reader.next_line().unwrap().is_some() && !reader.has_leftover());
    }

    #[track_caller]
    fn shown(raw: &[u8], want: &str) {
        let mut text = String::new();
        append_printable(&mut text, raw);
        assert_eq!(text, want);
    }

    #[test]
    fn what_could_mislead_a_log_reader_becomes_a_question_mark() {
        shown(b"plain text", "plain text");
        shown(b"a\tb", "a b");
        shown(b"\x1b[31mred\x07\x7f", "?[31mred??");
        shown("grüße".as_bytes(), "grüße");
        shown(b"\xff\xc3(", "??(");
        shown(b"\xc0\xaf", "??");
        shown("\u{85}\u{9b}".as_bytes(), "??");
        shown("a\u{202e}b\u{2028}c\u{feff}\u{200b}".as_bytes(), "a?b?c??");
        shown(b"cut\0hidden", "cut");
        shown(b"a\rb", "a?b");
    }
}
