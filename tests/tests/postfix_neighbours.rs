//! Our agent and its neighbours beside the stock agent: mail that is passed on to another transport, and LMTP to a socket
//! of this machine.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use testkit::postfix::{Launch, Postfix, complaints, shape};
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, programs, wait};

const DOMAINS: [&str; 2] = ["stock.test", "baton.test"];

/// Mail to both domains would come back to this machine, by the stock agent for one and by ours for the other.
fn coming_back(sandbox: &Sandbox, best_mx_transport: &str) -> Launch {
    let own = "[127.0.0.1]:25";
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{own} }}, {{ baton.test = ours:{own} }} }}"),
        )
        .option("best_mx_transport", best_mx_transport)
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
        .transport("other", &[])
}

fn submit(postfix: &Postfix, options: &[&str]) {
    for domain in DOMAINS {
        let recipients = [format!("a@{domain}"), format!("b@{domain}")];
        let recipients = recipients.each_ref().map(String::as_str);
        postfix.submit(options, "sender@client.test", &recipients, "Subject: x\n\ntext\n");
    }
}

/// The line for this recipient in each domain, the stock agent's first, without what differs anyway.
fn lines(postfix: &Postfix, local: &str, word: &str) -> [String; 2] {
    DOMAINS.map(|domain| shape(&postfix.expect_line(&[&format!("to=<{local}@{domain}>"), word])))
}

/// Records of deferred mail, without what two messages do not have in common.
fn records(postfix: &Postfix) -> Vec<String> {
    let read = |path| fs::read_to_string(path).unwrap();
    let mut records: Vec<_> = postfix.queue_files("defer").into_iter().map(read).collect();
    for record in &mut records {
        *record = DOMAINS.iter().fold(record.clone(), |record, domain| record.replace(domain, "TEST"));
    }
    records
}

#[test]
fn mail_that_would_come_back_is_passed_on_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pfn");
    let sink = Sink::start(Settings::smtp());
    let postfix = coming_back(&sandbox, &format!("other:{}", sink.nexthop())).start();
    submit(&postfix, &[]);
    for local in ["a", "b"] {
        let [stock, ours] = lines(&postfix, local, "status=sent");
        assert_eq!(ours, stock);
        for domain in DOMAINS {
            postfix.expect_line(&[&format!("passing <{local}@{domain}> to transport=other")]);
        }
    }
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(sink.messages().len(), 4, "one request for each recipient");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn mail_that_was_passed_on_and_not_taken_waits_with_the_other_agent_s_reason() {
    let sandbox = Sandbox::new("pfn");
    let refuses = Rule::at(Stage::Rcpt).containing("b@").reply("450 4.2.0 busy");
    let sink = Sink::start(Settings::smtp().rule(refuses));
    let postfix = coming_back(&sandbox, &format!("other:{}", sink.nexthop())).start();
    submit(&postfix, &[]);
    for (local, word) in [("a", "status=sent"), ("b", "status=deferred")] {
        let [stock, ours] = lines(&postfix, local, word);
        assert_eq!(ours, stock);
    }
    wait::expect("two deferred messages", || (postfix.queue_files("deferred").len() == 2).then_some(()));
    let [first, second] = <[_; 2]>::try_from(records(&postfix)).unwrap();
    assert_eq!(first, second);
    for file in postfix.queue_files("deferred") {
        let octets = fs::read(file).unwrap();
        let open = |local: u8| octets.windows(4).any(|some| some[0] == b'R' && some[2..] == [local, b'@']);
        assert!(!open(b'a') && open(b'b'));
    }
    postfix.stop();
}

