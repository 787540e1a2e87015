//! Messages in files: damage at every octet, marks, locks, places.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::{Command, Stdio};

use super::*;
use crate::testing::{Home, at, deferred, delivered, deposit, refused};
use crate::{Fact, Options};

const CONTENT: &[u8] = b"Subject: x\r\n\r\nHello\r\n.\r\n\x00\xff end\r\n";

/// What a worker would read.
fn served(message: &mut Message) -> Result<Vec<u8>, SpoolError> {
    let ForDelivery { fd, offset, length, crc32 } = message.open_for_delivery()?;
    let mut bytes = vec![0; length as usize];
    fs::File::from(fd).read_exact_at(&mut bytes, offset).unwrap();
    assert_eq!(crc32fast::hash(&bytes), crc32);
    Ok(bytes)
}

#[test]
fn what_was_taken_in_is_served_octet_by_octet() {
    let home = Home::new();
    let spool = home.start();
    for size in [0, 1, 8000, 64 << 10, (64 << 10) + 1, 300_001] {
        let content: Vec<u8> = (0..size).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut incoming = spool.receive(Some(u64::from(size))).unwrap();
        content.chunks(777).for_each(|piece| incoming.write(piece).unwrap());
        let mut message = incoming.commit(crate::envelope::tests::sample(&["a@x"])).unwrap();
        assert_eq!(served(&mut message).unwrap(), content);
        let mut again = spool.get(message.id()).unwrap();
        assert_eq!(again.envelope(), message.envelope());
        assert_eq!(again.envelope().size, u64::from(size));
        assert_eq!(served(&mut again).unwrap(), content, "{size} octets, read from the file");
    }
    assert_eq!(home.names("tmp"), [""; 0]);
}

