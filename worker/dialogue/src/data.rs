//! Content as it goes on the wire: CRLF line ends, a dot in front of every line that begins with one, the final dot.
//!
//! The last line of defence against smuggling (CVE-2023-51764 and its family): whatever is stored, the only CR and LF on
//! the wire are ours, in pairs. A bare CR becomes a blank, a bare LF a line end.

/// The encoder's state between two pieces of content.
#[derive(Debug)]
pub struct DataEncoder {
    at: At,
    /// `*_line_length_limit`: longer lines are folded with CRLF and blank; 0 never.
    limit: usize,
    column: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    LineStart,
    Inside,
    /// A CR was read and not written.
    AfterCr,
}

impl DataEncoder {
    /// At the beginning of the content. `limit` is in octets without line end; 0 folds nothing.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { at: At::LineStart, limit, column: 0 }
    }

    /// Appends the wire form of one piece.
    pub fn encode(&mut self, mut content: &[u8], wire: &mut Vec<u8>) {
        wire.reserve(content.len() + content.len() / 64 + 8);
        while let Some(first) = content.first().copied() {
            match (self.at, first) {
                (At::AfterCr, b'\n') | (At::LineStart | At::Inside, b'\n') => {
                    self.end_line(wire);
                    content = content.get(1..).unwrap_or_default();
                }
                (At::AfterCr, _) => {
                    // The CR was bare: it must not reach the wire.
                    self.at = At::Inside;
                    self.put(b" ", wire);
                }
                (At::LineStart | At::Inside, b'\r') => {
                    self.at = At::AfterCr;
                    content = content.get(1..).unwrap_or_default();
                }
                (At::LineStart | At::Inside, _) => {
                    let end = memchr::memchr2(b'\r', b'\n', content).unwrap_or(content.len());
                    let (run, rest) = content.split_at(end);
                    self.put_run(run, wire);
                    content = rest;
                }
            }
        }
    }

    /// Ends the last line if it has no end, and appends the final dot.
    pub fn finish(mut self, wire: &mut Vec<u8>) {
        if self.at == At::AfterCr {
            self.at = At::Inside;
            self.put(b" ", wire);
        }
        if self.at == At::Inside {
            self.end_line(wire);
        }
        wire.extend_from_slice(b".\r\n");
    }

    fn end_line(&mut self, wire: &mut Vec<u8>) {
        wire.extend_from_slice(b"\r\n");
        self.at = At::LineStart;
        self.column = 0;
    }

    /// Octets without CR and LF.
    fn put_run(&mut self, run: &[u8], wire: &mut Vec<u8>) {
        if self.at == At::LineStart && run.first() == Some(&b'.') {
            wire.push(b'.');
        }
        self.at = At::Inside;
        self.put(run, wire);
    }

    fn put(&mut self, mut run: &[u8], wire: &mut Vec<u8>) {
        while self.limit > 0 && self.column + run.len() > self.limit {
            let (head, rest) = run.split_at(fold_at(run, self.limit.saturating_sub(self.column)));
            wire.extend_from_slice(head);
            wire.extend_from_slice(b"\r\n ");
            self.column = 1;
            run = rest;
        }
        wire.extend_from_slice(run);
        self.column += run.len();
    }
}

/// Where a run is cut: at `room`, or a little before so that no UTF-8 character is torn.
fn fold_at(run: &[u8], room: usize) -> usize {
    let continues = |at: usize| run.get(at).is_some_and(|octet| octet & 0xc0 == 0x80);
    (room.saturating_sub(3)..=room).rev().find(|at| !continues(*at)).unwrap_or(room).min(run.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encode(content: &[u8], limit: usize) -> String {
        let mut wire = Vec::new();
        let mut encoder = DataEncoder::new(limit);
        encoder.encode(content, &mut wire);
        encoder.finish(&mut wire);
        String::from_utf8_lossy(&wire).into_owned()
    }

    #[test]
    fn dots_line_ends_and_the_last_line() {
        for (content, want) in [
            (&b""[..], ".\r\n"),
            (b"a\r\n", "a\r\n.\r\n"),
            (b"a", "a\r\n.\r\n"),
            (b".\r\n..b\r\n", "..\r\n...b\r\n.\r\n"),
            (b"a.b\r\n.", "a.b\r\n..\r\n.\r\n"),
            (b"\r\n", "\r\n.\r\n"),
        ] {
            assert_eq!(encode(content, 998), want);
        }
    }

    #[test]
    fn smuggled_ends_do_not_end_anything() {
        for content in [
            &b"a\n.\nMAIL FROM:<x>\r\n"[..],
            b"a\n.\r\nMAIL\r\n",
            b"a\r.\r\nb",
            b"a\r\n.\rb",
            b"a\r\n.\r",
            b"a\r\r\n.\r\r\nb",
            b"\r\n\r.\r\n",
            b"a\r\n\0.\r\n",
        ] {
            let wire = encode(content, 0);
            assert_eq!(wire.matches("\r\n.\r\n").count() + usize::from(wire.starts_with(".\r\n")), 1, "{wire:?}");
            assert!(wire.ends_with(".\r\n"));
            assert_eq!(wire.matches('\r').count(), wire.matches("\r\n").count());
            assert_eq!(wire.matches('\n').count(), wire.matches("\r\n").count());
        }
    }

    #[test]
    fn long_lines_are_folded_with_a_blank() {
        assert_eq!(encode(b"123456789\r\n", 5), "12345\r\n 6789\r\n.\r\n");
        assert_eq!(encode(b"12345\r\n", 5), "12345\r\n.\r\n");
        assert_eq!(encode("abcdä\r\n".as_bytes(), 5), "abcd\r\n ä\r\n.\r\n");
    }

    /// What a server makes of it: RFC 5321 §4.5.2.
    fn decode(wire: &[u8]) -> Vec<u8> {
        let text = wire.strip_suffix(b".\r\n").unwrap();
        let mut content = Vec::new();
        for line in text.split_inclusive(|octet| *octet == b'\n') {
            content.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        }
        content
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_octets(
            content in proptest::collection::vec(
                prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), Just(b'a'), any::<u8>()], 0..120),
            cuts in proptest::collection::vec(0usize..120, 0..4),
            limit in prop_oneof![Just(0usize), 3usize..20],
        ) {
            let mut whole = Vec::new();
            let mut encoder = DataEncoder::new(limit);
            encoder.encode(&content, &mut whole);
            encoder.finish(&mut whole);
            let mut pieces = Vec::new();
            let mut encoder = DataEncoder::new(limit);
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(content.len())).collect();
            cuts.sort_unstable();
            let mut start = 0;
            for cut in cuts {
                encoder.encode(&content[start..cut], &mut pieces);
                start = cut;
            }
            encoder.encode(&content[start..], &mut pieces);
            encoder.finish(&mut pieces);
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn lines_come_back_as_they_were(lines in proptest::collection::vec("[.a-z ]{0,12}", 0..8)) {
            let content: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let mut wire = Vec::new();
            let mut encoder = DataEncoder::new(998);
            encoder.encode(content.as_bytes(), &mut wire);
            encoder.finish(&mut wire);
            prop_assert_eq!(decode(&wire), content.as_bytes());
        }
    }
}
