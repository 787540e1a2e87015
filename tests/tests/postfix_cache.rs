//! Connections that outlive the processes that made them, under a real Postfix: its queue manager asks, our cache keeps.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;
use testkit::postfix::{Launch, Letter, Postfix, complaints};
use testkit::process::Process;
use testkit::sink::{FinalReply, Settings, Sink, Tls};
use testkit::{Sandbox, programs, wait};

/// Every session is kept, for longer than a test takes.
const KEPT: &str =
    "-o smtp_connection_cache_destinations=static:all -o smtp_connection_cache_time_limit=600s";

/// Where an agent finds the cache.
const NAMED: &str = "-o connection_cache_service_name=bscache";
const LONG: &str = "-o connection_cache_ttl_limit=600s";

/// Our agent's domains d.test and e.test, which name the same server in different ways.
fn routed(sandbox: &Sandbox, sink: &Sink) -> Launch {
    let port = sink.address().port();
    let next = |host: &str| format!("ours:[{host}]:{port}");
    let routes = format!("{{ d.test = {} }}, {{ e.test = {} }}", next("127.0.0.1"), next("localhost"));
    Postfix::in_sandbox(sandbox)
        .option("transport_maps", format!("inline:{{ {routes} }}"))
        .option("smtp_host_lookup", "native")
        .option("default_transport", "discard:")
        .option("service_throttle_time", "1s")
}

/// Without a cache.
fn agent(sandbox: &Sandbox, sink: &Sink, arguments: &str) -> Launch {
    routed(sandbox, sink).agent("ours", "-", &format!("{NAMED} {arguments}"))
}

/// With the cache.
fn site(sandbox: &Sandbox, sink: &Sink, arguments: &str) -> Launch {
    agent(sandbox, sink, arguments).cache("bscache", LONG)
}

fn deliver(postfix: &Postfix, recipient: &str) -> String {
    postfix.inject(&[Letter { recipient: recipient.into(), age: Duration::ZERO }]);
    let line = postfix.expect_line(&[&format!("to=<{recipient}>"), "status=sent"]);
    // Until then the session may not be parked yet, and an instance that is stopped would deliver it once more.
    let id = line.split(": ").nth(1).unwrap();
    postfix.expect_line(&[&format!(" {id}: removed")]);
    line
}

/// The process that wrote a line.
fn process(line: &str) -> &str {
    line.split_once('[').unwrap().1.split_once(']').unwrap().0
}

fn connections(sink: &Sink) -> usize {
    sink.record().connections.len()
}

fn cache(postfix: &Postfix) -> Process {
    wait::expect("baton-scache", || {
        let children = Process::find(postfix.master())?.children();
        children.into_iter().find(|child| child.name == "baton-scache")
    })
}

fn reload(postfix: &Postfix) {
    let mut command = Command::new(programs::debian("postfix"));
    let done = command.arg("-c").arg(postfix.configuration()).arg("reload").output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn messages_back_to_back_share_connections_as_the_queue_manager_asks_and_statistics_show_it() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let postfix = site(&sandbox, &sink, "").option("ours_destination_concurrency_limit", "2").start();
    let letter = |number| Letter { recipient: format!("u{number}@d.test"), age: Duration::ZERO };
    postfix.inject(&(0..30).map(letter).collect::<Vec<_>>());
    // The queue manager asks for it while more wait than can go.
    wait::expect("all to wait", || (postfix.queue_files("active").len() == 30).then_some(()));
    sink.release();
    for number in 0..30 {
        postfix.expect_line(&[&format!("to=<u{number}@d.test>"), "status=sent"]);
    }
    assert_eq!(sink.messages().len(), 30);
    // The two that were held were not asked for, and each of the last may go alone.
    assert!(connections(&sink) <= 10, "{}", sink.record());
    postfix.expect_line(&["postfix/smtp[", "conn_use=4,", "status=sent"]);
    let old = cache(&postfix);
    reload(&postfix);
    assert!(old.wait_gone(wait::PATIENCE), "master let it go");
    postfix.expect_line(&["postfix/scache[", "statistics: start interval "]);
    let line = postfix.expect_line(&["postfix/scache[", "statistics: domain lookup hits="]);
    assert!(!line.contains("hits=0 "), "{line}");
    postfix
        .expect_line(&["postfix/scache[", "statistics: max simultaneous domains=1 addresses=1 connection="]);
    sink.expect("farewells", wait::PATIENCE, |record| record.open == 0);
    deliver(&postfix, "again@d.test");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn the_cache_is_found_by_the_name_of_its_service() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    let postfix = agent(&sandbox, &sink, KEPT).cache("elsewhere", "").start();
    deliver(&postfix, "u1@d.test");
    deliver(&postfix, "u2@d.test");
    assert_eq!(connections(&sink), 2, "there is no bscache");
    let log = postfix.log_from(0);
    assert_eq!(log.matches("going on without the connection cache: private/bscache: ").count(), 1, "{log}");
    postfix.stop();
    let postfix = site(&sandbox, &sink, KEPT).start();
    deliver(&postfix, "u3@d.test");
    assert!(deliver(&postfix, "u4@d.test").contains("conn_use=2,"));
    assert_eq!(connections(&sink), 3);
    postfix.stop();
}

