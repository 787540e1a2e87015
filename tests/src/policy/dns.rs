//! DNS of the lab, at the ports that system resolvers use: signed, unsigned and wrongly signed, validated.

use crate::daemon::Daemon;
use crate::programs;
use crate::sandbox::Sandbox;
use std::fmt::Write as _;
use std::process::Command;

/// The zone that is not signed.
pub const UNSIGNED: &str = "lab.test";
/// The zone that is.
pub const SIGNED: &str = "dane.test";
/// The zone that is not, although the resolver knows a key for it.
pub const BOGUS: &str = "bogus.test";
/// Where the authority listens.
const AUTHORITY: u16 = 5353;

/// Authority and resolver, running.
#[derive(Debug)]
pub struct Dns {
    _knot: Daemon,
    _unbound: Daemon,
}

impl Dns {
    /// Serves these records of all zones, one a line, on 127.0.0.1 port 53.
    pub fn start(sandbox: &Sandbox, records: &str) -> Self {
        let folder = sandbox.folder("dns");
        write_knot(sandbox, records);
        let conf = folder.join("knot.conf");
        let mut knot = Daemon::start(
            &programs::debian("knotd"),
            ["-c", &conf.display().to_string()],
            &folder.join("knot.log"),
        );
        let anchors = knot.wait_ready("keys of the signed zones", |_| {
            Some([keys(SIGNED)?, keys(".")?].concat()).filter(|_| answers(AUTHORITY, UNSIGNED))
        });
        sandbox.write("dns/anchors", anchors);
        write_unbound(sandbox);
        let conf = folder.join("unbound.conf");
        let mut unbound = Daemon::start(
            &programs::debian("unbound"),
            ["-d", "-c", &conf.display().to_string()],
            &folder.join("unbound.log"),
        );
        unbound.wait_ready("answers from unbound", |_| {
            (answers(53, UNSIGNED) && answers(53, SIGNED)).then_some(())
        });
        Self { _knot: knot, _unbound: unbound }
    }
}

fn write_knot(sandbox: &Sandbox, records: &str) {
    let at = sandbox.folder("dns").display().to_string();
    let mut conf = format!(
        "server:\n  rundir: {at}\n  listen: 127.0.0.1@{AUTHORITY}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n - target: stderr\n   any: info\ndatabase:\n  storage: {at}\npolicy:\n - id: one\n   \
         algorithm: ecdsap256sha256\n   single-type-signing: on\ntemplate:\n - id: default\n   storage: {at}\n   \
         zonefile-sync: -1\n   zonefile-load: whole\n   journal-content: none\n   semantic-checks: off\nzone:\n"
    );
    for (origin, signs) in [(UNSIGNED, false), (BOGUS, false), (SIGNED, true), (".", true)] {
        let inside = |line: &&str| {
            line.split(' ')
                .next()
                .is_some_and(|owner| owner.ends_with(&format!("{origin}.")) && origin != ".")
        };
        let records = records.lines().filter(inside).collect::<Vec<_>>().join("\n");
        let file = if origin == "." { "root".to_owned() } else { origin.to_owned() };
        let _ = writeln!(conf, " - domain: {origin}\n   file: {file}");
        if signs {
            conf.push_str("   dnssec-signing: on\n   dnssec-policy: one\n");
        }
        let dot = if origin == "." { "" } else { "." };
        let text = format!(
            "$ORIGIN {origin}{dot}\n$TTL 300\n@ SOA ns.{UNSIGNED}. nobody.{UNSIGNED}. 1 3600 600 86400 30\n\
             @ NS ns.{UNSIGNED}.\n{records}\n"
        );
        sandbox.write(&format!("dns/{file}"), text);
    }
    sandbox.write("dns/knot.conf", conf);
}

fn write_unbound(sandbox: &Sandbox) {
    let at = sandbox.folder("dns").display().to_string();
    let mut conf = format!(
        "server:\n interface: 127.0.0.1@53\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n \
         pidfile: \"{at}/unbound.pid\"\n use-syslog: no\n logfile: \"\"\n do-ip6: no\n module-config: \"validator iterator\"\n \
         do-not-query-localhost: no\n qname-minimisation: no\n local-zone: \"test.\" nodefault\n \
         access-control: 127.0.0.0/8 allow\n trust-anchor-file: \"{at}/anchors\"\n domain-insecure: \"{UNSIGNED}\"\n \
         trust-anchor: \"{BOGUS}. DS 1 13 2 {}\"\nremote-control:\n control-enable: no\n",
        "00".repeat(32)
    );
    for origin in [UNSIGNED, BOGUS, SIGNED, "."] {
        let _ = writeln!(conf, "stub-zone:\n name: \"{origin}\"\n stub-addr: 127.0.0.1@{AUTHORITY}");
    }
    sandbox.write("dns/unbound.conf", conf);
}

fn dig(port: u16, name: &str, kind: &str) -> String {
    let mut dig = Command::new(programs::debian("dig"));
    dig.args(["+noall", "+answer", "+time=1", "+tries=1", "-p", &port.to_string(), "@127.0.0.1", name, kind]);
    String::from_utf8_lossy(&dig.output().expect("dig runs").stdout).into_owned()
}

fn keys(origin: &str) -> Option<String> {
    Some(dig(AUTHORITY, origin, "DNSKEY")).filter(|answer| answer.contains("DNSKEY"))
}

fn answers(port: u16, origin: &str) -> bool {
    dig(port, origin, "SOA").contains("SOA")
}
