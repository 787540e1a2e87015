//! What goes wrong with tables: references that cannot be, tables that cannot be opened or cannot answer.

use std::fmt::Display;
use std::path::PathBuf;

use super::{RuleError, TableSpec};
use crate::parse::SyntaxError;
use crate::value::ValueError;

/// A table that could not answer. The mail that asked is deferred.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: lookup of {key:?} failed: {reason}")]
pub struct TableError {
    /// `type:name`.
    pub table: String,
    /// What was asked.
    pub key: String,
    /// What the table said.
    pub reason: String,
}

/// How much of a key an error repeats, in characters.
const KEY_SHOWN: usize = 200;

impl TableError {
    /// What a table said of a key.
    pub(super) fn new(table: &impl Display, key: &str, reason: impl Display) -> Self {
        let key = key.chars().take(KEY_SHOWN).collect();
        Self { table: table.to_string(), key, reason: reason.to_string() }
    }

    /// A table's answer that means nothing where it was asked for.
    pub fn unusable(table: &str, key: &str, reason: &str) -> Self {
        Self::new(&table, key, reason)
    }
}

/// A `type:name` that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// No colon, or nothing before or after it.
    #[error("{0:?} is not a table: expected type:name")]
    NotATable(String),
    /// No table type has this name.
    #[error("unknown table type {kind:?}{}", nearest.map_or(String::new(), |name| format!("; did you mean {name}?")))]
    UnknownType {
        /// What stands before the colon.
        kind: String,
        /// The closest name that exists.
        nearest: Option<&'static str>,
    },
}

/// A table that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The type exists but this version does not have it.
    #[error("table {0}: this version does not have tables of this type")]
    NotBuilt(TableSpec),
    /// `proxy:`, and the service that opens tables for others does not open this one.
    #[error("proxymap service is not configured for table {:?}", .0.name())]
    NotServed(TableSpec),
    /// A file table needs the full path: the process may run anywhere.
    #[error("table {0}: give the full path of the file")]
    RelativePath(TableSpec),
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A database is not as it should be.
    #[error("{}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// postmap(1) could not print a database.
    #[error("table {table}: {reason}")]
    Dump {
        /// The table.
        table: TableSpec,
        /// What postmap says.
        reason: String,
    },
    /// A database that is not understood here and only postmap(1) could read, and a text that is not what it was made from.
    #[error("table {0}: there is no postmap to read {db}, and its text is newer or missing", db = format_args!("{}.db", .0.name()))]
    Stale(TableSpec),
    /// A line of the file is not as it should be.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u32,
        /// What is wrong with it.
        reason: SyntaxError,
    },
    /// The name is not what tables of this type have.
    #[error("table {table}: {reason}")]
    Name {
        /// The whole reference.
        table: TableSpec,
        /// What is expected.
        reason: &'static str,
    },
    /// The text of a table in braces is wrong.
    #[error("table {table}: {reason}")]
    Inline {
        /// The whole reference.
        table: TableSpec,
        /// What is wrong with it.
        reason: InlineError,
    },
    /// A rule of a table of patterns or networks is wrong.
    #[error("{place}: {reason}")]
    Rule {
        /// The file and line, or the table and the rule's number.
        place: String,
        /// What is wrong with it.
        reason: RuleError,
    },
    /// A pattern in a file of patterns is wrong.
    #[error("{}: {reason}", path.display())]
    Pattern {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: ValueError,
    },
    /// Files of patterns that name each other.
    #[error("{}: files of patterns nest too deeply", .0.display())]
    NestedFiles(PathBuf),
}

/// What is wrong with the text of a table in braces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// Not in braces.
    #[error("expected {{ key = value, ... }}")]
    NoBraces,
    /// Not in braces either.
    #[error("expected {{ ..., ... }}")]
    NoList,
    /// A table in the table is wrong.
    #[error(transparent)]
    Table(#[from] SpecError),
    /// Tables in tables in tables.
    #[error("tables nest too deeply")]
    Deep,
    /// Nothing inside.
    #[error("the table is empty")]
    Empty,
    /// An entry without `=` or without a key.
    #[error("{0:?} is not key=value; write {{key = value}} where the value has spaces")]
    BadEntry(String),
    /// Braces that do not match.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// What an engine of regular expressions says of a pattern, or of a search that it gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(pub(super) String);
