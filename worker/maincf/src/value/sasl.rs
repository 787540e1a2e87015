//! Demands on SASL mechanisms, and the one implementation of them.

use super::list::words;
use super::{Value, ValueError};

/// What a mechanism must withstand: words that the SASL code knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SaslOptions(String);

/// Every word.
const WORDS: &[&str] =
    &["noplaintext", "noactive", "nodictionary", "noanonymous", "forward_secrecy", "mutual_auth"];

impl SaslOptions {
    /// The words, in lower case, separated by blanks.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for SaslOptions {
    const KIND: &'static str =
        "list of: noplaintext noactive nodictionary noanonymous forward_secrecy mutual_auth";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let text = text.to_ascii_lowercase();
        let given = words(&text)?;
        match given.iter().find(|word| !WORDS.contains(word)) {
            Some(word) => Err(ValueError::NotOneOf { word: (*word).into(), allowed: WORDS }),
            None => Ok(Self(given.join(" "))),
        }
    }
}

/// Whose mechanisms are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslType {
    /// Our own, which go by this name.
    Cyrus,
}

impl Value for SaslType {
    const KIND: &'static str = "one of: cyrus";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        match text {
            "cyrus" => Ok(Self::Cyrus),
            _ => Err(ValueError::NotOneOf { word: text.into(), allowed: &["cyrus"] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demands_are_known_words_in_any_case() {
        assert_eq!(
            SaslOptions::parse("NoPlaintext,  mutual_auth", "").unwrap().as_str(),
            "noplaintext mutual_auth"
        );
        assert_eq!(SaslOptions::parse("", "").unwrap().as_str(), "");
        assert!(SaslOptions::parse("noplaintxt", "").is_err());
    }

    #[test]
    fn there_is_one_implementation() {
        assert_eq!(SaslType::parse("cyrus", ""), Ok(SaslType::Cyrus));
        assert!(SaslType::parse("dovecot", "").is_err());
    }
}
