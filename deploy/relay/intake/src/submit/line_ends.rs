//! Lines of standard input made into lines of mail: every one ends with CRLF, and no CR or LF stands elsewhere.

use memchr::memchr2;

use super::options::DotRule;

/// Whether more is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    More,
    /// A lone dot came: what follows is not part of the message.
    Nothing,
}

/// Converts in pieces of any size. LF and CRLF end a line; a CR elsewhere becomes a blank, since it may
/// neither be sent (RFC 5321 §2.3.8) nor may it join what it parted.
#[derive(Debug)]
pub(super) struct LineEnds {
    dot: DotRule,
    at: Position,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    /// Behind a dot at the start of a line, which is held back while a lone dot ends the message.
    Dot,
    InLine,
    /// Behind a CR that is held back; whether the line is a held dot so far.
    Cr(Held),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Nothing,
    Dot,
}

impl LineEnds {
    pub(super) fn new(dot: DotRule) -> Self {
        Self { dot, at: Position::LineStart }
    }

    /// Appends to `out` what `input` becomes.
    pub(super) fn feed(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Wanted {
        while let Some((&first, rest)) = input.split_first() {
            match (self.at, first) {
                (Position::Ended, _) => return Wanted::Nothing,
                (Position::LineStart, b'.') if self.dot == DotRule::Ends => {
                    self.at = Position::Dot;
                    input = rest;
                }
                (Position::Dot | Position::Cr(Held::Dot), b'\n') => {
                    self.at = Position::Ended;
                    return Wanted::Nothing;
                }
                (Position::Dot, b'\r') => {
                    self.at = Position::Cr(Held::Dot);
                    input = rest;
                }
                (Position::Dot, _) => {
                    out.push(b'.');
                    self.at = Position::InLine;
                }
                (Position::Cr(Held::Nothing), b'\n') => {
                    out.extend_from_slice(b"\r\n");
                    self.at = Position::LineStart;
                    input = rest;
                }
                (Position::Cr(held), _) => {
                    out.extend_from_slice(if held == Held::Dot { b". " } else { b" " });
                    self.at = Position::InLine;
                }
                (Position::LineStart | Position::InLine, _) => input = self.text(input, out),
            }
        }
        if self.at == Position::Ended { Wanted::Nothing } else { Wanted::More }
    }

    /// The end of the input: ends the last line if it has no end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.at, Position::Ended) {
            Position::LineStart | Position::Ended => {}
            // Without a line end a dot is no line with a dot, so it is text.
            Position::Dot | Position::Cr(Held::Dot) => out.extend_from_slice(b".\r\n"),
            Position::InLine | Position::Cr(Held::Nothing) => out.extend_from_slice(b"\r\n"),
        }
    }

    /// Copies up to and over the next CR or LF; what is left is returned.
    fn text<'i>(&mut self, input: &'i [u8], out: &mut Vec<u8>) -> &'i [u8] {
        let stop = memchr2(b'\r', b'\n', input).unwrap_or(input.len());
        let (text, rest) = input.split_at_checked(stop).unwrap_or((input, &[]));
        out.extend_from_slice(text);
        self.at = match rest.first() {
            None => Position::InLine,
            Some(b'\n') => {
                out.extend_from_slice(b"\r\n");
                Position::LineStart
            }
            Some(_) => Position::Cr(Held::Nothing),
        };
        rest.get(1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn convert(dot: DotRule, input: &[u8], step: usize) -> Vec<u8> {
        let (mut lines, mut out) = (LineEnds::new(dot), Vec::new());
        for chunk in input.chunks(step.max(1)) {
            if lines.feed(chunk, &mut out) == Wanted::Nothing {
                break;
            }
        }
        lines.finish(&mut out);
        out
    }

    #[test]
    fn lines_end_with_crlf_and_a_lone_dot_may_end_all() {
        for (input, ends, ordinary) in [
            ("", "", ""),
            ("a", "a\r\n", "a\r\n"),
            ("a\nb\r\n\nc", "a\r\nb\r\n\r\nc\r\n", "a\r\nb\r\n\r\nc\r\n"),
            ("a\rb\r\r\nc\r", "a b \r\nc\r\n", "a b \r\nc\r\n"),
            ("a\n.\nb\n", "a\r\n", "a\r\n.\r\nb\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n", "a\r\n.\r\nb\r\n"),
            ("a\n..\n.b\n.\rc\n", "a\r\n..\r\n.b\r\n. c\r\n", "a\r\n..\r\n.b\r\n. c\r\n"),
            ("a\n.", "a\r\n.\r\n", "a\r\n.\r\n"),
            ("a\n.\r", "a\r\n.\r\n", "a\r\n.\r\n"),
            (".\n", "", ".\r\n"),
        ] {
            for step in 1..=input.len() + 1 {
                let got = [DotRule::Ends, DotRule::Ordinary].map(|dot| convert(dot, input.as_bytes(), step));
                assert_eq!(got, [ends.as_bytes(), ordinary.as_bytes()], "{input:?} in pieces of {step}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_but_crlf_comes_out(input in prop::collection::vec(prop::sample::select(b"a.\r\n\0".to_vec()), 0..60)) {
            let out = convert(DotRule::Ordinary, &input, 7);
            let text = String::from_utf8(out).unwrap();
            prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
            prop_assert!(text.is_empty() || text.ends_with("\r\n"));
        }
    }
}
