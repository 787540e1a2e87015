//! The dialogue in the log, for peers of `debug_peer_list`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use testkit::mail::Mail;
use testkit::relay::Relay;
use testkit::script::Script;
use testkit::{Sandbox, injector, wait};

/// The log of one delivery with a login; the server repeats what it should not.
fn log_with(name: &str, options: &[(&str, &str)]) -> String {
    let script = Script::start(&[
        "< 220 w.test ESMTP\n> EHLO *\n< 250-w.test\n< 250 AUTH PLAIN\n> AUTH PLAIN *\n\
        < 235 2.7.0 welcome tiger-secret\n> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n< 250 ok\n> DATA\n< 354 go\n> ...\n\
        < 250 2.0.0 taken\n> QUIT\n~ close",
    ]);
    let sandbox = Sandbox::new(name);
    let mut launch = Relay::in_sandbox(&sandbox)
        .option("relayhost", format!("[127.0.0.1]:{}", script.address().port()))
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_security_options", "noanonymous")
        .option("smtp_tls_security_level", "none")
        .option("smtp_sasl_password_maps", "static:user:tiger-secret");
    for (name, value) in options {
        launch = launch.option(name, *value);
    }
    let mut relay = launch.start();
    injector::send(relay.intake(), 1, vec![Mail::new("r@d.test", "one@client.test", b"content-word\r\n")]);
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    script.finish().unwrap();
    relay.log()
}

#[test]
fn debug_peer_list_shows_the_dialogue_without_secrets_and_content() {
    let log = log_with("watched", &[("debug_peer_list", "127.0.0.0/8")]);
    for shown in
        ["< 127.0.0.1[127.0.0.1]:", ": EHLO ", "AUTH PLAIN [not shown]", ": 235 [not shown]", ": MAIL FROM:<"]
    {
        assert!(log.contains(shown), "{shown}: {log}");
    }
    assert!(log.contains("while sending RCPT TO"), "{log}");
    // AHVzZXI: how the answer of PLAIN begins.
    for secret in ["tiger-secret", "AHVzZXI", "content-word"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn debug_peer_level_1_shows_the_dialogue_only() {
    let log = log_with("watched-1", &[("debug_peer_list", "127.0.0.1"), ("debug_peer_level", "1")]);
    assert!(log.contains(": MAIL FROM:<") && !log.contains("while sending RCPT TO"), "{log}");
}

#[test]
fn a_peer_that_is_not_listed_is_not_shown() {
    let log = log_with("unwatched", &[("debug_peer_list", "192.0.2.1, other.test")]);
    assert!(!log.contains("EHLO") && !log.contains("MAIL FROM"), "{log}");
}
