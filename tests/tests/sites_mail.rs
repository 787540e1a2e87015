//! The main delivery of each site's main.cf, made for real: what its servers saw, and what the log says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use sha2::{Digest, Sha256};
use std::net::Ipv4Addr;
use testkit::dovecot::{Dovecot, Store};
use testkit::injector::{self, Client};
use testkit::lab::{SignedLab, SignedZone, ZoneKind};
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::peer::{Certificate, Key};
use testkit::postfix::Postfix;
use testkit::relay::Relay;
use testkit::sandbox::free_port;
use testkit::sink::{Dialect, Identity, Listen, Received, Record, Settings, Sink, Tls};
use testkit::site::{self, Site};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, secrets, wait};

/// A message from one to others.
fn mail(from: &str, to: &[&str], id: &str) -> Mail {
    let recipients = to.iter().map(|&one| one.to_owned()).collect();
    let content = format!(
        "From: <{from}>\r\nTo: <{}>\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{id}@sites.test>\r\n\r\nHello\r\n",
        to.join(">, <")
    );
    Mail { sender: from.to_owned(), recipients, content: content.into_bytes() }
}

/// Sends one and waits for the lines of all its recipients.
fn send(relay: &Relay, mail: Mail) -> Vec<Line> {
    let (known, wanted) = (lines(relay).len(), mail.recipients.len());
    injector::send(relay.intake(), 1, vec![mail]);
    settled(relay, known + wanted).split_off(known)
}

fn lines(relay: &Relay) -> Vec<Line> {
    let log = relay.log();
    log.lines().filter(|line| line.contains(" status=")).filter_map(Line::parse).collect()
}

fn settled(relay: &Relay, number: usize) -> Vec<Line> {
    let all = wait::until(wait::PATIENCE, || Some(lines(relay)).filter(|lines| lines.len() >= number));
    all.unwrap_or_else(|| panic!("not {number} deliveries; log:\n{}", relay.log()))
}

fn only(lines: &[Line]) -> &Line {
    assert_eq!(lines.len(), 1, "{lines:?}");
    &lines[0]
}

const OFFICE: (&str, &str) = ("office", "Office:pass/word");
const SALES: (&str, &str) = ("sales", "s4les-only");

/// The upstream: Postfix with STARTTLS and Dovecot's passwords, which lets in who has logged in, and sends on to a sink.
fn submission(
    sandbox: &Sandbox,
    dovecot: &Dovecot,
    certificate: &Certificate,
    onward: &Sink,
) -> (Postfix, u16) {
    let port = free_port();
    let pem = |path: &std::path::Path| path.display().to_string();
    let options = [
        ("smtpd_sasl_auth_enable", "yes".to_owned()),
        ("smtpd_sasl_type", "dovecot".to_owned()),
        ("smtpd_sasl_path", pem(dovecot.socket())),
        ("smtpd_relay_restrictions", "permit_sasl_authenticated, reject".to_owned()),
        ("smtpd_tls_security_level", "encrypt".to_owned()),
        ("smtpd_tls_auth_only", "yes".to_owned()),
        ("smtpd_tls_chain_files", format!("{}, {}", pem(&certificate.key), pem(&certificate.certificate))),
        ("smtpd_tls_loglevel", "1".to_owned()),
        ("smtpd_peername_lookup", "no".to_owned()),
    ];
    let launch =
        Postfix::in_sandbox(sandbox).server(port.number(), &options).option("relayhost", onward.nexthop());
    let port = port.release();
    (launch.start(), port)
}

