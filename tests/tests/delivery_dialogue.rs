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
    let line = wait::expect("the delivery line", || relay.log().lines().find_map(Line::parse));
    if let Err(reason) = script.finish() {
        panic!("{reason}; log:\n{}", relay.log());
    }
    (line, relay.log())
}

const REST: &str = "> MAIL FROM:*\n< 250 ok\n> RCPT TO:<a@d.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n\
    < 250 2.0.0 taken\n> QUIT\n";

const AFTER_MAIL: &str =
    "> RCPT TO:<a@d.test>\n< 250 ok\n> DATA\n< 354 go\n> ...\n< 250 2.0.0 taken\n> QUIT\n";

#[test]
fn smtp_discard_ehlo_keyword_address_maps_replaces_smtp_discard_ehlo_keywords() {
    let ehlo = "< 220 script.test ESMTP\n> EHLO *\n< 250-script.test\n< 250-DSN\n< 250 SIZE 1000000\n";
    let with_mail =
        |mail: &str| format!("{ehlo}> MAIL FROM:<sender@client.test>{mail}\n< 250 ok\n{AFTER_MAIL}");
    let settings = |launch: Launch| launch.option("smtp_discard_ehlo_keywords", "dsn");
    let (line, log) = play("discard-list", &with_mail(" SIZE=*"), settings);
    assert_eq!(line.status, "sent");
    assert!(log.contains("discarding EHLO keywords: DSN\n"), "{log}");
    let table = "inline:{ 127.0.0.1=size }";
    let settings = |launch: Launch| {
        launch
            .option("smtp_discard_ehlo_keywords", "dsn")
            .option("smtp_discard_ehlo_keyword_address_maps", table)
    };
    let (line, log) = play("discard-map", &with_mail(""), settings);
    assert_eq!(line.status, "sent");
    assert!(log.contains("discarding EHLO keywords: SIZE\n"), "{log}");
}

#[test]
fn lmtp_discard_lhlo_keyword_address_maps_replaces_its_own_list() {
    let lhlo = |mail: &str| {
        let hello = "< 220 script.test LMTP\n> LHLO *\n< 250-script.test\n< 250-DSN\n< 250 SIZE 1000000\n";
        format!("{hello}> MAIL FROM:<sender@client.test>{mail}\n< 250 ok\n{AFTER_MAIL}< 221 bye\n")
    };
    let settings = |launch: Launch| launch.option("default_transport", "lmtp");
    let (line, _) = play("lhlo-list", &lhlo(" SIZE=*"), settings);
    assert_eq!(line.status, "sent");
    let settings = |launch: Launch| {
        settings(launch).option("lmtp_discard_lhlo_keyword_address_maps", "inline:{ 127.0.0.1=size }")
    };
    let (line, _) = play("lhlo-map", &lhlo(""), settings);
    assert_eq!(line.status, "sent");
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

#[test]
fn smtp_reply_filter_rewords_a_line_before_it_is_understood() {
    let refused = "< 220 script.test ESMTP\n> EHLO *\n< 250 script.test\n> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n\
        < 450 4.2.0 try later\n> RSET\n< 250 ok\n> QUIT\n";
    let (line, _) = play("reply-plain", refused, |launch| launch);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.2.0"), "{line:?}");
    let table = "inline:{ {450 4.2.0 try later = 550 5.1.1 never} }";
    let (line, log) = play("reply-filter", refused, |launch| launch.option("smtp_reply_filter", table));
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("bounced", "5.1.1"), "{line:?}");
    let replaced = ": replacing server reply \"450 4.2.0 try later\" with \"550 5.1.1 never\"";
    assert!(log.contains(replaced), "{log}");
}

#[test]
fn a_reply_filter_without_an_answer_ends_the_session_and_defers() {
    let greeting = "< 220 script.test ESMTP\n";
    let settings = |launch: Launch| launch.option("smtp_reply_filter", "fail:{4.3.5 broken}");
    let (line, _) = play("reply-fail", greeting, settings);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("deferred", "4.3.0"), "{line:?}");
    assert!(line.reason.starts_with("local data error while talking to 127.0.0.1"), "{line:?}");
}

#[test]
fn smtp_delivery_status_filter_decides_between_defer_and_bounce() {
    let refused = |reply: &str| {
        format!(
            "< 220 script.test ESMTP\n> EHLO *\n< 250 script.test\n> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n\
            < {reply}\n> RSET\n< 250 ok\n> QUIT\n"
        )
    };
    let rules = |name, rules: &str| {
        let file = std::env::temp_dir().join(format!("baton-{name}-{}.regexp", std::process::id()));
        std::fs::write(&file, rules).unwrap();
        (format!("regexp:{}", file.display()), file)
    };
    let (table, file) =
        rules("status", "/^4\\.2\\.0/ 5.2.0 full for good\n/^5\\.1\\.1/ 4.1.1 perhaps\n/^5/ 2.0.0 fine\n");
    let filter = |launch: Launch| launch.option("smtp_delivery_status_filter", table.as_str());
    let (line, _) = play("status-up", &refused("450 4.2.0 full"), filter);
    assert_eq!(
        (line.status.as_str(), line.dsn.as_str(), line.reason.as_str()),
        ("bounced", "5.2.0", "full for good"),
        "{line:?}"
    );
    let filter = |launch: Launch| launch.option("default_delivery_status_filter", table.as_str());
    let (line, _) = play("status-down", &refused("550 5.1.1 who"), filter);
    assert_eq!((line.status.as_str(), line.reason.as_str()), ("deferred", "perhaps"), "{line:?}");
    // A failure does not become a success.
    let filter = |launch: Launch| launch.option("smtp_delivery_status_filter", table.as_str());
    let (line, log) = play("status-bad", &refused("554 5.7.1 no"), filter);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("bounced", "5.7.1"), "{line:?}");
    assert!(log.contains("delivery_status_filter: \"2.0.0 fine\" cannot stand for"), "{log}");
    // soft_bounce goes before it.
    let filter = |launch: Launch| {
        launch.option("smtp_delivery_status_filter", table.as_str()).option("soft_bounce", "yes")
    };
    let (line, _) = play("status-soft", &refused("450 4.2.0 full"), filter);
    assert_eq!((line.status.as_str(), line.dsn.as_str()), ("SOFTBOUNCE", "4.2.0"), "{line:?}");
    std::fs::remove_file(file).unwrap();
}
