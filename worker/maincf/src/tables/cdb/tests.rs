//! Cdb files: what a damaged one does, and what is not plain text.

use std::fs;

use super::*;
use crate::tables::TableError;

/// A file of records, as its format's description has it.
fn file(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut data = vec![0; 2048];
    let mut slots: Vec<Vec<(u32, u32)>> = vec![Vec::new(); TABLES];
    for (key, value) in records {
        let at = u32::try_from(data.len()).unwrap();
        slots[(hash(key) % 256) as usize].push((hash(key), at));
        for length in [key.len(), value.len()] {
            data.extend(u32::try_from(length).unwrap().to_le_bytes());
        }
        data.extend([*key, *value].concat());
    }
    for (table, own) in slots.iter().enumerate() {
        let count = own.len() * 2;
        let mut slots = vec![(0, 0); count];
        for &(hash, at) in own {
            let mut slot = (hash as usize >> 8) % count;
            while slots[slot] != (0, 0) {
                slot = (slot + 1) % count;
            }
            slots[slot] = (hash, at);
        }
        let head = [data.len(), count].map(|number| u32::try_from(number).unwrap().to_le_bytes());
        data[table * 8..][..8].copy_from_slice(&head.concat());
        data.extend(slots.iter().flat_map(|(hash, at)| [hash.to_le_bytes(), at.to_le_bytes()].concat()));
    }
    data
}

fn table(octets: &[u8]) -> Result<Box<dyn Table>, OpenError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.cdb"), octets).unwrap();
    open(&TableSpec::parse(&format!("cdb:{}/t", folder.path().display())).unwrap())
}

fn lookup(octets: &[u8], key: &str) -> Result<Option<String>, TableError> {
    table(octets).unwrap().lookup(key)
}

#[test]
fn keys_are_found_with_and_without_a_nul_at_their_end() {
    let octets = file(&[(b"a@example.org", b"1"), (b"b\0", b"2\0"), (b"c", "\u{fc}".as_bytes())]);
    assert_eq!(lookup(&octets, "A@Example.org").unwrap().as_deref(), Some("1"));
    assert_eq!(lookup(&octets, "b").unwrap().as_deref(), Some("2"));
    assert_eq!(lookup(&octets, "C").unwrap().as_deref(), Some("ü"));
    assert_eq!(lookup(&octets, "d").unwrap(), None);
    assert_eq!(lookup(&octets, "").unwrap(), None);
}

#[test]
fn what_is_no_text_is_never_not_found() {
    let octets = file(&[(b"a", b"1\x002"), (b"b", b"\xff"), (b"c\0d", b"x")]);
    for key in ["a", "b", "c\0d", "c\0"] {
        assert!(lookup(&octets, key).is_err(), "{key:?}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused_or_fails() {
    let records: Vec<_> = (0..50).map(|n| (format!("key{n}"), "v".repeat(n))).collect();
    let records: Vec<_> = records.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
    let whole = file(&records);
    for length in (0..whole.len()).step_by(7) {
        let table = table(&whole[..length]);
        assert!(matches!(table, Err(OpenError::Damaged { .. })), "{length}");
    }
    assert!(table(&whole).is_ok());
}

#[test]
fn a_table_that_is_not_there_or_not_a_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("cdb:{}/t", folder.path().display());
    let open = |name: &str| open(&TableSpec::parse(name).unwrap());
    assert!(matches!(open(&name), Err(OpenError::Io { .. })));
    fs::create_dir(folder.path().join("t.cdb")).unwrap();
    assert!(matches!(open(&name), Err(OpenError::Damaged { .. })));
    assert!(matches!(open("cdb:t"), Err(OpenError::RelativePath(_))));
}

proptest::proptest! {
    #[test]
    fn what_is_garbled_is_refused_or_fails_or_answers(changes: Vec<(proptest::sample::Index, u8)>, key in "[ab]{1,2}") {
        let mut octets = file(&[(b"a", b"1"), (b"ab", b"2"), (b"b", b"3"), (b"ba", b"4")]);
        for (at, octet) in changes {
            let at = at.index(octets.len());
            octets[at] = octet;
        }
        if let Ok(table) = table(&octets) {
            _ = table.lookup(&key);
        }
    }
}
