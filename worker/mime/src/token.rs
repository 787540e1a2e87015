//! The tokens of MIME headers.
//!
//! RFC 2045 §5.1 (`tspecials`), RFC 822 §3.1.4 for comments and folds. Any octet above 127 may be in a token.

/// One token of a structured header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Word(Vec<u8>),
    /// A quoted string without quotes, backslashes and line ends.
    Quoted(Vec<u8>),
    /// Any other octet.
    Special(u8),
}

impl Token {
    /// Whether this is the word, in any case. A quoted string is none.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(crate) fn is_special(&self, octet: u8) -> bool {
        *self == Self::Special(octet)
    }

    /// Its text. A special stands for itself, since Postfix takes one as a boundary.
    pub(crate) fn into_text(self) -> Vec<u8> {
        match self {
            Self::Word(text) | Self::Quoted(text) => text,
            Self::Special(octet) => vec![octet],
        }
    }
}

/// The tokens of a header's value; blanks, line ends and comments are passed over.
pub(crate) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(crate) const fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    fn pop(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn comment(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.pop() {
                Some(b'(') => depth += 1,
                Some(b')') => depth -= 1,
                Some(b'\\') => drop(self.pop()),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn quoted(&mut self) -> Token {
        let mut text = Vec::new();
        while let Some(octet) = self.pop() {
            match octet {
                b'"' => break,
                b'\\' => text.extend(self.pop()),
                b'\r' | b'\n' => {}
                octet => text.push(octet),
            }
        }
        Token::Quoted(text)
    }

    fn word(&mut self) -> Option<Token> {
        let end = self.rest.iter().position(|octet| !is_word(*octet)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then(|| Token::Word(word.to_vec()))
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            if let Some(word) = self.word() {
                return Some(word);
            }
            match self.pop()? {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b'(' => self.comment(),
                b'"' => return Some(self.quoted()),
                octet => return Some(Token::Special(octet)),
            }
        }
    }
}

const fn is_word(octet: u8) -> bool {
    !matches!(
        octet,
        0..=b' '
            | 127
            | b'('
            | b')'
            | b'<'
            | b'>'
            | b'@'
            | b','
            | b';'
            | b':'
            | b'\\'
            | b'"'
            | b'/'
            | b'['
            | b']'
            | b'?'
            | b'='
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(value: &[u8]) -> Vec<Token> {
        Tokens::new(value).collect()
    }

    fn word(text: &str) -> Token {
        Token::Word(text.into())
    }

    #[test]
    fn words_specials_and_quoted_strings_are_told_apart() {
        assert_eq!(
            tokens(b" text/plain; a=\"b;\\\"c\"\r\n"),
            [
                word("text"),
                Token::Special(b'/'),
                word("plain"),
                Token::Special(b';'),
                word("a"),
                Token::Special(b'='),
                Token::Quoted(b"b;\"c".to_vec())
            ]
        );
    }

    #[test]
    fn comments_nest_and_are_passed_over() {
        assert_eq!(tokens(b"(a (b) \\) c)8bit(d"), [word("8bit")]);
    }

    #[test]
    fn a_fold_in_a_quoted_string_leaves_its_blank() {
        assert_eq!(tokens(b"\"b\r\n c"), [Token::Quoted(b"b c".to_vec())]);
    }
}
