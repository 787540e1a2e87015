//! Whom our agent tells what, under a real Postfix: the sender, the queue manager, verify and flush. As the stock one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;
use testkit::postfix::{Launch, Letter, Postfix, complaints, shape};
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, programs, sandbox, wait};

const DOMAINS: [&str; 2] = ["stock.test", "baton.test"];

/// Both agents to the same server, which also takes what Postfix mails to senders.
fn both(sandbox: &Sandbox, sink: &Sink) -> Launch {
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let routes = format!(
        "{{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }}, {{ client.test = smtp:{next} }}"
    );
    Postfix::in_sandbox(sandbox)
        .option("transport_maps", format!("inline:{{ {routes} }}"))
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
}

/// A text of one of the two domains, without what no two messages have in common.
fn neutral(text: &str, domain: &str) -> String {
    let varies = |line: &str| {
        ["Received:", "Date:", "Message-Id:", "\tid ", "X-Postfix-Queue-ID:", "Arrival-Date:", "\tfor <"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let mut lines: Vec<_> =
        text.replace(domain, "TEST").lines().filter(|line| !varies(line)).map(str::to_owned).collect();
    // The boundary has the queue's name for the message.
    let boundary = lines
        .iter()
        .find_map(|line| Some(line.split_once("boundary=\"")?.1.trim_end_matches('"').to_owned()));
    if let Some(boundary) = boundary {
        let (_, id) = boundary.split_once('/').map_or(("", boundary.as_str()), |(a, _)| ("", a));
        lines.iter_mut().for_each(|line| *line = line.replace(&boundary, "BOUNDARY").replace(id, "ID"));
    }
    // Times and names of messages behind them.
    lines.iter_mut().for_each(|line| {
        if line.contains("Message-ID:") {
            line.truncate(0);
        }
    });
    lines.join("\n")
}

/// The report about this domain, as it came.
fn report(sink: &Sink, domain: &str) -> String {
    wait::expect(&format!("a report about {domain}"), || {
        let messages = sink.messages();
        let report = messages.iter().find(|one| {
            one.sender.is_empty() && String::from_utf8_lossy(&one.content).contains(&format!("@{domain}"))
        })?;
        Some(String::from_utf8_lossy(&report.content).into_owned())
    })
}

fn submit_asking_for_success(postfix: &Postfix, to: &str) {
    let options = ["-N", "success,failure", "-V", "id+1"];
    postfix.submit(&options, "sender@client.test", &[to], "Subject: x\n\ntext\n");
}

#[test]
fn a_sender_that_wants_to_hear_of_success_is_told_where_the_server_will_not() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let postfix = both(&sandbox, &sink).start();
    let mut seen = Vec::new();
    for domain in DOMAINS {
        let to = format!("u@{domain}");
        submit_asking_for_success(&postfix, &to);
        let line = shape(&postfix.expect_line(&[&format!("to=<{to}>"), "status=sent"]));
        postfix.expect_line(&["sender delivery status notification"]);
        seen.push((line, neutral(&report(&sink, domain), domain)));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[1].1.contains("Action: relayed") && seen[1].1.contains("Status: 2.0.0"), "{}", seen[1].1);
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_server_that_reports_success_itself_is_asked_to() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp().with("DSN"));
    let postfix = both(&sandbox, &sink).start();
    for domain in DOMAINS {
        let to = format!("u@{domain}");
        submit_asking_for_success(&postfix, &to);
        postfix.expect_line(&[&format!("to=<{to}>"), "status=sent"]);
    }
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(sink.messages().len(), 2, "no report");
    let record = sink.record();
    let said = |connection: usize| -> Vec<String> {
        let commands = record.connections[connection].commands.iter();
        let mail = commands.filter(|line| line.starts_with("MAIL") || line.starts_with("RCPT"));
        mail.map(|line| DOMAINS.iter().fold(line.clone(), |line, domain| line.replace(domain, "TEST")))
            .collect()
    };
    assert_eq!(said(0), said(1));
    assert!(said(1).iter().any(|line| line.contains("NOTIFY=SUCCESS,FAILURE")), "{:?}", said(1));
    drop(record);
    postfix.stop();
}

/// What defer writes down of a recipient, but for its address and the name of the message.
fn deferred(postfix: &Postfix, domain: &str) -> Vec<String> {
    let of_recipient = format!("recipient=u@{domain}");
    let texts = postfix.queue_files("defer").into_iter().map(|path| fs::read_to_string(path).unwrap());
    let text = texts.into_iter().find(|text| text.lines().any(|line| line == of_recipient)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with("reason=") && !line.starts_with('<'));
    lines.map(|line| line.replace(domain, "TEST")).collect()
}

