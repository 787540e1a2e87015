//! The three sites under Debian's Postfix, at its own places: stock agents, install, ours, undo, stock agents again; what
//! servers saw and what the log says is the same each time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test"
)]

#[path = "postfix_sites/switch.rs"]
mod switch;

use sha2::{Digest, Sha256};
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use switch::{Rounds, Site};
use testkit::alone::alone;
use testkit::dovecot::{Dovecot, Store};
use testkit::lab::{SignedLab, SignedZone, ZoneKind};
use testkit::peer::{Certificate, Key};
use testkit::postfix::{Installed, Post, Postfix, complaints};
use testkit::sink::{Dialect, Identity, Listen, Settings, Sink, Tls};
use testkit::{Sandbox, programs, site, wait, wire};

/// A file in `/etc/postfix`.
fn table(name: &str, text: &str) {
    let path = Path::new("/etc/postfix").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The same, with what postmap makes of it; main.cf is there already, since postmap wants one.
fn hash(site: &str, name: &str, text: &str) {
    table(name, text);
    fs::write("/etc/postfix/main.cf", site::Site::named(site).text()).unwrap();
    // As for passwords.
    fs::set_permissions(Path::new("/etc/postfix").join(name), fs::Permissions::from_mode(0o600)).unwrap();
    let made =
        Command::new(programs::debian("postmap")).arg(format!("hash:/etc/postfix/{name}")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
}

fn at(last: u8, port: u16) -> Listen {
    Listen::Tcp((Ipv4Addr::new(127, 0, 1, last), port).into())
}

fn post<'a>(id: &'a str, from: &'a str, to: &'a [&'a str]) -> Post<'a> {
    Post { id, from, to, options: &[] }
}

fn address(zone: &str, hosts: &[(&str, u8)]) -> SignedZone {
    let records = hosts.iter().map(|(host, last)| format!("{host} A 127.0.1.{last}\n")).collect::<String>();
    SignedZone::new(zone, ZoneKind::Unsigned, records)
}

/// The same lines from ours as from stock's, and stock's delivers as before when ours are gone.
#[track_caller]
fn expect_same(rounds: &Rounds) {
    let Rounds { stock, ours, again } = rounds;
    let only = |one: &testkit::postfix::Round, other: &testkit::postfix::Round| {
        one.lines.difference(&other.lines).cloned().collect::<Vec<_>>()
    };
    assert_eq!(only(ours, stock), only(stock, ours), "ours, stock's");
    assert_eq!(only(again, stock), only(stock, again), "again, stock's");
    let is_ours = |name: &String| name.starts_with("baton-");
    assert!(ours.programs.iter().all(is_ours) && !ours.programs.is_empty(), "{:?}", ours.programs);
    assert!(!stock.programs.iter().chain(&again.programs).any(is_ours), "{stock:?} {again:?}");
    println!("{:#?}", ours.lines);
    println!("reused: {} by stock, {} by ours, {} again", stock.reuses, ours.reuses, again.reuses);
}

/// Messages, sessions and commands were the same in all rounds.
#[track_caller]
fn expect_same_wire(sink: &Sink, messages: usize) -> [usize; 3] {
    let record = sink.record();
    let [stock, ours, again] = ['1', '2', '3'].map(|round| wire::of_round(&record, round));
    assert_eq!(stock.messages.len(), messages, "{:?}", record.messages);
    assert_eq!((&ours.messages, &ours.sessions), (&stock.messages, &stock.sessions));
    assert_eq!(ours.commands, stock.commands);
    assert_eq!(
        (&again.messages, &again.sessions, &again.commands),
        (&stock.messages, &stock.sessions, &stock.commands)
    );
    assert_eq!(record.violations, Vec::<String>::new());
    [stock, ours, again].map(|wire| wire.connections)
}

const OFFICE: (&str, &str) = ("office", "Office:pass/word");
const SALES: (&str, &str) = ("sales", "s4les-only");

/// The upstream: Postfix with STARTTLS and Dovecot's passwords, which lets in who has logged in, and sends on to a sink.
fn submission(sandbox: &Sandbox, dovecot: &Dovecot, certificate: &Certificate, onward: &Sink) -> Postfix {
    let pem = |path: &Path| path.display().to_string();
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
    Postfix::in_sandbox(sandbox).server(587, &options).option("relayhost", onward.nexthop()).start()
}

/// What the upstream saw in three rounds: each message over a session of its own, under its sender's account.
#[track_caller]
fn expect_logins(log: &str) {
    for (user, number) in [(OFFICE.0, 3), (SALES.0, 2)] {
        let logins = log.matches(&format!("sasl_method=PLAIN, sasl_username={user}")).count();
        assert_eq!(logins, 3 * number, "{user}: {log}");
    }
    let smtpd: Vec<_> = log.lines().filter(|line| line.contains("/smtpd[")).collect();
    assert!(
        !smtpd.iter().any(|line| line.contains("warning: ") || line.contains("lost connection")),
        "{log}"
    );
    let farewells = smtpd.iter().filter(|line| line.contains("auth=1") && line.contains("quit=1")).count();
    assert_eq!(farewells, 15, "{log}");
}

/// The tables that its main.cf names.
fn relay_tables(upstream: &Certificate) {
    let passwords = format!(
        "[submission.upstream.test]:587 {}:{}\nsales@isp.test {}:{}\n",
        OFFICE.0, OFFICE.1, SALES.0, SALES.1
    );
    hash("isp-relay", "tables/sasl_passwd", &passwords);
    let mut routes = "partner.test smtp:[mx.partner.test]:2525\n".to_owned();
    for host in ["late1", "late2", "held1", "held2"] {
        routes.push_str(&format!("{host}.partner.test smtp:[{host}.partner.test]:2525\n"));
    }
    hash("isp-relay", "tables/transport", &routes);
    table("tables/transport.pcre", "/^postmaster@partner\\.test$/ :\n");
    table("tables/header_checks", "/^X-Never:/ REJECT\n");
    table("tables/upstream-ca.pem", &fs::read_to_string(&upstream.certificate).unwrap());
}

#[test]
fn the_isp_relay() {
    alone("the_isp_relay", |sandbox| {
        let certificate = Certificate::make(&sandbox.folder("certificate"), Key::Ecdsa);
        let dovecot = Dovecot::start(sandbox, &[OFFICE, SALES], "plain login");
        let onward = Sink::start(Settings::smtp());
        let upstream = submission(sandbox, &dovecot, &certificate, &onward);
        let debian = Installed::new(sandbox);
        let _dns = SignedLab::start_for_all(
            sandbox,
            &[
                SignedZone::new("upstream.test.", ZoneKind::Unsigned, "submission A 127.0.0.1\n"),
                address(
                    "partner.test.",
                    &[("mx", 1), ("late1", 2), ("late2", 3), ("held1", 4), ("held2", 5)],
                ),
            ],
        );
        let server = |last| Settings::smtp().tls(&Tls::default()).listening([at(last, 2525)]);
        let partner = Sink::start(server(1));
        relay_tables(&certificate);
        let main_cf = site::Site::named("isp-relay").text();
        let postfix = debian.start(&main_cf, &debian.services(&[], ""));
        let rounds = Site {
            postfix: &postfix,
            sandbox,
            posts: &[
                post("office", "anna@isp.test", &["r@far.test"]),
                post("sales", "sales@isp.test", &["r@far.test", "s@far.test"]),
                post("extension", "sales+spring@isp.test", &["s@far.test"]),
                post("pattern", "", &["postmaster@partner.test"]),
                post("direct", "anna@isp.test", &["boss@partner.test"]),
                post("own", "anna@isp.test", &["staff@isp.test"]),
            ],
            from: "anna@isp.test",
            late: [("u@late1.partner.test", server(2)), ("u@late2.partner.test", server(3))],
            held: [("u@held1.partner.test", server(4)), ("u@held2.partner.test", server(5))],
        }
        .there_and_back();
        expect_same(&rounds);
        assert_eq!(expect_same_wire(&partner, 1), [1, 1, 1]);
        onward.expect_messages(15);
        expect_logins(&upstream.log_from(0));
        expect_no_complaints(&postfix);
        postfix.stop();
    });
}

#[track_caller]
fn expect_no_complaints(postfix: &Postfix) {
    // The other daemons have their own opinions of these files.
    let is_about_us = |line: &String| {
        ["smtp[", "lmtp[", "scache[", "master["].iter().any(|tag| line.contains(&format!("/{tag}")))
    };
    // Postfix's own agents say so when its own cache ends at a reload before it has answered them. Ours have other words.
    let is_stock_s = |line: &String| line.contains("warning: problem talking to service private/scache: ");
    let mut found = complaints(&postfix.log_from(0));
    found.retain(|line| is_about_us(line) && !is_stock_s(line));
    assert_eq!(found, Vec::<String>::new());
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
}

/// SHA-256 of a certificate, as TLSA records and fingerprints have it.
fn digest(certificate: &Certificate) -> Vec<u8> {
    let pem = fs::read_to_string(&certificate.certificate).unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    Sha256::digest(data_encoding::BASE64.decode(base64.as_bytes()).unwrap()).to_vec()
}

fn exchangers(der: &[u8]) -> Vec<SignedZone> {
    let hex = data_encoding::HEXLOWER.encode(der);
    let zone = |name: &str, kind, last: u8, more: &str| {
        SignedZone::new(&format!("{name}.test."), kind, format!("@ MX 10 mx\nmx A 127.0.1.{last}\n{more}"))
    };
    let others = [
        ("partner", 2),
        ("legacy", 3),
        ("other", 4),
        ("late1", 11),
        ("late2", 12),
        ("held1", 13),
        ("held2", 14),
    ];
    let signed = zone("freemail", ZoneKind::Signed, 1, &format!("_25._tcp.mx TLSA 3 0 1 {hex}\n"));
    let unsigned = others.map(|(name, last)| zone(name, ZoneKind::Unsigned, last, ""));
    [signed].into_iter().chain(unsigned).collect()
}

#[test]
fn the_newsletter() {
    alone("the_newsletter", |sandbox| {
        let certificate = Certificate::make(&sandbox.folder("certificate"), Key::Ecdsa);
        let (path, key) = (certificate.certificate.clone(), certificate.key.clone());
        let tls = Tls { identity: Identity::Files { certificate: path, key }, ..Tls::default() };
        let der = digest(&certificate);
        let server = |hosts: &[u8]| {
            Settings::smtp()
                .with("CHUNKING")
                .tls(&tls)
                .listening(hosts.iter().map(|&last| at(last, 25)).collect::<Vec<_>>())
        };
        let sink = Sink::start(server(&[1, 2, 3, 4]));
        let debian = Installed::new(sandbox);
        let _dns = SignedLab::start_for_all(sandbox, &exchangers(&der));
        let fingerprint: Vec<String> = der.iter().map(|octet| format!("{octet:02X}")).collect();
        let policy = format!("partner.test fingerprint match={}\nlegacy.test none\n", fingerprint.join(":"));
        hash("newsletter", "tls_policy", &policy);
        hash("newsletter", "generic", "app@web1.internal news@news.shop.test\n");
        table("generic.pcre", "/^bounce-(\\d+)@web1\\.internal$/ bounces+$1@news.shop.test\n");
        table("cached_destinations", "# always kept\npartner.test\nlegacy.test\n");
        // Whoever has smtp_tls_connection_reuse has tlsproxy.
        let tlsproxy = [("#tlsproxy  unix", "tlsproxy   unix")];
        let services = debian.services(
            &tlsproxy,
            "slow      unix  -       -       y       -       5       smtp -o smtp_connect_timeout=5\n",
        );
        let postfix = debian.start(&site::Site::named("newsletter").text(), &services);
        let rounds = Site {
            postfix: &postfix,
            sandbox,
            posts: &[
                post(
                    "issue",
                    "app@web1.internal",
                    &["a@freemail.test", "b@freemail.test", "c@freemail.test"],
                ),
                post("again", "bounce-77@web1.internal", &["d@freemail.test"]),
                post("e", "app@web1.internal", &["e@partner.test"]),
                post("f", "app@web1.internal", &["f@partner.test"]),
                post("g", "app@web1.internal", &["g@legacy.test"]),
                post("h", "app@web1.internal", &["h@legacy.test"]),
                post("i", "app@web1.internal", &["i@other.test"]),
            ],
            from: "app@web1.internal",
            late: [("u@late1.test", server(&[11])), ("u@late2.test", server(&[12]))],
            held: [("u@held1.test", server(&[13])), ("u@held2.test", server(&[14]))],
        }
        .there_and_back();
        expect_same(&rounds);
        let [by_stock, by_ours, _] = expect_same_wire(&sink, 9);
        println!("connections: {by_stock} by stock, {by_ours} by ours");
        // partner.test's are encrypted, legacy.test's are not.
        assert!(rounds.stock.proxied && !rounds.ours.proxied, "{rounds:?}");
        assert!(rounds.ours.reuses >= 2 && rounds.stock.reuses >= 2, "{rounds:?}");
        expect_no_complaints(&postfix);
        postfix.stop();
    });
}

#[test]
fn the_lmtp_hub() {
    alone("the_lmtp_hub", |sandbox| {
        let debian = Installed::new(sandbox);
        let zone =
            address("uni.test.", &[("archive", 1), ("late1", 2), ("late2", 3), ("held1", 4), ("held2", 5)]);
        let _dns = SignedLab::start_for_all(sandbox, &[zone]);
        table("mailname", "uni.test\n");
        let pattern =
            |word: &str, host: &str| format!("/^{word}-.*@uni\\.test$/ lmtp:inet:[{host}.uni.test]:24\n");
        let hosts = ["archive", "late1", "late2", "held1", "held2"].map(|host| pattern(host, host));
        table("transport.regexp", &hosts.concat());
        let users = ["anna", "ben", "nobody", "archive-cs", "late1-cs", "late2-cs", "held1-cs", "held2-cs"];
        let boxes: String = users.iter().map(|user| format!("{user}@uni.test x\n")).collect();
        hash("lmtp-hub", "mailboxes", &boxes);
        // Whoever names the store's socket by its path from the root does not jail its client.
        let free = [(
            "lmtp      unix  -       -       y       -       -       lmtp",
            "lmtp      unix  -       -       n       -       -       lmtp",
        )];
        let postfix = debian.start(&site::Site::named("lmtp-hub").text(), &debian.services(&free, ""));
        let socket = Path::new("/var/spool/postfix/private/dovecot-lmtp");
        let store = Store::start(sandbox, socket, &["anna", "ben"]);
        let server = |last| Settings {
            dialect: Dialect::Lmtp,
            ..Settings::smtp().with("DSN").with("XFORWARD NAME ADDR").listening([at(last, 24)])
        };
        let archive = Sink::start(server(1));
        let asked = ["-N", "success,failure", "-R", "hdrs", "-V", "term-2026"];
        let rounds = Site {
            postfix: &postfix,
            sandbox,
            posts: &[
                post("all", "ben@uni.test", &["anna+lists@uni.test", "nobody@uni.test"]),
                post("one", "ben@uni.test", &["anna@uni.test"]),
                Post { id: "dsn", from: "ben@uni.test", to: &["archive-cs@uni.test"], options: &asked },
                post("two", "ben@uni.test", &["anna@uni.test"]),
            ],
            from: "ben@uni.test",
            late: [("late1-cs@uni.test", server(2)), ("late2-cs@uni.test", server(3))],
            held: [("held1-cs@uni.test", server(4)), ("held2-cs@uni.test", server(5))],
        }
        .there_and_back();
        expect_same(&rounds);
        assert!(rounds.ours.reuses >= 1, "{rounds:?}");
        expect_same_wire(&archive, 1);
        assert_eq!(store.messages("anna").len(), 9);
        wait::expect("three notices", || (store.messages("ben").len() == 3).then_some(()));
        assert!(
            store
                .messages("ben")
                .iter()
                .all(|text| text.contains("Final-Recipient: rfc822; nobody@uni.test"))
        );
        expect_no_complaints(&postfix);
        postfix.stop();
    });
}
