//! Lists of addresses as headers carry them, RFC 5322 §3.4 and its obsolete forms §4.4.

use std::iter::Peekable;
use std::str::Chars;

use super::{AddressError, Mailbox};

/// Octets of offending text that an error repeats.
const QUOTED_BACK: usize = 60;

/// The mailboxes of a list such as `Joe <a@b.c>, friends: d@e.f, g@h.i;, j@k.l (Jim)`, in their order.
///
/// Display names, group names, comments and source routes are dropped; empty places between commas are
/// allowed, and so is `;` between addresses. An address without domain gets `@origin`. Any fault in any
/// address fails the whole list: mail must not go to some of the people it was meant for.
pub fn parse_address_list(text: &str, origin: &str) -> Result<Vec<Mailbox>, AddressError> {
    let mut tokens = Tokens { characters: text.chars().peekable() };
    let (mut mailboxes, mut words) = (Vec::new(), Vec::new());
    loop {
        match tokens.next()? {
            Some(Token::Special('<')) => {
                mailboxes.push(angle(&mut tokens, origin)?);
                words.clear();
                match tokens.next()? {
                    None => return Ok(mailboxes),
                    Some(Token::Special(',' | ';')) => {}
                    Some(other) => return Err(AddressError::NotAnAddress(spell(&[other]))),
                }
            }
            // What stood before the colon was the name of a group.
            Some(Token::Special(':')) => words.clear(),
            Some(Token::Special(',' | ';')) => mailboxes.extend(address(&mut words, origin)?),
            Some(token) => words.push(token),
            None => {
                mailboxes.extend(address(&mut words, origin)?);
                return Ok(mailboxes);
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Atext, and anything beyond ASCII, which only names may contain.
    Atom(String),
    /// Without quotes and backslashes.
    Quoted(String),
    /// With its brackets.
    Literal(String),
    /// `< > @ , ; : .` and whatever else is none of the above.
    Special(char),
}

struct Tokens<'t> {
    characters: Peekable<Chars<'t>>,
}

impl Tokens<'_> {
    /// The next token; blanks and comments are none.
    fn next(&mut self) -> Result<Option<Token>, AddressError> {
        loop {
            let Some(first) = self.characters.next() else { return Ok(None) };
            let token = match first {
                ' ' | '\t' | '\r' | '\n' => continue,
                '(' => {
                    self.skip_comment()?;
                    continue;
                }
                '"' => Token::Quoted(self.until('"', AddressError::OpenQuote)?),
                '[' => Token::Literal(format!("[{}]", self.until(']', AddressError::Unterminated)?)),
                character if character.is_control() => return Err(AddressError::Control),
                character if is_atom(character) => {
                    let mut atom = String::from(character);
                    while let Some(next) = self.characters.next_if(|next| is_atom(*next)) {
                        atom.push(next);
                    }
                    Token::Atom(atom)
                }
                character => Token::Special(character),
            };
            return Ok(Some(token));
        }
    }

    fn until(&mut self, end: char, open: AddressError) -> Result<String, AddressError> {
        let mut text = String::new();
        loop {
            match self.characters.next() {
                Some(character) if character == end => return Ok(text),
                Some('\\') => text.extend(self.characters.next()),
                // A fold inside; what is left of it is the blank.
                Some('\r' | '\n') => {}
                Some(character) => text.push(character),
                None => return Err(open),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), AddressError> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.characters.next() {
                Some('(') => depth += 1,
                Some(')') => depth -= 1,
                Some('\\') => drop(self.characters.next()),
                Some(_) => {}
                None => return Err(AddressError::OpenComment),
            }
        }
        Ok(())
    }
}

fn is_atom(character: char) -> bool {
    u8::try_from(character).map_or(true, |byte| !byte.is_ascii() || super::is_atext(byte))
        && !character.is_control()
}

/// Behind `<`, up to and with `>`.
fn angle(tokens: &mut Tokens<'_>, origin: &str) -> Result<Mailbox, AddressError> {
    let mut inside = Vec::new();
    loop {
        match tokens.next()? {
            Some(Token::Special('>')) => break,
            Some(token) => inside.push(token),
            None => return Err(AddressError::Unterminated),
        }
    }
    if inside.first() == Some(&Token::Special('@')) {
        let colon = inside.iter().position(|token| *token == Token::Special(':'));
        inside.drain(..=colon.ok_or(AddressError::Unexpected('@'))?);
    }
    address(&mut inside, origin)?.ok_or(AddressError::EmptyRecipient)
}

/// `words` as one `local@domain`; nothing if there are none. Leaves `words` empty.
fn address(words: &mut Vec<Token>, origin: &str) -> Result<Option<Mailbox>, AddressError> {
    let words = std::mem::take(words);
    if words.is_empty() {
        return Ok(None);
    }
    let not_an_address = || AddressError::NotAnAddress(spell(&words));
    let mut sides = words.split(|token| *token == Token::Special('@'));
    let local = sides.next().and_then(joined).ok_or_else(not_an_address)?;
    let domain = match (sides.next(), sides.next()) {
        (None, _) => origin.to_owned(),
        (Some(domain), None) => joined(domain).ok_or_else(not_an_address)?,
        (Some(_), Some(_)) => return Err(not_an_address()),
    };
    Mailbox::new(local, domain).map(Some)
}

/// Words and dots put together, if nothing else is among them and no two words stand side by side.
fn joined(tokens: &[Token]) -> Option<String> {
    let mut text = String::new();
    let mut after_word = false;
    for token in tokens {
        let (part, is_word) = match token {
            Token::Atom(part) | Token::Quoted(part) | Token::Literal(part) => (part.as_str(), true),
            Token::Special('.') => (".", false),
            Token::Special(_) => return None,
        };
        if after_word && is_word {
            return None;
        }
        after_word = is_word;
        text.push_str(part);
    }
    Some(text)
}

/// What an error shows of `tokens`.
fn spell(tokens: &[Token]) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for token in tokens {
        let (part, is_word) = match token {
            Token::Atom(part) | Token::Quoted(part) | Token::Literal(part) => (part.clone(), true),
            Token::Special(character) => (character.to_string(), false),
        };
        if after_word && is_word {
            text.push(' ');
        }
        after_word = is_word;
        text.push_str(&part);
    }
    text.chars().take(QUOTED_BACK).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> Result<Vec<String>, AddressError> {
        Ok(parse_address_list(text, "o.example")?.iter().map(Mailbox::to_string).collect())
    }

    #[test]
    fn lists_that_are_taken() {
        for (text, want) in [
            ("", vec![]),
            (" , ,", vec![]),
            ("a@b.c", vec!["a@b.c"]),
            ("root", vec!["root@o.example"]),
            ("a@b.c, d@e.f,", vec!["a@b.c", "d@e.f"]),
            ("a@b.c; d@e.f", vec!["a@b.c", "d@e.f"]),
            ("Joe Q. Public <a@b.c>, <d@e.f>", vec!["a@b.c", "d@e.f"]),
            ("\"Public, Joe\" <a@b.c>", vec!["a@b.c"]),
            ("J\u{f6}rg <a@b.c>, =?utf-8?q?J=C3=B6rg?= <d@e.f>", vec!["a@b.c", "d@e.f"]),
            ("a@b.c (Joe (the \\) one), really), d@e.f", vec!["a@b.c", "d@e.f"]),
            ("a (x) @ (y) b . c (z)", vec!["a@b.c"]),
            ("undisclosed-recipients:;", vec![]),
            ("Friends: a@b.c, Joe <d@e.f>;, g@h.i", vec!["a@b.c", "d@e.f", "g@h.i"]),
            ("<@one.example,@two.example:a@b.c>", vec!["a@b.c"]),
            ("\"a b\"@c.d, \"x\".y@c.d", vec!["\"a b\"@c.d", "x.y@c.d"]),
            ("a@[192.0.2.1]", vec!["a@[192.0.2.1]"]),
            ("Joe\r\n\t<a@b.c>,\r\n d@e.f\r\n", vec!["a@b.c", "d@e.f"]),
        ] {
            assert_eq!(list(text), Ok(want.into_iter().map(String::from).collect()), "{text:?}");
        }
    }

    #[test]
    fn lists_that_are_refused_as_a_whole() {
        use AddressError::*;
        for (text, want) in [
            ("a@b.c, Joe Public", NotAnAddress("Joe Public".into())),
            ("a@b.c d@e.f", NotAnAddress("a@b.c d@e.f".into())),
            ("<a@b.c> d@e.f", NotAnAddress("d".into())),
            ("<a@b.c> <d@e.f>", NotAnAddress("<".into())),
            ("a@b@c", NotAnAddress("a@b@c".into())),
            ("a>b@c", NotAnAddress("a>b@c".into())),
            ("@b.c", EmptyLocalPart),
            ("a@", BadDomain("".into())),
            ("<>", EmptyRecipient),
            ("<@b.c>", Unexpected('@')),
            ("Joe <a@b.c", Unterminated),
            ("\"Joe <a@b.c>", OpenQuote),
            ("a@b.c (Joe", OpenComment),
            ("a@[192.0.2.1", Unterminated),
            ("a@b\u{fc}.c", NotAscii),
            ("a\0@b.c", Control),
        ] {
            assert_eq!(list(text), Err(want), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(locals in prop::collection::vec("[ -~]{1,20}", 0..5)) {
            let all: Vec<_> = locals.into_iter().map(|local| Mailbox::new(local, "b.c").unwrap()).collect();
            let text = all.iter().map(|one| format!("Name <{one}>")).collect::<Vec<_>>().join(",\r\n ");
            prop_assert_eq!(parse_address_list(&text, "o"), Ok(all));
        }

        #[test]
        fn no_text_panics(text in "[a(<\"\\[@.,;: )>\\\\\r\n\u{e9}\\]]{0,40}") {
            for mailbox in parse_address_list(&text, "o").unwrap_or_default() {
                prop_assert!(mailbox.to_string().bytes().all(|byte| (32..127).contains(&byte)));
            }
        }
    }
}
