//! Parameters that change the dialogue with a server: what is discarded, worked around, rewritten.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::{Launch, Relay};
use testkit::script::Script;
use testkit::{Sandbox, injector, wait};

/// Plays one dialogue to one message, and gives its delivery line and the whole log.
#[track_caller]
fn play(name: &str, dialogue: &str, settings: impl FnOnce(Launch) -> Launch) -> (Line, String) {
    let script = Script::start(&[dialogue]);
    let sandbox = Sandbox::new(name);
    let nexthop = format!("[127.0.0.1]:{}", script.address().port());
    let relay = settings(Relay::in_sandbox(&sandbox).option("relayhost", nexthop)).start();
    injector::send(relay.intake(), 1, vec![Mail::new("a@d.test", "one@client.test", b"text\r\n")]);
    let line = wait::expect("the delivery line", || relay.log().lines().find_map(|line| Line::parse(line)));
    if let Err(reason) = script.finish() {
        panic!("{reason}; log:\n{}", relay.log());
    }
    (line, relay.log())
}

const REST: &str = "> MAIL FROM:*\n< 250 ok\n> RCPT TO:<a@d.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n\
    < 250 2.0.0 taken\n> QUIT\n";

#[test]
fn smtp_discard_ehlo_keyword_address_maps_replaces_smtp_discard_ehlo_keywords() {
    let hello = "< 220 script.test ESMTP\n> EHLO *\n< 250-script.test\n< 250-DSN\n< 250 SIZE 1000000\n";
    let without_size =
        format!("{hello}> MAIL FROM:<one@client.test>\n< 250 ok\n{}", &REST[REST.find("> RCPT").unwrap()..]);
    let settings = |launch: Launch| launch.option("smtp_discard_ehlo_keywords", "dsn");
    let (line, log) = play(
        "discard-list",
        &format!(
            "{hello}> MAIL FROM:<one@client.test> SIZE=*\n< 250 ok\n{}",
            &REST[REST.find("> RCPT").unwrap()..]
        ),
        settings,
    );
    assert_eq!(line.status, "sent");
    assert!(log.contains("discarding EHLO keywords: DSN\n"), "{log}");
    let table = "inline:{ 127.0.0.1=size }";
    let settings = |launch: Launch| {
        launch
            .option("smtp_discard_ehlo_keywords", "dsn")
            .option("smtp_discard_ehlo_keyword_address_maps", table)
    };
    let (line, log) = play("discard-map", &without_size, settings);
    assert_eq!(line.status, "sent");
    assert!(log.contains("discarding EHLO keywords: SIZE\n"), "{log}");
}

#[test]
fn a_discard_map_without_an_answer_defers_and_nothing_is_said() {
    let settings =
        |launch: Launch| launch.option("smtp_discard_ehlo_keyword_address_maps", "fail:{4.3.5 broken}");
    let (line, _) = play("discard-fail", "< 220 script.test ESMTP\n> QUIT\n", settings);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.3.0"), "{line:?}");
    assert!(line.reason.starts_with("local data error while talking to 127.0.0.1"), "{line:?}");
}

const HIDDEN: &str = "< 220 ****0*2***\n";

#[test]
fn smtp_pix_workarounds_say_helo_after_a_hidden_greeting() {
    let helo = format!("{HIDDEN}> HELO *\n< 250 script.test\n{REST}");
    let (line, log) = play("pix-helo", &helo, |launch| launch);
    assert_eq!(line.status, "sent");
    // Young mail does not wait before its dot.
    assert!(log.contains(": enabling PIX workarounds: disable_esmtp for 127.0.0.1[127.0.0.1]:"), "{log}");
    let ehlo = format!("{HIDDEN}> EHLO *\n< 250 script.test\n{REST}");
    let (_, log) = play("pix-none", &ehlo, |launch| launch.option("smtp_pix_workarounds", ""));
    assert!(!log.contains("PIX"), "{log}");
}

#[test]
fn smtp_pix_workaround_maps_replaces_the_list_even_with_nothing() {
    let ehlo = format!("{HIDDEN}> EHLO *\n< 250 script.test\n{REST}");
    let settings = |launch: Launch| launch.option("smtp_pix_workaround_maps", "inline:{ 127.0.0.1= }");
    let (_, log) = play("pix-map", &ehlo, settings);
    assert!(!log.contains("PIX"), "{log}");
}

#[test]
fn smtp_pix_workaround_threshold_time_and_delay_time_hold_the_final_dot_back() {
    let ehlo = format!("{HIDDEN}> EHLO *\n< 250 script.test\n{REST}");
    let settings = |launch: Launch| {
        launch
            .option("smtp_pix_workarounds", "delay_dotcrlf")
            .option("smtp_pix_workaround_threshold_time", "0s")
            .option("smtp_pix_workaround_delay_time", "1s")
    };
    let (line, log) = play("pix-dot", &ehlo, settings);
    assert_eq!(line.status, "sent");
    assert!(log.contains(": enabling PIX workarounds: delay_dotcrlf for "), "{log}");
    // The last of the four delays is the transaction's: it cannot be less than the pause.
    let (_, delays) = log.split_once("delays=").unwrap();
    let transaction = delays.split([',', '/']).nth(3).unwrap();
    assert!(transaction.parse::<f64>().unwrap() >= 1.0, "{log}");
}
