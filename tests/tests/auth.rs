//! Logging in, with real processes: who says which password to whom, over what, and that nobody writes it down.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use data_encoding::BASE64;
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::{Launch, Relay};
use testkit::sink::{ClientCertificate, Record, Rule, Settings, Sink, Stage, Tls};
use testkit::{Sandbox, injector, secrets, wait};

const USER: &str = "user";
/// A colon belongs to it, since only the first one ends the user's name.
const PASSWORD: &str = "s3cr3t:of-ours";

/// A relay that logs in at this next hop, one delivery at a time, and keeps sessions.
fn launch(sandbox: &Sandbox, nexthop: &str) -> Launch {
    passwords(sandbox, &[(nexthop, &format!("{USER}:{PASSWORD}"))]);
    Relay::in_sandbox(sandbox)
        .option("relayhost", nexthop)
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_password_maps", format!("texthash:{}", sandbox.join("passwords").display()))
        .option("smtp_destination_concurrency_limit", "1")
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .option("smtp_connection_cache_time_limit", "30s")
        .option("connection_cache_ttl_limit", "30s")
}

fn passwords(sandbox: &Sandbox, entries: &[(&str, &str)]) {
    let text: String = entries.iter().map(|(key, value)| format!("{key} {value}\n")).collect();
    sandbox.write("passwords", text);
}

/// The same where a password may be said in the clear.
fn launch_eased(sandbox: &Sandbox, nexthop: &str) -> Launch {
    launch(sandbox, nexthop).option("smtp_sasl_security_options", "noanonymous")
}

fn lines(relay: &Relay) -> Vec<Line> {
    let log = relay.log();
    log.lines().filter(|line| line.contains(" status=")).filter_map(Line::parse).collect()
}

/// Sends one message and waits for its line.
fn send(relay: &Relay, sender: &str) -> Line {
    let before = lines(relay).len();
    let mail = Mail::new("rcpt@d.test", &format!("m{before}@client.test"), b"text\r\n");
    injector::send(relay.intake(), 1, vec![Mail { sender: sender.into(), ..mail }]);
    let line = wait::until(wait::PATIENCE, || lines(relay).into_iter().nth(before));
    line.unwrap_or_else(|| panic!("no delivery line; log:\n{}", relay.log()))
}

/// Logs, queue and whatever else lies in the sandbox hold no password, in no form in which it is sent. Ends the relay.
fn expect_no_leak(sandbox: &Sandbox, mut relay: Relay) {
    let forms = secrets::forms(USER, PASSWORD);
    secrets::expect_nowhere(sandbox.path(), &forms, &["passwords"]);
    relay.stop();
    secrets::expect_nowhere(sandbox.path(), &forms, &["passwords"]);
}

fn logins(record: &Record) -> Vec<Vec<String>> {
    record.connections.iter().map(|connection| connection.logins.clone()).collect()
}

fn said_auth(record: &Record) -> bool {
    let mut commands = record.connections.iter().flat_map(|connection| &connection.commands);
    commands.any(|command| command.starts_with("AUTH"))
}

#[test]
fn one_login_serves_all_mail_of_a_session_that_is_handed_on() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN LOGIN"));
    let sandbox = Sandbox::new("login");
    let options = launch_eased(&sandbox, &sink.nexthop());
    let relay = options.option("smtp_send_dummy_mail_auth", "yes").option("max_use", "1").start();
    for _ in 0..3 {
        assert_eq!(send(&relay, "one@client.test").status, "sent");
    }
    let record = sink.record().clone();
    assert_eq!(logins(&record), [[format!("PLAIN {USER} {PASSWORD}")]]);
    assert_eq!(record.messages.len(), 3);
    for message in &record.messages {
        assert!(message.mail_parameters.ends_with("AUTH=<>"), "{message:?}");
    }
    assert!(record.violations.is_empty(), "{:?}", record.violations);
    expect_no_leak(&sandbox, relay);
}

