//! The instruments against stock programs and each other: what they report can be relied on.
#![allow(clippy::unwrap_used, reason = "a test")]
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};
use testkit::injector::{self, Client};
use testkit::lab::{Lab, LabZone};
use testkit::mail::{self, Mail};
use testkit::script::Script;
use testkit::sink::{Act, FinalReply, Listen, Rule, Settings, Sink, Stage};
use testkit::zone::{Failure, FakeDns, Zone};
use testkit::{Sandbox, ledger, programs, wait};

fn smtp_source(to: SocketAddr, words: &[&str]) -> bool {
    let mut command = Command::new(programs::debian("smtp-source"));
    command.args(["-f", "a@client.test"]).args(words).arg(to.to_string()).output().unwrap().status.success()
}

#[test]
fn stock_source_is_recorded_once_per_message() {
    let sink = Sink::start(Settings::smtp());
    assert!(smtp_source(
        sink.address(),
        &["-d", "-N", "-s", "4", "-m", "200", "-l", "3000", "-t", "u@d.test"]
    ));
    sink.expect_messages(200);
    let record = sink.record();
    let ids: std::collections::HashSet<_> =
        record.messages.iter().map(|message| &message.message_id).collect();
    assert_eq!((record.messages.len(), ids.len()), (200, 200));
    assert_eq!(record.connections.len(), 4);
    assert!(record.most_open <= 4);
    assert_eq!(record.violations, Vec::<String>::new());
}

#[test]
fn what_the_injector_sends_is_what_the_sink_records() {
    let sink = Sink::start(Settings::smtp());
    let sent = injector::send(sink.address(), 3, mail::distinct(60, 5_000));
    let balance = ledger::compare(&sent, &sink.messages());
    assert_eq!((balance.good, balance.faults()), (60, 0), "{balance}");
    assert_eq!(sink.record().violations, Vec::<String>::new());
}

#[test]
fn lmtp_answers_once_per_recipient_over_a_unix_socket() {
    let sandbox = Sandbox::new("lmtp");
    let path = sandbox.join("lmtp.sock");
    let sink = Sink::start(Settings::lmtp_unix(path.clone()));
    assert_eq!(sink.nexthop(), format!("unix:{}", path.display()));
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let dialogue = b"LHLO c\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nRCPT TO:<c@y>\r\nDATA\r\n";
    for line in dialogue.split_inclusive(|&octet| octet == b'\n') {
        stream.write_all(line).unwrap();
        assert!(stream.read(&mut [0; 512]).unwrap() > 0);
    }
    stream.write_all(b"Subject: x\r\n\r\nbody\r\n.\r\n").unwrap();
    sink.expect_messages(1);
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.matches("250 2.0.0 accepted").count(), 2, "{rest}");
    assert_eq!(sink.messages()[0].recipients, ["b@y", "c@y"]);
}

#[test]
fn sending_ahead_is_noticed() {
    for (settings, text, expected) in [
        (Settings::smtp(), "EHLO c\r\nMAIL FROM:<a@x>\r\n", 1),
        (Settings::smtp().without("PIPELINING"), "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n", 1),
        (Settings::smtp(), "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n", 0),
    ] {
        let sink = Sink::start(settings);
        let mut stream = TcpStream::connect(sink.address()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let lines = text.lines().count();
        sink.expect("the commands", wait::PATIENCE, |r| {
            r.connections.first().is_some_and(|c| c.commands.len() == lines)
        });
        assert_eq!(sink.record().violations.len(), expected, "{text:?}: {:?}", sink.record().violations);
    }
}

#[test]
fn deviations_happen_where_they_were_asked_for() {
    let rules = Settings::smtp()
        .rule(Rule::at(Stage::Rcpt).containing("bad@").reply("550 5.1.1 unknown"))
        .rule(Rule::at(Stage::Mail).after(1).connections(1, 1).reply("421 4.3.2 enough"))
        .close_after(2);
    let sink = Sink::start(rules);
    let mail = |id: &str| Mail::new("good@d.test", id, b"body\r\n");
    let mut first = Client::connect(sink.address());
    first.ask("MAIL FROM:<a@x>", '2');
    first.ask("RCPT TO:<bad@y>", '5');
    first.ask("RSET", '2');
    first.mail(&mail("1@c"));
    first.ask("MAIL FROM:<a@x>", '4');
    assert_eq!(first.reply(), "", "closed after the 421");
    let mut second = Client::connect(sink.address());
    second.mail(&mail("2@c"));
    second.mail(&mail("3@c"));
    assert_eq!(second.reply(), "", "closed after two messages");
    let per_connection: Vec<u32> =
        sink.record().connections.iter().map(|connection| connection.messages).collect();
    assert_eq!(per_connection, [1, 2]);
}

#[test]
fn a_reset_is_a_reset() {
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Dot).act(Act::Reset)));
    let mut client = Client::connect(sink.address());
    client.ask("MAIL FROM:<a@x>", '2');
    client.ask("RCPT TO:<b@y>", '2');
    client.ask("DATA", '3');
    client.write(b"x\r\n.\r\n");
    let gone = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.reply()));
    assert!(gone.is_err(), "the stream failed");
    assert_eq!(sink.messages().len(), 0, "a message that was reset at the dot is not accepted");
}