#[test]
fn the_cache_tells_master_and_the_log_of_itself_as_often_as_it_is_asked_to() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    let postfix =
        agent(&sandbox, &sink, KEPT).cache("bscache", "-o connection_cache_status_update_time=1s").start();
    deliver(&postfix, "u1@d.test");
    postfix.expect_line(&["postfix/scache[", "statistics: domain lookup hits=0 miss=1 success=0%"]);
    cache(&postfix).signal(Signal::KILL);
    postfix.expect_line(&["killed by signal 9"]);
    deliver(&postfix, "u2@d.test");
    assert!(!postfix.log_from(0).contains("throttling"), "it had done its work before");
    postfix.stop();
}

#[test]
fn a_session_that_the_server_ended_is_replaced_without_a_word() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp().close_after(1));
    let postfix = site(&sandbox, &sink, KEPT).start();
    for number in 1..=3 {
        deliver(&postfix, &format!("u{number}@d.test"));
        sink.expect("the end of the connection", wait::PATIENCE, |record| record.open == 0);
    }
    assert_eq!(connections(&sink), 3);
    assert!(!postfix.log_from(0).contains("status=deferred"));
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_session_is_used_as_often_and_for_as_long_as_configured() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    let postfix = site(&sandbox, &sink, &format!("{KEPT} -o smtp_connection_reuse_count_limit=3")).start();
    for number in 0..9 {
        deliver(&postfix, &format!("u{number}@d.test"));
    }
    assert_eq!(sink.record().longest(), 4);
    assert_eq!(connections(&sink), 3);
    postfix.stop();
    let sink = Sink::start(Settings::smtp());
    let postfix = site(&sandbox, &sink, &format!("{KEPT} -o smtp_connection_reuse_time_limit=1s")).start();
    deliver(&postfix, "v1@d.test");
    sink.expect("the end by age", wait::PATIENCE, |record| record.open == 0);
    assert!(sink.record().violations.is_empty());
    deliver(&postfix, "v2@d.test");
    assert_eq!(connections(&sink), 2);
    postfix.stop();
}

#[test]
fn domains_on_one_server_share_its_sessions_but_not_with_different_credentials() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let postfix = site(&sandbox, &sink, KEPT).start();
    deliver(&postfix, "u1@d.test");
    assert!(deliver(&postfix, "u2@e.test").contains("conn_use=2,"));
    assert_eq!(connections(&sink), 1);
    postfix.stop();
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let port = sink.address().port();
    let passwords = format!("{{ [127.0.0.1]:{port} = u:p }}, {{ [localhost]:{port} = v:q }}");
    let postfix = site(&sandbox, &sink, KEPT)
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_security_options", "noanonymous")
        .option("smtp_sasl_password_maps", format!("inline:{{ {passwords} }}"))
        .start();
    deliver(&postfix, "v1@d.test");
    assert!(!deliver(&postfix, "v2@e.test").contains("conn_use="));
    assert!(deliver(&postfix, "v3@d.test").contains("conn_use=2,"));
    assert_eq!(connections(&sink), 2);
    postfix.stop();
}