#[test]
fn the_isp_relay_logs_in_at_its_upstream_as_whoever_sends() {
    let sandbox = Sandbox::new("isp");
    let certificate = Certificate::make(&sandbox.folder("certificate"), Key::Ecdsa);
    let dovecot = Dovecot::start(&sandbox, &[OFFICE, SALES], "plain login");
    let onward = Sink::start(Settings::smtp());
    let (upstream, port) = submission(&sandbox, &dovecot, &certificate, &onward);
    let tls = Tls::default();
    let partner = Sink::start(Settings::smtp().tls(&tls));
    let zone = Zone::new()
        .address("submission.upstream.test", Ipv4Addr::LOCALHOST.into())
        .address("mx.partner.test", Ipv4Addr::LOCALHOST.into());
    let dns = FakeDns::start(zone);

    let client = Sandbox::new("isp-relay");
    let passwords = format!(
        "# the office's account, and who has one of his own\n[submission.upstream.test]:{port}\t{}:{}\n\
         sales@isp.test {}:{}\n",
        OFFICE.0, OFFICE.1, SALES.0, SALES.1
    );
    site::hash(&client, "tables/sasl_passwd", &passwords);
    let direct = partner.address().port();
    site::hash(&client, "tables/transport", &format!("partner.test smtp:[mx.partner.test]:{direct}\n"));
    client.write("etc/tables/transport.pcre", "/^postmaster@partner\\.test$/ :\n");
    client.write("etc/tables/upstream-ca.pem", std::fs::read(&certificate.certificate).unwrap());
    let launch = Site::named("isp-relay").launch(&client, &[(":587", format!(":{port}"))]);
    let relay = launch.option("baton_dns_server", dns.address().to_string()).start();

    let there = format!("submission.upstream.test[127.0.0.1]:{port}");
    for (from, to, user, number) in [
        ("anna@isp.test", "r@far.test", OFFICE.0, 1),
        ("sales@isp.test", "r@far.test", SALES.0, 1),
        ("sales+spring@isp.test", "s@far.test", SALES.0, 2),
        // The pattern is asked with the address itself, before the domain is looked for.
        ("", "postmaster@partner.test", OFFICE.0, 2),
    ] {
        let lines = send(&relay, mail(from, &[to], &format!("{number}.{user}")));
        let line = only(&lines);
        assert_eq!((&*line.status, &line.relay), ("sent", &there), "{from}: {line:?}");
        let login = format!("sasl_method=PLAIN, sasl_username={user}");
        wait::expect(&login, || (upstream.log_from(0).matches(&login).count() >= number).then_some(()));
    }
    onward.expect_messages(4);
    let log = upstream.log_from(0);
    assert!(log.contains("TLS connection established from unknown[127.0.0.1]: TLSv1.3"), "{log}");
    assert!(
        relay.log().contains(&format!("TLS connection established to {there}: TLSv1.3")),
        "{}",
        relay.log()
    );

    let lines = send(&relay, mail("anna@isp.test", &["boss@partner.test"], "direct"));
    let line = only(&lines);
    assert_eq!((&*line.status, &*line.relay), ("sent", &*format!("mx.partner.test[127.0.0.1]:{direct}")));
    let record = partner.record();
    assert_eq!((record.handshakes, record.messages.len()), (1, 1));
    assert_eq!(record.connections[0].hello, "relay1.isp.test");
    for (user, password) in [OFFICE, SALES] {
        let forms = secrets::forms(user, password);
        secrets::expect_nowhere(client.path(), &forms, &["sasl_passwd", "sasl_passwd.db"]);
    }
}

/// SHA-256 of a certificate, as TLSA records and fingerprints have it.
fn digest(certificate: &Certificate) -> Vec<u8> {
    let pem = std::fs::read_to_string(&certificate.certificate).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    Sha256::digest(data_encoding::BASE64.decode(base64.as_bytes()).unwrap()).to_vec()
}

/// Four destinations at addresses of one server, two of them in a signed zone.
fn exchangers(port: u16, certificate: &[u8]) -> [SignedZone; 4] {
    let hex = data_encoding::HEXLOWER.encode(certificate);
    let zone = |name: &str, kind, last: u8, more: &str| {
        SignedZone::new(name, kind, format!("@ MX 10 mx\nmx A 127.0.1.{last}\n{more}"))
    };
    let tlsa = format!("_{port}._tcp.mx TLSA 3 0 1 {hex}\n");
    [
        zone("freemail.test.", ZoneKind::Signed, 1, &tlsa),
        zone("partner.test.", ZoneKind::Unsigned, 2, ""),
        zone("legacy.test.", ZoneKind::Unsigned, 3, ""),
        zone("other.test.", ZoneKind::Unsigned, 4, ""),
    ]
}

fn at(last: u8) -> Listen {
    Listen::SamePort(Ipv4Addr::new(127, 0, 1, last))
}

