//! Names of tables that are lists in braces, and tables that are made of others.

use std::borrow::Cow;

use super::fold::folded;
use super::{InlineError, OpenError, Opener, Table, TableSpec};
use crate::value::words;

/// How deep tables may be in other tables.
const DEEPEST: usize = 20;

/// The text without braces around it: the first one's partner is at the end.
pub(super) fn removed(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut depth = 0_usize;
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    (depth == 0).then_some(inside)
}

/// The words of a name of the form `{word, word ...}`, at least one.
pub(super) fn list(spec: &TableSpec) -> Result<Vec<&str>, OpenError> {
    let wrong = |reason| OpenError::Inline { table: spec.clone(), reason };
    let inside = removed(spec.name().trim()).ok_or_else(|| wrong(InlineError::NoList))?;
    let words = words(inside).map_err(|error| wrong(error.into()))?;
    if words.is_empty() { Err(wrong(InlineError::Empty)) } else { Ok(words) }
}

/// Opens each table of a name of the form `{type:name, type:name ...}`.
pub(super) fn tables(spec: &TableSpec, opener: &dyn Opener) -> Result<Vec<Box<dyn Table>>, OpenError> {
    list(spec)?.into_iter().map(|word| inner(spec, word, opener)).collect()
}

/// Opens a table that stands in the name of another.
pub(super) fn inner(spec: &TableSpec, word: &str, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    let wrong = |reason| OpenError::Inline { table: spec.clone(), reason };
    // Every table in a table has a colon more.
    if word.matches("map:").count() + word.matches("proxy:").count() > DEEPEST {
        return Err(wrong(InlineError::Deep));
    }
    TableSpec::parse(word).map_err(|error| wrong(error.into()))?.open_by(opener)
}

/// The key as tables made of these ask for it. As in Postfix the first one decides for all whether its case is kept.
pub(super) fn key<'k>(tables: &[Box<dyn Table>], key: &'k str) -> Cow<'k, str> {
    if tables.first().is_some_and(|table| table.wants_whole_keys()) {
        Cow::Borrowed(key)
    } else {
        folded(key)
    }
}
