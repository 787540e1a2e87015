//! `baton explain` on destinations of the lab: what it tells people and scripts, and that deliveries do just that.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use serde_json::{Value, json};
use std::net::Ipv4Addr;
use testkit::lab::{SignedLab, SignedZone, ZoneKind};
use testkit::mail::Mail;
use testkit::maillog::Line;
use testkit::relay::Relay;
use testkit::sink::{Settings, Sink};
use testkit::zone::{FakeDns, Zone};
use testkit::{Sandbox, injector, secrets, wait};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A host with DANE and a worse one without; a domain without mail; one whose exchanger is this machine, and one where it is
/// the worse one; one that is wrongly signed.
fn lab(sandbox: &Sandbox) -> SignedLab {
    let dane = format!(
        "@ MX 10 mx\n@ MX 20 backup\nmx A 127.0.0.9\nbackup A 127.0.0.8\n_25._tcp.mx TLSA 3 1 1 {KEY}\n"
    );
    SignedLab::start(
        sandbox,
        &[
            SignedZone::new("dane.test.", ZoneKind::Signed, dane),
            SignedZone::new("null.test.", ZoneKind::Signed, "@ MX 0 .\n"),
            SignedZone::new("own.test.", ZoneKind::Unsigned, "@ MX 10 mx\nmx A 127.0.0.1\n"),
            SignedZone::new(
                "worse.test.",
                ZoneKind::Unsigned,
                "@ MX 5 mx\n@ MX 10 us\nmx A 127.0.0.9\nus A 127.0.0.1\n",
            ),
            SignedZone::new("bogus.test.", ZoneKind::Bogus, "@ MX 10 mx\nmx A 127.0.0.9\n"),
        ],
    )
}

/// What is said in text and in JSON, and the exit status.
fn explain(relay: &Relay, words: &[&str]) -> (String, Value, i32) {
    let run = |more: &[&str]| {
        let output = relay.try_command(&[&["explain"], words, more].concat());
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8(output.stdout).unwrap(), complaint, output.status.code().unwrap())
    };
    let (text, _, code) = run(&[]);
    let (object, complaint, again) = run(&["--json"]);
    assert_eq!(code, again);
    let object = serde_json::from_str(&object);
    (text, object.unwrap_or_else(|error| panic!("{words:?}: {error}: {complaint}")), code)
}