#[test]
fn an_encrypted_session_goes_from_process_to_process_and_only_root_has_its_keys() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp().tls(&Tls::default()));
    let postfix = routed(&sandbox, &sink)
        .agent("ours", "-", &format!("{NAMED} {KEPT} -o max_use=1"))
        .cache("bscache", LONG)
        .option("smtp_tls_security_level", "may")
        .option("smtp_tls_connection_reuse", "yes")
        .option("smtp_tls_loglevel", "1")
        .start();
    for number in 1..=4 {
        deliver(&postfix, &format!("u{number}@d.test"));
    }
    let log = postfix.log_from(0);
    assert_eq!(log.matches("TLS connection reused to").count(), 3, "{log}");
    assert_eq!(sink.record().handshakes, 1);
    assert_eq!(connections(&sink), 1);
    let mut processes: Vec<_> = log.lines().filter(|line| line.contains("status=sent")).collect();
    processes.dedup_by_key(|line| process(line));
    assert_eq!(processes.len(), 4, "four processes: {log}");
    let tasks = fs::read_dir(format!("/proc/{}/task", cache(&postfix).pid)).unwrap();
    let confined = tasks.filter(|task| {
        let status = fs::read_to_string(task.as_ref().unwrap().path().join("status")).unwrap();
        status.contains("Seccomp:\t2")
    });
    assert_eq!(confined.count(), 3, "all threads");
    let keys = postfix.configuration().parent().unwrap().join("spool/pid/baton-keys");
    let keys = fs::metadata(keys).unwrap();
    assert_eq!((keys.uid(), keys.mode() & 0o777), (0, 0o600));
    assert_eq!(complaints(&log), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_cache_that_is_killed_costs_a_connection_and_no_mail() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    let postfix = site(&sandbox, &sink, KEPT).start();
    deliver(&postfix, "u1@d.test");
    let old = cache(&postfix);
    old.signal(Signal::KILL);
    assert!(old.wait_gone(wait::PATIENCE));
    deliver(&postfix, "u2@d.test");
    deliver(&postfix, "u3@d.test");
    assert!(deliver(&postfix, "u4@d.test").contains("conn_use="), "it is found again");
    assert!(connections(&sink) <= 3, "{}", sink.record());
    let complaints = complaints(&postfix.log_from(0));
    assert!(complaints.iter().all(|line| line.contains("killed by signal 9")), "{complaints:?}");
    postfix.stop();
}

#[test]
fn a_cache_that_hangs_costs_one_timeout_and_no_mail() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    let arguments = format!("{KEPT} -o connection_cache_protocol_timeout=1s");
    let postfix = site(&sandbox, &sink, &arguments).start();
    deliver(&postfix, "u1@d.test");
    let hung = cache(&postfix);
    hung.signal(Signal::STOP);
    for number in 2..=5 {
        deliver(&postfix, &format!("u{number}@d.test"));
    }
    assert_eq!(connections(&sink), 5);
    let log = postfix.log_from(0);
    let lines = log.lines().filter(|line| line.contains("going on without the connection cache"));
    let mut processes: Vec<_> = lines.map(process).collect();
    let said = processes.len();
    processes.sort();
    processes.dedup();
    assert!(said > 0 && said == processes.len(), "once in each process: {log}");
    hung.signal(Signal::CONT);
    postfix.stop();
}

/// How many descriptors the process may have from now on, and how many it could before. Not even root may tell another
/// account's process that everywhere, so the account itself does.
fn descriptors(process: &Process, limit: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap();
    let before = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut command = Command::new(programs::debian("setpriv"));
    command.args(["--reuid=postfix", "--regid=postfix", "--clear-groups", "prlimit"]);
    command.args(["--pid", &process.pid.to_string(), &format!("--nofile={limit}:")]);
    assert!(command.status().unwrap().success());
    before.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn a_cache_without_descriptors_ends_its_oldest_sessions_and_goes_on() {
    let sandbox = Sandbox::new("pfk");
    let sink = Sink::start(Settings::smtp());
    // Each delivery is another process's, which wants to be let in.
    let postfix = site(&sandbox, &sink, &format!("{KEPT} -o max_use=1")).start();
    deliver(&postfix, "u1@d.test");
    let first = cache(&postfix);
    let open = fs::read_dir(format!("/proc/{}/fd", first.pid)).unwrap().count();
    let most = descriptors(&first, &open.to_string());
    // Without the cache, when it has waited for as long as it does for an answer.
    deliver(&postfix, "u2@d.test");
    let line = postfix.expect_line(&["postfix/scache[", "warning: agents have to wait: Too many open files"]);
    assert!(line.ends_with("1 parked connections were ended"), "{line}");
    sink.expect("a farewell", wait::PATIENCE, |record| record.open == 0);
    assert!(sink.record().violations.is_empty());
    deliver(&postfix, "u3@d.test");
    descriptors(&first, &most);
    let mut number = 3;
    wait::expect("a connection that is kept again", || {
        number += 1;
        deliver(&postfix, &format!("u{number}@d.test")).contains("conn_use=2,").then_some(())
    });
    assert_eq!(cache(&postfix).pid, first.pid);
    assert_eq!(postfix.log_from(0).matches("agents have to wait").count(), 1);
    assert!(!postfix.log_from(0).contains("fatal"));
    postfix.stop();
}
