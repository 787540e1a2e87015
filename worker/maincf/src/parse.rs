//! main.cf and table text to logical lines: comments, blank lines and continuation.

use std::borrow::Cow;

/// A logical line: its physical lines joined, comments and line ends removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogicalLine {
    /// Where it begins, counted from 1.
    pub(crate) number: u32,
    /// Without trailing white space; valid UTF-8 unless `is_utf8` is false.
    pub(crate) text: String,
    /// False when bytes that are not UTF-8 had to be replaced.
    pub(crate) is_utf8: bool,
}

/// What is wrong with the shape of a file, before any value is looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// White space before the first setting.
    #[error("a line that begins with white space continues the line before it, and there is none")]
    NothingToContinue,
    /// Bytes that are not text.
    #[error("not valid UTF-8")]
    NotUtf8,
    /// A NUL byte.
    #[error("a NUL byte in the text")]
    Nul,
    /// Not `name = value`.
    #[error("missing '=' after {0:?}: expected name = value")]
    NoEqualsSign(String),
    /// `= value`.
    #[error("missing parameter name before '='")]
    NoName,
    /// A name with characters that no parameter has.
    #[error("{0:?} is not a parameter name")]
    BadName(String),
    /// A table line with a key only.
    #[error("expected: key, white space, value")]
    NoValue,
}

/// Splits bytes into logical lines.
///
/// A line that begins with white space continues the one before it; lines that are blank or whose
/// first other character is `#` are dropped, also between a line and its continuation. White space where lines are
/// joined stays.
pub(crate) fn logical_lines(bytes: &[u8]) -> Result<Vec<LogicalLine>, (u32, SyntaxError)> {
    let mut lines: Vec<LogicalLine> = Vec::new();
    for (number, raw) in (1_u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let trimmed = raw.trim_ascii();
        if trimmed.is_empty() || trimmed.starts_with(b"#") {
            continue;
        }
        if raw.contains(&0) {
            return Err((number, SyntaxError::Nul));
        }
        let text = String::from_utf8_lossy(raw.strip_suffix(b"\r").unwrap_or(raw));
        let is_utf8 = matches!(text, Cow::Borrowed(_));
        let continues = raw.first().is_some_and(u8::is_ascii_whitespace);
        match lines.last_mut() {
            Some(line) if continues => {
                line.text.push_str(&text);
                line.is_utf8 &= is_utf8;
            }
            None if continues => return Err((number, SyntaxError::NothingToContinue)),
            _ => lines.push(LogicalLine { number, text: text.into_owned(), is_utf8 }),
        }
    }
    for line in &mut lines {
        line.text.truncate(line.text.trim_ascii_end().len());
    }
    Ok(lines)
}

/// Splits `name = value`, white space around both removed.
pub(crate) fn name_value(text: &str) -> Result<(&str, &str), SyntaxError> {
    let (name, value) = text.split_once('=').ok_or_else(|| SyntaxError::NoEqualsSign(text.trim().into()))?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() {
        return Err(SyntaxError::NoName);
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c)) {
        return Err(SyntaxError::BadName(name.into()));
    }
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(u32, String)> {
        logical_lines(text.as_bytes()).unwrap().into_iter().map(|line| (line.number, line.text)).collect()
    }

    #[test]
    fn continuation_survives_comments_and_blank_lines() {
        let text = "# head\n\na = 1,\r\n# between\n\n   # indented\n\t2\nb = 3  \n";
        assert_eq!(texts(text), [(3, "a = 1,\t2".into()), (8, "b = 3".into())]);
    }

    #[test]
    fn a_continuation_of_nothing_is_an_error() {
        assert_eq!(logical_lines(b"#c\n a = 1\n"), Err((2, SyntaxError::NothingToContinue)));
    }

    #[test]
    fn comments_may_be_in_any_encoding_values_may_not() {
        let lines = logical_lines(b"# caf\xe9\na = b\n").unwrap();
        assert!(lines[0].is_utf8);
        assert!(!logical_lines(b"a = caf\xe9\n").unwrap()[0].is_utf8);
        assert_eq!(logical_lines(b"a = \0\n"), Err((1, SyntaxError::Nul)));
    }

    #[test]
    fn names_and_values_are_trimmed_and_checked() {
        assert_eq!(name_value("a= b = c "), Ok(("a", "b = c")));
        assert_eq!(name_value("a ="), Ok(("a", "")));
        assert_eq!(name_value("a b"), Err(SyntaxError::NoEqualsSign("a b".into())));
        assert_eq!(name_value(" = b"), Err(SyntaxError::NoName));
        assert_eq!(name_value("a b = c"), Err(SyntaxError::BadName("a b".into())));
    }
}