#[test]
fn mechanisms_of_two_lines_and_no_word_of_auth_by_default() {
    let sink = Sink::start(Settings::smtp().with("AUTH LOGIN"));
    let sandbox = Sandbox::new("login-old");
    let relay = launch_eased(&sandbox, &sink.nexthop()).start();
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    let record = sink.record().clone();
    assert_eq!(logins(&record), [[format!("LOGIN {USER} {PASSWORD}")]]);
    assert!(!record.messages[0].mail_parameters.contains("AUTH="));
    expect_no_leak(&sandbox, relay);
}

#[test]
fn by_default_no_password_is_said_in_the_clear() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN LOGIN"));
    let sandbox = Sandbox::new("noplaintext");
    let relay = launch(&sandbox, &sink.nexthop()).start();
    let line = send(&relay, "one@client.test");
    assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.7.0"), "{line:?}");
    assert_eq!(
        line.reason,
        "SASL authentication failed; cannot authenticate to server 127.0.0.1[127.0.0.1]: no mechanism available"
    );
    assert!(!said_auth(&sink.record()));
    expect_no_leak(&sandbox, relay);
}

/// What comes of one message over TLS with these settings.
fn over_tls(settings: &[(&str, &str)]) -> (Line, Record) {
    let server = Tls::default().open().unwrap();
    let authority = server.pem().to_owned();
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN").tls_server(server));
    let sandbox = Sandbox::new("tls");
    let authority = sandbox.write("authority.pem", authority);
    let mut options = launch(&sandbox, &sink.nexthop())
        .option("smtp_tls_CAfile", authority.display().to_string())
        .option("smtp_tls_connection_reuse", "yes");
    for (name, value) in settings {
        options = options.option(name, *value);
    }
    let relay = options.start();
    let line = send(&relay, "one@client.test");
    if line.status == "sent" {
        send(&relay, "two@client.test");
    }
    let record = sink.record().clone();
    expect_no_leak(&sandbox, relay);
    (line, record)
}

#[test]
fn each_protection_has_its_own_demands() {
    let encrypt = ("smtp_tls_security_level", "encrypt");
    let policy = ("smtp_tls_policy_maps", "inline:{{[127.0.0.1] = none}} static:{verify match=sink.test}");
    let (tls, verified) = (
        ("smtp_sasl_tls_security_options", "noanonymous"),
        ("smtp_sasl_tls_verified_security_options", "noanonymous"),
    );
    for (settings, welcome) in [
        (vec![encrypt], false),
        (vec![encrypt, verified], false),
        (vec![encrypt, tls], true),
        (vec![policy, verified], true),
        (vec![policy, tls, ("smtp_sasl_tls_verified_security_options", "noplaintext")], false),
    ] {
        let (line, record) = over_tls(&settings);
        assert_eq!(line.status, if welcome { "sent" } else { "deferred" }, "{settings:?}: {line:?}");
        assert_eq!(said_auth(&record), welcome, "{settings:?}");
        if welcome {
            assert_eq!(logins(&record), [[format!("PLAIN {USER} {PASSWORD}")]], "{settings:?}");
            assert_eq!(record.connections[0].messages, 2, "handed on inside TLS: {settings:?}");
        }
    }
}

#[test]
fn a_refused_login_waits_or_bounces_as_the_operator_says() {
    for (soft, status, dsn) in [("yes", "deferred", "4.7.8"), ("no", "bounced", "5.7.8")] {
        // It says back what it heard.
        let heard = BASE64.encode(format!("\0{USER}\0{PASSWORD}").as_bytes());
        let reply = format!("535 5.7.8 {heard} ({PASSWORD}) is wrong");
        let refuses = Rule::at(Stage::Auth).reply(&reply);
        let sink = Sink::start(Settings::smtp().with("AUTH PLAIN").rule(refuses));
        let sandbox = Sandbox::new("refused");
        let relay =
            launch_eased(&sandbox, &sink.nexthop()).option("smtp_sasl_auth_soft_bounce", soft).start();
        let line = send(&relay, "one@client.test");
        assert_eq!((&*line.status, &*line.dsn), (status, dsn), "{line:?}");
        assert_eq!(
            line.reason,
            "SASL authentication failed; server 127.0.0.1[127.0.0.1] said: 535 5.7.8 *** (***) is wrong"
        );
        sink.expect("QUIT", wait::PATIENCE, |record| record.connections[0].closed);
        let record = sink.record().clone();
        let commands: Vec<_> = record.connections[0].commands.iter().map(|line| &line[..4]).collect();
        assert_eq!(commands, ["EHLO", "AUTH", "QUIT"]);
        expect_no_leak(&sandbox, relay);
    }
}

