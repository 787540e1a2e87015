//! Messages that filters have edited: their queue files have pointers into and out of what cleanup(8) wrote first.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::fs;
use testkit::milter::{self, Edit};
use testkit::postfix::{Launch, Postfix, complaints};
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

fn both(sandbox: &Sandbox, sink: &Sink, edits: Vec<Edit>) -> Launch {
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("smtp_host_lookup", "native")
        .option("non_smtpd_milters", format!("inet:{}", milter::start(edits)))
        .option("notify_classes", "")
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
}

fn lines(count: usize) -> Vec<u8> {
    (0..count).map(|number| format!(".line {number} of a new body\n")).collect::<String>().into_bytes()
}

/// What a content says, but for what no two messages have in common.
fn neutral(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let varies = ["Received:", "Message-Id:", "Date:", "\tid ", "\tby "];
    let lines =
        text.split_inclusive("\r\n").filter(|line| !varies.iter().any(|start| line.starts_with(start)));
    lines.collect::<String>().replace("stock.test", "TEST").replace("baton.test", "TEST")
}

fn edits() -> Vec<Vec<Edit>> {
    let long = "a long text ".repeat(100);
    vec![
        vec![
            Edit::Change("Subject", "another"),
            Edit::Add("X-Added", "at the end"),
            Edit::Insert("X-First", "at the beginning"),
        ],
        vec![Edit::Change("Subject", long.leak()), Edit::Change("X-Old", "")],
        vec![Edit::Body(lines(3))],
        vec![Edit::Body(lines(8_000))],
        vec![Edit::Body(b"no line end".to_vec()), Edit::Change("Subject", "x")],
        vec![
            Edit::Body(Vec::from(format!("\u{e9}\n{}", "a very long line ".repeat(3_000)))),
            Edit::Add("X-A", "1"),
            Edit::Add("X-B", "2"),
        ],
    ]
}

#[test]
fn what_filters_made_of_a_message_leaves_as_by_the_stock_agent_and_as_postcat_shows_it() {
    for edits in edits() {
        let sandbox = Sandbox::new("pfm");
        let later = Rule::at(Stage::Rcpt).connections(1, 2).reply("450 4.2.0 later");
        let sink = Sink::start(Settings::smtp().rule(later));
        let shown = format!("{edits:.80?}");
        let postfix = both(&sandbox, &sink, edits).start();
        for domain in ["stock.test", "baton.test"] {
            let text = format!("Subject: x\nX-Old: y\n\n{}.\n.last", "an old line\n".repeat(400));
            postfix.submit(&[], "s@client.test", &[&format!("u@{domain}")], &text);
            postfix.expect_line(&[&format!("to=<u@{domain}>"), "status=deferred"]);
        }
        wait::expect("deferred messages", || (postfix.queue_files("deferred").len() == 2).then_some(()));
        // A file that was edited has pointer records.
        let files = postfix.queue_files("deferred");
        for file in &files {
            let octets = fs::read(file).unwrap();
            assert!(octets.windows(3).any(|some| some == b"p\x0f "), "{}", file.display());
        }
        let mut stored: Vec<_> = files
            .iter()
            .map(|file| {
                neutral(
                    postfix
                        .command("postcat", &["-bh", &file.display().to_string()])
                        .replace('\n', "\r\n")
                        .as_bytes(),
                )
            })
            .collect();
        postfix.flush();
        for domain in ["stock.test", "baton.test"] {
            postfix.expect_line(&[&format!("to=<u@{domain}>"), "status=sent"]);
        }
        let messages = sink.messages();
        let of = |domain: &str| {
            let message = messages.iter().find(|one| one.recipients[0].ends_with(domain)).unwrap();
            neutral(&message.content)
        };
        assert_eq!(of("baton.test"), of("stock.test"), "{shown}");
        // The client breaks lines of more than 998 octets, postcat shows them as they are.
        let plain = |text: &str| text.replace("\r\n ", "");
        stored.iter_mut().for_each(|text| *text = plain(text));
        assert_eq!(plain(&of("baton.test")), stored[0], "{shown}");
        assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
        postfix.stop();
    }
}

#[test]
fn a_recipient_that_a_filter_added_is_marked_where_it_stands() {
    let sandbox = Sandbox::new("pfm");
    let later = Rule::at(Stage::Rcpt).containing("u@").reply("450 4.2.0 later");
    let sink = Sink::start(Settings::smtp().rule(later));
    let edits = vec![Edit::Recipient("added@baton.test"), Edit::Body(lines(3))];
    let postfix = both(&sandbox, &sink, edits).start();
    postfix.submit(&[], "s@client.test", &["u@baton.test"], "Subject: x\n\ntext\n");
    postfix.expect_line(&["to=<added@baton.test>", "status=sent"]);
    postfix.expect_line(&["to=<u@baton.test>", "status=deferred"]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    let file = postfix.queue_files("deferred").remove(0);
    let shown = postfix.command("postcat", &["-e", &file.display().to_string()]);
    assert!(
        shown.contains("done_recipient: added@baton.test") && shown.contains("\nrecipient: u@baton.test"),
        "{shown}"
    );
    postfix.stop();
}
