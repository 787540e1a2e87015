//! Logging in beside Debian's Postfix: as the server that checks passwords, and as the client that does the same as ours.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use testkit::dovecot::Dovecot;
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::postfix::{Letter, Postfix};
use testkit::relay::{Launch, Relay};
use testkit::sandbox::free_port;
use testkit::sink::{Rule, Settings, Sink, Stage};
use testkit::{Sandbox, injector, secrets, wait};

const USER: &str = "user";
/// A colon belongs to it, since only the first one ends the user's name.
const PASSWORD: &str = "s3cr3t:of-ours";

/// A relay that logs in at this next hop with this credential.
fn launch(sandbox: &Sandbox, nexthop: &str, credential: &str) -> Launch {
    let passwords = sandbox.write("passwords", format!("{nexthop} {credential}\n"));
    Relay::in_sandbox(sandbox)
        .option("relayhost", nexthop)
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_password_maps", format!("texthash:{}", passwords.display()))
        .option("smtp_sasl_security_options", "noanonymous")
}

/// Sends one message and waits for its line.
fn send(relay: &Relay) -> Line {
    injector::send(relay.intake(), 1, vec![Mail::new("rcpt@d.test", "m@client.test", b"text\r\n")]);
    let line = || {
        let log = relay.log();
        log.lines().filter(|line| line.contains(" status=")).find_map(Line::parse)
    };
    wait::until(wait::PATIENCE, line).unwrap_or_else(|| panic!("no delivery line; log:\n{}", relay.log()))
}

#[test]
fn every_mechanism_that_dovecot_and_we_have_logs_in_at_postfix() {
    let sandbox = Sandbox::new("real");
    let mechanisms = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];
    let dovecot = Dovecot::start(&sandbox, &[(USER, PASSWORD)], &mechanisms.join(" ").to_lowercase());
    let port = free_port().release();
    let options = [
        ("smtpd_sasl_auth_enable", "yes".to_owned()),
        ("smtpd_sasl_type", "dovecot".to_owned()),
        ("smtpd_sasl_path", dovecot.socket().display().to_string()),
        ("smtpd_sasl_security_options", "noanonymous".to_owned()),
        ("smtpd_relay_restrictions", "permit_sasl_authenticated, reject".to_owned()),
        ("smtpd_peername_lookup", "no".to_owned()),
    ];
    let postfix =
        Postfix::in_sandbox(&sandbox).option("default_transport", "discard").server(port, &options).start();
    // Without a filter the strongest is used.
    let filtered = mechanisms.iter().map(|name| (*name, *name)).chain([("SCRAM-SHA-256", "")]);
    for (number, (used, filter)) in filtered.enumerate() {
        let client = Sandbox::new("real-client");
        let relay = launch(&client, &format!("[127.0.0.1]:{port}"), &format!("{USER}:{PASSWORD}"))
            .option("smtp_sasl_mechanism_filter", filter)
            .start();
        let line = send(&relay);
        assert_eq!(line.status, "sent", "{used}: {line:?}");
        let login = format!("sasl_method={used}, sasl_username={USER}");
        let seen = || postfix.log_from(0).matches(&login).count() >= if number < 5 { 1 } else { 2 };
        wait::expect(&login, || seen().then_some(()));
        let forms = secrets::forms(USER, PASSWORD);
        secrets::expect_nowhere(client.path(), &forms, &["passwords"]);
    }
    for mechanism in mechanisms {
        let client = Sandbox::new("real-wrong");
        let relay = launch(&client, &format!("[127.0.0.1]:{port}"), "user:wrong");
        let relay = relay.option("smtp_sasl_mechanism_filter", mechanism).start();
        let line = send(&relay);
        assert_eq!((&*line.status, &*line.dsn), ("deferred", "4.7.8"), "{mechanism}: {line:?}");
        assert!(line.reason.contains("said: 535 5.7.8 "), "{mechanism}: {line:?}");
    }
}

/// One server and one way to log in there.
struct Case {
    name: &'static str,
    server: fn(Settings) -> Settings,
    options: &'static [(&'static str, &'static str)],
}

const fn case(
    name: &'static str,
    server: fn(Settings) -> Settings,
    options: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, server, options }
}

fn offers(settings: Settings) -> Settings {
    settings.with("AUTH PLAIN LOGIN")
}

const EASED: (&str, &str) = ("smtp_sasl_security_options", "noanonymous");