#[test]
fn a_server_that_offers_no_auth_talks_to_strangers() {
    let sink = Sink::start(Settings::smtp());
    let sandbox = Sandbox::new("no-auth");
    let relay = launch_eased(&sandbox, &sink.nexthop()).option("smtp_send_dummy_mail_auth", "yes").start();
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    let record = sink.record().clone();
    assert!(!said_auth(&record) && !record.messages[0].mail_parameters.contains("AUTH"), "{record:?}");
}

#[test]
fn without_a_credential_nobody_logs_in() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("stranger");
    let options = launch_eased(&sandbox, &sink.nexthop());
    passwords(&sandbox, &[("other.test", "user:pw")]);
    let relay = options.start();
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    assert!(!said_auth(&sink.record()));
}

#[test]
fn a_filter_that_leaves_nothing_is_a_failed_login() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("filter");
    let relay = launch_eased(&sandbox, &sink.nexthop())
        .option("smtp_sasl_mechanism_filter", "!plain, static:rest")
        .start();
    let line = send(&relay, "one@client.test");
    assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.7.0"), "{line:?}");
    assert!(line.reason.contains("offered no compatible authentication mechanisms"), "{line:?}");
    assert!(relay.log().contains("offered no supported AUTH mechanisms: 'PLAIN'"));
    assert!(!said_auth(&sink.record()));
}

#[test]
fn a_password_table_that_cannot_answer_defers_and_nothing_is_said() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("table");
    let relay =
        launch_eased(&sandbox, &sink.nexthop()).option("smtp_sasl_password_maps", "fail:down").start();
    let line = send(&relay, "one@client.test");
    assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.3.0"), "{line:?}");
    assert!(line.reason.starts_with("local data error while talking to "), "{line:?}");
    assert!(sink.record().messages.is_empty());
}

#[test]
fn two_credentials_never_share_a_session() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("two");
    let options =
        launch_eased(&sandbox, &sink.nexthop()).option("smtp_sender_dependent_authentication", "yes");
    passwords(&sandbox, &[("one@client.test", "one:1"), ("two@client.test", "two:2")]);
    let relay = options.start();
    for _ in 0..2 {
        for sender in ["one@client.test", "two@client.test", "three@client.test", ""] {
            assert_eq!(send(&relay, sender).status, "sent", "{sender}");
        }
    }
    let record = sink.record().clone();
    let expected: [&[&str]; 4] = [&["PLAIN one 1"], &["PLAIN two 2"], &[], &[]];
    assert_eq!(logins(&record), expected);
    for (at, connection) in record.connections.iter().enumerate() {
        assert_eq!(connection.messages, 2, "connection {at} is used again, by its own sender");
    }
    for message in &record.messages {
        let others = record.messages.iter().filter(|other| other.connection == message.connection);
        assert!(others.into_iter().all(|other| other.sender == message.sender), "{message:?}");
    }
}

#[test]
fn two_next_hops_at_one_address_with_two_users_never_share_a_session() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let port = sink.address().port();
    let sandbox = Sandbox::new("hops");
    let (one, two) = (format!("[127.0.0.1]:{port}"), format!("127.0.0.1:{port}"));
    let options = launch_eased(&sandbox, &one).option(
        "transport_maps",
        format!("inline:{{{{one.test = smtp:{one}}}, {{two.test = smtp:[localhost]:{port}}}}}"),
    );
    passwords(&sandbox, &[(&one, "one:1"), (&format!("[localhost]:{port}"), "two:2"), (&two, "no:no")]);
    let relay = options
        .option("smtp_host_lookup", "native")
        .option("inet_protocols", "ipv4")
        .option("smtp_connection_cache_destinations", "127.0.0.1, localhost")
        .start();
    for (number, domain) in ["one.test", "two.test", "one.test", "two.test"].iter().enumerate() {
        let mail = Mail::new(&format!("r@{domain}"), &format!("h{number}@client.test"), b"text\r\n");
        injector::send(relay.intake(), 1, vec![mail]);
        wait::expect("the line", || (lines(&relay).len() > number).then_some(()));
    }
    assert!(lines(&relay).iter().all(|line| line.status == "sent"), "{}", relay.log());
    assert_eq!(logins(&sink.record()), [["PLAIN one 1"], ["PLAIN two 2"]]);
}

