//! `$name` and its relatives: conditional, relational and nested, always ending.

use std::borrow::Cow;
use std::cmp::Ordering;

/// How deep names and braces may nest.
const DEEPEST: usize = 64;
/// How many references one value may lead to, itself included.
const MOST_STEPS: usize = 10_000;
/// How long an expanded value may become, in octets.
const LONGEST: usize = 1 << 20;

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// A name that leads back to itself, with the names in between.
    #[error("reference loop: {}", .0.join(" -> "))]
    Loop(Vec<String>),
    /// Names or braces nest too deeply.
    #[error("references nest more than {DEEPEST} deep")]
    TooDeep,
    /// More references or more text than any sensible value needs.
    #[error("the expansion has too many references or is too long")]
    TooLarge,
    /// `${` or `$(` without its end.
    #[error("no closing bracket in {0:?}")]
    Unclosed(String),
    /// `$` before something that is not a name.
    #[error("'$' without a parameter name in {0:?}: write $$ for a dollar sign")]
    NoName(String),
    /// Something that is not `?then`, `:else` or `?{then}:{else}` after the name.
    #[error("cannot understand the expression {0:?}")]
    BadExpression(String),
    /// An operand of a `...level` comparison is not a dotted number.
    #[error("{0:?} is not a compatibility level")]
    NotALevel(String),
}

/// Finds the unexpanded text of a name.
type Lookup<'a, 't> = &'a dyn Fn(&str) -> Option<Cow<'t, str>>;

/// Expands `text`; `own` is the name whose text it is, so that a reference back to it is a loop.
pub(crate) fn expand(text: &str, own: Option<&str>, lookup: Lookup<'_, '_>) -> Result<String, ExpandError> {
    let mut expansion = Expansion { lookup, open: own.into_iter().map(str::to_owned).collect(), steps: 0 };
    let mut out = String::new();
    expansion.text(text, 0, &mut out)?;
    Ok(out)
}

/// The names that a text refers to, without expanding anything; each as often as it occurs.
pub(crate) fn references(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let name = split_name(after.strip_prefix(['{', '(']).unwrap_or(after)).0;
        if !name.is_empty() {
            found.push(name);
        }
        rest = after;
    }
    found
}

struct Expansion<'a, 't> {
    lookup: Lookup<'a, 't>,
    /// Names being expanded right now, outermost first.
    open: Vec<String>,
    steps: usize,
}

impl Expansion<'_, '_> {
    fn text(&mut self, text: &str, depth: usize, out: &mut String) -> Result<(), ExpandError> {
        if depth > DEEPEST {
            return Err(ExpandError::TooDeep);
        }
        let mut rest = text;
        while let Some((plain, after)) = rest.split_once('$') {
            out.push_str(plain);
            rest = self.reference(after, depth, out)?;
        }
        out.push_str(rest);
        if out.len() > LONGEST { Err(ExpandError::TooLarge) } else { Ok(()) }
    }

    /// Expands what follows a `$`, and returns what follows that.
    fn reference<'r>(
        &mut self,
        after: &'r str,
        depth: usize,
        out: &mut String,
    ) -> Result<&'r str, ExpandError> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(ExpandError::TooLarge);
        }
        if let Some(rest) = after.strip_prefix('$') {
            out.push('$');
            return Ok(rest);
        }
        if after.starts_with(['{', '(']) {
            let (body, rest) = bracketed(after).ok_or_else(|| ExpandError::Unclosed(format!("${after}")))?;
            self.expression(body, depth, out)?;
            return Ok(rest);
        }
        let (name, rest) = split_name(after);
        if name.is_empty() {
            return Err(ExpandError::NoName(format!("${after}")));
        }
        out.push_str(&self.value(name, depth)?);
        Ok(rest)
    }

    /// The inside of `${...}`.
    fn expression(&mut self, body: &str, depth: usize, out: &mut String) -> Result<(), ExpandError> {
        let body = body.trim();
        if body.starts_with('{') {
            return self.relation(body, depth, out);
        }
        let (name, rest) = split_name(body);
        if name.is_empty() {
            return Err(ExpandError::NoName(format!("${{{body}}}")));
        }
        let value = self.value(name, depth)?;
        let rest = rest.trim_start();
        if rest.is_empty() {
            out.push_str(&value);
            return Ok(());
        }
        let choice = Choice::parse(rest).ok_or_else(|| ExpandError::BadExpression(body.into()))?;
        self.text(choice.when(!value.is_empty()), depth + 1, out)
    }

    /// `{a} == {b} ? {then} : {else}`.
    fn relation(&mut self, body: &str, depth: usize, out: &mut String) -> Result<(), ExpandError> {
        let bad = || ExpandError::BadExpression(body.into());
        let (left, rest) = bracketed(body).ok_or_else(bad)?;
        let (operator, rest) = Operator::parse(rest.trim_start()).ok_or_else(bad)?;
        let (right, rest) = bracketed(rest.trim_start()).ok_or_else(bad)?;
        let choice = Choice::parse(rest.trim_start()).ok_or_else(bad)?;
        let (mut left_value, mut right_value) = (String::new(), String::new());
        self.text(left, depth + 1, &mut left_value)?;
        self.text(right, depth + 1, &mut right_value)?;
        let holds = operator.holds(&left_value, &right_value)?;
        self.text(choice.when(holds), depth + 1, out)
    }

    fn value(&mut self, name: &str, depth: usize) -> Result<String, ExpandError> {
        if self.open.iter().any(|open| open == name) {
            let mut path = self.open.clone();
            path.push(name.into());
            return Err(ExpandError::Loop(path));
        }
        let mut out = String::new();
        if let Some(text) = (self.lookup)(name) {
            self.open.push(name.into());
            self.text(&text, depth + 1, &mut out)?;
            self.open.pop();
        }
        Ok(out)
    }
}