#[track_caller]
fn expect_lines(text: &str, lines: &[&str]) {
    let found: Vec<&str> = text.lines().map(str::trim).collect();
    let missing: Vec<_> = lines.iter().filter(|line| !found.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:#?} not in\n{text}");
}

#[test]
fn what_dns_says_is_told_with_its_worth_and_a_delivery_says_the_same() {
    let sandbox = Sandbox::new("explain");
    let lab = lab(&sandbox);
    let relay = Relay::in_sandbox(&sandbox)
        .option("baton_dns_server", lab.resolver().to_string())
        .option("smtp_dns_support_level", "dnssec")
        .option("smtp_host_lookup", "dns")
        .option("smtp_tls_security_level", "dane")
        .option("inet_protocols", "ipv4")
        .start();
    exchangers_with_dane(&relay);
    let (text, object, code) = explain(&relay, &["u@worse.test"]);
    assert_eq!((code, &object["hops"][0]["i_am_mx"]), (0, &json!(true)), "{text}");
    assert_eq!(object["hops"][0]["hosts"].as_array().unwrap().len(), 1, "{text}");
    expect_lines(&text, &["host 1       mx.worse.test[127.0.0.9]:25, preference 5, address not validated"]);
    for (domain, exit, outcome) in
        [("null.test", 69, "null-mx"), ("own.test", 69, "found"), ("bogus.test", 75, "temporary")]
    {
        let (text, object, code) = explain(&relay, &[&format!("u@{domain}")]);
        let hop = &object["hops"][0];
        let last = hop["lookups"].as_array().unwrap().last().unwrap();
        assert_eq!((code, &last["outcome"]), (exit, &json!(outcome)), "{text}");
        as_delivered(&relay, domain, &hop["trouble"]);
    }
    let (text, ..) = explain(&relay, &["u@bogus.test"]);
    expect_lines(
        &text,
        &["lookup       bogus.test MX: validated: 10 mx.bogus.test", "mx.bogus.test A: temporary: SERVFAIL"],
    );
}

/// The line of a real delivery has the status and the reason that were told.
fn as_delivered(relay: &Relay, domain: &str, trouble: &Value) {
    let recipient = format!("u@{domain}");
    injector::send(relay.intake(), 1, vec![Mail::new(&recipient, &format!("m@{domain}"), b"text\r\n")]);
    let line = wait::expect("the delivery's line", || {
        let log = relay.log();
        log.lines().filter_map(Line::parse).find(|line| line.to == recipient)
    });
    let then = if line.status == "bounced" { "bounced" } else { "deferred" };
    let expected = json!({"status": line.dsn, "text": line.reason, "then": then});
    assert_eq!(*trouble, expected, "{line:?}");
}

fn exchangers_with_dane(relay: &Relay) {
    let (text, object, code) = explain(relay, &["u@dane.test"]);
    let told = format!(
        "\
address        u@dane.test
transport      smtp (SMTP), by default_transport
next hop       dane.test, by the recipient's domain

next hop       dane.test
  lookup       dane.test MX: validated: 10 mx.dane.test, 20 backup.dane.test
               mx.dane.test A: validated: 127.0.0.9
               backup.dane.test A: validated: 127.0.0.8
  route        by MX records, which are validated; true for 300 s
  sessions     parked while there is a backlog: for 2 s at a time, up to 300 s after the connection was made
  host 1       mx.dane.test[127.0.0.9]:25, preference 10, address validated
    lookup     _25._tcp.mx.dane.test TLSA: validated: 3 1 1 {KEY}
    TLS        level dane, required, by smtp_tls settings of main.cf
               DANE: TLSA records of mx.dane.test: 1
               accepts TLSA 3 1 1 {KEY}
               accepts mx.dane.test
               accepts dane.test
               asks for server name mx.dane.test
    login      not enabled
    parked     no session
  host 2       backup.dane.test[127.0.0.8]:25, preference 20, address validated
    lookup     _25._tcp.backup.dane.test TLSA: no such name
    TLS        level may, if the server offers it (asked for: dane), by smtp_tls settings of main.cf
               DANE: no TLSA records found
    login      not enabled
    parked     no session
"
    );
    // The server orders records as it likes, and counts their time down.
    let calm = |text: &str| {
        let text =
            text.replace("20 backup.dane.test, 10 mx.dane.test", "10 mx.dane.test, 20 backup.dane.test");
        let (before, rest) = text.split_once("; true for ").unwrap();
        format!("{before}{}", rest.split_once(" s\n").unwrap().1)
    };
    assert_eq!((code, calm(&text)), (0, calm(&told)), "{text}");
    let hop = &object["hops"][0];
    assert_eq!((&hop["origin"], &hop["mx_validation"]), (&json!("mx"), &json!("secure")));
    let [best, backup] = [&hop["hosts"][0], &hop["hosts"][1]];
    assert_eq!(best["relay"], "mx.dane.test[127.0.0.9]:25");
    assert_eq!([&best["preference"], &backup["preference"]], [&json!(10), &json!(20)]);
    assert_eq!([&best["best"], &backup["best"]], [&json!(true), &json!(false)]);
    assert_eq!([&best["tls"]["level"], &backup["tls"]["level"]], [&json!("dane"), &json!("may")]);
    assert_eq!(best["tls"]["dane"]["finding"], "records");
    assert_eq!(best["lookups"][0]["validation"], "secure");
    assert_eq!(best["parked"], json!([]));
}

const SECRET: &str = "none-of-your-business";

#[test]
fn who_logs_in_and_what_lies_parked_is_told_and_a_password_never() {
    let sandbox = Sandbox::new("explain-hop");
    let sink = Sink::start(Settings::smtp());
    let zone =
        Zone::new().address("hub.test", Ipv4Addr::new(127, 0, 0, 7).into()).mx("loose.test", 10, "hub.test");
    let dns = FakeDns::start(zone);
    let passwords =
        format!("[hub.test]:587 office:{SECRET}\n@sales.test sales:{SECRET}\nhub.test hub:{SECRET}\n");
    let passwords = sandbox.write("passwords", passwords);
    let kept = sink.nexthop();
    let relay = Relay::in_sandbox(&sandbox)
        .option("baton_dns_server", dns.address().to_string())
        .option("inet_protocols", "ipv4")
        .option("relayhost", "[hub.test]:587")
        .option("smtp_bind_address", "127.0.0.1")
        .option("smtp_sasl_auth_enable", "yes")
        .option("smtp_sasl_password_maps", format!("texthash:{}", passwords.display()))
        .option("smtp_sender_dependent_authentication", "yes")
        .option("smtp_sasl_auth_cache_name", format!("proxy:btree:{}/refused", sandbox.path().display()))
        .option("smtp_tls_policy_maps", "inline:{ {[hub.test]:587 = secure match=hub.test:.test} }")
        .option(
            "transport_maps",
            format!("inline:{{ store.test=lmtp:unix:/run/Store, kept.test=smtp:{kept}, x.test=uucp: }}"),
        )
        .option("smtp_connection_cache_destinations", "127.0.0.1")
        .option("smtp_connection_cache_time_limit", "60s")
        .option("connection_cache_ttl_limit", "60s")
        .start();
    at_the_relayhost(&relay);
    assert!(!sandbox.join("refused.baton").exists(), "who asks leaves nothing behind");
    at_sockets_and_literals(&relay);
    parked_sessions(&relay, &kept);
    let nowhere = relay.try_command(&["explain", "u@x.test"]);
    assert_eq!(nowhere.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("there is no transport \"uucp\""));
    secrets::expect_nowhere(sandbox.path(), &[SECRET.to_owned()], &["passwords"]);
}

fn at_the_relayhost(relay: &Relay) {
    let (text, object, code) = explain(relay, &["u@far.test"]);
    assert_eq!(code, 0);
    expect_lines(
        &text,
        &[
            "next hop       [hub.test]:587, by relayhost",
            "lookup       hub.test A: 127.0.0.7",
            "host 1       hub.test[127.0.0.7]:587, from 127.0.0.1",
            "TLS        level secure, required, by smtp_tls_policy_maps, next-hop destination \"[hub.test]:587\"",
            "accepts hub.test",
            "accepts .test",
            "login      hub, by password table, key hub.test",
        ],
    );
    let host = |object: &Value| object["hops"][0]["hosts"][0].clone();
    assert_eq!(object["nexthop_by"], json!({"parameter": "relayhost"}));
    assert_eq!(host(&object)["login"], json!({"user": "hub", "key": "hub.test", "unchecked_host": false}));
    assert_eq!(host(&object)["tls"]["decided_by"], "policy-maps");
    let (text, object, _) = explain(relay, &["--sender", "joe@sales.test", "u@far.test"]);
    assert_eq!(host(&object)["login"]["key"], "@sales.test", "{text}");
    let (text, object, _) = explain(relay, &["loose.test"]);
    assert_eq!(host(&object)["login"]["unchecked_host"], true, "{text}");
    for said in [text, object.to_string()] {
        assert!(!said.contains(SECRET), "{said}");
    }
}

fn at_sockets_and_literals(relay: &Relay) {
    let (text, object, code) = explain(relay, &["u@store.test"]);
    assert_eq!((code, &object["transport"], &object["protocol"]), (0, &json!("lmtp"), &json!("LMTP")));
    assert_eq!(
        (&object["nexthop_by"]["key"], &object["hops"][0]["origin"]),
        (&json!("store.test"), &json!("unix"))
    );
    let route = "route        a socket of this machine: nothing is looked up";
    expect_lines(&text, &[route, "host 1       relay.test[/run/Store]", "login      not enabled"]);
    for words in
        [&["lmtp:unix:/run/Store"][..], &["--transport", "lmtp", "unix:/run/Store"], &["unix:/run/Store"]]
    {
        let (_, by_nexthop, _) = explain(relay, words);
        assert_eq!(by_nexthop["hops"], object["hops"], "{words:?}");
    }
    let (text, object, code) = explain(relay, &["[192.0.2.1]:26"]);
    assert_eq!((code, &object["hops"][0]["origin"]), (0, &json!("literal")), "{text}");
    let (text, object, code) = explain(relay, &["[192.0.2.1"]);
    assert_eq!((code, &object["trouble"]["status"]), (75, &json!("4.3.5")), "{text}");
}

fn parked_sessions(relay: &Relay, kept: &str) {
    let (text, object, _) = explain(relay, &["u@kept.test"]);
    let parked = |object: &Value| object["hops"][0]["hosts"][0]["parked"].as_array().unwrap().len();
    assert_eq!((parked(&object), &object["relay_running"]), (0, &json!(true)), "{text}");
    injector::send(relay.intake(), 1, vec![Mail::new("u@kept.test", "m@kept.test", b"text\r\n")]);
    let told = format!("    parked     one for {kept}, idle ");
    let object = wait::expect("the parked session", || {
        let (text, object, _) = explain(relay, &["u@kept.test"]);
        (text.contains(&told) && parked(&object) == 1).then_some(object)
    });
    let keeping = &object["hops"][0]["keeping"];
    assert_eq!((&keeping["permanent"], &keeping["idle_s"]), (&json!(true), &json!(60)));
}