/// Mail that has waited long enough for plaintext, to a server whose handshakes fail.
fn after_failed_handshakes(auth_enable: &str) -> Record {
    let breaks = Rule::at(Stage::Handshake);
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN").tls(&Tls::default()).rule(breaks));
    let sandbox = Sandbox::new("fallback");
    let options = launch_eased(&sandbox, &sink.nexthop())
        .option("smtp_sasl_auth_enable", auth_enable)
        .option("smtp_tls_security_level", "may")
        .option("minimal_backoff_time", "1s");
    let mut relay = options.clone().held().start();
    injector::send(relay.intake(), 1, vec![Mail::new("r@d.test", "old@client.test", b"text\r\n")]);
    relay.stop();
    wait::pass(std::time::Duration::from_millis(1100));
    let relay = options.start();
    wait::expect("the line", || lines(&relay).into_iter().next());
    let record = sink.record().clone();
    expect_no_leak(&sandbox, relay);
    record
}

#[test]
fn mail_with_a_credential_never_falls_back_to_plaintext() {
    assert_eq!(after_failed_handshakes("no").messages.len(), 1, "it would without");
    let record = after_failed_handshakes("yes");
    assert!(record.messages.is_empty() && !said_auth(&record), "{record:?}");
}

#[test]
fn readers_of_the_password_table_are_worth_a_warning() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("readers");
    let relay = launch_eased(&sandbox, &sink.nexthop()).start();
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    let file = sandbox.join("passwords").display().to_string();
    let warning = format!("{file}: passwords that every user of this machine can read");
    assert!(relay.log().contains(&warning), "{}", relay.log());
}

#[test]
fn a_new_password_is_not_used_on_a_session_of_the_old_one() {
    let sink = Sink::start(Settings::smtp().with("AUTH PLAIN"));
    let sandbox = Sandbox::new("rotation");
    let relay = launch_eased(&sandbox, &sink.nexthop()).start();
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    let workers = relay.processes("baton-worker");
    passwords(&sandbox, &[(&sink.nexthop(), "user:another")]);
    relay.reload();
    assert!(
        workers.iter().all(|worker| worker.wait_gone(wait::PATIENCE)),
        "a worker with the old password stays"
    );
    assert_eq!(send(&relay, "one@client.test").status, "sent");
    let expected = [[format!("PLAIN {USER} {PASSWORD}")], ["PLAIN user another".to_owned()]];
    assert_eq!(logins(&sink.record()), expected);
}

#[test]
fn a_certificate_speaks_for_us_where_it_was_shown() {
    for (certificate, mechanism) in
        [(ClientCertificate::Asked, "EXTERNAL"), (ClientCertificate::NotAsked, "PLAIN")]
    {
        let tls = Tls { client_certificate: certificate, ..Tls::default() };
        let accepts = Rule::at(Stage::Auth).reply("235 2.7.0 welcome");
        let sink = Sink::start(Settings::smtp().with("AUTH PLAIN EXTERNAL").tls(&tls).rule(accepts));
        let sandbox = Sandbox::new("external");
        let own = rcgen::generate_simple_self_signed(["relay.test".to_owned()]).unwrap();
        let own = sandbox.write("own.pem", own.signing_key.serialize_pem() + &own.cert.pem());
        let relay = launch(&sandbox, &sink.nexthop())
            .option("smtp_tls_security_level", "encrypt")
            .option("smtp_tls_chain_files", own.display().to_string())
            .option("smtp_sasl_tls_security_options", "noanonymous")
            .start();
        assert_eq!(send(&relay, "one@client.test").status, "sent", "{}", relay.log());
        let record = sink.record().clone();
        let auth = record.connections[0].commands.iter().find(|command| command.starts_with("AUTH"));
        assert!(auth.unwrap().starts_with(&format!("AUTH {mechanism}")), "{auth:?}");
    }
}
