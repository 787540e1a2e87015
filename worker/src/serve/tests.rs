//! A worker's loop, with the test as its supervisor and as the server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use super::*;
use crate::args::Args;
use crate::context;
use maincf::Protocol;
use proto::channel::AsyncChannel;
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::{Body, CacheUse, FromWorker, Recipient, Report, Request, Site, Times, ToWorker};
use proto::secret::Secret;
use std::os::fd::OwnedFd;
use tokio::net::TcpListener;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn first() -> DepositKeys {
    DepositKeys { current: DepositKey { epoch: 1, key: Secret::new([1; 32]) }, previous: None }
}

fn second() -> DepositKeys {
    first().rotated(Secret::new([2; 32]))
}

/// The supervisor's end, its greeting already in it, and the worker's; the file for results is `results`.
fn channels(results: &OwnedFd) -> (AsyncChannel, Channel) {
    let (mut ours, theirs) = Channel::pair().unwrap();
    let secret = Secret::new([7; 32]);
    let hello = ToWorker::Hello { version: proto::VERSION, secret, deposit: first() };
    ours.send(&hello, &[results.as_fd()]).unwrap();
    (ours.into_async().unwrap(), theirs)
}

async fn greeted(channel: Channel) -> (Context, Supervisor) {
    let (supervisor, keys) = Supervisor::greet(channel).await.unwrap();
    let options = ["myhostname = client.test", "smtp_tls_security_level = none"].map(String::from).to_vec();
    let args = Args {
        service: "smtp".into(),
        protocol: Protocol::Smtp,
        flags: maincf::value::DeliveryFlags::default(),
        config: None,
        options,
    };
    let cf = context::read(&args).unwrap();
    (Context::new(&args, &cf, keys).unwrap(), supervisor)
}

fn empty_file() -> OwnedFd {
    tempfile::tempfile().unwrap().into()
}

fn request(nexthop: String) -> ToWorker {
    let recipient = Recipient {
        index: 0,
        address: "a@d.test".into(),
        original: String::new(),
        orcpt: None,
        notify: None,
    };
    ToWorker::Deliver(Request {
        job: 1,
        purpose: proto::job::Purpose::Delivery,
        queue_id: "4Xyz".into(),
        nexthop,
        sender: "s@client.test".into(),
        envid: None,
        ret: None,
        body: Body::Unset,
        smtputf8: proto::job::SmtpUtf8::NotAsked,
        client: Box::default(),
        content_offset: 0,
        content_length: 0,
        cache: CacheUse::default(),
        times: Times::default(),
        recipient_count: 1,
        recipients: vec![recipient],
    })
}

async fn report(channel: &mut AsyncChannel) -> Report {
    loop {
        match channel.receive::<FromWorker>().await.unwrap().0 {
            FromWorker::Hello { .. } => {}
            FromWorker::Report(report) => return report,
            other => panic!("{other:?}"),
        }
    }
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn an_idle_worker_has_the_new_keys_before_its_next_request() {
    let results = empty_file();
    let (mut supervisor, theirs) = channels(&results);
    let (context, worker) = greeted(theirs).await;
    assert_eq!(*context.deposit.borrow(), first());
    supervisor.send(&ToWorker::DepositKeys(second()), &[]).await.unwrap();
    supervisor.send(&ToWorker::Drain, &[]).await.unwrap();
    in_time(Box::pin(run(&context, worker, Cache::absent(PATIENCE)))).await;
    assert_eq!(*context.deposit.borrow(), second());
}

#[tokio::test(flavor = "current_thread")]
async fn new_keys_during_a_delivery_are_there_at_once_and_do_not_disturb_it() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let results = empty_file();
    let (mut supervisor, theirs) = channels(&results);
    let (context, worker) = greeted(theirs).await;
    let nexthop = format!("[127.0.0.1]:{}", server.local_addr().unwrap().port());
    supervisor.send(&request(nexthop), &[empty_file().as_fd()]).await.unwrap();
    let told = async {
        let (mut connection, _) = server.accept().await.unwrap();
        supervisor.send(&ToWorker::DepositKeys(second()), &[]).await.unwrap();
        while *context.deposit.borrow() != second() {
            tokio::task::yield_now().await;
        }
        // The delivery still waits for this, on this connection.
        tokio::io::AsyncWriteExt::write_all(&mut connection, b"554 go away\r\n").await.unwrap();
        let report = report(&mut supervisor).await;
        assert!(report.results.iter().all(|result| result.reason.contains("go away")), "{report:?}");
        assert_eq!((report.job, report.results.len(), report.leaving), (1, 1, false));
        drop(supervisor);
    };
    let serving = Box::pin(run(&context, worker, Cache::absent(PATIENCE)));
    in_time(async { tokio::join!(serving, told) }).await;
}

#[tokio::test(flavor = "current_thread")]
async fn new_keys_do_not_say_that_a_report_was_recorded() {
    let results = empty_file();
    let (mut supervisor, theirs) = channels(&results);
    let (mut worker, _) = Supervisor::greet(theirs).await.unwrap();
    let fate = proto::job::Fate::Sent;
    let result = proto::job::RecipientResult {
        index: 0,
        fate,
        status: "2.0.0".into(),
        reason: "ok".into(),
        remote_mta: None,
        diagnostic: None,
    };
    let record = OrphanRecord { queue_id: "4Xyz".into(), time: 1, results: vec![result] };
    let report = Report { job: 1, results: vec![], site: Site::Reached, session: None, leaving: false };
    worker.report(record.clone(), report, empty_file()).await.unwrap();
    assert_eq!(self::report(&mut supervisor).await.job, 1);
    supervisor.send(&ToWorker::DepositKeys(second()), &[]).await.unwrap();
    drop(supervisor);
    assert!(matches!(worker.order().await, Ok(Order::DepositKeys(keys)) if keys == second()));
    let gone = worker.order().await;
    assert!(matches!(gone, Err(crate::supervisor::SupervisorError::Gone)), "{gone:?}");
    let mut written = Vec::new();
    let mut file = std::fs::File::from(results);
    std::io::Seek::rewind(&mut file).unwrap();
    std::io::Read::read_to_end(&mut file, &mut written).unwrap();
    assert_eq!(proto::orphan::decode(&written).unwrap().unwrap().0, record);
}
