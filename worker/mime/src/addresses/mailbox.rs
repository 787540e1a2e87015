//! The addresses among the tokens of a list.
//!
//! RFC 5322 §3.4, with the route and the blanks around dots of §4.4. What does not read as an address is left alone.

use super::list::{Kind, Token};
use std::borrow::Cow;
use std::ops::Range;

/// An address and the tokens that it takes, with a route before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// `local@domain` or `local`, the local part quoted if it must be.
    pub(super) address: String,
    span: Range<usize>,
}

impl Found {
    /// Puts another in its place. Comments that were inside of it follow it.
    pub(super) fn replace(self, new: &str, tokens: &mut [Token<'_>]) {
        let mut text = new.as_bytes().to_vec();
        for token in tokens.get_mut(self.span.clone()).unwrap_or_default() {
            if token.kind == Kind::Comment {
                text.push(b' ');
                text.extend_from_slice(&token.text);
            }
            *token = Token { kind: Kind::Atom, text: Cow::Borrowed(b"") };
        }
        if let Some(first) = tokens.get_mut(self.span.start) {
            first.text = Cow::Owned(text);
        }
    }
}

/// The search through a list, one mailbox after the other. Each token is looked at a few times at most.
#[derive(Debug, Default)]
pub(super) struct Search {
    at: usize,
    /// Where the mailbox begins and ends.
    segment: Range<usize>,
}

impl Search {
    /// The next address. What was found may have been replaced.
    pub(super) fn next(&mut self, tokens: &[Token<'_>]) -> Option<Found> {
        loop {
            if self.at >= self.segment.end {
                let start = self.at + tokens.get(self.at..)?.iter().position(|token| !is_between(token))?;
                let end = start + segment(tokens.get(start..)?);
                (self.at, self.segment) = (start, start..end);
                if tokens.get(end).is_some_and(|token| token.is(b':')) {
                    self.at = end;
                    continue;
                }
                let open = tokens.get(start..end)?.iter().position(|token| token.is(b'<'));
                if let Some(open) = open {
                    self.at = end;
                    match angle(tokens.get(..end)?, start + open + 1) {
                        Some(found) => return Some(found),
                        None => continue,
                    }
                }
            }
            if let Some(found) = self.bare(tokens.get(..self.segment.end)?) {
                return Some(found);
            }
        }
    }

    /// An address without brackets. One without domain must be all there is: it may be a name, too.
    fn bare(&mut self, tokens: &[Token<'_>]) -> Option<Found> {
        while self.at < tokens.len() {
            let start = self.at;
            let (address, after) = spec(tokens, start);
            self.at = after.max(start + 1);
            let alone = start == self.segment.start && filled(tokens, after) >= tokens.len();
            let domain = tokens.get(start..after)?.iter().any(|token| token.is(b'@'));
            if let Some(address) = address.filter(|_| alone || domain) {
                return Some(Found { address, span: start..after });
            }
        }
        None
    }
}

/// The first address of a list.
pub(super) fn first(tokens: &[Token<'_>]) -> Option<String> {
    Search::default().next(tokens).map(|found| found.address)
}

/// What separates mailboxes: commas, the ends of groups' names and of groups, and filling.
fn is_between(token: &Token<'_>) -> bool {
    token.is_filling() || token.is(b',') || token.is(b';') || token.is(b':')
}

/// How far one mailbox, or the name of a group, goes.
fn segment(tokens: &[Token<'_>]) -> usize {
    let mut inside = false;
    let end = tokens.iter().position(|token| match token.kind {
        Kind::Special(b'<') => {
            inside = true;
            false
        }
        Kind::Special(b'>') => {
            inside = false;
            false
        }
        Kind::Special(b',' | b';' | b':') => !inside,
        _ => false,
    });
    end.unwrap_or(tokens.len())
}

/// The address in angle brackets, if there is nothing else in them but a route.
fn angle(tokens: &[Token<'_>], from: usize) -> Option<Found> {
    let close = tokens.get(from..)?.iter().position(|token| token.is(b'>'));
    let inside = tokens.get(..close.map_or(tokens.len(), |close| from + close))?;
    let start = filled(inside, from);
    let local = if inside.get(start)?.is(b'@') {
        filled(inside, start + inside.get(start..)?.iter().position(|token| token.is(b':'))? + 1)
    } else {
        start
    };
    let (address, after) = spec(inside, local);
    address
        .filter(|_| filled(inside, after) >= inside.len())
        .map(|address| Found { address, span: start..after })
}

/// The first token at or after this that is no filling.
fn filled(tokens: &[Token<'_>], at: usize) -> usize {
    let rest = tokens.get(at..).unwrap_or_default();
    at + rest.iter().position(|token| !token.is_filling()).unwrap_or(rest.len())
}

/// `addr-spec`, or a local part alone, that begins with this token; and where it, or what is none, ends.
fn spec(tokens: &[Token<'_>], from: usize) -> (Option<String>, usize) {
    let (local, after) = dotted(tokens, from);
    let local = if after > from { unquoted(&local).map(|local| quoted(&local)) } else { None };
    let sign = filled(tokens, after);
    if !tokens.get(sign).is_some_and(|token| token.is(b'@')) {
        return (local, after);
    }
    let at = filled(tokens, sign + 1);
    let (domain, end) = match tokens.get(at) {
        Some(literal) if literal.kind == Kind::Literal => (literal.text.to_vec(), at + 1),
        _ => dotted(tokens, at),
    };
    let domain = String::from_utf8(domain).ok().filter(|domain| is_domain(domain));
    match (local, domain) {
        (Some(local), Some(domain)) => (Some(format!("{local}@{domain}")), end),
        _ => (None, end),
    }
}

fn is_domain(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_control)
}

/// Words with dots between them, and where they end. Dots without words are taken as they come.
fn dotted(tokens: &[Token<'_>], from: usize) -> (Vec<u8>, usize) {
    let (mut text, mut end, mut at) = (Vec::new(), from, from);
    let mut after_word = false;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            Kind::Atom | Kind::Quoted if !after_word => after_word = true,
            Kind::Special(b'.') if at > from || is_word(tokens.get(at + 1)) => after_word = false,
            _ => break,
        }
        text.extend_from_slice(&token.text);
        end = at + 1;
        at = filled(tokens, end);
    }
    (text, end)
}

fn is_word(token: Option<&Token<'_>>) -> bool {
    token.is_some_and(|token| matches!(token.kind, Kind::Atom | Kind::Quoted))
}

/// The text without quotes and backslashes. `None`: it is no text, or has control characters.
pub(super) fn unquoted(text: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut octets = text.iter();
    while let Some(octet) = octets.next() {
        match octet {
            b'"' => {}
            b'\\' => plain.push(*octets.next()?),
            octet => plain.push(*octet),
        }
    }
    String::from_utf8(plain).ok().filter(|plain| !plain.contains(char::is_control))
}

/// A local part as it stands in a header: dots and atoms (RFC 5322 §3.2.3, RFC 6532 §3.2), or quoted.
pub(super) fn quoted(local: &str) -> String {
    let plain =
        |octet: u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet) || octet > 127;
    if local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(plain)) {
        return local.to_owned();
    }
    let mut text = String::from("\"");
    for character in local.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
    text
}
