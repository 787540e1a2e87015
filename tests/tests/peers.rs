//! The servers that tests of TLS run against: what they count and hand on is right.
#![allow(clippy::expect_used, reason = "what fails here is an instrument of the tests")]

use std::process::Command;
use testkit::peer::{Kind, Peer, Suite};
use testkit::{Sandbox, ledger, mail, programs};

/// Two sessions with three messages each, by a client that is not ours.
const CLIENT: &str = "
import smtplib, ssl, sys
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
for files in (sys.argv[2:5], sys.argv[5:8]):
    session = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))
    session.starttls(context=context)
    for file in files:
        session.sendmail('sender@client.test', 'u@d.test', open(file, 'rb').read(), ['BODY=8BITMIME'])
    session.quit()
";

fn counts_and_hands_on(kind: Kind, suite: Suite) {
    let sandbox = Sandbox::new("peers");
    let mut peer = Peer::start(&sandbox, kind, suite);
    let mails = mail::distinct(6, 5_000);
    let files: Vec<_> =
        mails.iter().enumerate().map(|(n, mail)| sandbox.write(&format!("{n}.eml"), &mail.content)).collect();
    let mut client = Command::new(programs::debian("python3"));
    let output =
        client.args(["-c", CLIENT, &peer.port().to_string()]).args(files).output().expect("python3 runs");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), peer.log());
    peer.deliver();
    let sent: Vec<_> = mails.iter().map(mail::Mail::sent).collect();
    let balance = ledger::compare(&sent, &peer.sink().messages());
    assert_eq!(balance.faults(), 0, "{kind} {suite}: {balance}; its log:\n{}", peer.log());
    let seen = peer.seen();
    let agreed = format!("{} {}", suite.protocol, suite.iana());
    assert_eq!((seen.connections, seen.handshakes), (2, vec![agreed; 2]), "its log:\n{}", peer.log());
}

/// Both versions, both kinds of certificate, all ciphers.
fn counts_and_hands_on_with_different_suites(kind: Kind) {
    for suite in ["TLS_AES_128_GCM_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES256-GCM-SHA384"] {
        counts_and_hands_on(kind, suite.parse().expect("a suite"));
    }
}

#[test]
fn the_sink_agrees_to_its_one_suite_and_counts_handshakes() {
    counts_and_hands_on_with_different_suites(Kind::Rustls);
}

#[test]
fn postfix_agrees_to_its_one_suite_counts_handshakes_and_hands_contents_on() {
    counts_and_hands_on_with_different_suites(Kind::Postfix);
}

#[test]
fn exim_agrees_to_its_one_suite_counts_handshakes_and_hands_contents_on() {
    counts_and_hands_on_with_different_suites(Kind::Gnutls);
}
