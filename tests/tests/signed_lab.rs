//! The signed zones of the lab, as dig sees them: what is validated, what is not, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test")]
use std::net::SocketAddr;
use std::process::Command;
use testkit::lab::{SignedLab, SignedZone, ZoneKind};
use testkit::{Sandbox, programs};

/// Two hosts and their TLSA records.
const RECORDS: &str = "@ MX 10 mx
mx A 127.0.0.9
_25._tcp.mx TLSA 3 1 1 0000000000000000000000000000000000000000000000000000000000000000
alias CNAME mx
";

fn lab(sandbox: &Sandbox, dropped: &[&str]) -> SignedLab {
    let zones = [
        SignedZone::new(
            "signed.test.",
            ZoneKind::Signed,
            format!("{RECORDS}out CNAME mx.insecure.test.\ngone CNAME nothing\nring CNAME ring\n"),
        ),
        SignedZone::new("insecure.test.", ZoneKind::Unsigned, RECORDS),
        SignedZone::new("bogus.test.", ZoneKind::Bogus, RECORDS),
        SignedZone::new("expired.test.", ZoneKind::Expired, RECORDS),
    ];
    SignedLab::start_dropping(sandbox, &zones, dropped)
}

/// `RCODE ad` or `RCODE`, and the number of answers.
fn ask(server: SocketAddr, name: &str, kind: &str, flags: &[&str]) -> (String, usize) {
    let (at, port) = (format!("@{}", server.ip()), server.port().to_string());
    let mut dig = Command::new(programs::debian("dig"));
    dig.args([&at, "-p", &port, "+tries=1", "+time=2", "+noall", "+comments", "+answer", name, kind]);
    let output = dig.args(flags).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(status) = text.split("status: ").nth(1).and_then(|rest| rest.split(',').next()) else {
        return ("silence".into(), 0);
    };
    let flags = text.split(";; flags: ").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let ad = if flags.split(' ').any(|flag| flag == "ad") { " ad" } else { "" };
    let answers = text.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).count();
    (format!("{status}{ad}"), answers)
}

#[test]
fn zones_are_validated_as_their_kind_says() {
    let sandbox = Sandbox::new("signed-lab");
    let lab = lab(&sandbox, &[]);
    for (name, kind, status, answers) in [
        ("signed.test.", "MX", "NOERROR ad", 1),
        ("mx.signed.test.", "A", "NOERROR ad", 1),
        ("_25._tcp.mx.signed.test.", "TLSA", "NOERROR ad", 1),
        ("_26._tcp.mx.signed.test.", "TLSA", "NXDOMAIN ad", 0),
        ("alias.signed.test.", "A", "NOERROR ad", 2),
        ("gone.signed.test.", "A", "NXDOMAIN ad", 1),
        ("ring.signed.test.", "A", "SERVFAIL", 0),
        ("out.signed.test.", "A", "NOERROR", 2),
        ("out.signed.test.", "CNAME", "NOERROR ad", 1),
        ("insecure.test.", "MX", "NOERROR", 1),
        ("_25._tcp.mx.insecure.test.", "TLSA", "NOERROR", 1),
        ("bogus.test.", "MX", "NOERROR ad", 1),
        ("mx.bogus.test.", "A", "SERVFAIL", 0),
        ("_25._tcp.mx.bogus.test.", "TLSA", "SERVFAIL", 0),
        ("expired.test.", "MX", "SERVFAIL", 0),
        ("mx.expired.test.", "A", "SERVFAIL", 0),
        (".", "NS", "NOERROR ad", 1),
    ] {
        assert_eq!(ask(lab.resolver(), name, kind, &[]), (status.into(), answers), "{name} {kind}");
    }
}

#[test]
fn ad_is_told_to_those_who_ask_and_never_by_the_authority() {
    let sandbox = Sandbox::new("signed-ad");
    let lab = lab(&sandbox, &[]);
    let mx = |server, flags: &[&str]| ask(server, "signed.test.", "MX", flags).0;
    assert_eq!(mx(lab.resolver(), &["+noadflag", "+noedns"]), "NOERROR");
    assert_eq!(mx(lab.authority(), &["+norec"]), "NOERROR");
    // What is refused is there, and forged.
    assert_eq!(ask(lab.resolver(), "mx.bogus.test.", "A", &["+cd"]), ("NOERROR".into(), 1));
    let key = std::fs::read_to_string(lab.anchor()).unwrap();
    assert!(key.lines().any(|line| line.starts_with(". IN DNSKEY 257 3 13 ")), "{key}");
}

#[test]
fn chosen_questions_get_no_answer() {
    let sandbox = Sandbox::new("signed-drop");
    let lab = lab(&sandbox, &["_25._tcp.mx.signed.test."]);
    assert_eq!(ask(lab.resolver(), "mx.signed.test.", "A", &[]), ("NOERROR ad".into(), 1));
    assert_eq!(ask(lab.resolver(), "_25._tcp.mx.signed.test.", "TLSA", &["+time=1"]).0, "silence");
}
