//! The delivery line for odd addresses and odd replies: our agent's is the stock agent's, octet for octet, but for the times.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use testkit::Sandbox;
use testkit::postfix::{Launch, Postfix, complaints};
use testkit::sink::{Rule, Settings, Sink, Stage};

/// Octets of text in one line.
const LONGEST: usize = 2000;

const DOMAINS: [&str; 2] = ["stock.test", "baton.test"];

fn both(sandbox: &Sandbox, sink: &Sink, more: &str) -> Launch {
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} {more} }}"),
        )
        .option("smtp_host_lookup", "native")
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "-o connection_cache_service_name=bscache")
        .cache("bscache", "")
}

/// From behind the queue's name for the message to the end; digits of times become `T`.
fn neutral(line: &str, domain: &str) -> String {
    let (_, rest) = line.split_once("]: ").unwrap();
    // Where a line is cut off depends on how many digits the times have.
    let length = rest.len();
    let (_, rest) = rest.split_once(": ").unwrap();
    let (before, after) = rest.split_once(", delay=").unwrap();
    let (times, after) = after.split_once(", dsn=").unwrap();
    let mut shape = String::new();
    for time in times.split_inclusive(|c: char| !(c.is_ascii_digit() || c == '.')) {
        let (number, end) =
            time.split_at(time.trim_end_matches(|c: char| !(c.is_ascii_digit() || c == '.')).len());
        let is_time = !number.is_empty() && number.parse::<f64>().is_ok();
        shape.push_str(if is_time { "T" } else { number });
        shape.push_str(end);
    }
    let mut line = format!("{before}, delay={shape}, dsn={after}").replace(domain, "TEST");
    if length >= LONGEST {
        line.truncate(LONGEST - 100);
        line.push_str(&format!(" and so on, {length} octets"));
    }
    line
}

/// The delivery line of what is sent to this recipient of both domains.
fn lines(postfix: &Postfix, recipient: &str, shown: &str) -> [String; 2] {
    DOMAINS.map(|domain| {
        let at = postfix.log_from(0).len();
        postfix.submit(&[], "s@client.test", &[&format!("{recipient}@{domain}")], "Subject: x\n\ntext\n");
        let line = testkit::wait::expect(&format!("a line for {recipient}@{domain}"), || {
            let log = postfix.log_from(at);
            log.lines()
                .find(|line| line.contains("postfix/smtp[") && line.contains("status="))
                .map(str::to_owned)
        });
        assert!(line.contains(shown), "{line}");
        neutral(&line, domain)
    })
}

#[test]
fn recipients_are_written_as_the_stock_agent_writes_them() {
    let sandbox = Sandbox::new("pfl");
    let sink = Sink::start(Settings::smtp().with("SMTPUTF8"));
    let postfix = both(&sandbox, &sink, "")
        .option(
            "virtual_alias_maps",
            "inline:{ { alias@stock.test = other@stock.test }, { alias@baton.test = other@baton.test } }",
        )
        .option("virtual_alias_domains", "")
        .start();
    for (recipient, shown) in [
        ("plain", "to=<plain@"),
        ("a.b+c=d/e", "to=<a.b+c=d/e@"),
        ("\"a b\"", "to=<\"a b\"@"),
        ("\"a..b\"", "to=<\"a..b\"@"),
        ("\".a.\"", "to=<\".a.\"@"),
        ("\"a<b>c\"", "to=<\"a<b>c\"@"),
        ("\"a\\\"b\\\\c\"", "to=<\"a\\\"b\\\\c\"@"),
        ("\"a@b\"", "@"),
        ("\"a,b;c:(d)[e]\"", "to=<"),
        ("(comment)u", "to=<u@"),
        ("UPPER", "to=<UPPER@"),
        ("\u{e9}\u{4e2d}", "to=<\u{e9}\u{4e2d}@"),
        ("alias", "orig_to=<alias@"),
        ("a'b`c{d}|e~f!g#h$i%j^k&l*m?n", "to=<"),
    ] {
        let [stock, ours] = lines(&postfix, recipient, shown);
        assert_eq!(ours, stock);
    }
    postfix.stop();
}

#[test]
fn replies_are_written_as_the_stock_agent_writes_them() {
    let sandbox = Sandbox::new("pfl");
    let long = format!("450 4.2.0 {}", "long ".repeat(390));
    let longest = format!("450 4.2.0 {}", "very ".repeat(800));
    let replies = [
        ("a1", "450 later"),
        ("a2", "450-4.2.0 one\r\n450-4.2.0 two\r\n450 4.2.0 three"),
        ("a3", "450-4.2.0 one\r\n450 5.2.0 two"),
        ("a4", "550 5.1.1 <a@b>: \"quoted\" (in parentheses) = %s"),
        ("a5", "550 5.1.1 bell\u{7}, escape\u{1b}[31m, delete\u{7f}"),
        ("a6", "550 5.1.1 \u{e9}\u{4e2d} \u{1f600}"),
        ("a7", "450 2.1.0 a code of another class"),
        ("a8", "450  4.2.0   blanks  "),
        ("a9", "450"),
        ("b1", "450 4.2"),
        ("b2", "450 4.2.0"),
        ("b3", "450 4.1234.5 long parts"),
        ("b4", "521 5.0.0 no mail"),
        ("b5", "250-2.1.5 taken\r\n250 2.1.5 by many"),
        ("b6", &long),
        ("b7", &longest),
        ("b8", "551 5.1.6 moved to <x@y>"),
        ("b9", "552 5.2.2 full"),
    ];
    let mut settings = Settings::smtp();
    for (local, reply) in replies {
        settings = settings.rule(Rule::at(Stage::Rcpt).containing(&format!("<{local}@")).reply(reply));
    }
    let sink = Sink::start(settings);
    let postfix = both(&sandbox, &sink, "").start();
    let mut differ = Vec::new();
    for (local, _) in replies {
        let [stock, ours] = lines(&postfix, local, "status=");
        if stock != ours {
            differ.push(format!("stock: {stock}\nours:  {ours}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
    postfix.stop();
}

#[test]
fn final_replies_and_sessions_used_again_are_written_as_the_stock_agent_writes_them() {
    let sandbox = Sandbox::new("pfl");
    let final_reply = Rule::at(Stage::Dot).after(1).reply("250-2.0.0 queued\r\n250 2.0.0 as \u{1}x");
    let sink = Sink::start(Settings::smtp().rule(final_reply));
    let postfix = both(&sandbox, &sink, "")
        .option("smtp_connection_cache_destinations", "static:all")
        .option("smtp_connection_cache_time_limit", "20s")
        .option("connection_cache_ttl_limit", "20s")
        .start();
    for uses in 1..4 {
        let [stock, ours] = lines(&postfix, "u", if uses == 1 { "dsn=2.0.0" } else { ", conn_use=" });
        assert_eq!(ours, stock);
    }
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}
