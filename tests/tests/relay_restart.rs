//! The relay killed, stopped, reloaded, short of disk, with damage in its queue: mail and sessions survive.
#![allow(clippy::unwrap_used, reason = "a test")]
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use testkit::injector::{self, Client};
use testkit::mail::{self, Mail};
use testkit::relay::Relay;
use testkit::sink::{FinalReply, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, ledger, wait};

fn one(id: &str) -> Vec<Mail> {
    vec![Mail::new("user@d.test", id, b"the body\r\n")]
}

fn listed(relay: &Relay) -> Vec<Value> {
    let text = relay.command(&["queue", "list", "--json"]);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Kills the relay and starts it again on the same queue.
fn kill_and_start(mut relay: Relay) -> Relay {
    relay.kill();
    let launch = relay.launch().clone();
    drop(relay);
    launch.start()
}

/// The queue files, in order of id.
fn files(sandbox: &Sandbox) -> Vec<PathBuf> {
    let shards = fs::read_dir(sandbox.join("spool/queue")).unwrap();
    let in_shard = |shard: fs::DirEntry| fs::read_dir(shard.path()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = shards.flat_map(|shard| in_shard(shard.unwrap())).collect();
    files.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    files
}

#[test]
fn mail_survives_a_killed_relay() {
    let sandbox = Sandbox::new("killed");
    let sink = Sink::start(Settings::smtp());
    let relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).held().start();
    let sent = injector::send(relay.intake(), 2, mail::distinct(50, 3_000));
    let mut relay = kill_and_start(relay);
    wait::expect("the queue", || (listed(&relay).len() == 50).then_some(()));
    relay.resume();
    relay.expect_empty(wait::PATIENCE);
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!(balance.faults(), 0, "{balance}");
    relay.stop();
}

#[test]
fn deferred_mail_keeps_its_time_over_a_restart() {
    let sandbox = Sandbox::new("timers");
    let settings = Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("450 4.2.0 not now").connections(1, 1));
    let sink = Sink::start(settings);
    let relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).start();
    injector::send(relay.intake(), 1, one("timer@client.test"));
    let deferred = |relay: &Relay| {
        wait::expect("the deferral", || {
            listed(relay).into_iter().next().filter(|message| message["state"] == "deferred")
        })
    };
    let before = deferred(&relay);
    let mut relay = kill_and_start(relay);
    assert_eq!(deferred(&relay), before);
    // It waits: had it been tried at the start, it would be delivered when the recovery is over.
    wait::expect("the recovery", || {
        let counted: Value = serde_json::from_str(&relay.command(&["statistics", "--json"])).unwrap();
        (counted["queued"] == 1).then_some(())
    });
    assert_eq!(sink.record().clone().connections.len(), 1);
    assert_eq!(relay.command(&["queue", "flush"]), "due now: 1\n");
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1);
    relay.stop();
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_are_delivered() {
    let sandbox = Sandbox::new("damage");
    let sink = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).held().start();
    injector::send(relay.intake(), 1, mail::distinct(3, 5_000));
    relay.stop();
    let files = files(&sandbox);
    let (content, preamble) = (&files[0], &files[1]);
    for (file, offset) in [(content, 2_000), (preamble, 10)] {
        let file = fs::File::options().read(true).write(true).open(file).unwrap();
        let mut octet = [0];
        file.read_exact_at(&mut octet, offset).unwrap();
        file.write_all_at(&[octet[0] ^ 1], offset).unwrap();
    }
    let launch = relay.launch().clone();
    drop(relay);
    let mut relay = launch.start();
    relay.resume();
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1);
    for damaged in [content, preamble] {
        let name = damaged.file_name().unwrap().to_str().unwrap();
        assert!(sandbox.join("spool/corrupt").join(name).is_file(), "{name} is not kept");
        let told = relay.log().lines().any(|line| line.contains(name) && line.contains("set aside"));
        assert!(told, "{name}: {}", relay.log());
    }
    let counted: Value = serde_json::from_str(&relay.command(&["statistics", "--json"])).unwrap();
    assert_eq!(counted["queued"], 0);
    relay.stop();
}

