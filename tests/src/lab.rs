//! Real DNS on loopback: Knot as the authority, Unbound as the resolver in front of it.

mod signed;
mod signing;

use crate::daemon::Daemon;
use crate::programs;
use crate::sandbox::{Sandbox, free_port};
use crate::wait;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use signed::{SignedLab, SignedZone, ZoneKind};

/// A zone and its text, without SOA and NS, which the lab adds.
#[derive(Debug, Clone)]
pub struct LabZone {
    /// For example `test.`
    pub origin: String,
    /// Records, one a line.
    pub records: String,
}

/// Both servers, running.
#[derive(Debug)]
pub struct Lab {
    resolver: SocketAddr,
    authority: SocketAddr,
    _knot: Daemon,
    _unbound: Daemon,
}

/// A zone whose file is in the lab's folder.
#[derive(Debug)]
struct ZoneFile {
    origin: String,
    file: String,
}

/// What the resolver does besides resolving.
#[derive(Debug)]
enum Validation {
    Off,
    On {
        /// The keys it begins with, in a form that Unbound reads.
        anchor: PathBuf,
        /// It never answers questions for these names and those below.
        dropped: Vec<String>,
    },
}

impl Lab {
    /// Serves these zones; ends the test when one of them does not load.
    pub fn start(sandbox: &Sandbox, zones: &[LabZone]) -> Self {
        let files: Vec<_> =
            zones.iter().map(|zone| write_zone(sandbox, &zone.origin, &zone.records)).collect();
        Self::serve(sandbox, &files, &Validation::Off, None)
    }

    /// Starts both and waits until each answers for the first zone. The resolver is at this port, or at any.
    fn serve(sandbox: &Sandbox, zones: &[ZoneFile], validation: &Validation, port: Option<u16>) -> Self {
        let folder = sandbox.folder("dns");
        let (authority, resolver) = (free_port(), free_port());
        let port = port.unwrap_or(resolver.number());
        write_knot(sandbox, zones, authority.number());
        write_unbound(sandbox, zones, authority.number(), port, validation);
        drop(resolver);
        let (authority, resolver) = (authority.release(), port);
        let knot = Daemon::start(
            &programs::debian("knotd"),
            ["-c", path(&folder.join("knot.conf"))],
            &folder.join("knot.log"),
        );
        let authority = SocketAddr::from((Ipv4Addr::LOCALHOST, authority));
        let resolver = SocketAddr::from((Ipv4Addr::LOCALHOST, resolver));
        let mut lab = Self {
            resolver,
            authority,
            _knot: knot,
            _unbound: Daemon::start(
                &programs::debian("unbound"),
                ["-d", "-c", path(&folder.join("unbound.conf"))],
                &folder.join("unbound.log"),
            ),
        };
        let origin = zones.first().map_or(".", |zone| zone.origin.as_str());
        lab._knot.wait_ready("an answer from knotd", |_| has_answer(authority, origin).then_some(()));
        lab._unbound.wait_ready("an answer from unbound", |_| has_answer(resolver, origin).then_some(()));
        lab
    }

    /// Where resolvers' clients ask.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// Where the zones are served.
    pub fn authority(&self) -> SocketAddr {
        self.authority
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Writes a zone's file, with the records that every zone has.
fn write_zone(sandbox: &Sandbox, origin: &str, records: &str) -> ZoneFile {
    let file = format!("{origin}zone");
    let text = format!(
        "$ORIGIN {origin}\n$TTL 300\n@ SOA ns.lab.test. hostmaster.lab.test. 1 3600 600 86400 30\n@ NS ns.lab.test.\n{records}\n"
    );
    sandbox.write(&format!("dns/{file}"), text);
    ZoneFile { origin: origin.to_owned(), file }
}

fn write_knot(sandbox: &Sandbox, zones: &[ZoneFile], port: u16) {
    let folder = sandbox.folder("dns");
    let at = folder.display();
    let mut conf = format!(
        "server:\n  rundir: {at}\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\n\
         log:\n - target: stderr\n   any: info\ndatabase:\n  storage: {at}\ntemplate:\n - id: default\n   storage: {at}\n   \
         zonefile-sync: -1\n   zonefile-load: whole\n   journal-content: none\n   semantic-checks: off\nzone:\n"
    );
    for ZoneFile { origin, file } in zones {
        let _ = writeln!(conf, " - domain: {origin}\n   file: {file}");
    }
    sandbox.write("dns/knot.conf", conf);
}

fn write_unbound(sandbox: &Sandbox, zones: &[ZoneFile], authority: u16, port: u16, validation: &Validation) {
    let folder = sandbox.folder("dns");
    let at = folder.display();
    let mut conf = format!(
        "server:\n interface: 127.0.0.1@{port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{at}\"\n \
         pidfile: \"{at}/unbound.pid\"\n use-syslog: no\n logfile: \"\"\n do-ip6: no\n \
         do-not-query-localhost: no\n qname-minimisation: no\n local-zone: \"test.\" nodefault\n \
         access-control: 127.0.0.0/8 allow\n"
    );
    match validation {
        Validation::Off => conf.push_str(" module-config: \"iterator\"\n"),
        Validation::On { anchor, dropped } => {
            let anchor = anchor.display();
            let _ = writeln!(
                conf,
                " module-config: \"validator iterator\"\n trust-anchor-file: \"{anchor}\"\n \
                 trust-anchor-signaling: no\n val-bogus-ttl: 2"
            );
            for name in dropped {
                let _ = writeln!(conf, " local-zone: \"{name}\" deny");
            }
        }
    }
    conf.push_str("remote-control:\n control-enable: no\n");
    for ZoneFile { origin, .. } in zones {
        let _ = writeln!(conf, "stub-zone:\n name: \"{origin}\"\n stub-addr: 127.0.0.1@{authority}");
    }
    sandbox.write("dns/unbound.conf", conf);
}

/// It answers a question for the zone's SOA with NOERROR.
fn has_answer(server: SocketAddr, origin: &str) -> bool {
    let ask = || -> Option<bool> {
        let mut question = vec![0x4c, 0x42, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in origin.split('.').filter(|label| !label.is_empty()) {
            question.push(u8::try_from(label.len()).ok()?);
            question.extend_from_slice(label.as_bytes());
        }
        question.extend_from_slice(&[0, 0, 6, 0, 1]);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        socket.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
        socket.send_to(&question, server).ok()?;
        let mut reply = [0; 512];
        let (length, _) = socket.recv_from(&mut reply).ok()?;
        // NOERROR, and something in the answer section.
        Some(length > 12 && reply[3] & 0x0f == 0 && reply[7] > 0)
    };
    wait::until(Duration::from_millis(100), ask).unwrap_or(false)
}
