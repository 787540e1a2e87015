//! What becomes of mail when servers refuse, lie, close and disappear, and what the log says of it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use hickory_proto::rr::RecordType;
use rustix::process::Signal;
use std::net::{Ipv4Addr, SocketAddr};
use testkit::mail::{self, Mail};
use testkit::maillog::Line;
use testkit::relay::{Launch, Relay};
use testkit::script::Script;
use testkit::sink::{Listen, Rule, Settings, Sink, Stage, Tls};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, injector, wait};

/// All delivery lines so far; ends the test when one does not have the shape.
fn lines(relay: &Relay) -> Vec<Line> {
    let log = relay.log();
    let complete = log.rfind('\n').map_or("", |end| &log[..end]);
    let status = complete.lines().filter(|line| line.contains(" status="));
    status.map(|line| Line::parse(line).unwrap_or_else(|| panic!("not a delivery line: {line:?}"))).collect()
}

/// Waits for so many delivery lines.
fn expect_lines(relay: &Relay, number: usize) -> Vec<Line> {
    let found = wait::until(wait::PATIENCE, || Some(lines(relay)).filter(|lines| lines.len() >= number));
    let found = found.unwrap_or_else(|| panic!("no {number} delivery lines; log:\n{}", relay.log()));
    assert_eq!(found.len(), number, "{found:#?}");
    found
}

/// One delivery at a time, so that the order of sessions is that of messages; every session is kept.
fn launch(sandbox: &Sandbox, nexthop: impl Into<String>) -> Launch {
    Relay::in_sandbox(sandbox)
        .option("relayhost", nexthop)
        .option("smtp_destination_concurrency_limit", "1")
        .option("smtp_connection_cache_destinations", "127.0.0.1, one.test, two.test")
        .option("smtp_connection_cache_time_limit", "30s")
        .option("connection_cache_ttl_limit", "30s")
}

fn one_to(recipients: &[&str]) -> Mail {
    let mail = Mail::new(recipients[0], "one@client.test", b"text\r\n");
    Mail { recipients: recipients.iter().map(|&recipient| recipient.to_owned()).collect(), ..mail }
}

/// One after the other: each is delivered before the next is sent.
fn send_in_turn(relay: &Relay, sink: &Sink, mails: Vec<Mail>) {
    for mail in mails {
        let before = sink.record().messages.len();
        injector::send(relay.intake(), 1, vec![mail]);
        sink.expect("the next message", wait::PATIENCE, |record| record.messages.len() > before);
        // Only the line shows that the session was parked, or could be: the worker writes it before that.
        expect_lines(relay, before + 1);
    }
}

fn name_of(address: SocketAddr) -> String {
    format!("127.0.0.1[127.0.0.1]:{}", address.port())
}

const HELLO: &str = "< 220 script.test ESMTP\n> EHLO *\n< 250-script.test\n< 250 8BITMIME\n";

#[test]
fn success_before_the_end_of_the_content_is_no_success() {
    let dialogue = format!(
        "{HELLO}> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n< 250 ok\n> DATA\n< 354 go\n< 250 2.0.0 taken\n~ silence"
    );
    let script = Script::start(&[&dialogue]);
    let sandbox = Sandbox::new("premature");
    let relay = launch(&sandbox, format!("[127.0.0.1]:{}", script.address().port())).start();
    injector::send(relay.intake(), 1, mail::distinct(1, 8_000_000));
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.4.2"), "{line:?}");
    assert!(line.reason.ends_with("while sending message body"), "{line:?}");
    assert_eq!(line.relay, name_of(script.address()));
    assert_eq!(relay.queued(), 1);
}

#[test]
fn lmtp_recipients_that_were_answered_keep_their_answers() {
    let script =
        Script::start(&["< 220 script.test LMTP\n> LHLO *\n< 250 script.test\n> MAIL FROM:*\n< 250 ok\n\
        > RCPT TO:<a@d.test>\n< 250 ok\n> RCPT TO:<b@d.test>\n< 250 ok\n> RCPT TO:<c@d.test>\n< 250 ok\n\
        > DATA\n< 354 go\n> ...\n< 250 2.0.0 stored\n< 452 4.2.2 full\n~ close"]);
    let sandbox = Sandbox::new("lmtp-answers");
    let transport = format!("lmtp:inet:127.0.0.1:{}", script.address().port());
    let relay = Relay::in_sandbox(&sandbox).option("default_transport", transport).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test", "b@d.test", "c@d.test"])]);
    let mut lines = expect_lines(&relay, 3);
    lines.sort_by(|one, other| one.to.cmp(&other.to));
    let seen: Vec<_> = lines.iter().map(|line| (&*line.status, &*line.dsn)).collect();
    assert_eq!(seen, [("sent", "2.0.0"), ("deferred", "4.2.2"), ("deferred", "4.4.2")], "{lines:#?}");
    script.finish().unwrap();
}

