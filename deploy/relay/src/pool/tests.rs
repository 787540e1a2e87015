//! The pool with processes whose end of the channel the test holds.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use super::*;
use proto::channel::AsyncChannel;
use proto::deposit::DepositKeys;
use proto::job::{Body, CacheUse, Recipient, Request, Times, ToWorker};
use tokio::task::LocalSet;

/// How long a key is current here. The clock is a parameter, so nobody waits for it.
const EVERY: Duration = Duration::from_secs(10);

fn pool() -> Pool {
    let settings = PoolSettings {
        programs: Programs::at("/nonexistent".into()),
        secret: Secret::new([7; 32]),
        results: tempfile::tempfile().unwrap().into(),
        rotate_every: EVERY,
    };
    Pool::new(settings).unwrap().0
}

/// A worker, as far as the pool can tell.
fn worker(pool: &mut Pool) -> (WorkerId, AsyncChannel) {
    let (ours, theirs) = Channel::pair().unwrap();
    let child = tokio::process::Command::new("true").stdin(std::process::Stdio::null()).spawn().unwrap();
    let id = pool.take_in("smtp", child, ours).unwrap();
    (id, theirs.into_async().unwrap())
}

async fn greeting(channel: &mut AsyncChannel) -> DepositKeys {
    match channel.receive::<ToWorker>().await.unwrap().0 {
        ToWorker::Hello { version: proto::VERSION, deposit, .. } => deposit,
        other => panic!("{other:?}"),
    }
}

async fn rotation(channel: &mut AsyncChannel) -> DepositKeys {
    match channel.receive::<ToWorker>().await.unwrap().0 {
        ToWorker::DepositKeys(keys) => keys,
        other => panic!("{other:?}"),
    }
}

fn job(number: u64) -> Job {
    let request = Request {
        job: number,
        purpose: proto::job::Purpose::Delivery,
        queue_id: "4Xyz".into(),
        nexthop: "example.org".into(),
        sender: String::new(),
        envid: None,
        ret: None,
        body: Body::Unset,
        smtputf8: proto::job::SmtpUtf8::NotAsked,
        client: Box::default(),
        content_offset: 0,
        content_length: 0,
        cache: CacheUse::default(),
        times: Times::default(),
        recipient_count: 0,
        recipients: Vec::new(),
    };
    let (address, original) = ("a@example.org".into(), String::new());
    let recipients = vec![Recipient { index: 0, address, original, orcpt: None, notify: None }];
    Job { request, recipients, message: tempfile::tempfile().unwrap().into() }
}

#[tokio::test(flavor = "current_thread")]
async fn every_worker_hears_of_a_rotation_and_a_new_one_begins_with_it() {
    LocalSet::new()
        .run_until(async {
            let mut pool = pool();
            let (_, mut one) = worker(&mut pool);
            let (_, mut other) = worker(&mut pool);
            let first = greeting(&mut one).await;
            assert_eq!(first, greeting(&mut other).await);
            assert_eq!(first.previous, None);

            let now = pool.rotation_due();
            pool.rotate_deposit_keys(now);
            assert_eq!(pool.rotation_due(), now + EVERY);
            let second = rotation(&mut one).await;
            assert_eq!(second, rotation(&mut other).await);
            let (_, mut new) = worker(&mut pool);
            assert_eq!(greeting(&mut new).await, second);
        })
        .await;
}

#[tokio::test(flavor = "current_thread")]
async fn the_current_key_and_the_one_before_are_valid_and_older_ones_are_not() {
    LocalSet::new()
        .run_until(async {
            let mut pool = pool();
            let (_, mut channel) = worker(&mut pool);
            let mut last = greeting(&mut channel).await;
            for _ in 0..3 {
                pool.rotate_deposit_keys(pool.rotation_due());
                let now = rotation(&mut channel).await;
                assert_eq!(now.current.epoch, last.current.epoch + 1);
                assert_ne!(now.current.key, last.current.key);
                assert_eq!(now.previous, Some(last.current));
                last = now;
            }
        })
        .await;
}

#[tokio::test(flavor = "current_thread")]
async fn before_their_time_keys_stay_and_new_keys_come_before_the_next_request() {
    LocalSet::new()
        .run_until(async {
            let mut pool = pool();
            let (id, mut channel) = worker(&mut pool);
            let first = greeting(&mut channel).await;
            pool.rotate_deposit_keys(pool.rotation_due() - Duration::from_nanos(1));
            pool.rotate_deposit_keys(pool.rotation_due());
            let link = pool.workers.get(&id).unwrap().link.clone();
            link.order(Order::Deliver(Box::new(job(1)))).unwrap();
            assert_eq!(rotation(&mut channel).await.previous, Some(first.current));
            let (message, _) = channel.receive::<ToWorker>().await.unwrap();
            assert!(matches!(message, ToWorker::Deliver(Request { job: 1, .. })), "{message:?}");
        })
        .await;
}
