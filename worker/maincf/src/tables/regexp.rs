//! `regexp:/file`: POSIX regular expressions, tried one after the other. regexp_table(5).

mod rule;

use std::ffi::{CStr, CString, NulError};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::string::FromUtf8Error;

pub use rule::RuleError;

use super::{OpenError, RegexError, Table, TableError, TableSpec};
use crate::parse;
use crate::value::words;
use rule::{Condition, Line, Piece};

/// How large a file may be, in octets.
const LARGEST_FILE: u64 = 4 << 20;
/// How many patterns a table may have.
const MOST_RULES: usize = 10_000;
/// How long a key may be, in octets: patterns with back references can take long.
const LONGEST_KEY: usize = 64 << 10;
/// How long a result may become, in octets.
const LONGEST_RESULT: usize = 64 << 10;

#[derive(Debug)]
struct Regexp {
    spec: TableSpec,
    rules: Vec<Rule>,
    remarks: Vec<String>,
}

#[derive(Debug)]
enum Rule {
    Pattern(Condition, Vec<Piece>),
    /// Where it does not hold the search goes on at this rule.
    If(Condition, usize),
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let name = spec.name().trim();
    if let Some(inside) = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        return inline(spec, inside);
    }
    let path = Path::new(spec.name());
    if !path.is_absolute() {
        return Err(OpenError::RelativePath(spec.clone()));
    }
    let bytes = read(path)?;
    let lines = parse::logical_lines(&bytes).map_err(|error| syntax(path, error))?;
    if let Some(line) = lines.iter().find(|line| !line.is_utf8) {
        return Err(syntax(path, (line.number, parse::SyntaxError::NotUtf8)));
    }
    let mut builder = Builder::new(spec);
    for line in &lines {
        builder.add(&line.text, &format!("{}:{}", path.display(), line.number))?;
    }
    builder.finish()
}

/// `{ { rule }, { rule } }` instead of a file.
fn inline(spec: &TableSpec, inside: &str) -> Result<Box<dyn Table>, OpenError> {
    let wrong = |reason| OpenError::Rule { place: format!("table {spec}"), reason };
    let mut builder = Builder::new(spec);
    for (number, word) in (1..).zip(words(inside).map_err(|_| wrong(RuleError::NoBraces))?) {
        let text = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        let text = text.ok_or_else(|| wrong(RuleError::NoBraces))?;
        builder.add(text.trim(), &format!("table {spec}, rule {number}"))?;
    }
    builder.finish()
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    let wrong = |source| OpenError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(wrong)?;
    file.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= LARGEST_FILE) {
        Ok(bytes)
    } else {
        let place = path.display().to_string();
        Err(OpenError::Rule { place, reason: RuleError::TooLong(LARGEST_FILE) })
    }
}

fn syntax(path: &Path, (line, reason): (u32, parse::SyntaxError)) -> OpenError {
    OpenError::Syntax { path: path.into(), line, reason }
}

/// Puts rules together, and `if` with `endif`.
struct Builder {
    table: Regexp,
    /// Rules that are open ifs, and where they stand; outermost first.
    open: Vec<(usize, String)>,
}

impl Builder {
    fn new(spec: &TableSpec) -> Self {
        let table = Regexp { spec: spec.clone(), rules: Vec::new(), remarks: Vec::new() };
        Self { table, open: Vec::new() }
    }

    fn add(&mut self, line: &str, place: &str) -> Result<(), OpenError> {
        let wrong = |reason| OpenError::Rule { place: place.into(), reason };
        let rules = &mut self.table.rules;
        if rules.len() >= MOST_RULES {
            return Err(wrong(RuleError::TooMany(MOST_RULES)));
        }
        let extra = match rule::read(line).map_err(wrong)? {
            Line::Rule(condition, pieces) => {
                rules.push(Rule::Pattern(condition, pieces));
                ""
            }
            Line::If(condition, extra) => {
                self.open.push((rules.len(), place.into()));
                rules.push(Rule::If(condition, 0));
                extra
            }
            Line::Endif(extra) => {
                let (at, _) = self.open.pop().ok_or_else(|| wrong(RuleError::NoIf))?;
                let after = rules.len();
                if let Some(Rule::If(_, goes_on)) = rules.get_mut(at) {
                    *goes_on = after;
                }
                extra
            }
        };
        if !extra.is_empty() {
            self.table.remarks.push(format!("{place}: {extra:?} behind if or endif means nothing"));
        }
        Ok(())
    }

    fn finish(self) -> Result<Box<dyn Table>, OpenError> {
        match self.open.into_iter().next_back() {
            Some((_, place)) => Err(OpenError::Rule { place, reason: RuleError::NoEndif }),
            None => Ok(Box::new(self.table)),
        }
    }
}

/// Why a table cannot answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the key has more than {LONGEST_KEY} octets")]
    LongKey,
    /// The C library would match only what stands before it.
    #[error("the key has a NUL in it")]
    Nul(#[from] NulError),
    #[error("the search failed: {0}")]
    Search(#[from] RegexError),
    #[error("the result has more than {LONGEST_RESULT} octets")]
    LongResult,
    /// The C library matches octets, so that a group may end within a character.
    #[error("the result is not valid UTF-8")]
    NotUtf8(#[from] FromUtf8Error),
}

impl Table for Regexp {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        self.search(key).map_err(|reason| TableError {
            table: self.spec.to_string(),
            key: key.chars().take(200).collect(),
            reason: reason.to_string(),
        })
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

impl Regexp {
    fn search(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        if key.len() > LONGEST_KEY {
            return Err(NoAnswer::LongKey);
        }
        let text = CString::new(key)?;
        let mut at = 0;
        while let Some(rule) = self.rules.get(at) {
            at += 1;
            match rule {
                Rule::If(condition, goes_on) => {
                    if !condition.holds(&text)? {
                        at = *goes_on;
                    }
                }
                Rule::Pattern(condition, pieces) => {
                    if condition.holds(&text)? {
                        return result(pieces, condition, &text).map(Some);
                    }
                }
            }
        }
        Ok(None)
    }
}

/// Puts the result together; a group that took no part is empty.
fn result(pieces: &[Piece], condition: &Condition, key: &CStr) -> Result<String, NoAnswer> {
    // Where groups are costs a second search, which most results do not need.
    let has_groups = pieces.iter().any(|piece| matches!(piece, Piece::Group(_)));
    let found = if has_groups { condition.regex.find(key)?.unwrap_or_default() } else { Vec::new() };
    let mut result: Vec<u8> = Vec::new();
    for piece in pieces {
        result.extend_from_slice(match piece {
            Piece::Text(text) => text.as_bytes(),
            Piece::Group(number) => {
                let range = found.get(*number).cloned().flatten().unwrap_or_default();
                key.to_bytes().get(range).unwrap_or_default()
            }
        });
        if result.len() > LONGEST_RESULT {
            return Err(NoAnswer::LongResult);
        }
    }
    Ok(String::from_utf8(result)?)
}

#[cfg(test)]
mod tests;