#[test]
fn mail_that_was_taken_leaves_the_queue_although_quit_is_not_answered() {
    let script =
        Script::start(&["< 220 script.test LMTP\n> LHLO *\n< 250 script.test\n> MAIL FROM:*\n< 250 ok\n\
        > RCPT TO:*\n< 250 ok\n> DATA\n< 354 go\n> ...\n< 250 2.0.0 stored\n> QUIT\n~ silence"]);
    let sandbox = Sandbox::new("silent-quit");
    let transport = format!("lmtp:inet:127.0.0.1:{}", script.address().port());
    let mut relay = Relay::in_sandbox(&sandbox).option("default_transport", transport).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    script.finish().unwrap();
}

#[test]
fn a_refusal_in_the_middle_of_the_content_explains_the_loss() {
    let dialogue = format!(
        "{HELLO}> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n< 250 ok\n> DATA\n< 354 go\n< 552 5.3.4 too much\n~ silence"
    );
    let script = Script::start(&[&dialogue]);
    let sandbox = Sandbox::new("early-refusal");
    let relay = launch(&sandbox, format!("[127.0.0.1]:{}", script.address().port())).start();
    injector::send(relay.intake(), 1, mail::distinct(1, 8_000_000));
    let line = wait::expect("the bounce", || lines(&relay).into_iter().next());
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("bounced", "5.3.4"), "{line:?}");
    assert!(line.reason.ends_with("said: 552 5.3.4 too much (in reply to end of DATA command)"), "{line:?}");
}

#[test]
fn a_greeting_without_end_is_left() {
    let script = Script::start(&[&"< 220-and so on\n".repeat(2_000)]);
    let sandbox = Sandbox::new("endless");
    let relay = launch(&sandbox, format!("[127.0.0.1]:{}", script.address().port())).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert_eq!((&*line.status, &*line.relay), ("deferred", &*name_of(script.address())), "{line:?}");
}

#[test]
fn a_421_in_the_middle_defers_everybody_and_asks_nothing_more() {
    let closing = Rule::at(Stage::Rcpt).containing("<b@").reply("421 4.3.2 going down");
    let sink = Sink::start(Settings::smtp().without("PIPELINING").rule(closing));
    let sandbox = Sandbox::new("closing");
    let relay = launch(&sandbox, sink.nexthop()).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test", "b@d.test", "c@d.test"])]);
    for line in expect_lines(&relay, 3) {
        assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.3.2"), "{line:?}");
        assert!(line.reason.contains("said: 421 4.3.2 going down (in reply to RCPT TO command)"), "{line:?}");
        assert_eq!(line.relay, name_of(sink.address()));
    }
    let record = sink.record();
    assert_eq!(record.connections.len(), 1);
    let commands = &record.connections[0].commands;
    assert!(commands.last().is_some_and(|last| last.contains("<b@")), "{commands:?}");
}

#[test]
fn a_greeting_of_554_defers_and_names_the_host() {
    let sink = Sink::start(Settings { banner: "554 5.7.1 go away".into(), ..Settings::smtp() });
    let sandbox = Sandbox::new("refused");
    let relay = launch(&sandbox, sink.nexthop()).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.7.1"));
    assert_eq!(line.reason, "host 127.0.0.1[127.0.0.1] refused to talk to me: 554 5.7.1 go away");
    assert_eq!(line.relay, name_of(sink.address()));
}

#[test]
fn a_parked_session_that_is_closed_costs_nobody_a_deferral() {
    let idle = Rule::at(Stage::Rset).connections(1, 1).after(1).reply("421 4.4.2 idle for too long");
    let says_so = Settings::smtp().rule(idle);
    let cuts = Settings::smtp().rule(Rule::at(Stage::Rset).connections(1, 1).after(1));
    let between = Settings::smtp().close_after(1);
    for settings in [says_so, cuts, between] {
        let sink = Sink::start(settings);
        let sandbox = Sandbox::new("stale");
        let relay = launch(&sandbox, sink.nexthop()).start();
        send_in_turn(&relay, &sink, mail::distinct(2, 1_000));
        for line in lines(&relay) {
            assert_eq!((line.status.as_str(), line.conn_use), ("sent", None), "{line:?}");
        }
        assert_eq!(sink.record().connections.len(), 2);
        assert_eq!(sink.record().messages.len(), 2);
    }
}

