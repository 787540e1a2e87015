//! What a process does about tables that another program may open for it, that cannot be opened, and that change.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::{OpenError, Table, TableError, TableSpec};

/// Hears of every table that is opened, those in other tables included. As it stands: whatever is wrong is an error.
pub trait Opener {
    /// Opens `proxy:type:name` otherwise than by opening the table that it names. `None`: by that.
    fn proxied(&self, _spec: &TableSpec) -> Option<Result<Box<dyn Table>, OpenError>> {
        None
    }

    /// What stands in for a table that cannot be opened.
    ///
    /// # Errors
    /// Nothing does.
    fn missing(&self, _spec: &TableSpec, error: OpenError) -> Result<Box<dyn Table>, OpenError> {
        Err(error)
    }

    /// What becomes of a rule of a table of patterns or networks that makes no sense.
    fn bad_rules(&self) -> BadRules {
        BadRules::Refused
    }

    /// Whether a lookup may wait for a process that writes the table's file. Where not, a table is kept in memory if that
    /// can be, and changes are seen when it is opened again.
    fn may_wait(&self) -> bool {
        true
    }

    /// A table keeps this file open.
    fn opened(&self, _spec: &TableSpec, _file: &Arc<IndexFile>) {}
}

/// What becomes of a rule that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRules {
    /// The table cannot be opened.
    Refused,
    /// It is left out and remarked.
    LeftOut,
}

/// Everything is opened here and now, and must be right.
#[derive(Clone, Copy, Debug)]
pub struct Direct;

impl Opener for Direct {}

/// A table that has no answer to anything: it stands in for one that could not be opened.
pub struct Unavailable {
    spec: TableSpec,
    why: String,
}

impl Unavailable {
    /// In place of this one.
    #[must_use]
    pub fn new(spec: &TableSpec, why: impl fmt::Display) -> Self {
        Self { spec: spec.clone(), why: why.to_string() }
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is unavailable: {}", self.spec, self.why)
    }
}

impl Table for Unavailable {
    fn lookup(&self, key: &str) -> Result<Option<String>, TableError> {
        Err(TableError::new(&self.spec, key, format_args!("the table is unavailable: {}", self.why)))
    }
}

/// The open file of a table that postmap(1) makes, as it was when it was opened.
#[derive(Debug)]
pub struct IndexFile {
    file: File,
    modified: Option<SystemTime>,
    rule: Rewriting,
}

/// How postmap(1) changes a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewriting {
    /// A new time means new content: whoever has read the old one does not see it, and whoever looks keys up in the file
    /// no longer has one table as a whole.
    Wholly,
    /// What is written is seen at the next lookup.
    InPlace,
}

impl IndexFile {
    pub(super) fn of(file: File, about: &Metadata, rule: Rewriting) -> Self {
        Self { file, modified: about.modified().ok(), rule }
    }

    /// Opens a file that is read as a whole.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        Ok(Self::of(file, &about, Rewriting::Wholly))
    }

    /// Whether what was read is out of date: the file was written again, or removed.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(about) = self.file.metadata() else { return true };
        let rewritten = self.rule == Rewriting::Wholly && about.modified().ok() != self.modified;
        rewritten || about.nlink() == 0
    }
}

impl Deref for IndexFile {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{TableList, Tables};
    use crate::value::Value;
    use std::cell::RefCell;
    use std::fs;

    /// As a process does that must not end for a table.
    #[derive(Default)]
    struct Patient {
        said: RefCell<Vec<String>>,
        files: RefCell<Vec<Arc<IndexFile>>>,
    }

    impl Opener for Patient {
        fn proxied(&self, spec: &TableSpec) -> Option<Result<Box<dyn Table>, OpenError>> {
            Some(Ok(Box::new(Unavailable::new(spec, "asked elsewhere"))))
        }

        fn missing(&self, spec: &TableSpec, error: OpenError) -> Result<Box<dyn Table>, OpenError> {
            self.said.borrow_mut().push(spec.to_string());
            Ok(Box::new(Unavailable::new(spec, error)))
        }

        fn bad_rules(&self) -> BadRules {
            BadRules::LeftOut
        }

        fn opened(&self, _spec: &TableSpec, file: &Arc<IndexFile>) {
            self.files.borrow_mut().push(Arc::clone(file));
        }
    }

    fn opened(text: &str, by: &Patient) -> Tables {
        TableList::parse(text, "").unwrap().open_by(by).unwrap()
    }

    #[test]
    fn a_table_that_is_not_there_has_no_answer_wherever_it_stands() {
        let by = Patient::default();
        for text in ["texthash:/nowhere/t", "unionmap:{static:x, texthash:/nowhere/t}", "proxy:mysql:/etc/x"]
        {
            let error = opened(text, &by).lookup("k").unwrap_err().to_string();
            assert!(error.contains("is unavailable"), "{error}");
        }
        assert_eq!(*by.said.borrow(), ["texthash:/nowhere/t"; 2]);
        assert!(TableList::parse("texthash:/nowhere/t", "").unwrap().open().is_err());
    }

    #[test]
    fn rules_that_make_no_sense_are_left_out_where_that_is_asked_for() {
        let text = "regexp:{{/(x/ no}, {nonsense}, {endif}, {/k/ yes}, {if /y/}}";
        let tables = opened(text, &Patient::default());
        assert_eq!(tables.lookup("k").unwrap().as_deref(), Some("yes"));
        assert_eq!(tables.remarks().filter(|remark| remark.contains("left out")).count(), 4);
        assert!(TableList::parse(text, "").unwrap().open().is_err());
    }

    #[test]
    fn a_file_that_was_written_again_or_removed_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t");
        fs::write(&path, "a").unwrap();
        let of = |rule| {
            let file = File::open(&path).unwrap();
            let about = file.metadata().unwrap();
            IndexFile::of(file, &about, rule)
        };
        let (whole, placed) = (of(Rewriting::Wholly), of(Rewriting::InPlace));
        assert!(!whole.has_changed() && !placed.has_changed());
        let later = whole.modified.unwrap() + std::time::Duration::from_secs(1);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert!(whole.has_changed() && !placed.has_changed());
        fs::remove_file(&path).unwrap();
        assert!(placed.has_changed());
    }
}
