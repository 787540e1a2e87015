//! Worker processes and scache that cannot be started, die or hang: mail waits, and goes out when they are back.
#![allow(clippy::unwrap_used, reason = "a test")]
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use testkit::mail::Mail;
use testkit::relay::{Launch, Relay};
use testkit::sink::{Act, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, injector, programs, wait};

fn impatient(sandbox: &Sandbox, sink: &Sink) -> Launch {
    Relay::in_sandbox(sandbox)
        .option("relayhost", sink.nexthop())
        .option("minimal_backoff_time", "1s")
        .option("maximal_backoff_time", "1s")
        .option("transport_retry_time", "1s")
}

fn send(relay: &Relay, id: &str) {
    injector::send(relay.intake(), 1, vec![Mail::new("user@d.test", id, b"the body\r\n")]);
}

/// A folder for BATON_LIBEXEC with links to the real programs; gives the worker's.
fn libexec(sandbox: &Sandbox) -> (PathBuf, PathBuf) {
    let folder = sandbox.folder("libexec");
    for name in ["scache", "baton-worker"] {
        symlink(programs::ours(name), folder.join(name)).unwrap();
    }
    (folder.clone(), folder.join("baton-worker"))
}

/// Without a usable worker mail is deferred; once there is one again it is delivered.
fn waits_for_a_worker(purpose: &str, spoil: impl FnOnce(&Path)) {
    let sandbox = Sandbox::new(purpose);
    let sink = Sink::start(Settings::smtp());
    let (folder, worker) = libexec(&sandbox);
    let mut relay = impatient(&sandbox, &sink).libexec(&folder).start();
    fs::remove_file(&worker).unwrap();
    spoil(&worker);
    send(&relay, "waits@client.test");
    let deferred = "status=deferred (mail transport unavailable)";
    wait::expect("a second deferral", || (relay.log().matches(deferred).count() >= 2).then_some(()));
    let _ = fs::remove_file(&worker);
    symlink(programs::ours("baton-worker"), &worker).unwrap();
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1);
    relay.stop();
}

#[test]
fn mail_waits_while_the_worker_program_is_gone() {
    waits_for_a_worker("gone", |_| {});
}

#[test]
fn mail_waits_while_the_worker_program_does_not_work() {
    waits_for_a_worker("broken", |worker| {
        fs::write(worker, "#!/bin/sh\nexit 1\n").unwrap();
        fs::set_permissions(worker, fs::Permissions::from_mode(0o755)).unwrap();
    });
}

#[test]
fn a_delivery_that_ends_its_workers_is_put_off() {
    let sandbox = Sandbox::new("deaths");
    let silence = Rule::at(Stage::Rcpt).act(Act::Silence).connections(1, 3);
    let sink = Sink::start(Settings::smtp().rule(silence));
    let mut relay = impatient(&sandbox, &sink).start();
    send(&relay, "deadly@client.test");
    for death in 1..=3 {
        sink.expect("the delivery", wait::PATIENCE, |record| {
            let last = record.connections.last().and_then(|connection| connection.commands.last());
            record.connections.len() == death && last.is_some_and(|command| command.starts_with("RCPT"))
        });
        relay.processes("baton-worker").iter().for_each(|worker| worker.signal(Signal::KILL));
    }
    let put_off = "status=deferred (delivery worker ended without a report, 3 times)";
    wait::expect("the deferral", || relay.log().contains(put_off).then_some(()));
    sink.expect_messages(1);
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1);
    relay.stop();
}

#[test]
fn a_hung_scache_is_replaced() {
    let sandbox = Sandbox::new("hung");
    let sink = Sink::start(Settings::smtp());
    let mut relay =
        impatient(&sandbox, &sink).option("smtp_connection_cache_destinations", "static:all").start();
    let hung = relay.processes("scache").remove(0);
    hung.signal(Signal::STOP);
    let output = relay.try_command(&["sessions"]);
    assert_eq!(output.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the connection cache"), "{output:?}");
    send(&relay, "meanwhile@client.test");
    sink.expect_messages(1);
    assert!(hung.wait_gone(wait::PATIENCE), "the hung one is ended");
    wait::expect("another scache", || relay.try_command(&["sessions"]).status.success().then_some(()));
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
}