#[test]
fn a_recipient_refused_for_now_is_deferred_once_over_one_connection() {
    let busy = Rule::at(Stage::Rcpt).containing("<b@").reply("450 4.2.0 greylisted");
    let sink = Sink::start(Settings::smtp().rule(busy));
    let sandbox = Sandbox::new("greylisted");
    let relay = launch(&sandbox, sink.nexthop()).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test", "b@d.test"])]);
    let lines = expect_lines(&relay, 2);
    let [refused, sent] = &lines[..] else { unreachable!() };
    assert_eq!((refused.to.as_str(), refused.status.as_str()), ("b@d.test", "deferred"));
    let said = "host 127.0.0.1[127.0.0.1] said: 450 4.2.0 greylisted (in reply to RCPT TO command)";
    assert_eq!((refused.dsn.as_str(), refused.reason.as_str()), ("4.2.0", said));
    assert_eq!((sent.to.as_str(), sent.status.as_str()), ("a@d.test", "sent"));
    assert!(lines.iter().all(|line| line.relay == name_of(sink.address())), "{lines:?}");
    assert_eq!(sink.record().connections.len(), 1);
    assert_eq!(sink.messages()[0].recipients, ["a@d.test"]);
    assert_eq!(relay.queued(), 1);
}

/// Two exchangers for `one.test`, and the second for `two.test`; nothing listens at the first.
fn exchangers() -> Zone {
    Zone::new()
        .mx("one.test", 10, "mx1.test")
        .mx("one.test", 20, "mx2.test")
        .mx("two.test", 10, "mx2.test")
        .mx("null.test", 0, ".")
        .address("mx1.test", Ipv4Addr::new(127, 0, 0, 9).into())
        .address("mx2.test", Ipv4Addr::LOCALHOST.into())
}

fn with_dns(launch: Launch, dns: &FakeDns) -> Launch {
    let address = dns.address();
    launch.option("baton_dns_server", format!("{}:{}", address.ip(), address.port()))
}

#[test]
fn when_the_first_exchanger_refuses_the_second_gets_the_mail() {
    let (dns, sink) = (FakeDns::start(exchangers()), Sink::start(Settings::smtp()));
    let sandbox = Sandbox::new("two-mx");
    let port = sink.address().port();
    let relay = with_dns(launch(&sandbox, format!("one.test:{port}")), &dns).start();
    send_in_turn(&relay, &sink, mail::distinct(1, 1_000));
    let [line] = &lines(&relay)[..] else { unreachable!() };
    assert_eq!(
        (line.relay.as_str(), line.status.as_str()),
        (&*format!("mx2.test[127.0.0.1]:{port}"), "sent")
    );
    let refused = format!("]: connect to mx1.test[127.0.0.9]:{port}: Connection refused\n");
    assert!(relay.log().contains(&refused), "{}", relay.log());
}

#[test]
fn a_session_with_a_lesser_exchanger_does_not_hide_the_better_one() {
    let busy = Rule::at(Stage::Rcpt).after(1).reply("450 4.2.0 later");
    let lesser = Sink::start(Settings::smtp().rule(busy));
    let port = lesser.address().port();
    let (dns, sandbox) = (FakeDns::start(exchangers()), Sandbox::new("lesser"));
    let relay = with_dns(launch(&sandbox, format!("one.test:{port}")), &dns).start();
    send_in_turn(&relay, &lesser, mail::distinct(1, 1_000));
    let better = Settings::smtp().listening([Listen::Tcp((Ipv4Addr::new(127, 0, 0, 9), port).into())]);
    let better = Sink::start(better);
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let lines = expect_lines(&relay, 2);
    assert_eq!(lines[1].relay, format!("mx1.test[127.0.0.9]:{port}"), "{}", relay.log());
    assert_eq!((lines[1].status.as_str(), better.messages().len()), ("sent", 1));
}

/// Both exchangers of `one.test`, on one port.
fn both(first: Settings, second: Settings) -> (Sink, Sink) {
    let second = Sink::start(second);
    let address = (Ipv4Addr::new(127, 0, 0, 9), second.address().port());
    (Sink::start(first.listening([Listen::Tcp(address.into())])), second)
}

