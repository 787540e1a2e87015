//! Result records: torn, damaged, mixed with garbage, written by several at once.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn record(id: &str, verdicts: u32) -> ResultRecord {
    let verdict = |index: u32| RecordedVerdict {
        outcome: if index.is_multiple_of(2) { Outcome::Delivered } else { Outcome::Deferred },
        diagnosis: Diagnosis {
            status: "2.0.0".into(),
            reason: format!("250 ok {index}"),
            ..Diagnosis::default()
        },
        at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
    };
    ResultRecord {
        queue_id: id.into(),
        verdicts: (0..verdicts).map(|index| (index, verdict(index))).collect(),
    }
}

#[test]
fn every_cut_and_every_flip_loses_only_the_record_it_hits() {
    let (first, second) = (record("first", 2), record("second", 2));
    let start = encode(&first).unwrap();
    let both = [start.clone(), encode(&second).unwrap()].concat();
    for cut in 0..both.len() {
        let found = decode(&both[..cut]);
        let whole = if cut < start.len() { vec![] } else { vec![first.clone()] };
        assert_eq!(found.consumed, if cut < start.len() { 0 } else { start.len() });
        assert_eq!((found.records, found.skipped), (whole, 0), "cut at {cut}");
    }
    for bit in 0..both.len() * 8 {
        let mut bad = both.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let survivor = if bit / 8 < start.len() { &second } else { &first };
        assert_eq!(decode(&bad).records, std::slice::from_ref(survivor), "bit {bit}");
    }
}

#[test]
fn an_unfinished_record_does_not_hide_the_next() {
    let (first, second) = (record("first", 3), record("second", 1));
    let torn = encode(&first).unwrap();
    for cut in 1..torn.len() {
        let bytes = [&torn[..cut], &encode(&second).unwrap()].concat();
        let found = decode(&bytes);
        assert_eq!(found.records, std::slice::from_ref(&second), "cut at {cut}");
        assert_eq!((found.skipped, found.consumed), (cut, bytes.len()));
    }
}

#[test]
fn many_verdicts_become_several_records() {
    let long = record("id", 1000);
    let found = decode(&encode(&long).unwrap());
    assert!(found.records.len() > 1 && found.records.iter().all(|part| part.queue_id == "id"));
    let verdicts: Vec<_> = found.records.into_iter().flat_map(|part| part.verdicts).collect();
    assert_eq!(verdicts, long.verdicts);
}

#[test]
fn what_a_server_said_is_cut_and_made_one_line() {
    let mut diagnosis =
        Diagnosis { reason: format!("a\r\nb\x1b{}", "é".repeat(600)), ..Diagnosis::default() };
    diagnosis.tidy();
    assert!(diagnosis.reason.starts_with("a??b?é") && diagnosis.reason.len() <= MAX_TEXT);
}

#[test]
fn workers_that_append_at_once_do_not_mix_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results");
    let file = File::options().append(true).create(true).open(&path).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let file = file.try_clone().unwrap();
            scope.spawn(move || {
                (0..25).for_each(|round| append(&file, &record(&format!("w{worker}r{round}"), 40)).unwrap());
            });
        }
    });
    let found = decode(&std::fs::read(&path).unwrap());
    let mut ids: Vec<_> = found.records.into_iter().map(|record| record.queue_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), found.skipped), (100, 0));
}

#[test]
fn a_full_disk_is_an_error() {
    let full = File::options().append(true).open("/dev/full").unwrap();
    assert_eq!(append(&full, &record("id", 1)).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

proptest! {
    #[test]
    fn garbage_between_records_is_skipped(pieces in vec((vec(any::<u8>(), 0..30), 0u32..4), 0..6)) {
        let mut bytes = Vec::new();
        let mut want = Vec::new();
        for (number, (garbage, verdicts)) in pieces.into_iter().enumerate() {
            bytes.extend_from_slice(&garbage);
            let record = record(&number.to_string(), verdicts);
            bytes.extend(encode(&record).unwrap());
            want.extend((verdicts > 0).then_some(record));
        }
        prop_assert_eq!(decode(&bytes).records, want);
    }

    #[test]
    fn any_octets_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
        let mut framed = MAGIC.to_vec();
        framed.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        framed.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        framed.extend_from_slice(&bytes);
        let _ = decode(&framed);
    }
}
