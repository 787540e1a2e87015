//! `hash:/file` and `btree:/file`: Berkeley DB, `/file.db`, which postmap(1) made and prints.
//!
//! No code of ours reads the format. What postmap prints when the table is opened is kept in memory. The text that
//! the database was made from serves where there is no postmap, or no database:
//!
//! | `/file.db` | postmap | text | the table |
//! | --- | --- | --- | --- |
//! | there | there | any | the database; a text that is newer is remarked, as Postfix does |
//! | there | missing | not newer | the text |
//! | there | missing | newer, or missing | an error: what the database has cannot be known |
//! | missing | any | there | the text, which is remarked |
//! | missing | any | missing | an error |

mod dump;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fold::folded;
use super::indexed::{Files, modified};
use super::opener::{IndexFile, Rewriting};
use super::texthash::{self, TextHash};
use super::{OpenError, Table, TableError, TableSpec};

/// Where postmap is looked for, after `PATH`.
const FOLDERS: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin", "/usr/local/bin"];

#[derive(Debug)]
struct Berkeley {
    /// As postmap folded the keys.
    entries: HashMap<String, String>,
    /// What they were read from.
    file: Arc<IndexFile>,
    remarks: Vec<String>,
}

pub(super) fn open(spec: &TableSpec) -> Result<Box<dyn Table>, OpenError> {
    open_with(spec, postmap().as_deref())
}

fn postmap() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders
        .chain(FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join("postmap"))
        .find(|program| program.is_file())
}

fn open_with(spec: &TableSpec, postmap: Option<&Path>) -> Result<Box<dyn Table>, OpenError> {
    let files = Files::of(spec, ".db")?;
    let Some(made) = modified(&files.database) else {
        return match modified(&files.text) {
            Some(_) => text(
                spec,
                &files,
                Some(format!("table {spec}: no {}; its text is used", files.database.display())),
            ),
            // Says why.
            None => files.open(Rewriting::Wholly).and(Err(OpenError::Stale(spec.clone()))),
        };
    };
    // Whether it can be read at all is said better here than by postmap. Opened before it is read, so that what is written
    // meanwhile counts as a change.
    let file = files.open(Rewriting::Wholly)?;
    match (postmap, modified(&files.text)) {
        (Some(postmap), _) => {
            let reason = |reason| OpenError::Dump { table: spec.clone(), reason };
            let entries =
                entries(&dump::dump(postmap, &spec.to_string()).map_err(reason)?).map_err(reason)?;
            Ok(Box::new(Berkeley { entries, file, remarks: files.remark().into_iter().collect() }))
        }
        (None, Some(written)) if written <= made => text(spec, &files, None),
        (None, _) => Err(OpenError::Stale(spec.clone())),
    }
}

fn text(spec: &TableSpec, files: &Files, remark: Option<String>) -> Result<Box<dyn Table>, OpenError> {
    let file = IndexFile::open(&files.text);
    let file = file.map_err(|source| OpenError::Io { path: files.text.clone(), source })?;
    let TextHash { entries, mut remarks } = texthash::read_file(spec)?;
    remarks.extend(remark);
    Ok(Box::new(Berkeley { entries, file: Arc::new(file), remarks }))
}

/// Takes apart what postmap printed: keys and values with a tab between.
fn entries(printed: &[u8]) -> Result<HashMap<String, String>, String> {
    let text = str::from_utf8(printed).map_err(|_| "a key or a value is not valid UTF-8".to_owned())?;
    let mut entries = HashMap::new();
    for line in text.lines() {
        // A key that a text gave may have tabs where keys of texts may; other programs may write other keys.
        let tab = texthash::key_end(line, |c| c == '\t').or_else(|| line.find('\t'));
        let (key, value) = tab.and_then(|tab| line.split_at_checked(tab)).unwrap_or((line, ""));
        let value = value.strip_prefix('\t').ok_or_else(|| format!("postmap printed {line:?}"))?;
        entries.insert(key.to_owned(), value.to_owned());
    }
    Ok(entries)
}

impl Table for Berkeley {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Ok(self.entries.get(folded(key).as_ref()).cloned())
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn index_file(&self) -> Option<&Arc<IndexFile>> {
        Some(&self.file)
    }
}

#[cfg(test)]
mod tests;