#[test]
fn the_newsletter_goes_under_its_public_name_over_kept_sessions_at_the_level_of_each_destination() {
    let sandbox = Sandbox::new("news");
    let certificate = Certificate::make(&sandbox.folder("certificate"), Key::Ecdsa);
    let (path, key) = (certificate.certificate.clone(), certificate.key.clone());
    let tls = Tls { identity: Identity::Files { certificate: path, key }, ..Tls::default() };
    let here = Listen::Tcp((Ipv4Addr::LOCALHOST, 0).into());
    let sink = Sink::start(Settings::smtp().with("CHUNKING").tls(&tls).listening([
        here,
        at(1),
        at(2),
        at(3),
        at(4),
    ]));
    let port = sink.address().port();
    let der = digest(&certificate);
    let lab = SignedLab::start(&sandbox, &exchangers(port, &der));
    let fingerprint: Vec<String> = der.iter().map(|octet| format!("{octet:02X}")).collect();
    let policy = format!("partner.test fingerprint match={}\nlegacy.test none\n", fingerprint.join(":"));
    site::hash(&sandbox, "tls_policy", &policy);
    site::hash(&sandbox, "generic", "app@web1.internal news@news.shop.test\n");
    sandbox.write("etc/generic.pcre", "/^bounce-(\\d+)@web1\\.internal$/ bounces+$1@news.shop.test\n");
    sandbox.write("etc/cached_destinations", "# always kept\npartner.test\n");
    let relay = Site::named("newsletter")
        .launch(&sandbox, &[])
        .option("baton_dns_server", lab.resolver().to_string())
        .option("smtp_tcp_port", port.to_string())
        .start();

    // Each recipient is a delivery of its own; the big provider's share a session.
    let lines = send(
        &relay,
        mail("app@web1.internal", &["a@freemail.test", "b@freemail.test", "c@freemail.test"], "issue"),
    );
    let mut sent: Vec<_> = lines.iter().map(|line| (line.status.as_str(), line.to.as_str())).collect();
    sent.sort_unstable();
    assert_eq!(sent, [("sent", "a@freemail.test"), ("sent", "b@freemail.test"), ("sent", "c@freemail.test")]);
    let lines = send(&relay, mail("bounce-77@web1.internal", &["d@freemail.test"], "again"));
    assert!(only(&lines).conn_use > Some(1), "{lines:?}");
    for (to, uses) in [
        ("e@partner.test", None),
        ("f@partner.test", Some(2)),
        ("g@legacy.test", None),
        ("h@other.test", None),
    ] {
        let lines = send(&relay, mail("app@web1.internal", &[to], to));
        assert_eq!((&*only(&lines).status, only(&lines).conn_use), ("sent", uses), "{lines:?}");
    }
    sink.expect_messages(8);
    expect_levels(&relay.log(), port);
    let record = sink.record();
    record.messages.iter().for_each(|message| expect_public(&record, message));
}

/// What each destination's policy came to, in the log.
fn expect_levels(log: &str, port: u16) {
    for (trust, domain, last) in
        [("Verified", "freemail", 1), ("Verified", "partner", 2), ("Untrusted", "other", 4)]
    {
        let line = format!("{trust} TLS connection established to mx.{domain}.test[127.0.1.{last}]:{port}");
        assert!(log.contains(&line), "{line}: {log}");
    }
}

/// Nothing of the application's own addresses is left, and TLS is as the destination's policy says.
fn expect_public(record: &Record, message: &Received) {
    let connection = &record.connections[message.connection as usize - 1];
    assert_eq!(message.recipients.len(), 1, "smtp_destination_recipient_limit");
    assert_eq!(connection.secured.is_some(), !message.recipients[0].ends_with("@legacy.test"));
    assert_eq!(connection.hello, "out1.news.shop.test");
    let again = message.message_id.contains("again@");
    let public = if again { "bounces+77@news.shop.test" } else { "news@news.shop.test" };
    assert_eq!(message.sender, public);
    let text = String::from_utf8_lossy(&message.content).into_owned();
    assert!(text.contains(&format!("From: <{public}>\r\n")), "{text}");
}

