//! What of a message in Postfix's queue reaches the wire: octet for octet what the stock agent sends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::process::Command;
use testkit::postfix::Postfix;
use testkit::sink::{FinalReply, Rule, Settings, Sink, Stage, Tls};
use testkit::{Sandbox, programs, wait};

/// Behind the header, in which two deliveries differ.
fn body(content: &[u8]) -> &[u8] {
    let end = content.windows(4).position(|some| some == b"\r\n\r\n").unwrap();
    &content[end..]
}

fn bodies() -> Vec<String> {
    vec![
        "one line without end".into(),
        ".\n..\n.x\n\n\n".into(),
        format!("{}\nshort\n", "long ".repeat(5_000)),
        "x".repeat(2_048),
        format!("{}\n", "y".repeat(4_096)),
        "\u{e9}\u{20ac} and \u{1}\u{7f}\n".into(),
        String::new(),
        "end with a dot\n.".into(),
    ]
}

#[test]
fn messages_of_every_shape_leave_as_by_the_stock_agent() {
    let sandbox = Sandbox::new("pfc");
    let sink = Sink::start(Settings::smtp());
    let address = sink.address();
    let next = format!("[{}]:{}", address.ip(), address.port());
    let postfix = Postfix::in_sandbox(&sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("smtp_host_lookup", "native")
        .agent("ours", "-", "")
        .start();
    for (number, text) in bodies().iter().enumerate() {
        for domain in ["stock.test", "baton.test"] {
            let recipient = format!("u{number}@{domain}");
            postfix.submit(&[], "s@client.test", &[&recipient], &format!("Subject: x\n\n{text}"));
            postfix.expect_line(&[&format!("to=<{recipient}>"), "status=sent"]);
        }
        let messages = sink.messages();
        let [.., stock, ours] = messages.as_slice() else { panic!("two messages") };
        assert_eq!(
            String::from_utf8_lossy(body(&ours.content)),
            String::from_utf8_lossy(body(&stock.content)),
            "message {number}"
        );
    }
    postfix.stop();
}

#[test]
fn a_damaged_queue_file_is_never_a_whole_message_in_plaintext() {
    a_damaged_file_is_bounced("none", Settings::smtp());
}

/// Where much of the text is sealed before the damage is found.
#[test]
fn a_damaged_queue_file_is_never_a_whole_message_inside_tls() {
    a_damaged_file_is_bounced("encrypt", Settings::smtp().tls(&Tls::default()));
}

fn a_damaged_file_is_bounced(level: &str, settings: Settings) {
    let sandbox = Sandbox::new("pfc");
    let later = Rule::at(Stage::Rcpt).connections(1, 1).reply("450 4.2.0 later");
    let sink = Sink::start(settings.rule(later));
    let address = sink.address();
    let postfix = Postfix::in_sandbox(&sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ d.test = ours:[{}]:{} }} }}", address.ip(), address.port()),
        )
        .option("smtp_host_lookup", "native")
        .option("smtp_tls_security_level", level)
        .option("default_transport", "discard:")
        .agent("ours", "-", "")
        .start();
    let text = format!("Subject: x\n\n{}", "a line of text\n".repeat(5_000));
    postfix.submit(&[], "s@client.test", &["u@d.test"], &text);
    postfix.expect_line(&["to=<u@d.test>", "status=deferred"]);
    wait::expect("a deferred message", || (postfix.queue_files("deferred").len() == 1).then_some(()));
    let file = postfix.queue_files("deferred").remove(0);
    // In the middle: the queue manager looks at what is around the content, and not into it.
    let octets = fs::read(&file).unwrap();
    let half = octets.len() / 2;
    let record = octets[half..].windows(3).position(|some| some == b"N\x0ea").unwrap();
    File::options().write(true).open(&file).unwrap().write_all_at(b"Z", (half + record) as u64).unwrap();
    let flush =
        Command::new(programs::debian("postqueue")).arg("-c").arg(postfix.configuration()).arg("-f").status();
    assert!(flush.unwrap().success());
    postfix.expect_line(&["to=<u@d.test>", "dsn=5.3.0", "status=bounced"]);
    wait::expect("the file where people find it", || {
        (postfix.queue_files("corrupt").len() == 1).then_some(())
    });
    assert_eq!(sink.messages().len(), 0);
    postfix.stop();
}

#[test]
fn a_message_is_locked_until_the_queue_manager_has_heard_of_it() {
    let sandbox = Sandbox::new("pfc");
    let sink = Sink::start(Settings::smtp().final_reply(FinalReply::Held));
    let address = sink.address();
    let postfix = Postfix::in_sandbox(&sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ d.test = ours:[{}]:{} }} }}", address.ip(), address.port()),
        )
        .option("smtp_host_lookup", "native")
        .option("hash_queue_names", "active, deferred, defer")
        .option("hash_queue_depth", "2")
        .option("enable_long_queue_ids", "yes")
        .agent("ours", "-", "")
        .start();
    postfix.submit(&[], "s@client.test", &["u@d.test"], "x\n");
    sink.expect("the final dot", wait::PATIENCE, |record| record.messages.len() == 1);
    let active = postfix.queue_files("active");
    let [file] = active.as_slice() else { panic!("one message is active, not {active:?}") };
    let file = File::open(file).unwrap();
    let lock = || rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive);
    assert_eq!(lock(), Err(rustix::io::Errno::WOULDBLOCK));
    sink.release();
    postfix.expect_line(&["to=<u@d.test>", "status=sent"]);
    wait::expect("the lock to go", || lock().is_ok().then_some(()));
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    postfix.stop();
}
