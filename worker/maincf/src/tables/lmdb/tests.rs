//! Lmdb files: those that postmap makes, whole, cut off and garbled.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::*;
use crate::tables::TableError;
use std::fs::File;

fn postmap(folder: &Path, text: &str) {
    let mut main_cf = File::create(folder.join("main.cf")).unwrap();
    main_cf.write_all(b"compatibility_level = 3.6\n").unwrap();
    // Postfix waits for a second and more before it reads one that may still be in the making.
    main_cf.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    fs::write(folder.join("t"), text).unwrap();
    let table = format!("lmdb:{}/t", folder.display());
    let status = Command::new("/usr/sbin/postmap").arg("-c").arg(folder).arg(table).status().unwrap();
    assert!(status.success());
}

fn table(folder: &Path) -> Result<Box<dyn Table>, OpenError> {
    open(&TableSpec::parse(&format!("lmdb:{}/t", folder.display())).unwrap())
}

/// Entries on three levels of pages, and some values with pages of their own.
fn text(entries: usize) -> String {
    (0..entries).map(|n| format!("key{n}@example.org {n}{}\n", "x".repeat(n % 40 * n % 5000))).collect()
}

#[test]
fn long_and_short_values_are_found_on_all_levels() {
    let folder = tempfile::tempdir().unwrap();
    postmap(folder.path(), &text(2000));
    let table = table(folder.path()).unwrap();
    for n in 0..2000 {
        let want = format!("{n}{}", "x".repeat(n % 40 * n % 5000));
        assert_eq!(table.lookup(&format!("KEY{n}@example.org")).unwrap(), Some(want));
        assert_eq!(table.lookup(&format!("key{n}@example.or")).unwrap(), None);
    }
    assert_eq!(table.lookup(&"k".repeat(600)).unwrap(), None);
    assert_eq!(table.lookup("").unwrap(), None);
    assert!(table.lookup("key1@example.org\0").is_err());
}

#[test]
fn an_open_table_shows_what_postmap_writes_later() {
    let folder = tempfile::tempdir().unwrap();
    postmap(folder.path(), "");
    let table = table(folder.path()).unwrap();
    assert_eq!(table.lookup("a").unwrap(), None);
    for value in ["1", "2", "3"] {
        postmap(folder.path(), &format!("a {value}\n"));
        assert_eq!(table.lookup("a").unwrap().as_deref(), Some(value));
    }
}

#[test]
fn a_file_that_is_cut_off_fails_and_does_not_end_the_process() {
    let folder = tempfile::tempdir().unwrap();
    postmap(folder.path(), &text(2000));
    let file = folder.path().join("t.lmdb");
    let whole = fs::read(&file).unwrap();
    let mut failed = 0;
    for length in [0, 100, 4096, 5000, 8191, 8192, whole.len() / 3, whole.len() / 2] {
        fs::write(&file, &whole[..length]).unwrap();
        let Ok(table) = table(folder.path()) else {
            failed += 2000;
            continue;
        };
        let answers: Vec<Result<_, TableError>> =
            (0..2000).map(|n| table.lookup(&format!("key{n}@example.org"))).collect();
        assert!(!answers.iter().any(|answer| answer == &Ok(None)), "{length}");
        failed += answers.iter().filter(|answer| answer.is_err()).count();
    }
    assert!(failed > 10_000, "{failed}");
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(table(folder.path()), Err(OpenError::Io { .. })));
    for octets in [vec![], vec![0; 10_000], b"text\n".repeat(3000)] {
        fs::write(folder.path().join("t.lmdb"), octets).unwrap();
        assert!(matches!(table(folder.path()), Err(OpenError::Damaged { .. })));
    }
}

#[test]
fn what_is_garbled_is_refused_or_fails_or_answers() {
    let folder = tempfile::tempdir().unwrap();
    postmap(folder.path(), &text(300));
    let file = folder.path().join("t.lmdb");
    let whole = fs::read(&file).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config {
        cases: 64,
        failure_persistence: None,
        ..Default::default()
    });
    // Heads of pages, and pointers behind them, more often than values.
    let place = (0..whole.len() / 4096, 0_usize..200);
    let changes = proptest::collection::vec((place, proptest::num::u8::ANY), 1..200);
    let result = runner.run(&changes, |changes| {
        let mut octets = whole.clone();
        for ((page, at), octet) in changes {
            octets[page * 4096 + at] = octet;
        }
        fs::write(&file, octets).unwrap();
        if let Ok(table) = table(folder.path()) {
            for n in 0..100 {
                _ = table.lookup(&format!("key{n}@example.org"));
            }
        }
        Ok(())
    });
    result.unwrap();
}
