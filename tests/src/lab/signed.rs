//! Signed zones below `test.`, from the root down, and a resolver that validates them.

use super::signing::{self, Lifetime};
use super::{Lab, Validation, ZoneFile, write_zone};
use crate::sandbox::Sandbox;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What has become of a zone's signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneKind {
    /// Signed; its answers are validated (AD).
    Signed,
    /// Never signed, and its parent says so: answers come, without AD.
    Unsigned,
    /// Addresses (A) and TLSA data were changed after signing: SERVFAIL for these, the others are validated.
    Bogus,
    /// Every signature has run out: SERVFAIL.
    Expired,
}

/// A zone of a [`SignedLab`].
#[derive(Debug, Clone)]
pub struct SignedZone {
    /// A child of `test.`, for example `signed.test.`
    pub origin: String,
    /// Records, one a line, without SOA and NS. Hosts have addresses in 127.0.0.0/8.
    pub records: String,
    /// How it is signed.
    pub kind: ZoneKind,
}

impl SignedZone {
    /// A zone with these records.
    pub fn new(origin: &str, kind: ZoneKind, records: impl Into<String>) -> Self {
        let label = origin.strip_suffix(".test.").unwrap_or_default();
        assert!(!label.is_empty() && !label.contains('.'), "{origin} is no child of test.");
        Self { origin: origin.to_owned(), records: records.into(), kind }
    }
}

/// An authority for `.`, `test.` and the zones, and a resolver that validates.
#[derive(Debug)]
pub struct SignedLab {
    lab: Lab,
    anchor: PathBuf,
}

impl SignedLab {
    /// Signs and serves these zones; ends the test when that does not work.
    pub fn start(sandbox: &Sandbox, zones: &[SignedZone]) -> Self {
        Self::start_dropping(sandbox, zones, &[])
    }

    /// The same, where everybody's resolver is: at port 53, in a network of its own ([`crate::alone`]).
    pub fn start_for_all(sandbox: &Sandbox, zones: &[SignedZone]) -> Self {
        Self::serve(sandbox, zones, &[], Some(53))
    }

    /// The same, but the resolver is silent when asked for one of these names or what is below them.
    pub fn start_dropping(sandbox: &Sandbox, zones: &[SignedZone], dropped: &[&str]) -> Self {
        Self::serve(sandbox, zones, dropped, None)
    }

    fn serve(sandbox: &Sandbox, zones: &[SignedZone], dropped: &[&str], port: Option<u16>) -> Self {
        let folder = sandbox.folder("dns");
        let leaves: Vec<ZoneFile> = zones.iter().map(|zone| write_leaf(sandbox, &folder, zone)).collect();
        let mut delegations = "ns.lab A 127.0.0.1\n".to_owned();
        for zone in zones {
            let _ = writeln!(delegations, "{} NS ns.lab.test.", zone.origin);
        }
        // From the leaves up: a parent takes in what its children's signing has left in the folder.
        let test = signed(&folder, write_zone(sandbox, "test.", &delegations), Lifetime::Now);
        let root = write_zone(sandbox, ".", "test. NS ns.lab.test.\nns.lab.test. A 127.0.0.1");
        let anchor = signing::new_key(&folder, &root.origin);
        let root = ZoneFile { file: signing::sign(&folder, &root, Lifetime::Now), ..root };
        let validation = Validation::On {
            anchor: anchor.clone(),
            dropped: dropped.iter().map(|&name| name.to_owned()).collect(),
        };
        let files: Vec<_> = [test, root].into_iter().chain(leaves).collect();
        Self { lab: Lab::serve(sandbox, &files, &validation, port), anchor }
    }

    /// Where the resolver is asked: it validates, and says so with AD to those who ask with AD.
    pub fn resolver(&self) -> SocketAddr {
        self.lab.resolver()
    }

    /// Where the zones are served, which never says AD.
    pub fn authority(&self) -> SocketAddr {
        self.lab.authority()
    }

    /// The root's key as a DNSKEY record, for another validator.
    pub fn anchor(&self) -> &Path {
        &self.anchor
    }
}

/// Writes a zone and does to it what its kind says.
fn write_leaf(sandbox: &Sandbox, folder: &Path, zone: &SignedZone) -> ZoneFile {
    let file = write_zone(sandbox, &zone.origin, &zone.records);
    match zone.kind {
        ZoneKind::Unsigned => file,
        ZoneKind::Signed => signed(folder, file, Lifetime::Now),
        ZoneKind::Expired => signed(folder, file, Lifetime::Over),
        ZoneKind::Bogus => {
            let file = signed(folder, file, Lifetime::Now);
            signing::forge(&folder.join(&file.file));
            file
        }
    }
}

fn signed(folder: &Path, zone: ZoneFile, lifetime: Lifetime) -> ZoneFile {
    signing::new_key(folder, &zone.origin);
    ZoneFile { file: signing::sign(folder, &zone, lifetime), ..zone }
}
