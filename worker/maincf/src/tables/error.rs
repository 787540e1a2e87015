//! What goes wrong with tables: references that cannot be, tables that cannot be opened or cannot answer.

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
    #[error("table {0}: this version has the types inline, static, texthash, regexp and fail only")]
    NotBuilt(TableSpec),
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
    /// The text of an inline or static table is wrong.
    #[error("table {table}: {reason}")]
    Inline {
        /// The whole reference.
        table: TableSpec,
        /// What is wrong with it.
        reason: InlineError,
    },
    /// A rule of a table of regular expressions is wrong.
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

/// What is wrong with the text of an inline table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InlineError {
    /// Not in braces.
    #[error("expected {{ key = value, ... }}")]
    NoBraces,
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
