//! Tables that postmap(1) makes from a text: their files, their keys, their values.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::fold::folded;
use super::opener::{IndexFile, Rewriting};
use super::{OpenError, Table, TableError, TableSpec};

/// How long a value may be, in octets.
pub(super) const LONGEST_VALUE: usize = 1 << 20;
/// A text that changed just now is not remarked: somebody is about to run postmap. As in Postfix.
const JUST_NOW: Duration = Duration::from_secs(100);

/// A file with an index.
pub(super) trait Index: fmt::Debug + Send + Sync + 'static {
    /// The value of the first of these keys that is there. The file is the same for all of them.
    fn get(&self, keys: [&[u8]; 2]) -> Result<Option<Vec<u8>>, NoAnswer>;
}

/// Why an index, or what it has, is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("cannot read the file: {0}")]
    Io(#[from] io::Error),
    /// With what does not fit.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
    #[error("another process has had the file locked for {0} s")]
    Locked(u64),
    #[error("the value has more than {LONGEST_VALUE} octets")]
    LongValue,
    /// It would end what is stored under some keys.
    #[error("a NUL in the {0}")]
    Nul(&'static str),
    #[error("the value is not valid UTF-8")]
    NotUtf8,
}

/// Where a table's file and its text are.
pub(super) struct Files {
    /// What postmap made.
    pub(super) database: PathBuf,
    /// What it was made from.
    pub(super) text: PathBuf,
}

impl Files {
    /// As `type:/text` names them, with what the type adds to the name.
    pub(super) fn of(spec: &TableSpec, suffix: &str) -> Result<Self, OpenError> {
        let text = PathBuf::from(spec.name());
        if !text.is_absolute() {
            return Err(OpenError::RelativePath(spec.clone()));
        }
        Ok(Self { database: format!("{}{suffix}", spec.name()).into(), text })
    }

    /// Opens the database.
    pub(super) fn open(&self, rewriting: Rewriting) -> Result<Arc<IndexFile>, OpenError> {
        let wrong = |source| OpenError::Io { path: self.database.clone(), source };
        // Asked before it is opened: a pipe would make the process wait for a writer.
        if !fs::metadata(&self.database).map_err(wrong)?.is_file() {
            return Err(OpenError::Damaged { path: self.database.clone(), reason: "not a regular file" });
        }
        let file = File::open(&self.database).map_err(wrong)?;
        let metadata = file.metadata().map_err(wrong)?;
        Ok(Arc::new(IndexFile::of(file, &metadata, rewriting)))
    }

    /// What Postfix says too when somebody has changed the text and not run postmap.
    pub(super) fn remark(&self) -> Option<String> {
        let (text, database) = (modified(&self.text)?, modified(&self.database)?);
        let recent = SystemTime::now().duration_since(text).is_ok_and(|age| age < JUST_NOW);
        (text > database && !recent).then(|| {
            format!("database {} is older than source file {}", self.database.display(), self.text.display())
        })
    }
}

/// When a file was last changed, in whole seconds as Postfix compares it.
pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    let time = fs::metadata(path).and_then(|metadata| metadata.modified()).ok()?;
    let whole = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(whole))
}

/// An opened index.
#[derive(Debug)]
pub(super) struct Indexed<I> {
    spec: TableSpec,
    index: I,
    file: Arc<IndexFile>,
    remarks: Vec<String>,
}

impl<I: Index> Indexed<I> {
    pub(super) fn table(spec: &TableSpec, index: I, file: Arc<IndexFile>, files: &Files) -> Box<dyn Table> {
        Box::new(Self { spec: spec.clone(), index, file, remarks: files.remark().into_iter().collect() })
    }

    /// Programs differ in whether they store the NUL that ends a string, so that both forms are asked for.
    fn get(&self, key: &str) -> Result<Option<String>, NoAnswer> {
        let mut octets = folded(key).into_owned().into_bytes();
        if octets.contains(&0) {
            return Err(NoAnswer::Nul("key"));
        }
        octets.push(0);
        let without = octets.get(..octets.len() - 1).unwrap_or_default();
        self.index.get([&octets, without])?.map(text).transpose()
    }
}

/// What the first of the keys for which something is found has.
pub(super) fn first<T>(
    keys: [&[u8]; 2],
    mut find: impl FnMut(&[u8]) -> Result<Option<T>, NoAnswer>,
) -> Result<Option<T>, NoAnswer> {
    for key in keys {
        if let Some(found) = find(key)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn text(mut value: Vec<u8>) -> Result<String, NoAnswer> {
    if value.last() == Some(&0) {
        value.pop();
    }
    if value.contains(&0) {
        return Err(NoAnswer::Nul("value"));
    }
    String::from_utf8(value).map_err(|_| NoAnswer::NotUtf8)
}

impl<I: Index> Table for Indexed<I> {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        if key.is_empty() {
            return Ok(None);
        }
        self.get(key).map_err(|reason| TableError::new(&self.spec, key, reason))
    }

    fn remarks(&self) -> &[String] {
        &self.remarks
    }

    fn index_file(&self) -> Option<&Arc<IndexFile>> {
        Some(&self.file)
    }
}
