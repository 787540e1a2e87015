//! Replies: code, enhanced code (RFC 2034, 3463), text.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Octets of text in one reply line, so that the line stays under the 512 of RFC 5321 §4.5.3.1.5.
const MAX_TEXT: usize = 480;

/// One reply of one line, without CRLF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    code: u16,
    enhanced: &'static str,
    text: Cow<'static, str>,
}

impl Reply {
    pub(crate) fn new(code: u16, enhanced: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code, enhanced, text: text.into() }
    }

    /// A reply without enhanced code: 220, 354, and those to HELO (RFC 2034 §4).
    pub(crate) fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(code, "", text)
    }

    /// The three digits.
    #[cfg(test)]
    pub(crate) fn code(&self) -> u16 {
        self.code
    }

    /// Whether the client got what it asked for.
    pub(crate) fn is_positive(&self) -> bool {
        self.code < 400
    }
}

impl fmt::Display for Reply {
    /// One line without its end. What came from the client is in it at most as printable ASCII.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.enhanced.is_empty() {
            write!(f, " {}", self.enhanced)?;
        }
        f.write_str(" ")?;
        let printable = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if self.text.len() <= MAX_TEXT && printable(&self.text) {
            return f.write_str(&self.text);
        }
        for character in self.text.chars().take(MAX_TEXT) {
            f.write_char(if matches!(character, ' '..='~') { character } else { '?' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_short_clean_line() {
        assert_eq!(Reply::new(250, "2.0.0", "Ok").to_string(), "250 2.0.0 Ok");
        assert_eq!(Reply::plain(354, "go").to_string(), "354 go");
        assert_eq!(Reply::new(501, "5.5.4", "a\r\n250 ü").to_string(), "501 5.5.4 a??250 ?");
        assert!(Reply::new(501, "5.5.4", "x".repeat(3000)).to_string().len() < 510);
    }
}
