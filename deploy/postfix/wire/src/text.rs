//! Text as Postfix has it: octets without NUL, in no particular character set.

use std::borrow::Cow;
use std::fmt;

/// A string attribute. Empty stands for "not available".
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Text(Vec<u8>);

impl Text {
    /// What C would make of it: it ends before the first NUL.
    #[must_use]
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        let mut octets = octets.into();
        if let Some(end) = memchr::memchr(0, &octets) {
            octets.truncate(end);
        }
        Self(octets)
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As UTF-8, if it is.
    #[must_use]
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// For people: what is no UTF-8 is shown as U+FFFD.
    #[must_use]
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.lossy(), f)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_where_c_would_end_it() {
        assert_eq!(Text::new(*b"a\0b"), Text::from("a"));
        assert_eq!(Text::new(vec![0xe9]).to_str(), None);
        assert_eq!(Text::new(vec![0xe9]).lossy(), "\u{fffd}");
    }
}
