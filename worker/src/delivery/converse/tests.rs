//! The time that each stage has.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::args::Args;
use crate::{context, supervisor::Supervisor};
use maincf::Protocol;
use proto::channel::Channel as Packets;
use proto::deposit::{DepositKey, DepositKeys};
use proto::job::ToWorker;
use proto::secret::Secret;
use std::os::fd::{AsFd, OwnedFd};

/// What a worker with this setting has.
async fn context(option: &str) -> Context {
    let (mut ours, theirs) = Packets::pair().unwrap();
    let results: OwnedFd = tempfile::tempfile().unwrap().into();
    let deposit = DepositKeys { current: DepositKey { epoch: 1, key: Secret::new([1; 32]) }, previous: None };
    let hello = ToWorker::Hello { version: proto::VERSION, secret: Secret::new([7; 32]), deposit };
    ours.send(&hello, &[results.as_fd()]).unwrap();
    let (_, keys) = Supervisor::greet(theirs).await.unwrap();
    let protocol = if option.starts_with("lmtp") { Protocol::Lmtp } else { Protocol::Smtp };
    let options = vec!["myhostname=client.test".to_owned(), option.to_owned()];
    let args = Args {
        service: "x".into(),
        protocol,
        config: None,
        flags: maincf::value::DeliveryFlags::default(),
        options,
    };
    Context::new(&args, &context::read(&args).unwrap(), keys).unwrap()
}

#[tokio::test]
async fn every_stage_has_the_time_of_its_own_parameter() {
    for (name, stage) in [
        ("smtp_helo_timeout", Stage::Greeting),
        ("smtp_helo_timeout", Stage::Ehlo),
        ("smtp_helo_timeout", Stage::Helo),
        ("lmtp_lhlo_timeout", Stage::Lhlo),
        ("smtp_starttls_timeout", Stage::StartTls),
        ("smtp_mail_timeout", Stage::Mail),
        ("smtp_rcpt_timeout", Stage::Rcpt),
        ("smtp_data_init_timeout", Stage::Data),
        ("smtp_data_xfer_timeout", Stage::Content),
        ("smtp_data_done_timeout", Stage::EndOfData),
        ("smtp_rset_timeout", Stage::Rset),
        ("smtp_quit_timeout", Stage::Quit),
        ("lmtp_data_xfer_timeout", Stage::Content),
        ("lmtp_rset_timeout", Stage::Rset),
    ] {
        let context = context(&format!("{name}=7s")).await;
        assert_eq!(patience(&context, stage), Duration::from_secs(7), "{name}");
        let others = [Stage::Mail, Stage::Rset].into_iter().filter(|other| *other != stage);
        assert!(others.map(|other| patience(&context, other)).all(|time| time.as_secs() > 7), "{name}");
    }
}