#[test]
fn a_message_cut_anywhere_is_whole_or_set_aside() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x"], CONTENT);
    let file = home.file(&message);
    let mut ends = vec![(message.end, message.states.clone())];
    for mark in [deferred(0, 1, 0), refused(1, 5), delivered(0, 9)] {
        message.mark(&[mark]).unwrap();
        ends.push((message.end, message.states.clone()));
    }
    let bytes = fs::read(&file).unwrap();
    for cut in 0..=bytes.len() {
        fs::write(&file, &bytes[..cut]).unwrap();
        let whole = ends.iter().rfind(|(end, _)| *end <= cut as u64);
        match (spool.get(message.id()), whole) {
            (Ok(mut found), Some((_, states))) => {
                assert_eq!(&found.states, states, "cut at {cut}");
                assert_eq!(served(&mut found).unwrap(), CONTENT);
                found.mark(&[deferred(1, 2, 50)]).unwrap();
                assert_eq!(
                    spool.get(message.id()).unwrap().states,
                    found.states,
                    "a mark after the cut at {cut}"
                );
            }
            (Err(SpoolError::Damaged { kept, .. }), None) => {
                assert_eq!(fs::read(&kept).unwrap(), &bytes[..cut], "kept as it was");
                assert!(!file.exists());
                fs::remove_file(kept).unwrap();
            }
            (result, whole) => panic!("cut at {cut}: {result:?}, but {whole:?}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_never_served_and_never_marks() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x"], CONTENT);
    let file = home.file(&message);
    message.mark(&[deferred(0, 1, 0)]).unwrap();
    let (before_last, states) = (message.end as usize, message.states.clone());
    message.mark(&[delivered(1, 9)]).unwrap();
    let bytes = fs::read(&file).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, &bad).unwrap();
        match spool.get(message.id()).and_then(|mut found| Ok((served(&mut found)?, found.states))) {
            Ok((content, found)) => {
                assert!(bit / 8 >= before_last, "bit {bit}");
                assert_eq!((content.as_slice(), &found), (CONTENT, &states), "bit {bit}");
            }
            Err(SpoolError::Damaged { kept, .. }) => {
                assert_eq!(fs::read(&kept).unwrap(), bad);
                fs::remove_file(kept).unwrap();
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn a_file_that_shrinks_after_it_was_read_is_not_served() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x"], CONTENT);
    let file = fs::File::options().write(true).open(home.file(&message)).unwrap();
    file.set_len(message.end - 1).unwrap();
    let error = message.open_for_delivery().unwrap_err();
    assert!(matches!(error, SpoolError::Damaged { damage: Damage::Truncated { .. }, .. }), "{error}");
    assert!(matches!(message.open_for_delivery(), Err(SpoolError::Missing(_))));
}

#[test]
fn a_file_of_another_version_is_refused_and_stays() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x"], CONTENT);
    let file = home.file(&message);
    let mut bytes = fs::read(&file).unwrap();
    bytes[5] = 9;
    let sum = crc32fast::hash(&bytes[..60]).to_le_bytes();
    bytes[60..64].copy_from_slice(&sum);
    fs::write(&file, &bytes).unwrap();
    let error = spool.get(message.id()).unwrap_err();
    assert!(matches!(error, SpoolError::UnknownVersion { found: 9, known: 2, .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_mark_for_somebody_else_condemns_the_file() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x"], CONTENT);
    let error = message.mark(&[delivered(1, 0)]).unwrap_err();
    assert!(matches!(error, SpoolError::NoSuchRecipient { recipient: 1, count: 1, .. }));
    assert_eq!(spool.get(message.id()).unwrap().states, message.states, "nothing was written");
    let mut bytes = Vec::new();
    mark::encode(&delivered(1, 0), &mut bytes).unwrap();
    fs::File::options().append(true).open(home.file(&message)).unwrap().write_all(&bytes).unwrap();
    let error = spool.get(message.id()).unwrap_err();
    assert!(matches!(error, SpoolError::Damaged { damage: Damage::MarkRecipient(_), .. }), "{error}");
}

#[test]
fn the_second_damaged_file_of_a_name_does_not_replace_the_first() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x"], CONTENT);
    for text in ["first", "second"] {
        fs::write(home.file(&message), text).unwrap();
        spool.get(message.id()).unwrap_err();
    }
    let id = message.id().to_string();
    assert_eq!(home.names("corrupt"), [id.clone(), format!("{id}.1")]);
    assert_eq!(fs::read(home.path().join("corrupt").join(id)).unwrap(), b"first");
}

#[test]
fn links_and_other_files_are_not_followed() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x"], CONTENT);
    let (file, aside) = (home.file(&message), home.path().join("aside"));
    fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink(&aside, &file).unwrap();
    let error = spool.get(message.id()).unwrap_err();
    assert!(
        matches!(error, SpoolError::Damaged { damage: Damage::NotPlain, .. }),
        "a symbolic link: {error}"
    );
    fs::hard_link(&aside, &file).unwrap();
    let error = spool.get(message.id()).unwrap_err();
    assert!(matches!(error, SpoolError::Damaged { damage: Damage::NotPlain, .. }), "two names: {error}");
    fs::create_dir(&file).unwrap();
    let error = spool.get(message.id()).unwrap_err();
    assert!(matches!(error, SpoolError::Damaged { damage: Damage::NotPlain, .. }), "a folder: {error}");
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let error = spool.get(message.id()).unwrap_err();
    assert!(matches!(error, SpoolError::Damaged { damage: Damage::NotPlain, .. }), "a pipe: {error}");
    fs::rename(&aside, &file).unwrap();
    // Its second name is in corrupt/ now.
    fs::remove_file(home.path().join("corrupt").join(format!("{}.1", message.id()))).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(spool.get(message.id()), Err(SpoolError::NotOurs { .. })), "others may write");
}

#[test]
fn files_and_folders_are_for_us_alone() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x"], CONTENT);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(home.file(&message)), 0o600);
    for folder in ["", "tmp", "queue", "queue/00", "queue/ff", "hold", "corrupt", "results"] {
        assert_eq!(mode(home.path().join(folder)), 0o700, "{folder}");
    }
    drop((spool, message));
    fs::set_permissions(home.path().join("queue"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = Spool::open(&home.path(), Options::default()).unwrap_err();
    assert!(error.to_string().contains("chmod 700"), "{error}");
}

#[test]
fn a_message_is_in_flight_as_long_as_any_copy_is_open_anywhere() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@y"], CONTENT);
    let id = message.id().clone();
    let in_flight = || spool.in_flight(&id).unwrap();
    assert_eq!(in_flight(), InFlight::Free);
    let first = message.open_for_delivery().unwrap().fd;
    let second = message.open_for_delivery().unwrap().fd;
    let copy = first.try_clone().unwrap();
    drop((first, second));
    assert_eq!(in_flight(), InFlight::Elsewhere, "a copy in this process");
    // `cat` ends when its input does; until then it has our description as its output.
    let mut worker = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::from(copy)).spawn().unwrap();
    assert_eq!(in_flight(), InFlight::Elsewhere, "a copy in another process");
    message.mark(&[delivered(0, 0)]).unwrap();
    drop(worker.stdin.take());
    worker.wait().unwrap();
    assert_eq!(in_flight(), InFlight::Free);
}

