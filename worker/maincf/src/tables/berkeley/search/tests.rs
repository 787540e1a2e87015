//! Berkeley DB files: those that postmap makes of all sizes, while it writes them, cut off and garbled.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use proptest::test_runner::{Config, TestRunner};
use rustix::fs::{FlockOperation, flock};

use super::*;
use crate::tables::{OpenError, Table, TableError, TableSpec};

const KINDS: [&str; 2] = ["hash", "btree"];

fn postmap(folder: &Path, kind: &str, text: &str) {
    let main_cf = folder.join("main.cf");
    fs::write(&main_cf, "compatibility_level = 3.6\n").unwrap();
    // Postfix waits for a second and more before it reads one that may still be in the making.
    let main_cf = File::options().write(true).open(main_cf).unwrap();
    main_cf.set_modified(SystemTime::now() - Duration::from_secs(100)).unwrap();
    fs::write(folder.join("t"), text).unwrap();
    let table = format!("{kind}:{}/t", folder.display());
    let status = Command::new("/usr/sbin/postmap").arg("-c").arg(folder).arg(table).status().unwrap();
    assert!(status.success());
}

/// Without any help of postmap's.
fn table(folder: &Path, kind: &str) -> Result<Box<dyn Table>, OpenError> {
    let format = if kind == "hash" { Format::Hash } else { Format::Btree };
    let spec = TableSpec::parse(&format!("{kind}:{}/t", folder.display())).unwrap();
    crate::tables::berkeley::open(&spec, format, true, || None)
}

fn value(n: usize) -> String {
    // Some have pages of their own.
    let length = if n.is_multiple_of(50) { n % 5000 } else { n % 40 };
    format!("{n}{}", "x".repeat(length))
}

fn text(entries: usize) -> String {
    (0..entries).map(|n| format!("key{n}@exämple.org {}\n", value(n))).collect()
}

#[test]
fn tables_of_all_sizes_have_their_keys_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        for entries in [0, 1, 2, 60, 300, 5000, 30_000] {
            _ = fs::remove_file(folder.path().join("t.db"));
            postmap(folder.path(), kind, &text(entries));
            fs::remove_file(folder.path().join("t")).unwrap();
            let table = table(folder.path(), kind).unwrap();
            for n in (0..entries).step_by(1 + entries / 5000) {
                assert_eq!(
                    table.lookup(&format!("KEY{n}@EXÄMPLE.org")).unwrap(),
                    Some(value(n)),
                    "{kind} {n}"
                );
                assert_eq!(table.lookup(&format!("key{n}@exämple.or")).unwrap(), None);
            }
            for absent in ["", "a", "key", "z", &"k".repeat(20_000)] {
                assert_eq!(table.lookup(absent).unwrap(), None, "{kind} {absent}");
            }
            assert!(table.lookup("key0@exämple.org\0").is_err());
        }
    }
}

#[test]
fn long_keys_are_found_and_told_from_those_that_begin_like_them() {
    let folder = tempfile::tempdir().unwrap();
    let key = |n: usize| format!("{}{n}", "k".repeat(1000 * (n % 8) + n % 3));
    for kind in KINDS {
        _ = fs::remove_file(folder.path().join("t.db"));
        let text: String = (0..300).map(|n| format!("{} v{n}\n", key(n))).collect();
        postmap(folder.path(), kind, &text);
        let table = table(folder.path(), kind).unwrap();
        for n in 0..300 {
            assert_eq!(table.lookup(&key(n)).unwrap(), Some(format!("v{n}")), "{kind} {n}");
            assert_eq!(table.lookup(&format!("{}x", key(n))).unwrap(), None);
        }
        assert_eq!(table.lookup(&"k".repeat(6000)).unwrap(), None);
    }
}

#[test]
fn an_open_table_shows_what_postmap_writes_later_and_says_that_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        _ = fs::remove_file(folder.path().join("t.db"));
        postmap(folder.path(), kind, &text(3000));
        let table = table(folder.path(), kind).unwrap();
        assert!(!table.index_file().unwrap().has_changed());
        assert_eq!(table.lookup("a").unwrap(), None);
        for (entries, value) in [(0, "1"), (5000, "2"), (10, "3")] {
            postmap(folder.path(), kind, &format!("{}a {value}\n", text(entries)));
            assert_eq!(table.lookup("a").unwrap().as_deref(), Some(value));
            assert_eq!(table.lookup("key4999@exämple.org").unwrap().is_some(), entries == 5000);
        }
        assert!(table.index_file().unwrap().has_changed());
    }
}

