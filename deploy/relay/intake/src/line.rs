//! Command lines out of a stream of bytes: CRLF ends a line and nothing else does.

use memchr::memchr2;

/// Octets of one command line that are skipped before the client is given up.
const SKIP_LIMIT: usize = 64 * 1024;

/// A line-end octet that stands alone. RFC 5321 §2.3.8 forbids both in commands and in content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bare {
    /// LF without CR before it.
    Lf,
    /// CR without LF after it.
    Cr,
}

impl std::fmt::Display for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Lf => "<LF>",
            Self::Cr => "<CR>",
        })
    }
}

/// What was found in the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The input is used up in the middle of a line.
    NeedMore,
    /// A line; [`LineReader::take`] has it, without CRLF.
    Complete,
    /// A line over the limit has ended; its text is gone.
    TooLong,
    /// A line went on for [`SKIP_LIMIT`] octets.
    Endless,
    /// Not a line end, and not allowed inside a line.
    Bare(Bare),
}

/// Collects one line at a time; holds at most `limit` octets.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    text: Vec<u8>,
    seen: usize,
    after_cr: bool,
}

impl LineReader {
    /// Takes from the front of `input` up to the end of a line of at most `limit` octets.
    pub(crate) fn read(&mut self, input: &mut &[u8], limit: usize) -> Line {
        loop {
            let Some((&first, rest)) = input.split_first() else { return Line::NeedMore };
            if self.after_cr {
                if first != b'\n' {
                    return Line::Bare(Bare::Cr);
                }
                *input = rest;
                self.after_cr = false;
                let long = self.seen > limit;
                self.seen = 0;
                return if long { Line::TooLong } else { Line::Complete };
            }
            let stop = memchr2(b'\r', b'\n', input).unwrap_or(input.len());
            let (text, rest) = input.split_at_checked(stop).unwrap_or((input, &[]));
            self.keep(text, limit);
            let Some((&end, rest)) = rest.split_first() else {
                *input = rest;
                return if self.seen > SKIP_LIMIT { Line::Endless } else { Line::NeedMore };
            };
            *input = rest;
            if self.seen > SKIP_LIMIT {
                return Line::Endless;
            }
            if end == b'\n' {
                return Line::Bare(Bare::Lf);
            }
            self.after_cr = true;
        }
    }

    /// The line just completed. Give the buffer back with [`LineReader::recycle`].
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.text)
    }

    /// Makes ready for the next line, in the buffer of the last one.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.text = buffer;
    }

    fn keep(&mut self, text: &[u8], limit: usize) {
        self.seen = self.seen.saturating_add(text.len());
        if self.seen <= limit {
            self.text.extend_from_slice(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str, limit: usize) -> (Line, String, String) {
        let (mut reader, mut input) = (LineReader::default(), input.as_bytes());
        let line = reader.read(&mut input, limit);
        (line, String::from_utf8(reader.take()).unwrap(), String::from_utf8_lossy(input).into())
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit() {
        assert_eq!(read("12345\r\nrest", 5), (Line::Complete, "12345".into(), "rest".into()));
        assert_eq!(read("12345\r\nrest", 4).0, Line::TooLong);
        assert_eq!(read("\r\n", 0), (Line::Complete, "".into(), "".into()));
    }

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(read("a\nb\r\n", 9).0, Line::Bare(Bare::Lf));
        assert_eq!(read("a\rb\r\n", 9).0, Line::Bare(Bare::Cr));
        assert_eq!(read("a\r\r\n", 9).0, Line::Bare(Bare::Cr));
        assert_eq!(read("a\r", 9).0, Line::NeedMore);
    }

    #[test]
    fn a_line_behind_a_long_one_is_whole_again() {
        let (mut reader, mut input) = (LineReader::default(), &b"123456\r\nok\r\n"[..]);
        assert_eq!(reader.read(&mut input, 4), Line::TooLong);
        let buffer = reader.take();
        reader.recycle(buffer);
        assert_eq!(reader.read(&mut input, 4), Line::Complete);
        assert_eq!(reader.take(), b"ok");
    }
}
