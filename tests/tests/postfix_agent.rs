//! Delivery under a real Postfix, our agent beside the stock one: what its queue manager, its daemons and its log make of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;
use testkit::postfix::{Launch, Letter, Postfix, complaints, shape};
use testkit::sink::{Act, Record, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, programs, wait};

/// Both agents, the stock one for `stock.test` and ours for `baton.test`, to the same server.
fn both(sandbox: &Sandbox, sink: &Sink) -> Launch {
    let address = sink.address();
    let next = format!("[{}]:{}", address.ip(), address.port());
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
}

#[test]
fn every_outcome_is_logged_reported_and_marked_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pfx");
    let refused = Rule::at(Stage::Rcpt).containing("bad@").reply("550 5.1.1 no such user");
    let later = Rule::at(Stage::Rcpt).containing("later@").reply("450 4.2.0 mailbox busy");
    let sink = Sink::start(Settings::smtp().rule(refused).rule(later));
    let postfix = both(&sandbox, &sink).start();
    for domain in ["stock.test", "baton.test"] {
        let recipients = ["good", "bad", "later"].map(|local| format!("{local}@{domain}"));
        let recipients = recipients.each_ref().map(String::as_str);
        postfix.submit(&[], "sender@client.test", &recipients, "Subject: x\n\n.dot\nlast");
    }
    for (local, word) in [("good", "status=sent"), ("bad", "status=bounced"), ("later", "status=deferred")] {
        let line = |domain| shape(&postfix.expect_line(&[&format!("to=<{local}@{domain}>"), word]));
        assert_eq!(line("baton.test"), line("stock.test"));
    }
    wait::expect("two deferred messages", || (postfix.queue_files("deferred").len() == 2).then_some(()));
    for file in postfix.queue_files("deferred") {
        let shown = Command::new(programs::debian("postcat"))
            .arg("-c")
            .arg(postfix.configuration())
            .arg(&file)
            .output()
            .expect("postcat runs");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let still: Vec<_> = shown.lines().filter(|line| line.starts_with("recipient: ")).collect();
        assert!(matches!(still.as_slice(), [one] if one.contains("later@")), "{shown}");
        assert_eq!(shown.matches("\ndone_recipient: ").count(), 2, "{shown}");
    }
    let records: Vec<_> =
        postfix.queue_files("defer").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let [first, second] = <[String; 2]>::try_from(records).expect("two logs of deferred mail");
    let same = |log: &str| log.replace("baton.test", "TEST").replace("stock.test", "TEST");
    assert_eq!(same(&first), same(&second));
    let messages = sink.messages();
    let contents: Vec<_> = messages.iter().map(|message| message.body).collect();
    assert!(matches!(contents.as_slice(), [one, other] if one == other), "{contents:?}");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn sites_that_cannot_be_reached_are_suspended_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pfx");
    let closed = testkit::sandbox::free_port().release();
    let next = format!("[127.0.0.1]:{closed}");
    let postfix = Postfix::in_sandbox(&sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("smtp_host_lookup", "native")
        .agent("ours", "-", "")
        .start();
    // At once, so that the destination is not forgotten between them.
    for domain in ["stock.test", "baton.test"] {
        let letter = |number| Letter { recipient: format!("u{number}@{domain}"), age: Duration::ZERO };
        postfix.inject(&(0..12).map(letter).collect::<Vec<_>>());
        for number in 0..12 {
            postfix.expect_line(&[&format!("to=<u{number}@{domain}>"), "status=deferred"]);
        }
    }
    for word in ["(connect to", "(delivery temporarily suspended: connect to"] {
        let line =
            |domain: &str| shape(&postfix.expect_line(&[&format!("@{domain}>"), "status=deferred", word]));
        assert_eq!(line("baton.test"), line("stock.test"));
    }
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_connection_that_breaks_before_the_final_reply_leaves_the_message_in_the_queue() {
    let sandbox = Sandbox::new("pfx");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Dot).act(Act::Close)));
    let postfix = both(&sandbox, &sink).start();
    postfix.submit(&[], "sender@client.test", &["a@baton.test"], "x\n");
    postfix.expect_line(&["to=<a@baton.test>", "status=deferred"]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    let file = postfix.queue_files("deferred").remove(0);
    let shown = Command::new(programs::debian("postcat"))
        .arg("-c")
        .arg(postfix.configuration())
        .arg(&file)
        .output()
        .expect("postcat runs");
    assert!(String::from_utf8_lossy(&shown.stdout).contains("\nrecipient: a@baton.test"));
    postfix.stop();
}

