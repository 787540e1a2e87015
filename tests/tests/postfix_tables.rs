//! Tables of our agent under a real Postfix, beside the stock agent: asked through proxymap(8), missing, wrong, and changed.
#![allow(clippy::unwrap_used, reason = "a test")]

use nix::unistd::Group;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use testkit::postfix::{Launch, Postfix, complaints, shape};
use testkit::process::Process;
use testkit::sink::{Settings, Sink};
use testkit::{Sandbox, programs, wait};

const DOMAINS: [&str; 2] = ["stock.test", "baton.test"];

/// Both agents, the stock one for `stock.test` and ours for `baton.test`, to the same server.
fn both(sandbox: &Sandbox, sink: &Sink) -> Launch {
    let next = sink.nexthop();
    let routes = format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}");
    Postfix::in_sandbox(sandbox)
        .option("transport_maps", routes)
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .option("service_throttle_time", "1s")
        // One deferral does not suspend the destination.
        .option("default_destination_concurrency_failed_cohort_limit", "0")
        .agent("ours", "-", "")
}

/// Writes a table and has postmap make its index.
fn hash(sandbox: &Sandbox, name: &str, text: &str) -> PathBuf {
    let path = sandbox.write(name, text);
    sandbox.write("postmap/main.cf", "compatibility_level = 3.6\n");
    let mut postmap = Command::new(programs::debian("postmap"));
    let output = postmap.arg("-c").arg(sandbox.join("postmap")).arg(named("hash", &path)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    path
}

fn named(kind: &str, path: &Path) -> String {
    format!("{kind}:{}", path.display())
}

/// Delivers a message to this name in each domain, the stock agent's first; gives the delivery lines.
fn lines(postfix: &Postfix, name: &str) -> [String; 2] {
    DOMAINS.map(|domain| {
        let recipient = format!("{name}@{domain}");
        postfix.submit(&[], "sender@client.test", &[&recipient], "Subject: x\n\ntext\n");
        postfix.expect_line(&[&format!("to=<{recipient}>"), "status="])
    })
}

/// Both agents say the same; that is what comes back.
fn same(postfix: &Postfix, name: &str) -> String {
    let [stock, ours] = lines(postfix, name).map(|line| shape(&line));
    assert_eq!(ours, stock);
    ours
}

/// The process that wrote a line.
fn pid(line: &str) -> u32 {
    let (_, rest) = line.split_once("postfix/smtp[").unwrap();
    rest.split_once(']').unwrap().0.parse().unwrap()
}

/// What clients said over each connection, but for QUIT.
fn said(sink: &Sink) -> Vec<Vec<String>> {
    let record = sink.record();
    let said = record.connections.iter().map(|connection| connection.commands.clone());
    said.map(|mut commands| {
        commands.retain(|command| command != "QUIT");
        commands
    })
    .collect()
}

#[test]
fn proxied_tables_answer_as_they_answer_the_stock_agent() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let generic = hash(&sandbox, "generic", "sender@client.test hidden@out.test\n");
    let passwords = hash(&sandbox, "passwords", &format!("{} user:s3cr3t\n", sink.nexthop()));
    let group = Group::from_name("postfix").unwrap().unwrap().gid.as_raw();
    for path in [&passwords, &passwords.with_added_extension("db")] {
        // For proxymap, which is not root.
        chown(path, None, Some(group)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
    }
    let policies = sandbox.write("policies", "/^strict/ encrypt\n/./ none\n");
    let postfix = both(&sandbox, &sink)
        .option("smtp_generic_maps", named("proxy:hash", &generic))
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_security_options", "noanonymous")
        .option("smtp_sasl_password_maps", named("proxy:hash", &passwords))
        .option("smtp_tls_policy_maps", named("proxy:regexp", &policies))
        .start();
    assert!(same(&postfix, "one").contains("status=sent"));
    let [stock, ours] = <[_; 2]>::try_from(said(&sink)).unwrap();
    let same = |commands: Vec<String>| commands.join("\n").replace("stock.test", "baton.test");
    let ours = same(ours);
    assert_eq!(ours, same(stock));
    assert!(ours.contains("\nAUTH PLAIN ") && ours.contains("\nMAIL FROM:<hidden@out.test>"), "{ours}");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_proxied_table_that_nobody_may_read_keeps_the_agent_from_starting() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let generic = hash(&sandbox, "generic", "sender@client.test hidden@out.test\n");
    let postfix = both(&sandbox, &sink)
        .option("smtp_generic_maps", named("proxy:hash", &generic))
        .option("proxy_read_maps", "proxy:hash:/another")
        .start();
    for domain in DOMAINS {
        postfix.submit(&[], "sender@client.test", &[&format!("a@{domain}")], "Subject: x\n\ntext\n");
    }
    let fatal = |program: &str| {
        let word = "fatal: proxymap service is not configured for table";
        postfix.expect_line(&[&format!("/{program}: bad command startup")]);
        wait::expect("its reason", || {
            let log = postfix.log_from(0);
            let count = log.lines().filter(|line| line.contains(word)).count();
            (count >= 2).then_some(())
        });
    };
    fatal("smtp");
    fatal("baton-smtp");
    assert_eq!((sink.messages().len(), postfix.queued()), (0, 2));
    postfix.stop();
}

#[test]
fn a_proxymap_that_died_is_asked_again() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let generic = hash(&sandbox, "generic", "sender@client.test hidden@out.test\n");
    let postfix = both(&sandbox, &sink)
        .option("smtp_generic_maps", named("proxy:hash", &generic))
        // As long as the test takes, so that it is the same connection.
        .option("ipc_idle", "600s")
        .option("default_transport", format!("jailed:{}", sink.nexthop()))
        .line(&format!("jailed unix - - y - - ../../../..{}", programs::ours("baton-smtp").display()))
        .start();
    let jailed = |name: &str| {
        let recipient = format!("{name}@elsewhere.test");
        postfix.submit(&[], "sender@client.test", &[&recipient], "Subject: x\n\ntext\n");
        pid(&postfix.expect_line(&[&format!("to=<{recipient}>"), "status=sent"]))
    };
    let in_jail = jailed("one");
    let [_, before] = lines(&postfix, "one");
    for process in Process::find(postfix.master()).unwrap().descendants() {
        if process.name == "proxymap" {
            process.signal(rustix::process::Signal::KILL);
            assert!(process.wait_gone(wait::PATIENCE));
        }
    }
    let [_, after] = lines(&postfix, "two");
    assert!(after.contains("status=sent"), "{after}");
    assert_eq!(pid(&before), pid(&after));
    assert_eq!(jailed("two"), in_jail);
    assert_eq!(sink.messages().len(), 6);
    assert!(sink.messages().iter().all(|message| message.sender == "hidden@out.test"));
    postfix.stop();
}

