//! Lists: words between commas and white space, with braces keeping words together.

use std::path::PathBuf;

use super::{Value, ValueError};

/// Splits at commas and white space; `{...}` is one word, braces kept.
///
/// Errors: a brace without its partner.
pub(crate) fn words(text: &str) -> Result<Vec<&str>, ValueError> {
    let mut found = Vec::new();
    let mut start = None;
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or_else(|| ValueError::Unbalanced(text.into()))?,
            _ => {}
        }
        let separates = depth == 0 && (c == ',' || c.is_ascii_whitespace());
        match (start, separates) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                found.extend(text.get(from..at));
                start = None;
            }
            _ => {}
        }
    }
    if depth != 0 {
        return Err(ValueError::Unbalanced(text.into()));
    }
    found.extend(start.and_then(|from| text.get(from..)));
    Ok(found)
}

impl Value for Vec<String> {
    const KIND: &'static str = "list";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        Ok(words(text)?.into_iter().map(str::to_owned).collect())
    }
}

impl Value for Vec<PathBuf> {
    const KIND: &'static str = "list of paths";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        Ok(words(text)?.into_iter().map(PathBuf::from).collect())
    }
}

/// A set of words whose case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Vec<String>);

impl Keywords {
    /// Whether the word is in the set, in any case.
    pub fn contains(&self, word: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(word))
    }

    /// The words, in lower case, as listed.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Value for Keywords {
    const KIND: &'static str = "list of keywords, any case";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        Ok(Self(words(text)?.into_iter().map(str::to_ascii_lowercase).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_keep_words_together() {
        assert_eq!(words(" a, b\tc,,{d, e {f}} ").unwrap(), ["a", "b", "c", "{d, e {f}}"]);
        assert_eq!(words("inline:{a=b, c=d},static:x").unwrap(), ["inline:{a=b, c=d}", "static:x"]);
        assert_eq!(words("").unwrap(), [""; 0]);
        assert!(words("{a").is_err());
        assert!(words("a}{").is_err());
    }

    #[test]
    fn keywords_ignore_case() {
        let keywords = Keywords::parse("Silent-Discard, DSN", "").unwrap();
        assert!(keywords.contains("dsn"));
        assert!(keywords.contains("SILENT-DISCARD"));
        assert!(!keywords.contains("size"));
    }
}