/// Each ends with one line in the log, and with a session whose commands can be compared.
const CASES: &[Case] = &[
    case("plain", offers, &[EASED]),
    case("login", |settings| settings.with("AUTH=LOGIN"), &[EASED]),
    case("authzid", offers, &[EASED, ("send_cyrus_sasl_authzid", "yes")]),
    case("dummy", offers, &[EASED, ("smtp_send_dummy_mail_auth", "yes")]),
    case("stranger", offers, &[EASED, ("smtp_sasl_password_maps", "inline:{other.test=x:y}")]),
    case("not-offered", |settings| settings, &[EASED]),
    case("discarded", offers, &[EASED, ("smtp_discard_ehlo_keywords", "auth")]),
    case("noplaintext", offers, &[]),
    case("filtered", offers, &[EASED, ("smtp_sasl_mechanism_filter", "gssapi")]),
    case("filter-order", offers, &[EASED, ("smtp_sasl_mechanism_filter", "!plain, static:all")]),
    case("refused", |settings| offers(settings).rule(at_auth("535 5.7.8 no")), &[EASED]),
    case(
        "refused-hard",
        |settings| offers(settings).rule(at_auth("535 5.7.8 no")),
        &[EASED, ("smtp_sasl_auth_soft_bounce", "no")],
    ),
    case("later", |settings| offers(settings).rule(at_auth("454 4.7.0 later")), &[EASED]),
    case("odd", |settings| offers(settings).rule(at_auth("199 what")), &[EASED]),
    case("no-status", |settings| offers(settings).rule(at_auth("535 no")), &[EASED]),
    case("closed", |settings| offers(settings).rule(Rule::at(Stage::Auth)), &[EASED]),
    case("no-table", offers, &[EASED, ("smtp_sasl_password_maps", "fail:down")]),
    case("host-key", offers, &[EASED, ("smtp_sasl_password_maps", "inline:{127.0.0.1=host:pw}")]),
    case("static", offers, &[EASED, ("smtp_sasl_password_maps", "static:alone")]),
];

fn at_auth(reply: &str) -> Rule {
    Rule::at(Stage::Auth).reply(reply)
}

/// What a log line says after the delays, with the sink's port taken out.
fn told(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(", dsn=")?;
    Some(rest.to_owned())
}

/// Commands of the first session from AUTH on, without what names the client or the message.
fn said(sink: &Sink) -> Vec<String> {
    let record = sink.record().clone();
    let Some(connection) = record.connections.first() else { return Vec::new() };
    let told =
        connection.commands.iter().filter(|command| command.starts_with("AUTH") || command.contains("AUTH="));
    let told =
        told.map(
            |command| if command.starts_with("MAIL") { "MAIL with AUTH=<>".into() } else { command.clone() },
        );
    told.chain(connection.logins.iter().cloned()).collect()
}

#[test]
fn postfix_and_we_say_the_same_to_servers_and_to_the_log() {
    let sandbox = Sandbox::new("oracle");
    let passwords =
        sandbox.write("passwords", format!("[127.0.0.1] no:no\n127.0.0.1:25 no:no\n{USER} no:no\n"));
    let mut options = vec![];
    let mut postfix = Postfix::in_sandbox(&sandbox).option("notify_classes", "");
    let sinks: Vec<Sink> = CASES.iter().map(|case| Sink::start((case.server)(Settings::smtp()))).collect();
    let mut routes = String::new();
    for (case, sink) in CASES.iter().zip(&sinks) {
        let map = format!("inline:{{{{{} = {USER}:{PASSWORD}}}}}", sink.nexthop());
        let mut own = vec![("smtp_sasl_auth_enable", "yes".to_owned()), ("smtp_sasl_password_maps", map)];
        own.extend(case.options.iter().map(|(name, value)| (*name, (*value).to_owned())));
        postfix = postfix.transport(case.name, &own);
        routes.push_str(&format!("{}.test {}:{}\n", case.name, case.name, sink.nexthop()));
        options.push(own);
    }
    drop(passwords);
    let routes = sandbox.write("transport", routes);
    let postfix = postfix.option("transport_maps", format!("texthash:{}", routes.display())).start();
    let letter = |case: &Case| Letter { recipient: format!("r@{}.test", case.name), age: Default::default() };
    postfix.inject(&CASES.iter().map(letter).collect::<Vec<_>>());
    for ((case, theirs), own) in CASES.iter().zip(&sinks).zip(options) {
        let to = format!("to=<r@{}.test>", case.name);
        let of = |log: String| {
            log.lines().find(|line| line.contains(&to) && line.contains(" status=")).and_then(told)
        };
        let expected = wait::until(wait::PATIENCE, || of(postfix.log_from(0)));
        let expected = expected.unwrap_or_else(|| panic!("{}: {}", case.name, postfix.log_from(0)));

        let (client, ours) = (Sandbox::new("oracle-us"), Sink::start((case.server)(Settings::smtp())));
        let mut launch = Relay::in_sandbox(&client).option("relayhost", ours.nexthop());
        for (name, value) in own {
            launch = launch.option(name, value.replace(&theirs.nexthop(), &ours.nexthop()));
        }
        let relay = launch.start();
        injector::send(
            relay.intake(),
            1,
            vec![Mail::new(&format!("r@{}.test", case.name), "m@client.test", b"text\r\n")],
        );
        let found = wait::until(wait::PATIENCE, || of(relay.log()));
        assert_eq!(found.as_deref(), Some(&*expected), "{}: {}", case.name, relay.log());
        assert_eq!(said(&ours), said(theirs), "{}", case.name);
    }
}