#[test]
fn mail_for_a_transport_that_is_not_there_waits() {
    let sandbox = Sandbox::new("pfn");
    let postfix = coming_back(&sandbox, "nobody").start();
    postfix.submit(&[], "sender@client.test", &["a@baton.test"], "Subject: x\n\ntext\n");
    postfix.expect_line(&["warning: private/nobody: No such file"]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    assert!(matches!(records(&postfix).as_slice(), [one] if one.contains("mail transport unavailable")));
    postfix.stop();
}

/// Postfix 3.7 has no such mail: here the test is its queue manager.
#[test]
fn mail_with_requiretls_waits_with_a_line_and_a_record_and_reaches_nobody() {
    let sandbox = Sandbox::new("pfn");
    let sink = Sink::start(Settings::smtp());
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("default_transport", "retry:4.0.0 not now")
        .option("notify_classes", "")
        .agent("ours", "-", "")
        .start();
    postfix.submit(&[], "s@client.test", &["a@baton.test"], "Subject: x\n\ntext\n");
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    let file = postfix.queue_files("deferred").remove(0);
    let (id, spool) = (file.file_name().unwrap().to_string_lossy(), file.ancestors().nth(3).unwrap());
    let octets = fs::read(&file).unwrap();
    let at = octets.windows(4).position(|some| some == b"R\x0ca@").unwrap();
    let content = octets.windows(2).position(|some| some == b"M\0").unwrap() + 2;
    let time = "A".repeat(118) + "==";
    let request = format!(
        "flags|3|queue_name|deferred|queue_id|{id}|offset|{content}|size|100|nexthop|{}|encoding||sendopts|32|\
         sender|s@client.test|envelope_id||ret_flags|0|time|{time}|log_client_name||log_client_address||\
         log_client_port||log_protocol_name||log_helo_name||sasl_method||sasl_username||sasl_sender||log_ident||\
         rewrite_context|local|recipient_count|1||original_recipient||recipient|a@baton.test|offset|{at}|\
         dsn_orig_rcpt||notify_flags|0||",
        sink.nexthop()
    );
    let mut agent = UnixStream::connect(spool.join("private/ours")).unwrap();
    agent.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    agent.write_all(request.replace('|', "\0").as_bytes()).unwrap();
    let mut said = Vec::new();
    let mut buffer = [0; 1000];
    while !said.ends_with(b"status\x004294967295\0\0") {
        let count = agent.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..count]);
    }
    postfix.expect_line(&["to=<a@baton.test>", "dsn=4.7.30, status=deferred (REQUIRETLS was asked for"]);
    assert!(
        records(&postfix).iter().any(|record| record.contains("status=4.7.30")),
        "{:?}",
        records(&postfix)
    );
    assert_eq!((sink.record().connections.len(), fs::read(&file).unwrap()), (0, octets));
    postfix.stop();
}

/// Both agents for LMTP, to a socket behind which somebody refuses `b` for now.
fn local_store(sandbox: &Sandbox) -> (Sink, Launch) {
    let refuses = Rule::at(Stage::Rcpt).containing("b@").reply("450 4.2.0 busy");
    let socket = sandbox.join("store");
    let sink = Sink::start(Settings::lmtp_unix(socket.clone()).rule(refuses));
    let program = sandbox.folder("libexec").join("baton-lmtp");
    symlink(programs::ours("baton-smtp"), &program).unwrap();
    let next = format!("unix:{}", socket.display());
    let launch = Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = lmtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("notify_classes", "")
        .line("lmtp unix - n n - - lmtp")
        .line(&format!("ours unix - n n - - ../../../..{}", program.display()));
    (sink, launch)
}

#[test]
fn a_socket_of_this_machine_has_its_name_in_the_log_and_in_records() {
    let sandbox = Sandbox::new("pfn");
    let (_sink, launch) = local_store(&sandbox);
    let postfix = launch.option("default_transport", "discard:").start();
    submit(&postfix, &[]);
    for (local, word) in [("a", "status=sent"), ("b", "status=deferred")] {
        let [stock, ours] = lines(&postfix, local, word);
        assert_eq!(ours, stock);
        assert!(ours.contains("relay=relay.test[/"), "{ours}");
    }
    wait::expect("two records", || (records(&postfix).len() == 2).then_some(()));
    let [first, second] = <[_; 2]>::try_from(records(&postfix)).unwrap();
    assert_eq!(first, second);
    assert!(first.contains("mta_mname=relay.test\n"), "{first}");
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn lmtp_assume_final_decides_what_success_is_called() {
    for (value, action) in [("no", "Action: relayed"), ("yes", "Action: delivered")] {
        let sandbox = Sandbox::new("pfn");
        let (_sink, launch) = local_store(&sandbox);
        let senders = Sink::start(Settings::smtp());
        let postfix = launch
            .option("default_transport", format!("smtp:{}", senders.nexthop()))
            .option("smtp_host_lookup", "native")
            .option("lmtp_assume_final", value)
            .start();
        for domain in DOMAINS {
            postfix.submit(
                &["-N", "success"],
                "s@client.test",
                &[&format!("a@{domain}")],
                "Subject: x\n\nx\n",
            );
        }
        senders.expect_messages(2);
        for notice in senders.messages() {
            let text = String::from_utf8_lossy(&notice.content).into_owned();
            assert!(text.contains(action), "{text}");
        }
        postfix.stop();
    }
}