#[test]
fn probes_and_reports_that_the_sender_wants_are_made_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pfx");
    let refused = Rule::at(Stage::Rcpt).containing("bad@").reply("550 5.1.1 no such user");
    let sink = Sink::start(Settings::smtp().rule(refused));
    let postfix = both(&sandbox, &sink).start();
    for (options, name, word) in
        [(["-bv"], "good", "deliverable"), (["-bv"], "bad", "undeliverable"), (["-v"], "other", "sent")]
    {
        let line = |domain: &str| {
            let address = format!("{name}@{domain}");
            postfix.submit(&options, "sender@client.test", &[&address], "x\n");
            shape(&postfix.expect_line(&[&format!("to=<{address}>"), &format!("status={word}")]))
        };
        assert_eq!(line("baton.test"), line("stock.test"));
    }
    // trace(8) mails each of them to the sender.
    wait::expect("six reports", || {
        let log = postfix.log_from(0);
        (log.matches("sender delivery status notification").count() == 6).then_some(())
    });
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(sink.messages().len(), 2, "a probe sends no message");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_refused_login_is_remembered_by_agents_that_have_given_root_up() {
    let sandbox = Sandbox::new("pfx-logins");
    let refuses = Rule::at(Stage::Auth).reply("535 5.7.8 no");
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN").rule(refuses));
    let next = format!("[{}]:{}", sink.address().ip(), sink.address().port());
    let passwords = sandbox.write("passwords", format!("{next} user:s3cr3t-of-ours\n"));
    fs::set_permissions(&passwords, fs::Permissions::from_mode(0o600)).unwrap();
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ {{ baton.test = ours:{next} }} }}"))
        .option("smtp_host_lookup", "native")
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_security_options", "noanonymous")
        .option("smtp_sasl_password_maps", format!("texthash:{}", passwords.display()))
        .option("smtp_sasl_auth_cache_name", "proxy:btree:$queue_directory/logins")
        // One deferral does not suspend the destination.
        .option("default_destination_concurrency_failed_cohort_limit", "0")
        .agent("ours", "-", "")
        .start();
    let tried = || {
        let record = sink.record();
        let commands = record.connections.iter().flat_map(|connection| &connection.commands);
        commands.filter(|command| command.starts_with("AUTH")).count()
    };
    for (recipient, word) in
        [("one@baton.test", "SASL authentication"), ("two@baton.test", "SASL [CACHED] authentication")]
    {
        postfix.submit(&[], "", &[recipient], "Subject: x\n\ntext\n");
        let to = format!("to=<{recipient}>");
        let line = postfix.expect_line(&[&to, "status="]);
        assert!(line.contains(&format!("dsn=4.7.8, status=deferred ({word} failed")), "{line}");
        assert_eq!(tried(), 1, "{line}");
    }
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

/// Messages go one after the other through the only process, to a server that does not answer QUIT.
fn served_in_turn(options: &str, messages: usize) {
    let sandbox = Sandbox::new("pfx-quit");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Quit).act(Act::Silence)));
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("default_transport", format!("ours:{}", sink.nexthop()))
        .option("smtp_host_lookup", "native")
        .option("smtp_connection_cache_on_demand", "no")
        .agent("ours", "1", options)
        .start();
    let letter = |number| Letter { recipient: format!("u{number}@x.test"), age: Duration::ZERO };
    postfix.inject(&(0..messages).map(letter).collect::<Vec<_>>());
    wait::expect("all to be delivered", || {
        (postfix.log_from(0).matches("status=sent").count() == messages).then_some(())
    });
    let said_quit =
        |record: &Record| record.connections.iter().all(|one| one.commands.last() == Some(&"QUIT".into()));
    sink.expect("QUIT, and the end", wait::PATIENCE, |record| record.open == 0 && said_quit(record));
    assert_eq!(sink.record().connections.len(), messages);
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_server_that_does_not_answer_quit_is_not_waited_for() {
    // Were each waited for as in the next test, all of them would take longer than a test waits.
    served_in_turn("", 12);
}

#[test]
fn a_server_whose_answer_to_quit_is_wanted_keeps_its_process_for_moments_whatever_its_time_limit() {
    served_in_turn("-o smtp_skip_quit_response=no -o smtp_quit_timeout=300s", 2);
}
