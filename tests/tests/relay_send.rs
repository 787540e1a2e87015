//! `baton send`, as itself and as `sendmail`: what arrives, and what the caller is told.
#![allow(clippy::unwrap_used, reason = "a test")]
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use testkit::relay::Relay;
use testkit::sink::{Received, Settings, Sink};
use testkit::{Sandbox, programs, wait};

/// What a program said, and its exit code.
struct Said {
    code: i32,
    out: String,
    complaint: String,
}

fn run(program: &Path, config: &Path, words: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(program)
        .args(words)
        .env("BATON_CONFIG", config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have heard enough before the end.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        complaint: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A relay that delivers to a sink, and the program `sendmail`.
struct Scene {
    relay: Relay,
    sink: Sink,
    sendmail: PathBuf,
    config: PathBuf,
    sandbox: Sandbox,
}

impl Scene {
    fn set(options: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new("send");
        let sink = Sink::start(Settings::smtp());
        let mut launch = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop());
        for (name, value) in options {
            launch = launch.option(name, *value);
        }
        let relay = launch.start();
        let sendmail = sandbox.join("sendmail");
        symlink(programs::ours("baton"), &sendmail).unwrap();
        let config = sandbox.join("main.cf");
        Self { relay, sink, sendmail, config, sandbox }
    }

    fn sendmail(&self, words: &[&str], input: &[u8]) -> Said {
        run(&self.sendmail, &self.config, words, input)
    }

    #[track_caller]
    fn refused(&self, words: &[&str], input: &[u8], code: i32, complaint: &str) {
        let said = self.sendmail(words, input);
        assert_eq!(said.code, code, "{words:?}: {}", said.complaint);
        assert!(said.complaint.contains(complaint), "{words:?}: {}", said.complaint);
    }

    fn arrived(&self, number: usize) -> Received {
        self.sink.expect_messages(number);
        self.sink.messages().swap_remove(number - 1)
    }
}

fn text(message: &Received) -> String {
    String::from_utf8(message.content.clone()).unwrap()
}

#[test]
fn a_message_is_completed_and_handed_in() {
    let mut scene = Scene::set(&[]);
    let said =
        scene.sendmail(&["-oi", "-f", "me@x.test", "-F", "Me", "you@d.test"], b"Subject: x\n\n.\n..two\nend");
    assert_eq!((said.code, said.out.as_str(), said.complaint.as_str()), (0, "", ""));
    let message = scene.arrived(1);
    assert_eq!(
        (message.sender.as_str(), &message.recipients[..]),
        ("me@x.test", &["you@d.test".to_owned()][..])
    );
    let content = text(&message);
    assert!(content.ends_with("Subject: x\r\n\r\n.\r\n..two\r\nend\r\n"), "{content}");
    for wanted in ["From: Me <me@x.test>\r\n", "\r\nDate: ", "\r\nMessage-ID: <"] {
        assert!(content.contains(wanted), "no {wanted:?} in {content}");
    }

    // Recipients from the header; Bcc goes; a dot ends; 8-bit octets need no option.
    let mail = "To: a@d.test, B <b@d.test>\nBcc: c@d.test\nSubject: y\n\nä\n.\nnot this\n";
    assert_eq!(scene.sendmail(&["-t", "-f", "<>", "d@d.test"], mail.as_bytes()).code, 0);
    let message = scene.arrived(2);
    assert_eq!(message.sender, "");
    assert_eq!(message.recipients, ["d@d.test", "a@d.test", "b@d.test", "c@d.test"]);
    assert!(message.mail_parameters.contains("BODY=8BITMIME"), "{}", message.mail_parameters);
    let content = text(&message);
    assert!(content.ends_with("\r\n\r\nä\r\n") && !content.contains("Bcc"), "{content}");
    scene.relay.stop();
}

#[test]
fn notices_are_asked_for_with_n_r_and_v() {
    let sandbox = Sandbox::new("send-notices");
    let sink = Sink::start(Settings::smtp().with("DSN"));
    let mut relay = Relay::in_sandbox(&sandbox).option("relayhost", sink.nexthop()).start();
    let (baton, config) = (programs::ours("baton"), sandbox.join("main.cf"));
    let send = |words: &[&str]| {
        let said =
            run(&baton, &config, &[&["send", "-f", "me@x.test"], words].concat(), b"Subject: x\n\nx\n");
        assert_eq!(said.code, 0, "{}", said.complaint);
    };
    send(&["-N", "success,delay", "-R", "hdrs", "-V", "order 7+x", "you@d.test"]);
    send(&["-Nnever", "you@d.test"]);
    send(&["you@d.test"]);
    relay.expect_empty(wait::PATIENCE);
    let commands: Vec<String> =
        sink.record().connections.iter().flat_map(|one| one.commands.clone()).collect();
    let said = |wanted: &str| commands.iter().filter(|command| command.contains(wanted)).count();
    assert_eq!(said("ENVID=order+207+2Bx RET=HDRS"), 1, "{commands:?}");
    assert_eq!(said("RCPT TO:<you@d.test> NOTIFY=SUCCESS,DELAY"), 1, "{commands:?}");
    assert_eq!(said("RCPT TO:<you@d.test> NOTIFY=NEVER"), 1, "{commands:?}");
    assert_eq!((said("RCPT TO:<you@d.test>"), said("NOTIFY="), said("RET=")), (3, 2, 1), "{commands:?}");
    relay.stop();
}

#[test]
fn long_messages_and_long_lists_of_recipients_arrive() {
    let mut scene = Scene::set(&[("smtpd_recipient_limit", "20"), ("message_size_limit", "6000000")]);
    let mut mail = b"Subject: long\n\n".to_vec();
    let body: Vec<u8> =
        (0..60_000).flat_map(|n| format!("line {n} of a message that is long\n").into_bytes()).collect();
    mail.extend_from_slice(&body);
    let to: Vec<String> = (0..50).map(|n| format!("u{n}@d.test")).collect();
    let mut words = vec!["-f", "me@x.test"];
    words.extend(to.iter().map(String::as_str));
    let said = scene.sendmail(&words, &mail);
    assert_eq!(said.code, 0, "{}", said.complaint);
    scene.sink.expect_messages(3);
    let messages = scene.sink.messages();
    assert_eq!(messages.iter().map(|one| one.recipients.len()).sum::<usize>(), 50);
    let wanted = String::from_utf8(body).unwrap().replace('\n', "\r\n");
    for message in &messages {
        assert!(text(message).ends_with(&format!("\r\n\r\n{wanted}")), "the text was changed");
    }
    scene.relay.stop();
}

#[test]
fn standard_input_and_output_can_be_a_dialogue() {
    let mut scene = Scene::set(&[]);
    let dialogue = b"EHLO client.test\r\nMAIL FROM:<me@x.test>\r\nRCPT TO:<you@d.test>\r\nDATA\r\n";
    let said =
        scene.sendmail(&["-bs"], &[&dialogue[..], b"Subject: x\r\n\r\nbody\r\n.\r\nQUIT\r\n"].concat());
    assert_eq!(said.code, 0, "{}", said.complaint);
    let replies: Vec<&str> =
        said.out.lines().map(|line| &line[..4]).filter(|code| code.ends_with(' ')).collect();
    assert_eq!(replies, ["220 ", "250 ", "250 ", "250 ", "354 ", "250 ", "221 "]);
    assert!(text(&scene.arrived(1)).ends_with("\r\nbody\r\n"));
    scene.relay.stop();
}

#[test]
fn the_queue_is_listed_and_flushed_as_with_sendmail() {
    let mut scene = Scene::set(&[]);
    scene.relay.pause();
    assert_eq!(scene.sendmail(&["you@d.test"], b"\nbody\n").code, 0);
    assert!(scene.sendmail(&["-bp"], b"").out.contains("to <you@d.test>"));
    assert_eq!(scene.sendmail(&["-q"], b"").code, 0);
    scene.relay.resume();
    scene.relay.expect_empty(wait::PATIENCE);
    scene.relay.stop();
}

#[test]
fn the_caller_learns_why_a_message_was_not_taken() {
    let mut scene = Scene::set(&[]);
    scene.refused(&[], b"x\n", 64, "no recipients");
    scene.refused(&["-Z", "a@d.test"], b"x\n", 64, "unknown option -Z");
    scene.refused(&["-f"], b"x\n", 64, "needs a value");
    scene.refused(&["-t"], b"Subject: to nobody\n\nx\n", 65, "names nobody");
    scene.refused(&["two@at@d.test"], b"x\n", 65, "is not an address");
    scene.refused(&["-bd"], b"", 69, "baton relay");
    scene.refused(&["-N", "sometimes", "a@d.test"], b"x\n", 64, "never, or a list");
    assert_eq!(scene.relay.queued(), 0);

    // The relay's own limit, where it differs from what is written in the file by now.
    let config = std::fs::read_to_string(&scene.config).unwrap();
    let shrunk = scene.sandbox.write("small.cf", format!("{config}message_size_limit = 1000\n"));
    let said = run(&scene.sendmail, &shrunk, &["a@d.test"], &[b'x'; 2000]);
    assert_eq!(said.code, 65, "{}", said.complaint);
    assert!(said.complaint.contains("longer than 1000 octets"), "{}", said.complaint);
    let broken = scene.sandbox.write("broken.cf", format!("{config}message_size_limit = big\n"));
    let said = run(&scene.sendmail, &broken, &["a@d.test"], b"x\n");
    assert_eq!(said.code, 78, "{}", said.complaint);

    // Our own options go before sendmail's.
    let baton = programs::ours("baton");
    let words = ["send", "--config", shrunk.to_str().unwrap(), "--option=message_size_limit=500", "a@d.test"];
    let said = run(&baton, Path::new("/nonexistent"), &words, &[b'x'; 700]);
    assert!(said.code == 65 && said.complaint.contains("500 octets"), "{}", said.complaint);

    scene.relay.stop();
    scene.refused(&["a@d.test"], b"x\n", 75, "no relay runs here");
    let said = scene.sendmail(&["-bs"], b"QUIT\r\n");
    assert!(said.code == 75 && said.out.starts_with("421 4.3.0 "), "{}", said.out);
}

#[test]
fn a_relay_that_is_full_is_tried_again_later() {
    let mut scene = Scene::set(&[("queue_minfree", "9000000000000000")]);
    scene.refused(&["a@d.test"], b"x\n", 75, "452 4.3.1");
    scene.relay.stop();
}

#[test]
fn what_the_relay_refuses_for_good_is_told_apart() {
    let mut scene = Scene::set(&[("message_size_limit", "1000")]);
    let config = std::fs::read_to_string(&scene.config).unwrap();
    let grown = scene.sandbox.write("large.cf", format!("{config}message_size_limit = 100000\n"));
    let said = run(&scene.sendmail, &grown, &["a@d.test"], &[b'x'; 2000]);
    assert_eq!(said.code, 65, "{}", said.complaint);
    assert!(said.complaint.contains("size"), "{}", said.complaint);
    assert_eq!(scene.relay.queued(), 0);
    scene.relay.stop();
}
