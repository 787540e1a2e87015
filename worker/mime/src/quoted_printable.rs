//! Quoted-printable lines as Postfix writes them.
//!
//! RFC 2045 §6.7. A line longer than 72 is broken before its next octet, so no line is longer than 76.

use crate::header::LineEnd;

/// Longer lines are broken.
const LONG: usize = 72;

/// Encodes the lines of one body after another; keeps one line of output.
#[derive(Debug, Clone, Default)]
pub(crate) struct QuotedPrintable {
    line: Vec<u8>,
}

impl QuotedPrintable {
    /// Some of a line's text. Lines are broken with `end`.
    pub(crate) fn text(&mut self, text: &[u8], end: LineEnd, out: &mut Vec<u8>) {
        for octet in text {
            if self.line.len() > LONG {
                self.line.push(b'=');
                self.line.extend_from_slice(end.octets());
                out.append(&mut self.line);
            }
            match octet {
                b'=' | 127.. | 0..=8 | 10..=31 => self.escape(*octet),
                octet => self.line.push(*octet),
            }
        }
    }

    /// The end of the line, which is the caller's to write: what a relay on the way may strip is encoded.
    pub(crate) fn finish_line(&mut self, out: &mut Vec<u8>) {
        if let Some(blank @ (b' ' | b'\t')) = self.line.last().copied() {
            self.line.pop();
            self.escape(blank);
        }
        out.append(&mut self.line);
    }

    fn escape(&mut self, octet: u8) {
        const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
        let digit = |at: u8| DIGITS.get(usize::from(at)).copied().unwrap_or_default();
        self.line.extend([b'=', digit(octet >> 4), digit(octet & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(line: &[u8]) -> String {
        let (mut encoder, mut out) = (QuotedPrintable::default(), Vec::new());
        encoder.text(line, LineEnd::CrLf, &mut out);
        encoder.finish_line(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn controls_equals_signs_and_high_octets_are_encoded_in_capitals() {
        assert_eq!(encoded(b"a=b\xe9\x00\x1f\x7f\r"), "a=3Db=E9=00=1F=7F=0D");
        assert_eq!(encoded(b"a\tb c.~!"), "a\tb c.~!");
    }

    #[test]
    fn a_blank_at_the_end_is_encoded_and_others_are_not() {
        assert_eq!(encoded(b"a  "), "a =20");
        assert_eq!(encoded(b"a \t"), "a =09");
        assert_eq!(encoded(b" "), "=20");
    }

    #[test]
    fn a_line_is_broken_when_it_is_longer_than_72() {
        let x = |count: usize| "x".repeat(count);
        assert_eq!(encoded(x(73).as_bytes()), x(73));
        assert_eq!(encoded(x(74).as_bytes()), format!("{}=\r\nx", x(73)));
        assert_eq!(encoded(format!("{} ", x(72)).as_bytes()), format!("{}=20", x(72)));
        assert_eq!(encoded(format!("{} ", x(73)).as_bytes()), format!("{}=\r\n=20", x(73)));
        assert_eq!(encoded(&[0xe9; 26]), format!("{}=\r\n=E9", "=E9".repeat(25)));
    }
}
