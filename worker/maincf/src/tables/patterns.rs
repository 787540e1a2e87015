//! Tables of regular expressions, whatever engine reads them: rules, conditions, and results with groups put in.

mod rule;

use std::ffi::{CStr, CString, NulError};
use std::fmt;
use std::ops::Range;
use std::string::FromUtf8Error;

use super::rules::Rules;
use super::{OpenError, Opener, RegexError, RuleError, Table, TableError, TableSpec};
use rule::{Condition, Piece};

/// How long a key may be, in octets: some patterns can take long. A header of `header_size_limit` has room.
const LONGEST_KEY: usize = 128 << 10;
/// How long a result may become, in octets.
const LONGEST_RESULT: usize = 64 << 10;

/// Where a pattern and its groups match, in octets, the whole first; `None` for a group that took no part.
pub(super) type Found = Vec<Option<Range<usize>>>;

/// A compiled pattern of one make.
pub(super) trait Engine: fmt::Debug + Send + Sync + Sized + 'static {
    /// Compiles a pattern. Each flag turns around what holds without it.
    fn compile(pattern: &str, flags: &str) -> Result<Self, RuleError>;

    /// How many groups the pattern has.
    fn groups(&self) -> usize;

    /// Whether the pattern matches somewhere in the text.
    fn matches(&self, text: &CStr) -> Result<bool, RegexError>;

    /// Where it does.
    fn find(&self, text: &CStr) -> Result<Option<Found>, RegexError>;

    /// What means nothing among the flags.
    fn remark(_flags: &str) -> Option<String> {
        None
    }
}

/// A table whose patterns one engine reads.
#[derive(Debug)]
struct Patterns<E> {
    spec: TableSpec,
    rules: Rules<Condition<E>, Vec<Piece>>,
}

/// Opens a table: `type:/file` or `type:{ { rule }, ... }`.
pub(super) fn open<E: Engine>(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    let rules = Rules::open(spec, rule::read, opener.bad_rules())?;
    Ok(Box::new(Patterns::<E> { spec: spec.clone(), rules }))
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
    /// Engines match octets, as Postfix has them do, so that a group may end within a character.
    #[error("the result is not valid UTF-8")]
    NotUtf8(#[from] FromUtf8Error),
}

impl<E: Engine> Table for Patterns<E> {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        self.search(key).map_err(|reason| TableError::new(&self.spec, key, reason))
    }

    fn remarks(&self) -> &[String] {
        self.rules.remarks()
    }

    fn wants_whole_keys(&self) -> bool {
        true
    }
}

impl<E: Engine> Patterns<E> {
    fn search(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        if key.len() > LONGEST_KEY {
            return Err(NoAnswer::LongKey);
        }
        let text = CString::new(key)?;
        match self.rules.find(|condition| condition.holds(&text))? {
            Some((condition, pieces)) => result(pieces, condition, &text).map(Some),
            None => Ok(None),
        }
    }
}

/// Puts the result together; a group that took no part is empty.
fn result<E: Engine>(pieces: &[Piece], condition: &Condition<E>, key: &CStr) -> Result<String, NoAnswer> {
    // Where groups are costs a second search, which most results do not need.
    let has_groups = pieces.iter().any(|piece| matches!(piece, Piece::Group(_)));
    let found = if has_groups { condition.engine.find(key)?.unwrap_or_default() } else { Vec::new() };
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