#[test]
fn mail_that_needs_a_missing_table_waits_and_is_logged_as_by_the_stock_agent() {
    let cases = [
        ("4.7.5", "smtp_tls_policy_maps", "hash:/nowhere/t"),
        ("4.7.5", "smtp_tls_policy_maps", "proxy:hash:/nowhere/t"),
        ("4.3.0", "smtp_discard_ehlo_keyword_address_maps", "cdb:/nowhere/t"),
        ("4.3.0", "smtp_header_checks", "regexp:/nowhere/t"),
    ];
    for (status, parameter, table) in cases {
        let sandbox = Sandbox::new("pft");
        let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
        let postfix = both(&sandbox, &sink).option(parameter, table).start();
        let line = same(&postfix, "a");
        assert!(line.contains(&format!("{status}, status=deferred")), "{parameter}: {line}");
        assert_eq!(sink.messages().len(), 0);
        postfix.stop();
    }
}

/// The stock agent connects, and looks for the password then.
#[test]
fn no_server_is_talked_to_while_the_table_of_passwords_is_missing() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let postfix = both(&sandbox, &sink)
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_security_options", "noanonymous")
        .option("smtp_sasl_password_maps", "hash:/nowhere/t")
        .start();
    let end = |line: String| line.split_once("dsn=").unwrap().1.to_owned();
    let [stock, ours] = lines(&postfix, "a").map(end);
    assert_eq!(ours, stock);
    assert!(ours.starts_with("4.3.0, status=deferred"), "{ours}");
    assert_eq!(sink.record().connections.len(), 1);
    postfix.stop();
}

