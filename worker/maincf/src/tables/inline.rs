//! `inline:{ key=value, {key = value with spaces} }`: a table inside main.cf.

use std::collections::HashMap;

use super::fold::folded;
use super::{InlineError, OpenError, Table, TableError, TableSpec, braces};
use crate::value::words;

#[derive(Debug)]
struct Inline {
    /// Keys without their case.
    entries: HashMap<String, String>,
    remarks: Vec<String>,
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    let wrong = |reason| OpenError::Inline { table: spec.clone(), reason };
    let inside = braces::removed(spec.name().trim()).ok_or_else(|| wrong(InlineError::NoBraces))?;
    let mut table = Inline { entries: HashMap::new(), remarks: Vec::new() };
    for word in words(inside).map_err(|error| wrong(error.into()))? {
        let entry = if word.starts_with('{') { braces::removed(word) } else { Some(word) };
        let (key, value) = entry
            .and_then(|entry| entry.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim()))
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| wrong(InlineError::BadEntry(word.into())))?;
        if table.entries.insert(folded(key).into_owned(), value.into()).is_some() {
            table.remarks.push(format!("table {spec}: key {key:?} is there twice; the last one counts"));
        }
    }
    if table.entries.is_empty() { Err(wrong(InlineError::Empty)) } else { Ok(Box::new(table)) }
}

impl Table for Inline {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(self.entries.get(folded(key).as_ref()).cloned())
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(spec: &str) -> Result<Box<dyn Table>, OpenError> {
        open(&TableSpec::parse(spec).unwrap())
    }

    #[test]
    fn entries_with_and_without_braces() {
        let table = table("inline:{ Example.ORG=smtp:[a]:25, {b@c = lmtp:unix:/run/x y}, empty= }").unwrap();
        assert_eq!(table.lookup("example.org").unwrap().as_deref(), Some("smtp:[a]:25"));
        assert_eq!(table.lookup("B@C").unwrap().as_deref(), Some("lmtp:unix:/run/x y"));
        assert_eq!(table.lookup("empty").unwrap().as_deref(), Some(""));
        assert_eq!(table.lookup("other").unwrap(), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let reason = |spec| match table(spec) {
            Err(OpenError::Inline { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason("inline:a=b"), InlineError::NoBraces);
        assert_eq!(reason("inline:{}"), InlineError::Empty);
        assert_eq!(reason("inline:{a b=c}"), InlineError::BadEntry("a".into()));
        assert_eq!(reason("inline:{=c}"), InlineError::BadEntry("=c".into()));
        assert_eq!(reason("inline:{{a=b}c}"), InlineError::BadEntry("{a=b}c".into()));
        assert_eq!(reason("inline:{{a=b}"), InlineError::NoBraces);
    }

    #[test]
    fn a_key_twice_is_remarked() {
        let table = table("inline:{a=1, A=2}").unwrap();
        assert_eq!(table.lookup("a").unwrap().as_deref(), Some("2"));
        assert_eq!(table.remarks().len(), 1);
    }
}
