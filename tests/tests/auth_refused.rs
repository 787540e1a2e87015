//! Refused logins that are remembered (`smtp_sasl_auth_cache_name`), over workers that live for one delivery each.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::Relay;
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, injector, secrets, wait};

const PASSWORD: &str = "s3cr3t-of-ours";

/// A server that knows nobody, and a relay that logs in to it.
struct Scene {
    relay: Relay,
    sink: Sink,
    sandbox: Sandbox,
}

impl Scene {
    /// `STORE` in a value stands for a table in the sandbox.
    fn set(settings: &[(&str, &str)]) -> Self {
        let refuses = Rule::at(Stage::Auth).reply("535 5.7.8 no");
        let sink = Sink::start(Settings::smtp().with("AUTH PLAIN").rule(refuses));
        let sandbox = Sandbox::new("refused-logins");
        sandbox.write("passwords", format!("{} user:{PASSWORD}\n", sink.nexthop()));
        let store = format!("proxy:btree:{}", sandbox.join("logins").display());
        let mut options = Relay::in_sandbox(&sandbox)
            .option("relayhost", sink.nexthop())
            .option("smtp_sasl_auth_enable", "yes")
            .option("smtp_sasl_security_options", "noanonymous")
            .option("smtp_sasl_password_maps", format!("texthash:{}", sandbox.join("passwords").display()))
            .option("smtp_destination_concurrency_failed_cohort_limit", "0")
            .option("max_use", "1");
        for (parameter, value) in settings {
            options = options.option(parameter, value.replace("STORE", &store));
        }
        Self { relay: options.start(), sink, sandbox }
    }

    /// Sends a message without a sender, so that nothing comes of a bounce, and waits for its line.
    fn send(&self) -> Line {
        let lines = || -> Vec<Line> {
            let log = self.relay.log();
            log.lines().filter(|line| line.contains(" status=")).filter_map(Line::parse).collect()
        };
        let before = lines().len();
        let mail = Mail::new("rcpt@d.test", &format!("m{before}@client.test"), b"text\r\n");
        injector::send(self.relay.intake(), 1, vec![Mail { sender: String::new(), ..mail }]);
        wait::until(wait::PATIENCE, || lines().into_iter().nth(before)).unwrap()
    }

    fn tried(&self) -> usize {
        let record = self.sink.record();
        let commands = record.connections.iter().flat_map(|connection| &connection.commands);
        commands.filter(|command| command.starts_with("AUTH")).count()
    }

    fn end(mut self) {
        self.relay.stop();
        secrets::expect_nowhere(self.sandbox.path(), &secrets::forms("user", PASSWORD), &["passwords"]);
    }
}

const STORE: (&str, &str) = ("smtp_sasl_auth_cache_name", "STORE");
const HARD: (&str, &str) = ("smtp_sasl_auth_soft_bounce", "no");
const SAID: &str = "SASL authentication failed; server 127.0.0.1[127.0.0.1] said: 535 5.7.8 no";
const CACHED: &str = "SASL [CACHED] authentication failed; server 127.0.0.1[127.0.0.1] said: 535 5.7.8 no";

#[test]
fn a_refused_login_is_not_tried_again_with_smtp_sasl_auth_cache_name() {
    let scene = Scene::set(&[STORE, HARD]);
    let lines = [scene.send(), scene.send(), scene.send()];
    assert_eq!(lines.each_ref().map(|line| &*line.reason), [SAID, CACHED, CACHED]);
    assert_eq!(lines.each_ref().map(|line| &*line.dsn), ["5.7.8"; 3]);
    assert_eq!(lines.each_ref().map(|line| &*line.status), ["bounced"; 3]);
    assert_eq!(scene.tried(), 1);
    scene.end();

    let scene = Scene::set(&[HARD]);
    assert_eq!([scene.send(), scene.send()].each_ref().map(|line| &*line.reason), [SAID; 2]);
    assert_eq!(scene.tried(), 2);
    scene.end();
}

#[test]
fn smtp_sasl_auth_soft_bounce_holds_for_remembered_logins() {
    let scene = Scene::set(&[STORE]);
    let lines = [scene.send(), scene.send()];
    assert_eq!(lines.each_ref().map(|line| &*line.reason), [SAID, CACHED]);
    for line in &lines {
        assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.7.8"), "{line:?}");
    }
    scene.end();
}

#[test]
fn a_login_is_tried_again_after_smtp_sasl_auth_cache_time() {
    let scene = Scene::set(&[STORE, HARD, ("smtp_sasl_auth_cache_time", "0s")]);
    // Its time is over with the second in which it was refused.
    let again = wait::until(wait::PATIENCE, || {
        scene.send();
        (scene.tried() > 1).then_some(())
    });
    assert_eq!(again, Some(()));
    scene.end();
}

#[test]
fn another_password_is_tried_at_once() {
    let scene = Scene::set(&[STORE, HARD]);
    assert_eq!([scene.send(), scene.send()].each_ref().map(|line| &*line.reason), [SAID, CACHED]);
    scene.sandbox.write("passwords", format!("{} user:another\n", scene.sink.nexthop()));
    assert_eq!(scene.send().reason, SAID);
    assert_eq!(scene.tried(), 2);
    scene.end();
}