#[test]
fn marks_tell_the_whole_story_and_final_ones_stand() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x", "c@x"], CONTENT);
    message.mark(&[deferred(0, 1, 0), deferred(0, 2, 400), refused(1, 5)]).unwrap();
    let pending: Vec<_> = message.pending().map(|(index, pending)| (index, pending.attempts)).collect();
    assert_eq!(pending, [(0, 2), (2, 0)]);
    assert_eq!(message.states[0].pending().unwrap().next_attempt, Some(at(700)));
    message.mark(&[delivered(0, 800), deferred(0, 3, 900), refused(0, 901), deferred(1, 9, 902)]).unwrap();
    assert_eq!(message.states[0], RecipientState::Delivered { at: at(800) });
    assert!(matches!(message.states[1], RecipientState::Failed { .. }));
    assert!(!message.is_finished());
    message
        .mark(&[delivered(2, 950), Mark { recipients: vec![0, 1, 2], at: at(951), fact: Fact::Closed }])
        .unwrap();
    assert!(message.is_finished());
    assert_eq!(message.states[2], RecipientState::Delivered { at: at(950) }, "delivered is delivered");
    assert_eq!(spool.get(message.id()).unwrap().states, message.states);
    message.remove().unwrap();
    assert!(matches!(spool.get(message.id()), Err(SpoolError::Missing(_))));
    assert!(matches!(message.mark(&[delivered(0, 0)]), Err(SpoolError::Missing(_))));
}

#[test]
fn hold_release_requeue() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x"], CONTENT);
    message.mark(&[deferred(0, 1, 0)]).unwrap();
    message.hold().unwrap();
    assert_eq!(home.names("hold"), [message.id().to_string()]);
    assert_eq!(spool.get(message.id()).unwrap().place(), Place::Hold);
    message.mark(&[deferred(0, 2, 60)]).unwrap();
    message.requeue(at(100)).unwrap();
    let found = spool.get(message.id()).unwrap();
    assert_eq!(found.place(), Place::Queue);
    assert_eq!(found.states[0].pending().unwrap().next_attempt, Some(at(100)));
    assert_eq!(found.states[0].pending().unwrap().attempts, 2);
    message.hold().unwrap();
    spool.remove(message.id()).unwrap();
    assert!(matches!(message.release(), Err(SpoolError::Missing(_))));
}

#[test]
fn a_message_tried_for_ever_does_not_grow_for_ever() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x"], CONTENT);
    let inode =
        |message: &Message| std::os::unix::fs::MetadataExt::ino(&fs::metadata(home.file(message)).unwrap());
    let (first, mut largest) = (inode(&message), 0);
    let held = message.open_for_delivery().unwrap();
    for round in 0..12_000 {
        message.mark(&[deferred(0, round, 60), deferred(1, round, 60)]).unwrap();
        largest = largest.max(message.end);
    }
    assert_eq!(inode(&message), first, "not while somebody delivers it: the lock is on the old file");
    assert!(message.end > 1 << 20);
    drop(held);
    let mut renewed = false;
    for round in 12_000..30_000 {
        message.mark(&[deferred(0, round, 60), deferred(1, round, 60)]).unwrap();
        largest = largest.max(message.end);
        // Not at the end: the file after the next may have the number of the first again.
        renewed |= inode(&message) != first;
    }
    assert!(renewed);
    assert!(largest < 5 << 20, "{largest}");
    let mut found = spool.get(message.id()).unwrap();
    assert_eq!(found.states, message.states);
    assert_eq!(found.envelope(), message.envelope());
    assert_eq!(served(&mut found).unwrap(), CONTENT);
    assert_eq!(home.names("tmp"), [""; 0]);
}