/// For want of a report, of the delivery or of its failure: nobody answers where this service should be.
fn deferred_without(service: &str, sink: &Sink) -> Vec<String> {
    let sandbox = Sandbox::new("pft");
    let postfix = both(&sandbox, sink).option(service, "nowhere").start();
    let seen = DOMAINS.map(|domain| {
        let (to, options) = (format!("u@{domain}"), ["-v", "-N", "success,failure"]);
        postfix.submit(&options, "s@client.test", &[&to], "Subject: x\n\ntext\n");
        postfix.expect_line(&[&format!("to=<{to}>"), "status=deferred", "service fail"]);
        deferred(&postfix, domain)
    });
    postfix.stop();
    let [stock, ours] = seen;
    assert_eq!(stock, ours);
    ours
}

#[test]
fn what_cannot_be_reported_is_deferred_with_what_the_server_said_and_did_not_take_over() {
    let accepting = Sink::start(Settings::smtp().with("DSN"));
    let record = deferred_without("trace_service_name", &accepting);
    for line in ["notify_flags=4", "diag_text=250 2.0.0 accepted"] {
        assert!(record.contains(&line.into()), "{record:?}");
    }
    let refusing = Sink::start(Settings::smtp().rule(Rule::at(Stage::Rcpt).reply("550 5.1.1 nobody")));
    let record = deferred_without("bounce_service_name", &refusing);
    assert!(record.contains(&"diag_text=550 5.1.1 nobody".into()), "{record:?}");
}

#[test]
fn senders_that_are_refused_suspend_no_site() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Mail).reply("550 5.7.1 not you")));
    let postfix = both(&sandbox, &sink).start();
    let mut shapes = Vec::new();
    for domain in DOMAINS {
        let letter = |number| Letter { recipient: format!("u{number}@{domain}"), age: Duration::ZERO };
        postfix.inject(&(0..20).map(letter).collect::<Vec<_>>());
        let lines = (0..20).map(|number| {
            let line = shape(&postfix.expect_line(&[&format!("to=<u{number}@{domain}>"), "status=bounced"]));
            // The stock agent has a cache here.
            line.split(' ').filter(|word| !word.starts_with("conn_use=")).collect::<String>().replace(',', "")
        });
        shapes.push(lines.collect::<BTreeSet<_>>());
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!(shapes[1].len(), 1, "{shapes:?}");
    let log = postfix.log_from(0);
    assert!(!log.contains("suspended") && !log.contains("status=deferred"), "{log}");
    assert_eq!(complaints(&log), Vec::<String>::new());
    postfix.stop();
}

/// What a server says of this recipient.
fn reply_to_rcpt(server: SocketAddr, recipient: &str) -> String {
    let mut stream = BufReader::new(TcpStream::connect(server).unwrap());
    stream.get_ref().set_read_timeout(Some(wait::PATIENCE)).unwrap();
    let mut last = String::new();
    for command in
        ["", "HELO client.test\r\n", "MAIL FROM:<s@client.test>\r\n", &format!("RCPT TO:<{recipient}>\r\n")]
    {
        stream.get_mut().write_all(command.as_bytes()).unwrap();
        last.clear();
        stream.read_line(&mut last).unwrap();
    }
    stream.get_mut().write_all(b"QUIT\r\n").unwrap();
    last
}