#[test]
fn a_held_reply_waits_for_the_test_and_a_delayed_one_for_its_time() {
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let address = sink.address();
    let client =
        std::thread::spawn(move || Client::connect(address).mail(&Mail::new("u@d.test", "1@c", b"x\r\n")));
    sink.expect_messages(1);
    assert!(!sink.messages()[0].answered);
    sink.release();
    assert!(client.join().unwrap().starts_with("250"));
    sink.expect("the answer", wait::PATIENCE, |record| record.messages[0].answered);

    let delay = Duration::from_millis(30);
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::After(delay)));
    let mut client = Client::connect(sink.address());
    let started = Instant::now();
    client.mail(&Mail::new("u@d.test", "1@c", b"x\r\n"));
    assert!(started.elapsed() >= delay);
}

#[test]
fn a_blackhole_accepts_and_is_silent() {
    let sink = Sink::start(Settings::blackhole());
    let mut stream = TcpStream::connect(sink.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    sink.expect("the connection", wait::PATIENCE, |record| record.open == 1);
    stream.read(&mut [0; 10]).expect_err("nothing is said");
}

#[test]
fn several_addresses_share_a_port() {
    let second = "127.0.0.2".parse().unwrap();
    let sink = Sink::start(
        Settings::smtp().listening([Listen::Tcp(([127, 0, 0, 1], 0).into()), Listen::SamePort(second)]),
    );
    let [one, two] = sink.addresses() else { panic!("two listeners") };
    assert_eq!((one.port(), two.ip()), (two.port(), second.into()));
    Client::connect(*two).mail(&Mail::new("u@d.test", "1@c", b"x\r\n"));
    assert_eq!(sink.record().connections[0].local, two.to_string());
}

#[test]
fn a_script_says_where_its_client_leaves_it() {
    let dialogue = "
        < 220 ready
        > EHLO *
        < 250 ok
        > QUIT
        < 221 bye
    ";
    let script = Script::start(&[dialogue]);
    Client::connect(script.address()).quit();
    script.finish().unwrap();

    let script = Script::start(&[dialogue]);
    let mut client = Client::connect(script.address());
    client.write(b"NOOP\r\n");
    assert_eq!(script.finish().unwrap_err(), "connection 1: expected \"QUIT\", heard \"NOOP\"");
}

/// The sections of dig's output that matter: status, and the answers' data.
fn dig(server: SocketAddr, words: &[&str]) -> (String, Vec<String>) {
    let mut command = Command::new(programs::debian("dig"));
    command
        .arg("@127.0.0.1")
        .args(["-p", &server.port().to_string(), "+tries=1", "+time=1", "+noedns"])
        .args(words);
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let status =
        text.split("status: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("none").to_owned();
    let answers =
        text.split("ANSWER SECTION:\n").nth(1).map(|rest| rest.split("\n\n").next().unwrap().to_owned());
    let mut answers: Vec<String> = answers
        .iter()
        .flat_map(|section| section.lines())
        .map(|line| line.split_ascii_whitespace().skip(3).collect::<Vec<_>>().join(" "))
        .collect();
    answers.sort();
    (status, answers)
}

#[test]
fn the_fake_name_server_keeps_the_outcomes_apart() {
    let zone = Zone::new()
        .mx("d.test", 10, "mx1.d.test")
        .mx("d.test", 20, "mx2.d.test")
        .address("mx1.d.test", [127, 0, 0, 1].into())
        .mx("null.test", 0, ".")
        .text("text.test", "nothing else")
        .alias("www.test", "mx1.d.test")
        .failing("broken.test", Failure::ServFail)
        .failing("refused.test", Failure::Refused)
        .failing("silent.test", Failure::Silence);
    let dns = FakeDns::start(zone);
    let ask = |words: &[&str]| dig(dns.address(), words);
    let found = |status: &str, answers: &[&str]| {
        (status.to_owned(), answers.iter().map(|&a| a.to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(ask(&["d.test", "MX"]), found("NOERROR", &["MX 10 mx1.d.test.", "MX 20 mx2.d.test."]));
    assert_eq!(ask(&["+tcp", "d.test", "MX"]), found("NOERROR", &["MX 10 mx1.d.test.", "MX 20 mx2.d.test."]));
    assert_eq!(ask(&["null.test", "MX"]), found("NOERROR", &["MX 0 ."]));
    assert_eq!(ask(&["text.test", "MX"]), found("NOERROR", &[]));
    assert_eq!(ask(&["www.test", "A"]), found("NOERROR", &["A 127.0.0.1", "CNAME mx1.d.test."]));
    assert_eq!(ask(&["none.test", "MX"]), found("NXDOMAIN", &[]));
    assert_eq!(ask(&["broken.test", "MX"]), found("SERVFAIL", &[]));
    assert_eq!(ask(&["refused.test", "MX"]), found("REFUSED", &[]));
    assert_eq!(ask(&["silent.test", "MX"]), found("none", &[]));
    assert_eq!(dns.asked("d.test", hickory_proto::rr::RecordType::MX), 2);
}

#[test]
fn the_lab_resolves_through_unbound() {
    let sandbox = Sandbox::new("lab");
    let zone =
        LabZone { origin: "test.".into(), records: "d MX 10 mx.d\nmx.d A 127.0.0.1\nnull MX 0 .".into() };
    let lab = Lab::start(&sandbox, &[zone]);
    for server in [lab.authority(), lab.resolver()] {
        assert_eq!(dig(server, &["d.test", "MX"]), ("NOERROR".into(), vec!["MX 10 mx.d.test.".into()]));
        assert_eq!(dig(server, &["mx.d.test", "A"]), ("NOERROR".into(), vec!["A 127.0.0.1".into()]));
        assert_eq!(dig(server, &["none.test", "MX"]).0, "NXDOMAIN");
    }
}
