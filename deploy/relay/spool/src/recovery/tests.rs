//! Starts after crashes: who gets which message when, and what late verdicts do.

use std::fs;
use std::fs::File;
use std::io::Write;

use proto::job::Fate;
use proto::orphan;

use super::*;
use crate::testing::{Home, at, deferred, delivered, deposit, orphan_record, refused};
use crate::{Options, Pending, RecipientState};

/// As a worker does it.
fn append(file: &File, id: &QueueId, seconds: u64, fates: &[(u32, Fate)]) {
    let mut file = file;
    file.write_all(&orphan::encode(&orphan_record(id.as_str(), seconds, fates)).unwrap()).unwrap();
}

/// Everything a start finds: messages by id, ids in flight, errors.
fn all(recovery: &mut Recovery) -> (Vec<Message>, Vec<QueueId>, Vec<SpoolError>) {
    let (mut ready, mut in_flight, mut errors) = (vec![], vec![], vec![]);
    for found in recovery.by_ref() {
        match found {
            Ok(Found::Ready(message)) => ready.push(message),
            Ok(Found::InFlight(id)) => in_flight.push(id),
            Err(error) => errors.push(error),
        }
    }
    ready.sort_by(|a, b| a.id().cmp(b.id()));
    (ready, in_flight, errors)
}

fn polled(recovery: &mut Recovery) -> Vec<Message> {
    recovery.poll().into_iter().map(Result::unwrap).collect()
}

#[test]
fn a_start_finds_every_message_once_and_none_of_its_own() {
    let home = Home::new();
    let spool = home.start();
    let mut want: Vec<_> = (0..300).map(|_| deposit(&spool, &["a@x"], b"x\r\n")).collect();
    want[7].hold().unwrap();
    want[8].mark(&[deferred(0, 3, 9)]).unwrap();
    want[9].mark(&[refused(0, 9)]).unwrap();
    let want: Vec<_> = want.into_iter().map(|message| (message.id, message.place, message.states)).collect();
    drop(spool);
    let spool = home.start();
    let mut recovery = spool.recover().unwrap();
    let mut new = deposit(&spool, &["new@x"], b"x\r\n");
    let _delivery = new.open_for_delivery().unwrap();
    let (ready, in_flight, errors) = all(&mut recovery);
    let ready: Vec<_> =
        ready.into_iter().map(|message| (message.id, message.place, message.states)).collect();
    assert_eq!(ready, want);
    assert!(in_flight.is_empty() && errors.is_empty(), "{in_flight:?} {errors:?}");
    assert!(polled(&mut recovery).is_empty());
    assert!(recovery.is_complete());
    assert_eq!(home.names("results").len(), 1, "the result file of the earlier start is gone");
}

#[test]
fn a_message_under_delivery_waits_for_its_worker_and_its_verdict() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x", "c@y"], b"x\r\n");
    let id = message.id().clone();
    let (first, second) = (message.open_for_delivery().unwrap(), message.open_for_delivery().unwrap());
    let result_file = File::from(spool.result_file().unwrap());
    drop((message, spool));

    let spool = home.start();
    let mut recovery = spool.recover().unwrap();
    assert_eq!(all(&mut recovery).1, std::slice::from_ref(&id));
    assert!(polled(&mut recovery).is_empty());
    append(&result_file, &id, 5, &[(0, Fate::Sent), (1, Fate::Deferred)]);
    drop(first);
    assert!(polled(&mut recovery).is_empty(), "its other delivery goes on");
    append(&result_file, &id, 6, &[(2, Fate::Bounced)]);
    drop(second);
    let ready = polled(&mut recovery);
    let [message] = ready.as_slice() else { panic!("{ready:?}") };
    assert_eq!(message.states[0], RecipientState::Delivered { at: at(5) });
    assert!(matches!(&message.states[1], RecipientState::Pending(Pending { attempts: 1, .. })));
    assert!(matches!(&message.states[2], RecipientState::Failed { .. }));
    assert_eq!(spool.get(&id).unwrap().states, message.states, "it is in the file");
    assert!(
        !recovery.is_complete() && home.names("results").len() == 2,
        "a worker still has the result file"
    );
    drop(result_file);
    assert!(polled(&mut recovery).is_empty());
    assert!(recovery.is_complete() && home.names("results").len() == 1);
}

