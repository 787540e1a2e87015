//! What is kept beside master.cf, and others who write there.

use crate::install::files::{FileError, Files, Kept};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("master.cf"), text).unwrap();
    folder
}

#[test]
fn one_installation_at_a_time() {
    let folder = folder("old");
    let first = Files::open(folder.path()).unwrap();
    assert!(matches!(Files::open(folder.path()), Err(FileError::Busy(_))));
    drop(first);
    assert!(Files::open(folder.path()).is_ok());
}

#[test]
fn what_an_editor_wrote_in_the_meantime_stays() {
    let folder = folder("old");
    let files = Files::open(folder.path()).unwrap();
    assert_eq!(files.read().unwrap(), b"old");
    fs::write(files.master_cf(), "edited").unwrap();
    for refused in [files.install(b"old", b"new"), files.exchange(b"old", b"new")] {
        assert!(matches!(refused, Err(FileError::Changed(_))), "{refused:?}");
        assert_eq!(files.read().unwrap(), b"edited");
    }
}

#[test]
fn what_is_kept_belongs_together() {
    let folder = folder("one");
    let files = Files::open(folder.path()).unwrap();
    assert_eq!(files.kept().unwrap(), None);
    for (before, applied) in [("one", "two"), ("two", "three")] {
        files.install(before.as_bytes(), applied.as_bytes()).unwrap();
        let kept = Kept { before: before.into(), applied: applied.into() };
        assert_eq!(files.kept().unwrap(), Some(kept));
    }
    files.forget().unwrap();
    assert_eq!(files.kept().unwrap(), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_link_stays_one_and_a_file_keeps_its_mode() {
    let (real, linked) = (folder("old"), tempfile::tempdir().unwrap());
    let path = real.path().join("master.cf");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    symlink(&path, linked.path().join("master.cf")).unwrap();
    let files = Files::open(linked.path()).unwrap();
    files.install(b"old", b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert!(linked.path().join("master.cf").is_symlink());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
    assert_eq!(files.before().parent(), Some(fs::canonicalize(real.path()).unwrap().as_path()));
}
