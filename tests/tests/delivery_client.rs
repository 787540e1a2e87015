//! What servers are told of the client that handed a message in (XFORWARD).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use testkit::mail::Mail;
use testkit::relay::{Launch, Relay};
use testkit::script::Script;
use testkit::{Sandbox, injector, wait};

const HELLO: &str = "< 220 filter.test ESMTP\n> EHLO *\n< 250-filter.test\n< 250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\n";
const MAIL: &str =
    "> MAIL FROM:*\n< 250 ok\n> RCPT TO:*\n< 250 ok\n> DATA\n< 354 go\n> ...\n< 250 2.0.0 taken\n";

fn launch(sandbox: &Sandbox, script: &Script) -> Launch {
    Relay::in_sandbox(sandbox).option("relayhost", format!("[127.0.0.1]:{}", script.address().port()))
}

fn mails(number: usize) -> Vec<Mail> {
    (0..number).map(|_| Mail::new("r@d.test", "one@client.test", b"text\r\n")).collect()
}

#[test]
fn smtp_send_xforward_command_tells_the_server_who_handed_in_each_message_of_a_session() {
    let told = "> XFORWARD NAME=localhost ADDR=127.0.0.1 PORT=*\n< 250 ok\n> XFORWARD PROTO=ESMTP HELO=*\n< 550 5.7.0 no\n";
    // The second message finds the session that was kept, and the server is told again.
    let script = Script::start(&[&format!("{HELLO}{told}{MAIL}{told}{MAIL}~ silence")]);
    let sandbox = Sandbox::new("xforward");
    let mut relay = launch(&sandbox, &script)
        .option("smtp_send_xforward_command", "yes")
        .option("smtp_destination_concurrency_limit", "1")
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .start();
    injector::send(relay.intake(), 1, mails(2));
    relay.expect_empty(wait::PATIENCE);
    let refused = "said: 550 5.7.0 no (in reply to XFORWARD helo/protocol command)";
    assert_eq!(relay.log().matches(refused).count(), 2, "{}", relay.log());
    relay.stop();
    script.finish().unwrap();
}

#[test]
fn without_smtp_send_xforward_command_nothing_is_told() {
    let script = Script::start(&[&format!("{HELLO}{MAIL}> QUIT\n~ close")]);
    let sandbox = Sandbox::new("no-xforward");
    let mut relay = launch(&sandbox, &script).start();
    injector::send(relay.intake(), 1, mails(1));
    relay.expect_empty(wait::PATIENCE);
    relay.stop();
    script.finish().unwrap();
}

#[test]
fn smtp_xforward_timeout_ends_the_wait_for_a_silent_server() {
    let script = Script::start(&[&format!("{HELLO}> XFORWARD NAME=*\n~ silence")]);
    let sandbox = Sandbox::new("xforward-timeout");
    let relay = launch(&sandbox, &script)
        .option("smtp_send_xforward_command", "yes")
        .option("smtp_xforward_timeout", "1s")
        .start();
    injector::send(relay.intake(), 1, mails(1));
    wait::expect("the deferral", || {
        relay.log().contains("timed out while sending XFORWARD name/address").then_some(())
    });
    script.finish().unwrap();
}