#[test]
fn the_second_exchanger_gets_only_what_the_first_may_not_have_taken() {
    let busy = Rule::at(Stage::Rcpt).containing("<b@").reply("450 4.2.0 later");
    let (first, second) = both(Settings::smtp().rule(busy), Settings::smtp());
    let (dns, sandbox) = (FakeDns::start(exchangers()), Sandbox::new("next-host"));
    let port = second.address().port();
    let relay = with_dns(launch(&sandbox, format!("one.test:{port}")), &dns).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test", "b@d.test"])]);
    let lines = expect_lines(&relay, 2);
    let seen: Vec<_> = lines.iter().map(|line| (&*line.to, &*line.relay, &*line.status)).collect();
    let (one, two) = (format!("mx1.test[127.0.0.9]:{port}"), format!("mx2.test[127.0.0.1]:{port}"));
    assert_eq!(seen, [("a@d.test", &*one, "sent"), ("b@d.test", &*two, "sent")]);
    assert_eq!((first.messages()[0].recipients.len(), second.messages()[0].recipients.len()), (1, 1));
    assert!(relay.log().contains(": host mx1.test[127.0.0.9] said: 450 4.2.0 later (in reply to RCPT TO"));
}

#[test]
fn a_session_limit_of_one_defers_in_the_words_of_the_first_exchanger() {
    let busy = Rule::at(Stage::Rcpt).reply("450 4.2.0 later");
    let (_first, second) = both(Settings::smtp().rule(busy), Settings::smtp());
    let (dns, sandbox) = (FakeDns::start(exchangers()), Sandbox::new("session-limit"));
    let port = second.address().port();
    let launch = launch(&sandbox, format!("one.test:{port}")).option("smtp_mx_session_limit", "1");
    let relay = with_dns(launch, &dns).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert_eq!((&*line.relay, &*line.status), (&*format!("mx1.test[127.0.0.9]:{port}"), "deferred"));
    assert_eq!(second.record().connections.len(), 0);
}

#[test]
fn an_unanswered_final_dot_is_never_followed_by_another_host() {
    let silent = Rule::at(Stage::Dot);
    let (first, second) = both(Settings::smtp().rule(silent), Settings::smtp());
    let (dns, sandbox) = (FakeDns::start(exchangers()), Sandbox::new("unanswered"));
    let port = second.address().port();
    let relay = with_dns(launch(&sandbox, format!("one.test:{port}")), &dns).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert_eq!((&*line.dsn, &*line.status), ("4.4.2", "deferred"));
    let doing = "sending end of data -- message may be sent more than once";
    assert_eq!(line.reason, format!("lost connection with mx1.test[127.0.0.9] while {doing}"));
    assert_eq!((first.record().connections.len(), second.record().connections.len()), (1, 0));
}

#[test]
fn null_mx_bounces_at_once() {
    let (dns, sink) = (FakeDns::start(exchangers()), Sink::start(Settings::smtp()));
    let sandbox = Sandbox::new("null-mx");
    let maps = format!("inline:{{ null.test=smtp:null.test, client.test=smtp:{} }}", sink.nexthop());
    let relay = with_dns(Relay::in_sandbox(&sandbox).option("transport_maps", maps), &dns).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@null.test"])]);
    sink.expect("the bounce", wait::PATIENCE, |record| record.messages.len() == 1);
    let line = lines(&relay).into_iter().find(|line| line.to == "a@null.test").unwrap();
    assert_eq!((line.relay.as_str(), line.status.as_str(), line.dsn.as_str()), ("none", "bounced", "5.1.0"));
    assert_eq!(line.reason, "Domain null.test does not accept mail (nullMX)");
    assert_eq!(
        (sink.messages()[0].sender.as_str(), &*sink.messages()[0].recipients[0]),
        ("", "sender@client.test")
    );
}

#[test]
fn what_a_server_says_stays_in_one_clean_line() {
    let ugly = "450 4.2.0 no\u{1b}[31m\rNov 23 forged\u{7f}\u{9b}";
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Rcpt).reply(ugly)));
    let sandbox = Sandbox::new("ugly");
    let relay = launch(&sandbox, sink.nexthop()).start();
    injector::send(relay.intake(), 1, vec![one_to(&["a@d.test"])]);
    let [line] = &expect_lines(&relay, 1)[..] else { unreachable!() };
    assert!(line.reason.contains("said: 450 4.2.0 no?[31m?Nov 23 forged?"), "{line:?}");
    assert!(!relay.log().contains(|c: char| c.is_control() && c != '\n'));
}