/// `?then`, `:else`, `?{then}`, `:{else}`, or `?{then}:{else}`.
struct Choice<'t> {
    then: &'t str,
    otherwise: &'t str,
}

impl<'t> Choice<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        if let Some(text) = text.strip_prefix(':') {
            return branch(text).map(|otherwise| Self { then: "", otherwise });
        }
        let text = text.strip_prefix('?')?;
        let trimmed = text.trim_start();
        if !trimmed.starts_with('{') {
            return Some(Self { then: text, otherwise: "" });
        }
        let (then, rest) = bracketed(trimmed)?;
        match rest.trim_start().strip_prefix(':') {
            Some(rest) => branch(rest).map(|otherwise| Self { then, otherwise }),
            None if rest.trim().is_empty() => Some(Self { then, otherwise: "" }),
            None => None,
        }
    }

    fn when(&self, holds: bool) -> &'t str {
        if holds { self.then } else { self.otherwise }
    }
}

/// The last branch: in braces with nothing behind them, or the rest as it is.
fn branch(text: &str) -> Option<&str> {
    let trimmed = text.trim();
    if !trimmed.starts_with('{') {
        return Some(text);
    }
    bracketed(trimmed).filter(|(_, rest)| rest.is_empty()).map(|(inside, _)| inside)
}

/// The text between the bracket that `text` begins with and its partner, and what follows.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let (open, close) = match text.as_bytes().first()? {
        b'{' => ('{', '}'),
        b'(' => ('(', ')'),
        _ => return None,
    };
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some((text.get(1..at)?, text.get(at + 1..)?));
            }
        }
    }
    None
}

fn split_name(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

struct Operator {
    accepts: Accepts,
    /// Compares dotted numbers rather than texts.
    by_level: bool,
}

/// Which outcomes of a comparison an operator accepts.
type Accepts = fn(Ordering) -> bool;

/// Longer operators before those they begin with.
const OPERATORS: &[(&str, Accepts)] = &[
    ("==", Ordering::is_eq),
    ("!=", Ordering::is_ne),
    ("<=", Ordering::is_le),
    (">=", Ordering::is_ge),
    ("<", Ordering::is_lt),
    (">", Ordering::is_gt),
];

impl Operator {
    fn parse(text: &str) -> Option<(Self, &str)> {
        let &(symbol, accepts) = OPERATORS.iter().find(|(symbol, _)| text.starts_with(symbol))?;
        let rest = text.strip_prefix(symbol)?;
        match rest.strip_prefix("level") {
            Some(rest) => Some((Self { accepts, by_level: true }, rest)),
            None => Some((Self { accepts, by_level: false }, rest)),
        }
    }

    fn holds(&self, left: &str, right: &str) -> Result<bool, ExpandError> {
        let order = if self.by_level { level(left)?.cmp(&level(right)?) } else { compare(left, right) };
        Ok((self.accepts)(order))
    }
}

/// By number where both are numbers, otherwise by octets.
fn compare(left: &str, right: &str) -> Ordering {
    let number = |text: &str| text.parse::<u64>().ok();
    match (number(left), number(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

/// `major[.minor[.patch]]`.
fn level(text: &str) -> Result<[u32; 3], ExpandError> {
    let bad = || ExpandError::NotALevel(text.into());
    let mut parts = text.trim().split('.');
    let mut level = [0; 3];
    for (at, slot) in level.iter_mut().enumerate() {
        match parts.next() {
            Some(part) => *slot = part.parse().map_err(|_| bad())?,
            None if at == 0 => return Err(bad()),
            None => break,
        }
    }
    if parts.next().is_some() { Err(bad()) } else { Ok(level) }
}

#[cfg(test)]
mod tests;
