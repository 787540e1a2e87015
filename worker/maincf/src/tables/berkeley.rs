//! `hash:/file` and `btree:/file`: Berkeley DB, `/file.db`, which postmap(1) made and prints.
//!
//! A lookup reads the few pages of the file that lead to the key, under the lock that postmap takes to write it, so that it
//! waits for postmap and sees what that wrote. A process that must not wait ([`Opener::may_wait`]) has what postmap prints in
//! memory, if there is a postmap: the lock is anybody's who can read the file. Where nothing else can be, too, all of a table is kept in memory: what postmap prints, or
//! the text that the database was made from.
//!
//! | `/file.db` | postmap | text | the table |
//! | --- | --- | --- | --- |
//! | understood | any | any | the database; a text that is newer is remarked, as Postfix does |
//! | not understood | there | any | what postmap prints of it, or an error with what it says; a text that is newer is remarked |
//! | not understood | missing | not newer | the text |
//! | not understood | missing | newer, or missing | an error: what the database has cannot be known |
//! | missing | any | there | the text, which is remarked |
//! | missing | any | missing | an error |
//!
//! Understood are versions 8 to 10 of both formats (libdb 4.2 and later), in the byte order of any machine, as far as postmap
//! uses them. Files of other versions, files with checksums, encrypted ones, those with several values of a key or another
//! hash function, those of the other type, and files that are cut off or garbled where they begin are not. What turns out to
//! be damaged further in, or is no longer understood after it was opened, fails the lookups that come to it.

mod dump;
mod meta;
mod page;
mod search;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fold::folded;
use super::indexed::{Files, Indexed, NoAnswer, modified};
use super::opener::{IndexFile, Opener, Rewriting};
use super::texthash::{self, TextHash};
use super::{OpenError, Table, TableError, TableSpec};
use meta::Format;
use search::Database;

/// Where postmap is looked for, after `PATH`.
const FOLDERS: &[&str] = &["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin", "/usr/local/bin"];

/// All of a table.
#[derive(Debug)]
struct InMemory {
    /// As postmap folded the keys.
    entries: HashMap<String, String>,
    /// What they were read from.
    file: Arc<IndexFile>,
    remarks: Vec<String>,
}

pub(super) fn hash(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    open(spec, Format::Hash, opener.may_wait(), postmap)
}

pub(super) fn btree(spec: &TableSpec, opener: &dyn Opener) -> Result<Box<dyn Table>, OpenError> {
    open(spec, Format::Btree, opener.may_wait(), postmap)
}

fn postmap() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| folder.is_absolute());
    folders
        .chain(FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join("postmap"))
        .find(|program| program.is_file())
}

fn open(
    spec: &TableSpec,
    format: Format,
    may_wait: bool,
    postmap: impl Fn() -> Option<PathBuf>,
) -> Result<Box<dyn Table>, OpenError> {
    let files = Files::of(spec, ".db")?;
    if modified(&files.database).is_none() {
        return match modified(&files.text) {
            Some(_) => text(
                spec,
                &files,
                Some(format!("table {spec}: no {}; its text is used", files.database.display())),
            ),
            // Says why.
            None => files.open(Rewriting::Wholly).and(Err(OpenError::Stale(spec.clone()))),
        };
    }
    // A process that serves many is to have a table as a whole: it ends when postmap has written another, though a lookup
    // would see it.
    let file = files.open(Rewriting::Wholly)?;
    if !may_wait && let Some(postmap) = postmap() {
        return printed(spec, &files, file, &postmap);
    }
    let database = Database { file: Arc::clone(&file), format };
    match database.check() {
        // When somebody writes, that it can be read will turn out at the first lookup.
        Ok(()) | Err(NoAnswer::Locked(_)) => Ok(Indexed::table(spec, database, file, &files)),
        Err(NoAnswer::Io(source)) => Err(OpenError::Io { path: files.database, source }),
        Err(_) => not_understood(spec, &files, file, postmap().as_deref()),
    }
}

fn not_understood(
    spec: &TableSpec,
    files: &Files,
    file: Arc<IndexFile>,
    postmap: Option<&Path>,
) -> Result<Box<dyn Table>, OpenError> {
    if let Some(postmap) = postmap {
        return printed(spec, files, file, postmap);
    }
    match (modified(&files.text), modified(&files.database)) {
        (Some(written), Some(made)) if written <= made => text(spec, files, None),
        _ => Err(OpenError::Stale(spec.clone())),
    }
}

fn printed(
    spec: &TableSpec,
    files: &Files,
    file: Arc<IndexFile>,
    postmap: &Path,
) -> Result<Box<dyn Table>, OpenError> {
    let reason = |reason| OpenError::Dump { table: spec.clone(), reason };
    let entries = entries(&dump::dump(postmap, &spec.to_string()).map_err(reason)?).map_err(reason)?;
    Ok(Box::new(InMemory { entries, file, remarks: files.remark().into_iter().collect() }))
}

fn text(spec: &TableSpec, files: &Files, remark: Option<String>) -> Result<Box<dyn Table>, OpenError> {
    let file = IndexFile::open(&files.text);
    let file = file.map_err(|source| OpenError::Io { path: files.text.clone(), source })?;
    let TextHash { entries, mut remarks } = texthash::read_file(spec)?;
    remarks.extend(remark);
    Ok(Box::new(InMemory { entries, file: Arc::new(file), remarks }))
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

impl Table for InMemory {
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
