//! One line of a regexp table: `/pattern/flags result`, `if /pattern/flags`, `endif`.

use std::ffi::CStr;

use crate::tables::posix_regex::{PosixRegex, RegexError, Syntax};

/// How long a pattern may be, in octets. The C library reads nested groups by recursion.
const LONGEST_PATTERN: usize = 4096;

/// What is wrong with a line of patterns, or with all of them together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Something else than the three forms.
    #[error("expected /pattern/flags result, if /pattern/flags, or endif")]
    NotARule,
    /// A letter, a digit, a character beyond ASCII, or nothing where a pattern begins.
    #[error("a pattern stands between two equal characters, neither letters nor digits, such as /pattern/")]
    NoDelimiter,
    /// The pattern does not end.
    #[error("no second {0:?} ends the pattern")]
    Unclosed(char),
    /// A flag that does not exist.
    #[error("unknown flag {0:?}: there are i, m and x")]
    UnknownFlag(char),
    /// Longer than what is kept.
    #[error("the pattern has more than {LONGEST_PATTERN} octets")]
    LongPattern,
    /// The C library cannot read the pattern.
    #[error("bad pattern: {0}")]
    BadPattern(#[from] RegexError),
    /// A pattern with nothing behind it.
    #[error("no result behind the pattern")]
    NoResult,
    /// `$` without a number.
    #[error("'$' without the number of a group in {0:?}: write $$ for a dollar sign")]
    BadReference(String),
    /// A group that the pattern does not have.
    #[error("${number} in the result, but the pattern has {groups} groups, counted from 1")]
    NoSuchGroup {
        /// As asked for.
        number: usize,
        /// As many as there are.
        groups: usize,
    },
    /// A negated pattern has matched nothing that could be put in.
    #[error("$number in the result of a negated pattern")]
    GroupOfNegated,
    /// `endif` too many.
    #[error("endif without an if before it")]
    NoIf,
    /// `endif` missing.
    #[error("no endif for the if")]
    NoEndif,
    /// More than what is kept.
    #[error("more than {0} patterns")]
    TooMany(usize),
    /// More than what is read.
    #[error("more than {0} octets")]
    TooLong(u64),
    /// Not a list of rules in braces.
    #[error("expected {{ {{ rule }}, {{ rule }} ... }}")]
    NoBraces,
}

/// A pattern, and whether it is to match or not to match.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) regex: PosixRegex,
    negated: bool,
}

impl Condition {
    /// Whether the text meets it.
    pub(super) fn holds(&self, text: &CStr) -> Result<bool, RegexError> {
        self.regex.matches(text).map(|matches| matches != self.negated)
    }
}

/// A piece of a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// What this group matched.
    Group(usize),
}

/// A line, read.
#[derive(Debug)]
pub(super) enum Line<'t> {
    Rule(Condition, Vec<Piece>),
    /// With what stands behind the condition and means nothing.
    If(Condition, &'t str),
    /// With what stands behind the word.
    Endif(&'t str),
}

/// Reads a logical line that is not empty.
pub(super) fn read(line: &str) -> Result<Line<'_>, RuleError> {
    if let Some(rest) = after_word(line, "if") {
        let (condition, extra) = condition(rest.trim_start())?;
        return Ok(Line::If(condition, extra));
    }
    if let Some(rest) = after_word(line, "endif") {
        return Ok(Line::Endif(rest.trim()));
    }
    if !line.starts_with(|c: char| c.is_ascii_punctuation()) {
        return Err(RuleError::NotARule);
    }
    let (condition, text) = condition(line)?;
    if text.is_empty() {
        return Err(RuleError::NoResult);
    }
    let pieces = pieces(text, &condition)?;
    Ok(Line::Rule(condition, pieces))
}

/// What follows a word that the line begins with, in any case, unless it is only the beginning of another word.
fn after_word<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let (first, rest) = line.split_at_checked(word.len())?;
    let ends = !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    (ends && first.eq_ignore_ascii_case(word)).then_some(rest)
}

/// Reads `!/pattern/flags`, and returns what follows after white space.
fn condition(text: &str) -> Result<(Condition, &str), RuleError> {
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
    let regex = PosixRegex::compile(pattern, syntax(flags)?)?;
    Ok((Condition { regex, negated }, rest.trim()))
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

/// Each flag turns around what holds without it.
fn syntax(flags: &str) -> Result<Syntax, RuleError> {
    let mut syntax = Syntax { ignores_case: true, by_line: false, extended: true };
    for flag in flags.chars() {
        let switch = match flag {
            'i' => &mut syntax.ignores_case,
            'm' => &mut syntax.by_line,
            'x' => &mut syntax.extended,
            other => return Err(RuleError::UnknownFlag(other)),
        };
        *switch = !*switch;
    }
    Ok(syntax)
}

/// Takes a result apart: `$1`, `${1}`, `$(1)` are groups, `$$` is a dollar sign.
fn pieces(text: &str, condition: &Condition) -> Result<Vec<Piece>, RuleError> {
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

fn group(number: usize, condition: &Condition) -> Result<Piece, RuleError> {
    let groups = condition.regex.groups();
    if condition.negated {
        Err(RuleError::GroupOfNegated)
    } else if number == 0 || number > groups {
        Err(RuleError::NoSuchGroup { number, groups })
    } else {
        Ok(Piece::Group(number))
    }
}
