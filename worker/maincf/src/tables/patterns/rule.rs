//! One line of a table of regular expressions: `/pattern/flags result`, `if /pattern/flags`, `endif`.

use std::ffi::CStr;

use super::Engine;
use crate::tables::rules::{LONGEST_PATTERN, Line, Remarked, after_word};
use crate::tables::{RegexError, RuleError};

/// A pattern, and whether it is to match or not to match.
#[derive(Debug)]
pub(super) struct Condition<E> {
    pub(super) engine: E,
    negated: bool,
}

impl<E: Engine> Condition<E> {
    /// Whether the text meets it.
    pub(super) fn holds(&self, text: &CStr) -> Result<bool, RegexError> {
        self.engine.matches(text).map(|matches| matches != self.negated)
    }
}

/// A piece of a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// What this group matched.
    Group(usize),
}

/// Reads a logical line that is not empty.
pub(super) fn read<E: Engine>(line: &str) -> Result<Remarked<Condition<E>, Vec<Piece>>, RuleError> {
    let means_nothing =
        |extra: &str| (!extra.is_empty()).then(|| format!("{extra:?} behind if or endif means nothing"));
    if let Some(rest) = after_word(line, "if") {
        let Parts { condition, rest, remark } = parts(rest.trim_start())?;
        return Ok((Line::If(condition), means_nothing(rest).or(remark)));
    }
    if let Some(rest) = after_word(line, "endif") {
        return Ok((Line::Endif, means_nothing(rest.trim())));
    }
    if !line.starts_with(|c: char| c.is_ascii_punctuation()) {
        return Err(RuleError::NotARule);
    }
    let Parts { condition, rest, remark } = parts(line)?;
    if rest.is_empty() {
        return Err(RuleError::NoResult);
    }
    let pieces = pieces(rest, &condition)?;
    Ok((Line::Rule(condition, pieces), remark))
}

/// A line's condition and the rest.
struct Parts<'t, E> {
    condition: Condition<E>,
    /// Without white space around it.
    rest: &'t str,
    remark: Option<String>,
}

/// Reads `!/pattern/flags`, and what follows after white space.
fn parts<E: Engine>(text: &str) -> Result<Parts<'_, E>, RuleError> {
    let (mut rest, mut negated) = (text, false);
    while let Some(after) = rest.strip_prefix('!') {
        (rest, negated) = (after.trim_start(), !negated);
    }
    let delimiter = rest.chars().next().filter(char::is_ascii_punctuation).ok_or(RuleError::NoDelimiter)?;
    let inside = rest.get(1..).unwrap_or_default();
    let (pattern, rest) = split_at_delimiter(inside, delimiter).ok_or(RuleError::Unclosed(delimiter))?;
    if pattern.len() > LONGEST_PATTERN {
        return Err(RuleError::LongPattern);
    }
    let (flags, rest) = rest.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((rest, ""));
    let engine = E::compile(pattern, flags)?;
    Ok(Parts { condition: Condition { engine, negated }, rest: rest.trim(), remark: E::remark(flags) })
}

/// Splits at the delimiter, unless a backslash stands before it. The backslash stays: it is the pattern's.
fn split_at_delimiter(text: &str, delimiter: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.find(|c: char| {
        let ends = !escaped && c == delimiter && c != '\\';
        escaped = !escaped && c == '\\';
        ends
    })?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// Takes a result apart: `$1`, `${1}`, `$(1)` are groups, `$$` is a dollar sign.
fn pieces<E: Engine>(text: &str, condition: &Condition<E>) -> Result<Vec<Piece>, RuleError> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        plain.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            plain.push('$');
            rest = after;
            continue;
        }
        let bad = || RuleError::BadReference(format!("${after}"));
        let (name, after) = reference(after).ok_or_else(bad)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(bad());
        }
        let number = name.parse().map_err(|_| bad())?;
        pieces.push(Piece::Text(std::mem::take(&mut plain)));
        pieces.push(group(number, condition)?);
        rest = after;
    }
    plain.push_str(rest);
    pieces.push(Piece::Text(plain));
    pieces.retain(|piece| *piece != Piece::Text(String::new()));
    Ok(pieces)
}

/// Splits what follows a `$` into a name, brackets removed, and the rest.
fn reference(after: &str) -> Option<(&str, &str)> {
    for (open, close) in [('{', '}'), ('(', ')')] {
        if let Some(inside) = after.strip_prefix(open) {
            return inside.split_once(close);
        }
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
    after.split_at_checked(end)
}

fn group<E: Engine>(number: usize, condition: &Condition<E>) -> Result<Piece, RuleError> {
    let groups = condition.engine.groups();
    if condition.negated {
        Err(RuleError::GroupOfNegated)
    } else if number == 0 || number > groups {
        Err(RuleError::NoSuchGroup { number, groups })
    } else {
        Ok(Piece::Group(number))
    }
}