#[test]
fn a_full_disk_stops_intake_and_not_delivery() {
    let sandbox = Sandbox::new("disk");
    let sink = Sink::start(Settings::smtp());
    let launch = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
    let mut relay = launch.clone().held().start();
    injector::send(relay.intake(), 1, one("before@client.test"));
    relay.stop();
    drop(relay);
    let mut relay = launch.option("queue_minfree", "9000000000000000").start();
    let mut client = Client::connect(relay.intake());
    let reply = client.ask("MAIL FROM:<sender@client.test>", '4');
    assert!(reply.starts_with("452 4.3.1"), "{reply}");
    client.quit();
    assert!(relay.log().contains("octets free"), "{}", relay.log());
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1);
    relay.stop();
}

#[test]
fn a_reload_keeps_parked_sessions_and_replaces_workers() {
    let sandbox = Sandbox::new("reload");
    let sink = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_connection_cache_destinations", "static:all")
        .option("smtp_connection_cache_time_limit", "60s")
        .option("connection_cache_ttl_limit", "60s")
        .start();
    injector::send(relay.intake(), 1, one("before@client.test"));
    wait::expect("a parked session", || (relay.command(&["sessions", "--json"]).len() > 10).then_some(()));
    let workers = relay.processes("baton-worker");
    assert_eq!(workers.len(), 1);
    let scache = relay.processes("scache");
    relay.reload();
    wait::expect("the reload", || relay.log().contains("configuration read again").then_some(()));
    assert!(workers[0].wait_gone(wait::PATIENCE), "the worker with the old settings stays");
    injector::send(relay.intake(), 1, one("after@client.test"));
    sink.expect_messages(2);
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.record().clone().connections.len(), 1);
    assert_eq!(relay.processes("scache"), scache);

    // A mistake in the file changes nothing.
    let path = sandbox.join("main.cf");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{good}minimal_backoff_time = soon\nrelayhost = [127.0.0.1]:1\n")).unwrap();
    relay.reload();
    let told =
        |line: &str| line.contains("configuration not changed") && line.contains("minimal_backoff_time");
    wait::expect("the complaint", || relay.log().lines().any(told).then_some(()));
    // What counts only at the start is said to do so.
    fs::write(&path, format!("{good}queue_minfree = 12345\n")).unwrap();
    relay.reload();
    wait::expect("the remark", || relay.log().contains("queue_minfree was changed").then_some(()));
    injector::send(relay.intake(), 1, one("third@client.test"));
    sink.expect_messages(3);
    relay.stop();
}

#[test]
fn reloads_in_the_middle_of_deliveries_lose_and_double_nothing() {
    let sandbox = Sandbox::new("reloads");
    let sink = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).held().start();
    let sent = injector::send(relay.intake(), 2, mail::distinct(300, 1_000));
    relay.resume();
    for part in 1..=5 {
        sink.expect_messages(part * 50);
        relay.reload();
    }
    relay.expect_empty(wait::PATIENCE);
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!(balance.faults(), 0, "{balance}");
    let counted: Value = serde_json::from_str(&relay.command(&["statistics", "--json"])).unwrap();
    assert_eq!((&counted["delivered"], &counted["queued"]), (&300.into(), &0.into()));
    relay.stop();
}

#[test]
fn a_killed_scache_is_replaced_and_serves_the_workers_that_are_there() {
    let sandbox = Sandbox::new("scache");
    let sink = Sink::start(Settings::smtp());
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_connection_cache_destinations", "static:all")
        .option("smtp_connection_cache_time_limit", "60s")
        .option("connection_cache_ttl_limit", "60s")
        .start();
    let parked = |relay: &Relay, connection: &str| {
        wait::expect(connection, || (relay.command(&["sessions", "--json"]).len() > 10).then_some(()));
    };
    injector::send(relay.intake(), 1, one("before@client.test"));
    parked(&relay, "the first session");
    let (old, workers) = (relay.processes("scache").remove(0), relay.processes("baton-worker"));
    old.signal(rustix::process::Signal::KILL);
    wait::expect("another scache", || {
        relay.processes("scache").into_iter().find(|process| *process != old && process.is_alive())
    });
    wait::expect("its answer", || (relay.command(&["sessions", "--json"]).trim() == "[]").then_some(()));
    for (number, id) in [(2, "fresh@client.test"), (3, "again@client.test")] {
        injector::send(relay.intake(), 1, one(id));
        sink.expect_messages(number);
        parked(&relay, "the next session");
    }
    assert_eq!(relay.processes("baton-worker"), workers);
    // The first session went with the first scache; the second carried two messages.
    assert_eq!(sink.record().clone().connections.len(), 2);
    relay.stop();
}