/// Postmap empties the file, and takes time to fill it, with the lock held.
#[test]
fn a_lookup_waits_for_who_writes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    postmap(folder.path(), "hash", "a 1\n");
    let table = table(folder.path(), "hash").unwrap();
    let path = folder.path().join("t.db");
    let whole = fs::read(&path).unwrap();
    let lock = File::options().write(true).open(&path).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    lock.set_len(0).unwrap();
    let (asking, asked) = std::sync::mpsc::channel();
    let answer = std::thread::scope(|scope| {
        let table = &table;
        let answer = scope.spawn(move || {
            asking.send(()).unwrap();
            table.lookup("a")
        });
        asked.recv().unwrap();
        // Whoever does not wait is done soon, and has seen a part.
        for n in 0..1000 {
            lock.write_all_at(&whole[..n], 0).unwrap();
            std::thread::yield_now();
        }
        lock.write_all_at(&whole, 0).unwrap();
        drop(lock);
        answer.join().unwrap()
    });
    assert_eq!(answer.unwrap().as_deref(), Some("1"));
}

#[test]
fn a_file_that_is_cut_off_is_not_understood_and_fails_who_has_it_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    for kind in KINDS {
        _ = fs::remove_file(&path);
        postmap(folder.path(), kind, &text(2000));
        fs::remove_file(folder.path().join("t")).unwrap();
        let (open, whole) = (table(folder.path(), kind).unwrap(), fs::read(&path).unwrap());
        for length in [0, 10, 100, 224, 512, 4096, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(table(folder.path(), kind), Err(OpenError::Stale(_))), "{kind} {length}");
            assert!(open.lookup("key1@exämple.org").is_err(), "{kind} {length}");
        }
        fs::write(&path, whole).unwrap();
        assert_eq!(open.lookup("key1@exämple.org").unwrap(), Some(value(1)));
    }
}

#[test]
fn what_is_garbled_is_refused_or_fails_or_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    for kind in KINDS {
        _ = fs::remove_file(&path);
        postmap(folder.path(), kind, &text(500));
        let whole = fs::read(&path).unwrap();
        let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
        // Heads of pages, and pointers behind them, more often than keys and values.
        let place = (0..whole.len() / 4096, 0_usize..200);
        let changes = proptest::collection::vec((place, proptest::num::u8::ANY), 1..100);
        let result = TestRunner::new(config).run(&changes, |changes| {
            let mut octets = whole.clone();
            for ((page, at), octet) in changes {
                octets[page * 4096 + at] = octet;
            }
            fs::write(&path, octets).unwrap();
            if let Ok(table) = table(folder.path(), kind) {
                for n in 0..100 {
                    _ = table.lookup(&format!("key{n}@exämple.org"));
                }
            }
            Ok(())
        });
        result.unwrap();
    }
}

/// A file of two pages and more, of a machine with this order of octets.
struct Made {
    big: bool,
    octets: Vec<u8>,
}

impl Made {
    const PAGE: usize = 512;

    fn number(&mut self, at: usize, number: u32) {
        let octets = if self.big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.octets[at..at + 4].copy_from_slice(&octets);
    }

    fn short(&mut self, at: usize, number: usize) {
        let number = u16::try_from(number).unwrap();
        let octets = if self.big { number.to_be_bytes() } else { number.to_le_bytes() };
        self.octets[at..at + 2].copy_from_slice(&octets);
    }

    /// Page 1 has the entries, each with the head that it has in a page of this kind.
    fn new(kind: &str, big: bool, entries: &[&[u8]]) -> Self {
        let mut made = Self { big, octets: vec![0; 4 * Self::PAGE] };
        let hash = kind == "hash";
        for (at, number) in [(12, if hash { 0x61561 } else { 0x53162 }), (16, 9), (20, 512), (32, 3)] {
            made.number(at, number);
        }
        made.octets[25] = if hash { 8 } else { 9 };
        if hash {
            made.number(92, 0x5e68_8dd1);
            made.number(96, 1);
        } else {
            made.number(88, 1);
        }
        made.page(1, if hash { 13 } else { 5 }, 0);
        made.short(Self::PAGE + 20, entries.len());
        let mut end = Self::PAGE;
        for (n, entry) in entries.iter().enumerate() {
            end -= entry.len();
            made.octets[Self::PAGE + end..][..entry.len()].copy_from_slice(entry);
            made.short(Self::PAGE + 26 + 2 * n, end);
        }
        made
    }

    fn page(&mut self, number: u32, kind: u8, next: u32) {
        let at = number as usize * Self::PAGE;
        self.number(at + 8, number);
        self.number(at + 16, next);
        self.octets[at + 25] = kind;
    }

    fn lookup(&self, kind: &str, key: &str) -> Result<Option<String>, TableError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("t.db"), &self.octets).unwrap();
        table(folder.path(), kind).unwrap().lookup(key)
    }
}