/// The stock agent dies of it during the delivery, without a line for the recipient, and its transport is throttled.
#[test]
fn without_the_table_of_generic_addresses_mail_waits_and_the_agent_lives() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let postfix = both(&sandbox, &sink).option("smtp_generic_maps", "hash:/nowhere/t").start();
    let deliver = |name: &str| {
        let recipient = format!("{name}@baton.test");
        postfix.submit(&[], "sender@client.test", &[&recipient], "Subject: x\n\ntext\n");
        postfix.expect_line(&[&format!("to=<{recipient}>"), "dsn=4.3.0, status=deferred (local data error"])
    };
    assert_eq!(pid(&deliver("one")), pid(&deliver("two")));
    let log = postfix.log_from(0);
    assert!(log.contains("error: hash:/nowhere/t is unavailable"), "{log}");
    assert!(!log.contains("bad command startup"), "{log}");
    postfix.stop();
}

#[test]
fn rules_with_mistakes_are_left_out_with_a_warning_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let checks = sandbox.write("checks", "/(unclosed/ IGNORE\nnonsense\n/^Subject:/ REPLACE Subject: new\n");
    let postfix = both(&sandbox, &sink).option("smtp_header_checks", named("regexp", &checks)).start();
    assert!(same(&postfix, "a").contains("status=sent"));
    assert!(
        sink.messages()
            .iter()
            .all(|message| String::from_utf8_lossy(&message.content).contains("\r\nSubject: new\r\n"))
    );
    let log = postfix.log_from(0);
    let warned =
        |place: &str| log.lines().filter(|line| line.contains("warning: ") && line.contains(place)).count();
    assert_eq!(
        (warned("checks, line 1") + warned("checks:1"), warned("checks, line 2") + warned("checks:2")),
        (2, 2)
    );
    postfix.stop();
}

#[test]
fn a_process_whose_table_was_written_again_makes_room_for_another() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let generic = hash(&sandbox, "generic", "sender@client.test first@out.test\n");
    let postfix = both(&sandbox, &sink).option("smtp_generic_maps", named("hash", &generic)).start();
    let before = [lines(&postfix, "one"), lines(&postfix, "two")].map(|lines| lines.map(|line| pid(&line)));
    assert_eq!(before[0], before[1], "nothing has changed");
    let index = generic.with_added_extension("db");
    let was = index.metadata().unwrap().modified().unwrap();
    hash(&sandbox, "generic", "sender@client.test second@out.test\n");
    // Postfix compares whole seconds.
    let index = fs::File::options().write(true).open(index).unwrap();
    index.set_modified(was + std::time::Duration::from_secs(2)).unwrap();
    let after = lines(&postfix, "three").map(|line| pid(&line));
    assert!(before[0].iter().zip(after).all(|(before, after)| *before != after), "{before:?} {after:?}");
    assert_eq!(postfix.log_from(0).matches("has changed -- restarting").count(), 2);
    let senders: Vec<_> = sink.messages().into_iter().map(|message| message.sender).collect();
    assert_eq!(senders[..4], ["first@out.test"; 4]);
    assert_eq!(senders[4..], ["second@out.test"; 2]);
    postfix.stop();
}
