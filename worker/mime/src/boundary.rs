//! The boundaries of the multiparts around the place where the scanner stands.
//!
//! RFC 2046 §5.1.1. As in Postfix the beginning of a line decides: what follows the boundary does not matter, but for
//! the two hyphens of the last one.

use crate::entity::Kind;

/// What a line beginning with two hyphens is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delimiter {
    /// A part begins, which is this unless it says otherwise.
    Part(Kind),
    /// The multipart ends.
    Last,
}

#[derive(Debug, Clone)]
struct Boundary {
    text: Vec<u8>,
    part: Kind,
}

/// The stack of them, the innermost last.
#[derive(Debug, Clone)]
pub(crate) struct Boundaries {
    stack: Vec<Boundary>,
    longest: usize,
    length_limit: usize,
    depth_limit: usize,
}

impl Boundaries {
    pub(crate) fn new(length_limit: usize, nesting_limit: usize) -> Self {
        // Postfix 3.7 complains about the third one above its limit.
        let depth_limit = nesting_limit.saturating_add(2);
        Self { stack: Vec::new(), longest: 0, length_limit, depth_limit }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// How much of a line must be seen to tell what it is.
    pub(crate) fn need(&self) -> usize {
        self.longest + 4
    }

    /// A multipart whose parts are `part` by default. `false`: too deep, and not taken.
    #[must_use]
    pub(crate) fn push(&mut self, mut text: Vec<u8>, part: Kind) -> bool {
        if self.stack.len() >= self.depth_limit {
            return false;
        }
        text.truncate(self.length_limit);
        self.longest = self.longest.max(text.len());
        self.stack.push(Boundary { text, part });
        true
    }

    /// Takes a line that is, or has at least [`Boundaries::need`] octets of, a delimiter: multiparts inside of
    /// the one it belongs to are over, with or without their own last delimiter.
    pub(crate) fn take(&mut self, line: &[u8]) -> Option<Delimiter> {
        let text = line.strip_prefix(b"--").filter(|text| !text.is_empty())?;
        let at = self.stack.iter().rposition(|boundary| text.starts_with(&boundary.text))?;
        let boundary = self.stack.get(at)?;
        let last = text.get(boundary.text.len()..).is_some_and(|rest| rest.starts_with(b"--"));
        let delimiter = if last { Delimiter::Last } else { Delimiter::Part(boundary.part) };
        self.stack.truncate(if last { at } else { at + 1 });
        self.longest = self.stack.iter().map(|boundary| boundary.text.len()).max().unwrap_or(0);
        Some(delimiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Delimiter = Delimiter::Part(Kind::Leaf);

    fn stack(texts: &[&str]) -> Boundaries {
        let mut boundaries = Boundaries::new(8, 100);
        for text in texts {
            assert!(boundaries.push(text.as_bytes().to_vec(), Kind::Leaf));
        }
        boundaries
    }

    #[test]
    fn the_beginning_of_a_line_decides() {
        assert_eq!(stack(&["b"]).take(b"--b"), Some(TEXT));
        assert_eq!(stack(&["b"]).take(b"--bcd"), Some(TEXT));
        assert_eq!(stack(&["b"]).take(b"--b--x"), Some(Delimiter::Last));
        assert_eq!(stack(&["b"]).take(b"--b --"), Some(TEXT));
        assert_eq!(stack(&["b"]).take(b"--a"), None);
        assert_eq!(stack(&[""]).take(b"--"), None);
        assert_eq!(stack(&[""]).take(b"--a"), Some(TEXT));
    }

    #[test]
    fn an_outer_delimiter_ends_what_is_inside() {
        let mut boundaries = stack(&["a", "b", "c"]);
        assert_eq!(boundaries.take(b"--a"), Some(TEXT));
        assert_eq!(boundaries.take(b"--b"), None);
        assert_eq!(boundaries.take(b"--a--"), Some(Delimiter::Last));
        assert!(boundaries.is_empty());
    }

    #[test]
    fn the_innermost_is_compared_first() {
        let mut boundaries = stack(&["b", "bb"]);
        assert_eq!(boundaries.take(b"--bb--"), Some(Delimiter::Last));
        assert_eq!(boundaries.take(b"--bb--"), Some(TEXT));
    }

    #[test]
    fn no_more_is_compared_than_the_limit() {
        let mut boundaries = stack(&["123456789"]);
        assert_eq!(boundaries.need(), 12);
        assert_eq!(boundaries.take(b"--12345678x"), Some(TEXT));
    }

    #[test]
    fn the_third_multipart_above_the_limit_is_too_deep() {
        let mut boundaries = Boundaries::new(8, 1);
        for _ in 0..3 {
            assert!(boundaries.push(b"b".to_vec(), Kind::Leaf));
        }
        assert!(!boundaries.push(b"b".to_vec(), Kind::Leaf));
    }
}