/// An LMTP server of ours on a port, with DSN.
fn archive() -> Sink {
    Sink::start(Settings {
        dialect: Dialect::Lmtp,
        ..Settings::smtp().with("DSN").with("XFORWARD NAME ADDR")
    })
}

#[test]
fn the_hub_stores_mail_at_dovecot_and_at_the_archive_and_tells_senders_of_the_rest() {
    let sandbox = Sandbox::new("hub");
    sandbox.write("etc/mailname", "uni.test\n");
    let socket = sandbox.join("lmtp");
    let store = Store::start(&sandbox, &socket, &["anna", "ben"]);
    let archive = archive();
    let port = archive.address().port();
    let pattern = format!("/^archive-.*@uni\\.test$/ lmtp:inet:[archive.uni.test]:{port}\n");
    sandbox.write("etc/transport.regexp", pattern);
    let dns = FakeDns::start(Zone::new().address("archive.uni.test", Ipv4Addr::LOCALHOST.into()));
    let private = [("/var/spool/postfix/private/dovecot-lmtp", socket.display().to_string())];
    let relay = Site::named("lmtp-hub")
        .launch(&sandbox, &private)
        .option("baton_dns_server", dns.address().to_string())
        .start();

    let lines = send(
        &relay,
        mail("ben@uni.test", &["anna+lists@uni.test", "nobody@uni.test", "ben@cs.uni.test"], "all"),
    );
    // The notice to the sender may be among them already.
    let mut fates: Vec<_> = lines.iter().take(3).map(|line| (&*line.to, &*line.status, &*line.dsn)).collect();
    fates.sort_unstable();
    let expected = [
        ("anna+lists@uni.test", "sent", "2.0.0"),
        ("ben@cs.uni.test", "sent", "2.0.0"),
        ("nobody@uni.test", "bounced", "5.1.1"),
    ];
    assert_eq!(fates, expected, "{}", store.log());
    let through = format!("hub.uni.test[{}]", socket.display());
    assert!(lines.iter().all(|line| line.relay == through), "{lines:?}");
    // The notice goes to its sender, who is here, over the session that was kept.
    let notice = settled(&relay, 4).split_off(3);
    assert_eq!((&*notice[0].to, &*notice[0].status), ("ben@uni.test", "sent"), "{notice:?}");
    assert!(notice[0].conn_use > Some(1), "{notice:?}");
    assert_eq!(store.messages("anna").len(), 1);
    let of_ben = store.messages("ben");
    assert_eq!(of_ben.len(), 2, "{of_ben:?}");
    assert!(
        of_ben.iter().any(|text| text.contains("Final-Recipient: rfc822; nobody@uni.test")),
        "{of_ben:?}"
    );

    to_the_archive(&relay, &archive);
}

/// With DSN parameters, which go on to a server that has DSN; XFORWARD it is not told.
fn to_the_archive(relay: &Relay, archive: &Sink) {
    let mut client = Client::connect(relay.intake());
    client.ask("MAIL FROM:<ben@uni.test> RET=HDRS ENVID=term-2026", '2');
    client.ask("RCPT TO:<archive-cs@uni.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;old@uni.test", '2');
    client.ask("DATA", '3');
    client.write(b"Subject: term\r\n\r\nkept\r\n.\r\n");
    assert!(client.reply().starts_with('2'));
    client.quit();
    archive.expect_messages(1);
    let record = archive.record();
    let Received { recipients, mail_parameters, .. } = &record.messages[0];
    assert_eq!(recipients, &["archive-cs@uni.test"]);
    assert!(
        mail_parameters.contains("ENVID=term-2026") && mail_parameters.contains("RET=HDRS"),
        "{mail_parameters}"
    );
    let commands = &record.connections[0].commands;
    assert!(commands.iter().any(|line| line == "LHLO hub.uni.test"), "{commands:?}");
    let rcpt = commands.iter().find(|line| line.starts_with("RCPT")).unwrap();
    assert!(rcpt.contains("NOTIFY=SUCCESS,FAILURE") && rcpt.contains("ORCPT=rfc822;old@uni.test"), "{rcpt}");
    assert!(!commands.iter().any(|line| line.starts_with("XFORWARD")), "{commands:?}");
}
