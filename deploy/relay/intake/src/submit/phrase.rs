//! A person's name as a header may carry it before an address, RFC 5322 §3.2.5 and RFC 2047.

use std::fmt::Write as _;

use crate::address::is_atext;

/// Octets of text in one encoded word: with `=?UTF-8?Q?` and `?=`, under the 75 of RFC 2047 §2.
const ENCODED: usize = 60;

/// `name` as atoms, quoted string or encoded words; control characters become blanks. Nothing if it is blank.
pub(super) fn phrase(name: &str) -> Option<String> {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    if !name.is_ascii() {
        return Some(encoded(name));
    }
    if name.bytes().all(|byte| is_atext(byte) || byte == b' ') {
        return Some(name.into());
    }
    Some(format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// The Q encoding of RFC 2047 §4.2, as strict as §5 (3) asks for phrases; no character is cut in two.
fn encoded(name: &str) -> String {
    let mut words = vec![String::new()];
    for character in name.chars() {
        let mut form = String::new();
        match character {
            ' ' => form.push('_'),
            'a'..='z' | 'A'..='Z' | '0'..='9' => form.push(character),
            _ => {
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing into a String cannot fail.
                    let _ = write!(form, "={byte:02X}");
                }
            }
        }
        match words.last_mut() {
            Some(word) if word.len() + form.len() <= ENCODED => word.push_str(&form),
            _ => words.push(form),
        }
    }
    words.iter().map(|word| format!("=?UTF-8?Q?{word}?=")).collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_so_that_they_can_be_read() {
        for (name, want) in [
            ("Joe Public", Some("Joe Public")),
            ("Joe Q. Public", Some("\"Joe Q. Public\"")),
            ("a \"b\" \\c", Some("\"a \\\"b\\\" \\\\c\"")),
            ("J\u{f6} P.", Some("=?UTF-8?Q?J=C3=B6_P=2E?=")),
            (" x\r\nBcc: y ", Some("\"x  Bcc: y\"")),
            ("\r\n", None),
        ] {
            assert_eq!(phrase(name).as_deref(), want);
        }
    }

    #[test]
    fn long_names_are_several_words() {
        let text = phrase(&"\u{f6}".repeat(30)).unwrap();
        let lines: Vec<_> = text.split("\r\n ").collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= 75 && line.ends_with("?=")));
        assert_eq!(text.matches("=C3=B6").count(), 30);
    }
}
