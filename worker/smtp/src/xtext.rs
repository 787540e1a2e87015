//! xtext (RFC 3461 §4) and its counterpart for UTF-8 addresses (RFC 6533 §3).

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Octets outside 33 to 126, `+` and `=` become `+XX`.
pub(crate) fn append(out: &mut Vec<u8>, text: &str) {
    for octet in text.bytes() {
        match octet {
            b'+' | b'=' => append_octet(out, octet),
            33..=126 => out.push(octet),
            _ => append_octet(out, octet),
        }
    }
}

/// Characters that are not visible ASCII, `+`, `=` and `\` become `\x{…}`.
pub(crate) fn append_unicode(out: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '+' | '=' | '\\' => append_character(out, c),
            '!'..='~' => out.push(c as u8),
            _ => append_character(out, c),
        }
    }
}

fn append_octet(out: &mut Vec<u8>, octet: u8) {
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'+', digit(octet >> 4), digit(octet & 15)]);
}

fn append_character(out: &mut Vec<u8>, c: char) {
    // RFC 6533 §3: two hexadecimal digits at least.
    out.extend_from_slice(format!("\\x{{{:02X}}}", u32::from(c)).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut out = vec![];
        append(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    fn unicode(text: &str) -> String {
        let mut out = vec![];
        append_unicode(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_cannot_stand_in_a_parameter_is_encoded() {
        assert_eq!(plain("a+b=c@x"), "a+2Bb+3Dc@x");
        assert_eq!(plain("a b\r\n\0~!\x7f"), "a+20b+0D+0A+00~!+7F");
        assert_eq!(plain("é"), "+C3+A9");
        assert_eq!(unicode("é+=\\ a\r€"), "\\x{E9}\\x{2B}\\x{3D}\\x{5C}\\x{20}a\\x{0D}\\x{20AC}");
    }
}