#[test]
fn both_orders_of_octets_and_empty_values_are_read() {
    for big in [false, true] {
        let hash =
            Made::new("hash", big, &[b"\x01a\0", b"\x01\0", b"\x01b", b"\x01", b"\x01c\0", b"\x01d\0"]);
        let length = |length: u16| if big { length.to_be_bytes() } else { length.to_le_bytes() };
        let entry = |text: &[u8]| [&length(u16::try_from(text.len()).unwrap()), &b"\x01"[..], text].concat();
        let entries = [&b"a\0"[..], b"\0", b"b", b"", b"c\0", b"d\0"].map(entry);
        let btree = Made::new("btree", big, &entries.each_ref().map(Vec::as_slice));
        for (kind, made) in [("hash", hash), ("btree", btree)] {
            for (key, value) in [("a", Some("")), ("b", Some("")), ("c", Some("d")), ("d", None)] {
                assert_eq!(made.lookup(kind, key).unwrap().as_deref(), value, "{kind} {big} {key}");
            }
        }
    }
}

#[test]
fn what_was_removed_is_not_found() {
    let made =
        Made::new("btree", false, &[b"\x02\0\x01a\0", b"\x02\0\x811\0", b"\x02\0\x01b\0", b"\x02\0\x012\0"]);
    assert_eq!(made.lookup("btree", "a").unwrap(), None);
    assert_eq!(made.lookup("btree", "b").unwrap().as_deref(), Some("2"));
}

#[test]
fn pages_that_lead_back_to_each_other_come_to_an_end() {
    // A bucket that goes on in itself.
    let mut made = Made::new("hash", false, &[]);
    made.page(1, 13, 2);
    made.page(2, 13, 1);
    let error = made.lookup("hash", "a").unwrap_err().to_string();
    assert!(error.contains("too many pages"), "{error}");
    // A branch that is its own root, and has only itself below it.
    let mut made = Made::new("btree", false, &[b"\0\0\x01\0\x01\0\0\0\0\0\0\0"]);
    made.page(1, 3, 0);
    let error = made.lookup("btree", "a").unwrap_err().to_string();
    assert!(error.contains("too many pages"), "{error}");
    // A value of which every page has one octet, and is the next one too.
    let mut made = Made::new("hash", false, &[b"\x01a\0", b"\x03\0\0\0\x02\0\0\0\0\0\x0f\0"]);
    made.page(2, 7, 2);
    made.short(2 * Made::PAGE + 22, 1);
    let error = made.lookup("hash", "a").unwrap_err().to_string();
    assert!(error.contains("too many pages"), "{error}");
}

#[test]
fn what_points_outside_fails_and_is_never_not_found() {
    let wrong: [(&str, &[&[u8]]); 6] = [
        ("a value in a page that is not there", &[b"\x01a\0", b"\x03\0\0\0\x09\0\0\0\x01\0\0\0"]),
        ("a value in the first page", &[b"\x01a\0", b"\x03\0\0\0\0\0\0\0\x01\0\0\0"]),
        ("a value in a page of another kind", &[b"\x01a\0", b"\x03\0\0\0\x01\0\0\0\x01\0\0\0"]),
        ("a value of more than a megabyte", &[b"\x01a\0", b"\x03\0\0\0\x02\0\0\0\0\0\0\x7f"]),
        ("several values", &[b"\x01a\0", b"\x02\x01\0b\x01\0"]),
        ("a value without its kind", &[b"\x01a\0", b""]),
    ];
    for (what, entries) in wrong {
        assert!(Made::new("hash", false, entries).lookup("hash", "a").is_err(), "{what}");
    }
    for entries in [[&b"\x02\0\x01a\0"[..], b"\xff\xff\x01b"], [b"\xff\xff\x01a\0", b"\x02\0\x01b\0"]] {
        assert!(Made::new("btree", false, &entries).lookup("btree", "a").is_err(), "{entries:?}");
    }
    let mut made = Made::new("btree", false, &[b"\0\0\x01\0\x01\0\0\0\0\0\0\0"]);
    made.page(1, 3, 0);
    made.number(88, 3);
    assert!(made.lookup("btree", "a").is_err(), "a page of nothing");
    // Entries where none have room.
    made.number(88, 1);
    made.short(Made::PAGE + 20, 60_000);
    assert!(made.lookup("btree", "zz").is_err());
}

#[test]
fn other_files_are_not_understood() {
    let sound = |kind| Made::new(kind, false, &[]);
    let read = |made: &Made, format| Meta::read(&made.octets, format);
    assert!(read(&sound("hash"), Format::Hash).is_ok() && read(&sound("btree"), Format::Btree).is_ok());
    assert!(read(&sound("hash"), Format::Btree).is_err() && read(&sound("btree"), Format::Hash).is_err());
    // Magic, version, page size, encryption, the page's kind, checksums, several values.
    for at in [12, 16, 20, 24, 25, 26, 48] {
        for (kind, format) in [("hash", Format::Hash), ("btree", Format::Btree)] {
            let mut made = sound(kind);
            made.octets[at] ^= 0x21;
            assert!(read(&made, format).is_err(), "{kind} {at}");
        }
    }
    let mut other_hash = sound("hash");
    other_hash.octets[92] ^= 1;
    assert!(read(&other_hash, Format::Hash).is_err());
}
