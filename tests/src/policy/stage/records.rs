//! DNS records of cases, in zone file form.

use super::super::case::{Data, Signed, Tlsa, Twist};
use super::super::dns::{BOGUS, SIGNED, UNSIGNED};
use super::{Host, Placed};
use sha2::{Digest, Sha256, Sha512};
use std::fmt::Write as _;

/// Records, without order.
pub(super) fn of(placed: &[Placed]) -> String {
    let mut all = String::new();
    for one in placed {
        for (rank, host) in one.hosts.iter().enumerate() {
            if one.case.zone.twist != Twist::NoMx {
                let _ = writeln!(all, "{}. MX {} {}.", one.domain, 10 * (rank + 1), host.name);
            }
            exchanger(&mut all, one, host);
        }
    }
    all
}

fn exchanger(all: &mut String, one: &Placed, host: &Host) {
    let zone = if one.case.zone.host == Signed::Yes { SIGNED } else { UNSIGNED };
    let target = match one.case.zone.twist {
        Twist::AliasHasRecords | Twist::TargetHasRecords => format!("real.{}.{zone}", one.case.name),
        Twist::AliasOutOfZone => format!("real.{}.{UNSIGNED}", one.case.name),
        _ => host.name.clone(),
    };
    if target != host.name {
        let _ = writeln!(all, "{}. CNAME {target}.", host.name);
    }
    let _ = writeln!(all, "{target}. A {}", host.address);
    if one.case.zone.twist == Twist::LookupFails {
        let _ = writeln!(all, "_25._tcp.{}. CNAME {}.{BOGUS}.", host.name, one.case.name);
        return;
    }
    let base = if one.case.zone.twist == Twist::TargetHasRecords { &target } else { &host.name };
    for record in &one.case.zone.tlsa {
        let Tlsa(usage, selector, matching, _) = record;
        let _ = writeln!(all, "_25._tcp.{base}. TLSA {usage} {selector} {matching} {}", data(record, host));
    }
}

fn data(Tlsa(_, selector, matching, data): &Tlsa, host: &Host) -> String {
    let identity = &host.identity;
    let leaf = (identity.leaf.clone(), identity.leaf_key.clone());
    let pair = match data {
        Data::Hex(digits) => return (*digits).to_owned(),
        Data::Leaf => leaf,
        Data::Issuer => identity.issuers.first().cloned().unwrap_or(leaf),
        Data::Root => identity.issuers.last().cloned().unwrap_or(leaf),
        Data::Other => (b"other".to_vec(), b"other".to_vec()),
    };
    let octets = if *selector == 0 { pair.0 } else { pair.1 };
    let octets = match matching {
        1 => Sha256::digest(&octets).to_vec(),
        2 => Sha512::digest(&octets).to_vec(),
        _ => octets,
    };
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
