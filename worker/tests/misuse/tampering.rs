//! The cache changes the sealed blob, or keeps it until its key is gone.

use crate::rig::{Worker, keys};
use crate::scene::{Scene, assert_said_once};
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::Fate;
use proto::parked::Taken;
use proto::secret::Secret;
use std::os::fd::AsFd;
use tls::handover::SealError;
use worker::state::open_session;

const FORGED: &str = "came with a state that is not its own (the seal is not right): closed";
const OTHER_KEY: &str = "was sealed under a key of another period: closed";
/// Of the blob's form: the number of its key.
const EPOCH: usize = 4;

#[test]
fn no_changed_blob_opens() {
    let Scene { session, .. } = Scene::set();
    let (endpoint, sealed) = (session.parked.endpoint, session.parked.sealed);
    let opens = |blob: &[u8]| open_session(&keys(0), &endpoint, blob).map(drop);
    opens(&sealed).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut blob = sealed.clone();
            blob[at] ^= 1 << bit;
            let wanted = if at < EPOCH { SealError::OtherEpoch } else { SealError::Forged };
            assert_eq!(opens(&blob), Err(wanted), "bit {bit} of octet {at}");
        }
        assert_eq!(opens(&sealed[..at]), Err(SealError::Forged), "cut at {at}");
    }
    for more in 1..64 {
        let mut blob = sealed.clone();
        blob.resize(sealed.len() + more, 0);
        assert_eq!(opens(&blob), Err(SealError::Forged), "longer by {more}");
    }
}

#[test]
fn a_worker_refuses_changed_blobs_and_goes_on() {
    let Scene { server, session, octets } = Scene::set();
    let sealed = session.parked.sealed.clone();
    let mut bad: Vec<Vec<u8>> = vec![Vec::new(), sealed[..3].to_vec(), sealed[..20].to_vec()];
    bad.push(sealed[..sealed.len() - 1].to_vec());
    bad.push([&sealed[..], &[0]].concat());
    bad.push(vec![0xff; 16 * 1024]);
    for at in [EPOCH, 10, 16, sealed.len() / 2, sealed.len() - 17, sealed.len() - 1] {
        let mut blob = sealed.clone();
        blob[at] ^= 0x10;
        bad.push(blob);
    }
    // An all-ones blob names a key that there never was.
    let forged = bad.len() - 1;
    let mut worker = Worker::start(&[]);
    for sealed in &bad {
        worker.deliver(&server);
        worker.give(Taken { sealed: sealed.clone(), ..session.taken() }, session.descriptor.as_fd());
        drop(worker.parks());
        assert_eq!(worker.fate(), Fate::Sent);
    }
    let log = worker.end();
    assert_eq!(log.matches(FORGED).count(), forged, "{log}");
    assert_said_once(&log, OTHER_KEY);
    drop(session);
    assert_eq!(server.connection(0).octets_at_end(), octets);
    assert_eq!((server.connections(), server.messages()), (1 + bad.len(), 1 + bad.len()));
}

#[test]
fn a_blob_does_not_open_under_another_key_with_the_same_number() {
    let other = DepositKey { epoch: 1, key: Secret::new([9; 32]) };
    let worker = Worker::with_keys(&[], DepositKeys { current: other, previous: None });
    let scene = Scene::set();
    let (taken, socket) = (scene.session.taken(), scene.session.socket());
    scene.refused_by(worker, taken, socket, FORGED);
}

#[test]
fn a_blob_opens_after_one_rotation_and_not_after_two() {
    let scene = Scene::set();
    let mut worker = Worker::start(&[]);
    worker.keys_are(keys(1));
    worker.deliver(&scene.server);
    worker.give(scene.session.taken(), scene.session.descriptor.as_fd());
    let session = worker.parks();
    assert_eq!(worker.fate(), Fate::Sent);
    assert_eq!(scene.server.connections(), 1);
    // What was parked then is sealed under the new key: two rotations later it is lost as well.
    for rotations in 2..=3 {
        worker.keys_are(keys(rotations));
    }
    let octets = scene.server.connection(0).octets();
    worker.deliver(&scene.server);
    worker.give(session.taken(), session.descriptor.as_fd());
    drop(worker.parks());
    assert_eq!(worker.fate(), Fate::Sent);
    assert_said_once(&worker.end(), OTHER_KEY);
    drop((session, scene.session));
    assert_eq!(scene.server.connection(0).octets_at_end(), octets);
    assert_eq!((scene.server.connections(), scene.server.messages()), (2, 3));
}