#[test]
fn replaying_twice_is_replaying_once() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x", "b@x", "c@y"], b"x\r\n");
    let fates = [(0, Fate::Sent), (1, Fate::Deferred), (2, Fate::Bounced)];
    let result_file = File::from(spool.result_file().unwrap());
    append(&result_file, message.id(), 5, &fates);
    append(&result_file, message.id(), 5, &fates);
    drop((message, spool, result_file));
    let mut states = Vec::new();
    // Each start stops before it could remove the result file.
    for _ in 0..3 {
        let spool = home.start();
        let (ready, ..) = all(&mut spool.recover().unwrap());
        states.push(ready[0].states.clone());
        assert_eq!(ready[0].states[1].pending().unwrap().attempts, 1);
    }
    assert!(states.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_verdict_that_the_relay_knew_already_changes_nothing() {
    let home = Home::new();
    let spool = home.start();
    let mut message = deposit(&spool, &["a@x", "b@x"], b"x\r\n");
    message.mark(&[delivered(0, 5), deferred(1, 4, 60)]).unwrap();
    let result_file = File::from(spool.result_file().unwrap());
    append(&result_file, message.id(), 70, &[(0, Fate::Deferred)]);
    append(&result_file, message.id(), 60, &[(1, Fate::Deferred)]);
    let states = message.states.clone();
    drop((message, spool, result_file));
    let (ready, ..) = all(&mut home.start().recover().unwrap());
    assert_eq!(ready[0].states, states);
}

#[test]
fn records_without_a_message_or_for_other_recipients_are_ignored() {
    let home = Home::new();
    let spool = home.start();
    let message = deposit(&spool, &["a@x"], b"x\r\n");
    let gone = deposit(&spool, &["a@x"], b"x\r\n");
    gone.remove().unwrap();
    let result_file = File::from(spool.result_file().unwrap());
    append(&result_file, gone.id(), 1, &[(0, Fate::Sent)]);
    append(&result_file, message.id(), 1, &[(0, Fate::Sent), (1, Fate::Sent)]);
    drop((message, gone, spool, result_file));
    let spool = home.start();
    let mut recovery = spool.recover().unwrap();
    let (ready, ..) = all(&mut recovery);
    assert_eq!(ready.len(), 1);
    assert!(ready[0].states[0].pending().is_some());
    assert!(polled(&mut recovery).is_empty() && recovery.is_complete());
}

#[test]
fn a_torn_record_costs_only_itself() {
    let home = Home::new();
    let spool = home.start();
    let (a, b) = (deposit(&spool, &["a@x"], b"x\r\n"), deposit(&spool, &["b@x"], b"x\r\n"));
    let result_file = File::from(spool.result_file().unwrap());
    let torn = orphan::encode(&orphan_record(a.id().as_str(), 1, &[(0, Fate::Sent)])).unwrap();
    (&result_file).write_all(&torn[..torn.len() - 1]).unwrap();
    append(&result_file, b.id(), 1, &[(0, Fate::Sent)]);
    drop((a, b, spool, result_file));
    let (ready, ..) = all(&mut home.start().recover().unwrap());
    assert!(ready[0].states[0].pending().is_some());
    assert!(ready[1].is_finished());
}

#[test]
fn several_generations_are_replayed_and_cleared() {
    let home = Home::new();
    let mut ids = Vec::new();
    let mut files = Vec::new();
    for _ in 0..3 {
        let spool = home.start();
        let mut message = deposit(&spool, &["a@x"], b"x\r\n");
        ids.push(message.id().clone());
        files.push((message.open_for_delivery().unwrap(), File::from(spool.result_file().unwrap())));
    }
    let spool = home.start();
    let mut recovery = spool.recover().unwrap();
    assert_eq!((all(&mut recovery).1.len(), recovery.waiting()), (3, 3));
    for (id, (delivery, result_file)) in ids.iter().zip(files) {
        append(&result_file, id, 1, &[(0, Fate::Sent)]);
        drop((delivery, result_file));
        let ready = polled(&mut recovery);
        assert!(ready.len() == 1 && ready[0].id() == id && ready[0].is_finished());
    }
    assert!(recovery.is_complete() && home.names("results").len() == 1);
}

#[test]
fn damage_strangers_and_removed_messages_do_not_stop_a_start() {
    let home = Home::new();
    let spool = home.start();
    let (good, bad, mut gone) = (
        deposit(&spool, &["a@x"], b"x\r\n"),
        deposit(&spool, &["a@x"], b"x\r\n"),
        deposit(&spool, &["a@x"], b"x\r\n"),
    );
    fs::write(home.file(&bad), "nonsense").unwrap();
    fs::write(home.path().join("queue/00/not an id"), "").unwrap();
    let elsewhere = if good.id().shard() == "01" { "02" } else { "01" };
    fs::copy(home.file(&good), home.path().join("queue").join(elsewhere).join(good.id().as_str())).unwrap();
    let _delivery = gone.open_for_delivery().unwrap();
    drop(spool);
    let good_id = good.id().clone();
    drop((good, bad));
    let gone_id = gone.id().clone();
    drop(gone);
    let spool = home.start();
    let mut recovery = spool.recover().unwrap();
    let (ready, in_flight, errors) = all(&mut recovery);
    assert_eq!(ready.iter().map(|message| message.id().clone()).collect::<Vec<_>>(), [good_id]);
    assert_eq!(in_flight, std::slice::from_ref(&gone_id));
    let strangers = errors.iter().filter(|error| matches!(error, SpoolError::ForeignFile { .. })).count();
    let damaged = errors.iter().filter(|error| matches!(error, SpoolError::Damaged { .. })).count();
    assert_eq!((strangers, damaged, errors.len()), (2, 1, 3), "{errors:?}");
    spool.remove(&gone_id).unwrap();
    assert!(polled(&mut recovery).is_empty());
    assert_eq!(recovery.waiting(), 0);
}

#[test]
fn one_relay_per_spool() {
    let home = Home::new();
    let spool = home.start();
    let error = Spool::open(&home.path(), Options::default()).unwrap_err();
    assert!(
        matches!(error, SpoolError::InUse { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    let message = deposit(&spool, &["a@x"], b"x\r\n");
    drop(spool);
    assert!(Spool::open(&home.path(), Options::default()).is_err(), "a message still belongs to the first");
    drop(message);
    home.start();
}

#[test]
fn a_spool_that_is_a_link_is_refused() {
    let home = Home::new();
    drop(home.start());
    let link = home.path().with_file_name("link");
    std::os::unix::fs::symlink(home.path(), &link).unwrap();
    assert!(matches!(Spool::open(&link, Options::default()), Err(SpoolError::NotOurs { .. })));
}