#[test]
fn a_count_limit_of_one_allows_one_reuse() {
    let sink = Sink::start(Settings::smtp());
    let sandbox = Sandbox::new("count-limit");
    let relay = launch(&sandbox, sink.nexthop()).option("smtp_connection_reuse_count_limit", "1").start();
    send_in_turn(&relay, &sink, mail::distinct(6, 1_000));
    let uses: Vec<_> = lines(&relay).into_iter().map(|line| line.conn_use).collect();
    assert_eq!(uses, [None, Some(2), None, Some(2), None, Some(2)]);
    let carried: Vec<_> = sink.record().connections.iter().map(|connection| connection.messages).collect();
    assert_eq!(carried, [2, 2, 2]);
}

#[test]
fn destinations_on_one_host_share_its_session_and_known_ways_need_no_lookup() {
    let (dns, sink) = (FakeDns::start(exchangers()), Sink::start(Settings::smtp()));
    let sandbox = Sandbox::new("shared-host");
    let port = sink.address().port();
    let maps = format!("inline:{{ a.test=smtp:two.test:{port}, b.test=smtp:[127.0.0.1]:{port} }}");
    let launch = launch(&sandbox, "").option("transport_maps", maps);
    // A worker of its own for each message: what is known of the way must not be in its memory.
    let relay = with_dns(launch, &dns).option("max_use", "1").start();
    let to = |recipient: &str| Mail::new(recipient, &format!("{recipient}.id"), b"text\r\n");
    send_in_turn(&relay, &sink, vec![to("1@a.test"), to("2@b.test")]);
    let asked = dns.questions();
    assert!(dns.asked("two.test", RecordType::MX) > 0);
    send_in_turn(&relay, &sink, vec![to("3@a.test"), to("4@b.test")]);
    assert_eq!(dns.questions(), asked);
    let uses: Vec<_> = lines(&relay).into_iter().map(|line| (line.relay, line.conn_use)).collect();
    let (mx, host) = (format!("mx2.test[127.0.0.1]:{port}"), name_of(sink.address()));
    assert_eq!(uses, [(mx.clone(), None), (host.clone(), Some(2)), (mx, Some(3)), (host, Some(4))]);
    assert_eq!(sink.record().connections.len(), 1);
}

#[test]
fn a_destination_that_wants_no_shared_sessions_is_given_none() {
    for (reuse, connections) in [("yes", 1), ("no", 2)] {
        let (dns, sink) = (FakeDns::start(exchangers()), Sink::start(Settings::smtp().tls(&Tls::default())));
        let (sandbox, port) = (Sandbox::new("no-sharing"), sink.address().port());
        let maps = format!("inline:{{ a.test=smtp:[127.0.0.1]:{port}, b.test=smtp:two.test:{port} }}");
        let policy = format!("inline:{{ {{two.test:{port} = encrypt connection_reuse={reuse}}} }}");
        let launch =
            launch(&sandbox, "").option("transport_maps", maps).option("smtp_tls_policy_maps", policy);
        let relay = with_dns(launch.option("smtp_tls_security_level", "encrypt"), &dns).start();
        let to = |recipient: &str| Mail::new(recipient, recipient, b"text\r\n");
        send_in_turn(&relay, &sink, vec![to("1@a.test"), to("2@b.test")]);
        assert_eq!(sink.record().connections.len(), connections, "{reuse}");
    }
}

#[test]
fn without_the_cache_delivery_goes_on() {
    for signal in [Signal::KILL, Signal::STOP] {
        let sink = Sink::start(Settings::smtp());
        let sandbox = Sandbox::new("cacheless");
        let relay =
            launch(&sandbox, sink.nexthop()).option("connection_cache_protocol_timeout", "1s").start();
        send_in_turn(&relay, &sink, mail::distinct(2, 1_000));
        let scache = relay.processes("scache").into_iter().next().expect("scache runs");
        scache.signal(signal);
        send_in_turn(&relay, &sink, mail::distinct(5, 1_000));
        let lines = lines(&relay);
        assert!(lines.iter().all(|line| line.status == "sent"), "{signal:?}: {lines:#?}");
        assert_eq!(sink.record().messages.len(), 7);
        scache.signal(Signal::KILL);
    }
}
