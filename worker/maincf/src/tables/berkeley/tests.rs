//! Berkeley tables: which of database and text serves, and what is an error.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::*;

const POSTMAP: &str = "/usr/sbin/postmap";

struct Folder(tempfile::TempDir);

impl Folder {
    /// With a database that has `a 1`.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("t", "a 1\n");
        folder.write("main.cf", "compatibility_level = 3.6\n");
        // Postfix waits for a second and more before it reads one that may still be in the making.
        folder.age("main.cf", 100);
        let table = folder.name("hash");
        let status = Command::new(POSTMAP).arg("-c").arg(folder.0.path()).arg(table).status().unwrap();
        assert!(status.success());
        folder
    }

    fn name(&self, kind: &str) -> String {
        format!("{kind}:{}/t", self.0.path().display())
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.0.path().join(name)).unwrap();
    }

    fn age(&self, name: &str, seconds: u64) {
        let file = File::options().write(true).open(self.0.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    /// Says that keys may have several values, which only postmap reads.
    fn make_foreign(&self) {
        let path = self.0.path().join("t.db");
        let made = path.metadata().unwrap().modified().unwrap();
        let mut octets = fs::read(&path).unwrap();
        octets[48] |= 1;
        fs::write(&path, octets).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(made).unwrap();
    }

    fn open(&self, postmap: Option<&str>) -> Result<Box<dyn Table>, OpenError> {
        let spec = TableSpec::parse(&self.name("hash")).unwrap();
        open(&spec, Format::Hash, true, || postmap.map(PathBuf::from))
    }

    fn answer(&self, postmap: Option<&str>) -> Option<String> {
        self.open(postmap).unwrap().lookup("A").unwrap()
    }
}

#[test]
fn a_database_that_is_understood_counts_and_needs_no_postmap() {
    let folder = Folder::new();
    folder.write("t", "a 2\n");
    folder.age("t.db", 1000);
    assert_eq!(folder.answer(None).as_deref(), Some("1"));
    assert_eq!(folder.answer(Some("/no/such/postmap")).as_deref(), Some("1"));
    folder.age("t", 500);
    let table = folder.open(None).unwrap();
    let remark = format!("database {0}/t.db is older than source file {0}/t", folder.0.path().display());
    assert_eq!(table.remarks(), [remark]);
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("1"));
    folder.remove("t");
    assert_eq!(folder.answer(None).as_deref(), Some("1"));
}

#[test]
fn what_postmap_prints_counts_where_the_database_is_not_understood() {
    let folder = Folder::new();
    folder.make_foreign();
    folder.write("t", "a 2\n");
    folder.age("t.db", 1000);
    assert_eq!(folder.answer(Some(POSTMAP)).as_deref(), Some("1"));
    assert!(folder.open(Some(POSTMAP)).unwrap().remarks().is_empty(), "changed just now");
    folder.age("t", 500);
    let table = folder.open(Some(POSTMAP)).unwrap();
    let remark = format!("database {0}/t.db is older than source file {0}/t", folder.0.path().display());
    assert_eq!(table.remarks(), [remark]);
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("1"));
    folder.remove("t");
    assert_eq!(folder.answer(Some(POSTMAP)).as_deref(), Some("1"));
}

#[test]
fn who_must_not_wait_has_all_of_the_table() {
    let folder = Folder::new();
    let spec = TableSpec::parse(&folder.name("hash")).unwrap();
    let table =
        |postmap: Option<&str>| open(&spec, Format::Hash, false, || postmap.map(PathBuf::from)).unwrap();
    let (in_memory, in_place) = (table(Some(POSTMAP)), table(None));
    // Anybody who can read the file can hold its lock, and it stays so.
    let lock = File::open(folder.0.path().join("t.db")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    assert_eq!(in_memory.lookup("a").unwrap().as_deref(), Some("1"));
    drop(lock);
    assert_eq!(in_place.lookup("a").unwrap().as_deref(), Some("1"), "without postmap the file itself");
}

#[test]
fn the_text_serves_where_nothing_reads_the_database_unless_it_is_newer() {
    let folder = Folder::new();
    folder.make_foreign();
    folder.write("t", "a 2\n");
    folder.age("t", 1000);
    assert_eq!(folder.answer(None).as_deref(), Some("2"));
    folder.age("t.db", 2000);
    assert!(matches!(folder.open(None), Err(OpenError::Stale(_))));
    folder.remove("t");
    let error = folder.open(None).unwrap_err().to_string();
    assert!(error.contains("no postmap to read") && error.contains("/t.db"), "{error}");
}

#[test]
fn the_text_serves_without_a_database_and_that_is_remarked() {
    let folder = Folder::new();
    folder.remove("t.db");
    for postmap in [None, Some(POSTMAP)] {
        let table = folder.open(postmap).unwrap();
        assert_eq!(table.lookup("a").unwrap().as_deref(), Some("1"));
        assert!(table.remarks()[0].contains("/t.db; its text is used"), "{:?}", table.remarks());
    }
    folder.remove("t");
    assert!(matches!(folder.open(Some(POSTMAP)), Err(OpenError::Io { .. })));
    assert!(matches!(folder.open(None), Err(OpenError::Io { .. })));
}

#[test]
fn what_postmap_says_of_a_bad_database_is_said() {
    let folder = Folder::new();
    let whole = fs::read(folder.0.path().join("t.db")).unwrap();
    let cut_off = whole[..whole.len() - 4096].to_vec();
    for bad in [vec![], b"no database\n".to_vec(), vec![b'x'; 10_000], whole[..100].to_vec()] {
        fs::write(folder.0.path().join("t.db"), bad).unwrap();
        let error = folder.open(Some(POSTMAP)).unwrap_err();
        assert!(matches!(error, OpenError::Dump { .. }), "{error}");
        assert!(error.to_string().contains("postmap -s: "), "{error}");
        assert!(folder.open(Some("/no/such/postmap")).is_err());
    }
    // What postmap says of this is its business.
    fs::write(folder.0.path().join("t.db"), cut_off).unwrap();
    _ = folder.open(Some(POSTMAP));
    folder.write("t", "a 2\n");
    assert_eq!(folder.answer(None).as_deref(), Some("2"), "the text is as new");
    let other = Folder::new();
    let error = btree(&TableSpec::parse(&other.name("btree")).unwrap(), &crate::tables::Direct).unwrap_err();
    assert!(error.to_string().contains("open database"), "{error}");
}

#[test]
fn what_a_program_prints_is_not_trusted() {
    assert_eq!(entries(b"a b\tc\td\n").unwrap()["a b"], "c\td");
    assert_eq!(entries(b"\"a\tb\"@c\td\n").unwrap()["\"a\tb\"@c"], "d");
    assert_eq!(entries(b"a\"\tb\n").unwrap()["a\""], "b");
    assert!(entries(b"ab\n").is_err());
    assert!(entries(b"a\t\xff\n").is_err());
    let loud = dump::dump(Path::new("/bin/sh"), "hash:/x").unwrap_err();
    assert!(loud.starts_with("/bin/sh -s: "), "{loud}");
}