#[test]
fn a_server_that_verifies_recipients_gets_its_answer_through_ours_as_through_the_stock_agent() {
    let sandbox = Sandbox::new("pft");
    let refused = Rule::at(Stage::Rcpt).containing("bad@").reply("550 5.1.1 no such user");
    let later = Rule::at(Stage::Rcpt).containing("later@").reply("450 4.2.0 busy");
    let sink = Sink::start(Settings::smtp().rule(refused).rule(later));
    let port = sandbox::free_port();
    let restrictions = ("smtpd_recipient_restrictions", "reject_unverified_recipient, permit".to_owned());
    let table = format!("btree:{}", sandbox.path().join("postfix/data/verified").display());
    let launch = both(&sandbox, &sink)
        .server(port.number(), &[restrictions])
        .option("address_verify_map", &table)
        .option("address_verify_poll_count", "1")
        .option("address_verify_sender", "probe@client.test")
        .option("unverified_recipient_reject_code", "550");
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port.release()));
    let postfix = launch.start();
    let mut seen = Vec::new();
    for domain in DOMAINS {
        let mut of_domain = Vec::new();
        for (local, word) in [("good", "deliverable"), ("bad", "undeliverable"), ("later", "undeliverable")] {
            let to = format!("{local}@{domain}");
            // The first question starts the probe, whose answer the second one gets.
            reply_to_rcpt(server, &to);
            let line = shape(&postfix.expect_line(&[&format!("to=<{to}>"), &format!("status={word}")]));
            postfix.expect_line(&["postfix/qmgr", ": removed"]);
            of_domain.push((reply_to_rcpt(server, &to).replace(domain, "TEST"), line));
        }
        seen.push(of_domain);
    }
    assert_eq!(seen[0], seen[1]);
    let classes: Vec<_> = seen[1].iter().map(|(reply, _)| reply.chars().next()).collect();
    assert_eq!(classes, [Some('2'), Some('5'), Some('4')], "{seen:?}");
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    let record = sink.record();
    let probes = record
        .connections
        .iter()
        .filter(|one| one.commands.iter().any(|line| line.contains("MAIL FROM:<probe@")));
    for probe in probes {
        assert!(!probe.commands.iter().any(|line| line == "DATA"), "{:?}", probe.commands);
    }
    drop(record);
    let configuration = postfix.configuration().to_owned();
    postfix.stop();
    // verify(8) keeps its table locked for as long as it lives.
    let cached =
        Command::new(programs::debian("postmap")).arg("-c").arg(&configuration).args(["-s", &table]).output();
    let cached = String::from_utf8(cached.unwrap().stdout).unwrap();
    let entries = DOMAINS.map(|domain| {
        // Between the kind and the text there are two times.
        let entry = |line: &str| {
            let (address, value) = line.split_once('\t')?;
            let parts: Vec<_> = value.splitn(4, ':').collect();
            address
                .ends_with(domain)
                .then(|| format!("{} {} {}", address.replace(domain, "TEST"), parts[0], parts[3]))
        };
        cached.lines().filter_map(entry).collect::<BTreeSet<_>>()
    });
    assert_eq!(entries[0], entries[1]);
    assert_eq!(entries[1].len(), 3, "{cached}");
}

#[test]
fn mail_for_a_site_that_may_ask_for_its_own_is_found_when_it_does() {
    let sandbox = Sandbox::new("pft");
    let later = Rule::at(Stage::Rcpt).connections(1, 3).reply("450 4.2.0 later");
    let sink = Sink::start(Settings::smtp().rule(later));
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let routes = format!(
        "{{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }}, {{ sub.baton.test = ours:{next} }}, {{ other.test = ours:{next} }}"
    );
    let postfix = both(&sandbox, &sink)
        .option("transport_maps", format!("inline:{{ {routes} }}"))
        .option("relay_domains", "stock.test, baton.test")
        .start();
    let mut known = Vec::new();
    for domain in ["stock.test", "baton.test", "sub.baton.test", "other.test"] {
        let to = format!("u@{domain}");
        postfix.inject(&[Letter { recipient: to.clone(), age: Duration::ZERO }]);
        let line = postfix.expect_line(&[&format!("to=<{to}>"), "status="]);
        known.push(line);
    }
    let sites = || -> BTreeSet<String> {
        let files = postfix.queue_files("flush");
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    };
    wait::expect("three sites that are known", || (sites().len() == 3).then_some(()));
    assert_eq!(sites().into_iter().collect::<Vec<_>>(), ["baton_test", "stock_test", "sub_baton_test"]);
    let names: Vec<_> =
        postfix.queue_files("flush").iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for line in known.iter().take(3) {
        let id = line.split_once("]: ").unwrap().1.split(':').next().unwrap();
        assert!(names.iter().any(|text| text.trim_end_matches('\0').contains(id)), "{id} {names:?}");
    }
    for site in ["baton.test", "stock.test"] {
        postfix.command("postqueue", &["-s", site]);
        postfix.expect_line(&[&format!("to=<u@{site}>"), "status=sent"]);
    }
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

#[test]
fn a_recipient_in_no_character_set_holds_up_nobody_else() {
    let sandbox = Sandbox::new("pft");
    let sink = Sink::start(Settings::smtp());
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ {{ baton.test = ours:{next} }} }}"))
        .option("smtp_host_lookup", "native")
        // Else the queue manager would keep such a recipient to itself.
        .option("smtputf8_enable", "no")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
        .start();
    let content = b"To: a@baton.test, \xe9@baton.test, c@baton.test\nSubject: x\n\ntext\n";
    postfix.submit_octets(&["-t"], "s@client.test", &[], content);
    let line = postfix.expect_line(&["4.1.3", "status=deferred (", "neither ASCII nor UTF-8)"]);
    assert!(line.contains("@baton.test>"), "{line}");
    postfix.expect_line(&["to=<a@baton.test>", "status=sent"]);
    postfix.expect_line(&["to=<c@baton.test>", "status=sent"]);
    assert!(postfix.command("postqueue", &["-p"]).contains("neither ASCII nor UTF-8"));
    assert_eq!(sink.messages().len(), 1);
    postfix.stop();
}
