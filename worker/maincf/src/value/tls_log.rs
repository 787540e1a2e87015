//! How much of TLS is logged: a number, or names of what to log.

use super::list::words;
use super::{Value, ValueError};

/// How much of TLS is logged (`smtp_tls_loglevel`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TlsLogLevel(u8);

/// Every word, and the number it is worth; 5 to 9 are of old and the same as 4.
const WORDS: &[(&str, u8)] = &[
    ("none", 0),
    ("0", 0),
    ("routine", 1),
    ("summary", 1),
    ("1", 1),
    ("untrusted", 2),
    ("peercert", 2),
    ("certmatch", 2),
    ("verbose", 2),
    ("cache", 2),
    ("dane", 2),
    ("ssl-debug", 2),
    ("trace", 2),
    ("2", 2),
    ("ssl-expert", 3),
    ("ssl-handshake-packet-dump", 3),
    ("3", 3),
    ("ssl-developer", 4),
    ("ssl-session-packet-dump", 4),
    ("4", 4),
    ("5", 4),
    ("6", 4),
    ("7", 4),
    ("8", 4),
    ("9", 4),
];

impl TlsLogLevel {
    /// The highest level that has anything of its own to log.
    pub const MOST_WRITTEN: u8 = 2;

    /// From 0, nothing, to 4; the most that one of the words asks for.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Whether each session gets a line.
    pub fn summary(self) -> bool {
        self.0 >= 1
    }

    /// Whether the steps to a session are logged, too.
    pub fn verbose(self) -> bool {
        self.0 >= 2
    }
}

impl Value for TlsLogLevel {
    const KIND: &'static str = "number from 0 to 4, or list of names of what to log";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut level = None;
        for word in words(text)? {
            let known = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
            let (_, worth) =
                known.ok_or_else(|| ValueError::NotOneOf { word: word.into(), allowed: ALLOWED })?;
            level = level.max(Some(*worth));
        }
        level.map(Self).ok_or(ValueError::Empty)
    }
}

/// The words that an error offers.
const ALLOWED: &[&str] = &["0", "1", "2", "none", "summary", "verbose"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_come_to_a_level() {
        let level = |text: &str| TlsLogLevel::parse(text, "").unwrap().get();
        assert_eq!((level("0"), level("1"), level("4"), level("9")), (0, 1, 4, 4));
        assert_eq!((level("none"), level("Summary"), level("summary, untrusted")), (0, 1, 2));
        assert!(!TlsLogLevel::parse("0", "").unwrap().summary());
        assert!(TlsLogLevel::parse("1", "").unwrap().summary());
        assert!(TlsLogLevel::parse("routine verbose", "").unwrap().verbose());
    }

    #[test]
    fn what_is_no_level_is_an_error() {
        assert_eq!(TlsLogLevel::parse("", ""), Err(ValueError::Empty));
        for text in ["10", "-1", "all", "1 loud"] {
            assert!(matches!(TlsLogLevel::parse(text, ""), Err(ValueError::NotOneOf { .. })), "{text}");
        }
    }
}
