//! `texthash:/file`: a text file of keys and values, read when opened.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::fold::folded;
use super::{OpenError, Table, TableError, TableSpec};
use crate::parse::{self, SyntaxError};

#[derive(Debug)]
pub(super) struct TextHash {
    /// Keys without their case.
    pub(super) entries: HashMap<String, String>,
    pub(super) remarks: Vec<String>,
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    Ok(Box::new(read_file(spec)?))
}

/// Reads a text of keys and values, of this type or one that is made from such a text.
pub(super) fn read_file(spec: &TableSpec) -> Result<TextHash, OpenError> {
    let path = Path::new(spec.name());
    if !path.is_absolute() {
        return Err(OpenError::RelativePath(spec.clone()));
    }
    let bytes = std::fs::read(path).map_err(|source| OpenError::Io { path: path.into(), source })?;
    read(&bytes, spec).map_err(|(line, reason)| OpenError::Syntax { path: path.into(), line, reason })
}

fn read(bytes: &[u8], spec: &TableSpec) -> Result<TextHash, (u32, SyntaxError)> {
    let mut table = TextHash { entries: HashMap::new(), remarks: Vec::new() };
    for line in parse::logical_lines(bytes)? {
        let number = line.number;
        if !line.is_utf8 {
            return Err((number, SyntaxError::NotUtf8));
        }
        let (key, value) = key_value(&line.text).ok_or((number, SyntaxError::NoValue))?;
        match table.entries.entry(folded(key).into_owned()) {
            Entry::Vacant(free) => _ = free.insert(value.into()),
            Entry::Occupied(_) => table.remarks.push(format!(
                "table {spec}, line {number}: key {key:?} is there twice; the first one counts"
            )),
        }
    }
    Ok(table)
}

fn key_value(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_at(key_end(text, |c| c.is_ascii_whitespace())?);
    let value = value.trim();
    (!key.is_empty() && !value.is_empty()).then_some((key, value))
}

/// Where the first blank is that is not between double quotes, which local parts of addresses may have, and not behind
/// a backslash.
pub(super) fn key_end(text: &str, is_blank: impl Fn(char) -> bool) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.find(|c: char| {
        match c {
            _ if escaped => {
                escaped = false;
                return false;
            }
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        !quoted && is_blank(c)
    })
}

impl Table for TextHash {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(self.entries.get(folded(key).as_ref()).cloned())
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn table(text: &str) -> Result<Box<dyn Table>, OpenError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        open(&TableSpec::parse(&format!("texthash:{}", file.path().display())).unwrap())
    }

    #[test]
    fn keys_values_comments_continuation() {
        let table = table(
            "# routes\nExample.org\tsmtp:[a]\n\nlong  one\n# between\n  two\n\"a b\"@c  x\nexample.ORG other\nd\\ e  f\n",
        )
        .unwrap();
        assert_eq!(table.lookup("EXAMPLE.org").unwrap().as_deref(), Some("smtp:[a]"));
        assert_eq!(table.lookup("long").unwrap().as_deref(), Some("one  two"));
        assert_eq!(table.lookup("\"a b\"@c").unwrap().as_deref(), Some("x"));
        assert_eq!(table.lookup("d\\ e").unwrap().as_deref(), Some("f"));
        assert_eq!(table.remarks().len(), 1);
    }

    #[test]
    fn a_key_without_value_is_an_error_with_its_line() {
        let error = table("a b\nc\n").unwrap_err();
        assert!(matches!(error, OpenError::Syntax { line: 2, reason: SyntaxError::NoValue, .. }), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_read_or_refused(bytes: Vec<u8>) {
            let spec = TableSpec::parse("texthash:/x").unwrap();
            if let Ok(table) = read(&bytes, &spec) {
                proptest::prop_assert!(table.entries.keys().all(|key| !key.is_empty()));
            }
        }

        #[test]
        fn what_was_written_is_found(key in "[a-zA-Z0-9@.+-]{1,20}", value in "[!-~]([ -~]{0,20}[!-~])?") {
            let spec = TableSpec::parse("texthash:/x").unwrap();
            let table = read(format!("{key}\t{value}\n").as_bytes(), &spec).unwrap();
            proptest::prop_assert_eq!(table.lookup(&key.to_uppercase()).unwrap(), Some(value));
        }
    }

    #[test]
    fn missing_files_and_relative_paths_are_errors() {
        let open = |spec| open(&TableSpec::parse(spec).unwrap());
        assert!(matches!(open("texthash:/no/such/file"), Err(OpenError::Io { .. })));
        assert!(matches!(open("texthash:file"), Err(OpenError::RelativePath(_))));
    }
}
