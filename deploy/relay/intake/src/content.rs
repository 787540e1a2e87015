//! The text of a message out of the stream after `DATA`: transparency undone, end found, line ends checked.
//!
//! RFC 5321 §4.5.2. Only `<CRLF>.<CRLF>` ends the text. Text is handed out as slices of the input that are as
//! long as possible: they are cut only at a dot to remove, at a fault and at the end.

use memchr::memchr2;

use crate::line::Bare;

/// What stands next in the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece<'i> {
    /// Text with its CRLF line ends and without transparency dots; never empty.
    Text(&'i [u8]),
    /// A line-end octet alone; the message cannot be accepted any more, its end is still to be found.
    Bare(Bare),
    /// The final dot.
    End,
    /// The input is used up.
    NeedMore,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    /// Behind the dot at the start of a line. It is dropped whatever follows.
    Dot,
    DotCr,
    InLine,
    /// Behind a CR that was handed out as text.
    Cr,
    /// A fault behind text that was handed out first.
    Fault(Bare),
}

/// Finds text and end; carries its position, and no octets, from one input to the next.
#[derive(Debug)]
pub(crate) struct ContentDecoder {
    at: Position,
}

impl ContentDecoder {
    pub(crate) fn new() -> Self {
        Self { at: Position::LineStart }
    }

    /// Takes the next piece from the front of `input`.
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Piece<'i> {
        loop {
            if let Position::Fault(bare) = self.at {
                self.at = Position::InLine;
                return Piece::Bare(bare);
            }
            let Some((&first, rest)) = input.split_first() else { return Piece::NeedMore };
            match (self.at, first) {
                (Position::LineStart, b'.') => {
                    *input = rest;
                    self.at = Position::Dot;
                }
                (Position::Dot, b'\r') => {
                    *input = rest;
                    self.at = Position::DotCr;
                }
                (Position::Dot, _) => self.at = Position::InLine,
                (Position::DotCr, b'\n') => {
                    *input = rest;
                    self.at = Position::LineStart;
                    return Piece::End;
                }
                (Position::DotCr, _) => self.at = Position::Fault(Bare::Cr),
                _ => {
                    let text = self.text(input);
                    if !text.is_empty() {
                        return Piece::Text(text);
                    }
                }
            }
        }
    }

    fn text<'i>(&mut self, input: &mut &'i [u8]) -> &'i [u8] {
        let whole: &'i [u8] = input;
        let (text, rest) = whole.split_at_checked(self.scan(whole)).unwrap_or((whole, &[]));
        // The LF that is the fault is not text; a CR that is the fault was handed out before it was known.
        *input = match self.at {
            Position::Fault(Bare::Lf) => rest.get(1..).unwrap_or_default(),
            _ => rest,
        };
        text
    }

    /// How many octets from the front of `bytes` are text; leaves the position behind them.
    fn scan(&mut self, bytes: &[u8]) -> usize {
        let mut from = 0;
        loop {
            let ahead = bytes.get(from..).unwrap_or_default();
            match (self.at, ahead.first()) {
                (_, None) | (Position::LineStart, Some(b'.')) => return from,
                (Position::Cr, Some(b'\n')) => {
                    from += 1;
                    self.at = Position::LineStart;
                }
                (Position::Cr, Some(_)) => {
                    self.at = Position::Fault(Bare::Cr);
                    return from;
                }
                _ => {
                    self.at = Position::InLine;
                    let Some(found) = memchr2(b'\r', b'\n', ahead) else { return bytes.len() };
                    if ahead.get(found) == Some(&b'\n') {
                        self.at = Position::Fault(Bare::Lf);
                        return from + found;
                    }
                    self.at = Position::Cr;
                    from += found + 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole input in pieces of `step` octets: text, faults, and what is left behind the end.
    fn decode(input: &[u8], step: usize) -> (Vec<u8>, Vec<Bare>, Option<Vec<u8>>) {
        let (mut decoder, mut text, mut faults) = (ContentDecoder::new(), Vec::new(), Vec::new());
        for (number, chunk) in input.chunks(step).enumerate() {
            let mut chunk = chunk;
            loop {
                match decoder.next(&mut chunk) {
                    Piece::Text(slice) => text.extend_from_slice(slice),
                    Piece::Bare(bare) => faults.push(bare),
                    Piece::NeedMore => break,
                    Piece::End => {
                        let mut left = chunk.to_vec();
                        left.extend(input.chunks(step).skip(number + 1).flatten());
                        return (text, faults, Some(left));
                    }
                }
            }
        }
        (text, faults, None)
    }

    #[track_caller]
    fn check(input: &str, text: &str, left: Option<&str>) {
        for step in 1..=input.len() {
            let got = decode(input.as_bytes(), step);
            assert_eq!(got, (text.into(), vec![], left.map(|left| left.into())), "in pieces of {step}");
        }
    }

    #[test]
    fn dots_are_removed_and_the_end_is_found() {
        check(".\r\n", "", Some(""));
        check("a\r\n.\r\nQUIT\r\n", "a\r\n", Some("QUIT\r\n"));
        check("..a\r\n.b\r\na.\r\n...\r\n.\r\n", ".a\r\nb\r\na.\r\n..\r\n", Some(""));
        check("\r\n\r\n.\r\n.\r\n", "\r\n\r\n", Some(".\r\n"));
        check("no end\r\n.\r", "no end\r\n", None);
        check("a\r\n. \r\n.\r\n", "a\r\n \r\n", Some(""));
    }

    #[test]
    fn a_long_text_is_one_slice() {
        let mut input: &[u8] = b"one\r\ntwo\r\nthree\r\n.\r\n";
        let mut decoder = ContentDecoder::new();
        assert_eq!(decoder.next(&mut input), Piece::Text(b"one\r\ntwo\r\nthree\r\n"));
        assert_eq!(decoder.next(&mut input), Piece::End);
    }

    #[test]
    fn only_crlf_dot_crlf_ends_and_every_other_form_is_a_fault() {
        use Bare::{Cr, Lf};
        for (body, faults) in [
            ("a\n.\n", vec![Lf, Lf]),
            ("a\n.\r\n", vec![Lf]),
            ("a\r\n.\n", vec![Lf]),
            ("a\r.\r", vec![Cr, Cr]),
            ("a\r.\r\n", vec![Cr]),
            ("a\r\n.\rb\r\n", vec![Cr]),
            ("a\n.\rb\r\n", vec![Lf, Cr]),
            ("a\r\r\n", vec![Cr]),
            ("a\r\n.\r\r\n", vec![Cr]),
            ("\n\r.\r\n", vec![Lf, Cr]),
            ("\r\n\0.\r\n", vec![]),
            ("\r\n.\0\r\n", vec![]),
        ] {
            let input = format!("{body}b\r\n.\r\n");
            for step in 1..=input.len() {
                let (_, got, left) = decode(input.as_bytes(), step);
                assert_eq!((got, left), (faults.clone(), Some(vec![])), "{body:?} in pieces of {step}");
            }
        }
    }
}