#[test]
fn a_rotated_log_file_is_left_alone_after_a_reload() {
    let sandbox = Sandbox::new("log");
    let sink = Sink::start(Settings::smtp());
    let log = sandbox.join("mail.log");
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("maillog_file", log.display().to_string())
        .start();
    injector::send(relay.intake(), 1, one("before@client.test"));
    relay.expect_empty(wait::PATIENCE);
    let old = sandbox.join("mail.log.1");
    fs::rename(&log, &old).unwrap();
    relay.reload();
    let new_text = || fs::read_to_string(&log).unwrap_or_default();
    wait::expect("the new file", || new_text().contains("configuration read again").then_some(()));
    let old_text = fs::read_to_string(&old).unwrap();
    injector::send(relay.intake(), 1, one("after@client.test"));
    sink.expect_messages(2);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    assert!(old_text.contains("status=sent"), "{old_text}");
    // Delivery lines are the workers', statistics scache's: all of them are in the new file.
    for wanted in ["status=sent", "statistics:", "ended"] {
        assert!(new_text().contains(wanted), "no {wanted:?} in {}", new_text());
    }
    let since = fs::read_to_string(&old).unwrap();
    assert!(!since[old_text.len()..].contains("after@client.test"), "{since}");
}

#[test]
fn a_relay_that_ends_finishes_what_it_has_begun() {
    let sandbox = Sandbox::new("ending");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let mut relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).start();
    injector::send(relay.intake(), 1, one("delivering@client.test"));
    sink.expect_messages(1);
    let mut client = Client::connect(relay.intake());
    client.ask("MAIL FROM:<sender@client.test>", '2');
    client.ask("RCPT TO:<user@d.test>", '2');
    client.ask("DATA", '3');
    client.write(b"Message-ID: <coming@client.test>\r\n\r\n");
    let supervisor = relay.supervisor();
    supervisor.signal(rustix::process::Signal::TERM);
    wait::expect("the order to end", || relay.log().contains("ending:").then_some(()));
    sink.release();
    client.write(b"body\r\n.\r\n");
    let reply = client.reply();
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    assert!(supervisor.wait_gone(wait::PATIENCE), "one order is enough");
    relay.kill(); // Only to take note of its end.
    assert_eq!(relay.queued(), 1, "the first is delivered, the second waits");
    assert!(!sandbox.join("run/intake.address").exists() && !sandbox.join("run/control").exists());
    let launch = relay.launch().clone();
    drop(relay);
    let mut relay = launch.start();
    relay.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 2);
    relay.stop();
}

#[test]
fn the_second_order_to_end_is_obeyed_at_once_and_loses_nothing() {
    let sandbox = Sandbox::new("at-once");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).start();
    injector::send(relay.intake(), 1, one("held@client.test"));
    sink.expect_messages(1);
    let supervisor = relay.supervisor();
    supervisor.signal(rustix::process::Signal::TERM);
    wait::expect("the order to end", || relay.log().contains("ending:").then_some(()));
    assert!(supervisor.is_alive(), "it does not wait for the delivery");
    supervisor.signal(rustix::process::Signal::TERM);
    assert!(supervisor.wait_gone(wait::PATIENCE));
    assert!(!sandbox.join("run/intake.address").exists() && !sandbox.join("run/control").exists());
    let mut second = relay.launch().clone().start();
    sink.release();
    second.expect_empty(wait::PATIENCE);
    assert_eq!(sink.messages().len(), 1, "one copy");
    second.stop();
    drop(relay);
}

#[test]
fn two_relays_cannot_share_a_queue_or_a_run_directory() {
    let sandbox = Sandbox::new("twice");
    let mut relay = Relay::in_sandbox(&sandbox).start();
    let address = fs::read_to_string(sandbox.join("run/intake.address")).unwrap();
    let output = relay.try_command(&["relay"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("uses the spool"), "{output:?}");
    let other = format!("queue_directory={}", sandbox.join("other").display());
    let output = relay.try_command(&["relay", "-o", &other]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another relay runs here"), "{output:?}");
    assert_eq!(fs::read_to_string(sandbox.join("run/intake.address")).unwrap(), address);
    let mut client = Client::connect(relay.intake());
    client.ask("NOOP", '2');
    client.quit();
    std::io::stdout().flush().unwrap();
    relay.stop();
}
