//! TLSA records of a host: whether to ask, under which name, and why there are none (RFC 7672 §2.1, §2.2).

use std::fmt;
use std::time::Duration;

use crate::dns::{Budget, Lookup, Outcome, Record, RecordKind, Reply, Trouble};
use crate::find::{Candidate, Endpoint};
use crate::hostname::{HostName, Utf8Names};

pub use crate::dns::Tlsa;

/// How long a finding is kept at least and at most, whatever the TTL says.
pub const SHORTEST_KEPT: Duration = Duration::from_secs(1);
/// The other end of it.
pub const LONGEST_KEPT: Duration = Duration::from_secs(100);

/// What to do with a host whose address is not validated (`smtp_tls_force_insecure_host_tlsa_lookup`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsecureHosts {
    /// Its TLSA records are not asked for, unless it is an alias that itself is validated.
    Skipped,
    /// They are. What is found must be validated all the same.
    Asked,
}

/// What is known about a host's TLSA records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsaFinding {
    /// Validated records, usable or not.
    Records {
        /// The TLSA base domain (RFC 7672 §2.2.3): the name after `_port._tcp.`, for SNI and names in certificates.
        base_domain: HostName,
        /// At least one, in the order of the reply; each has data.
        records: Vec<Tlsa>,
        /// How long to keep what is derived from them, from [`Budget::now`]: the TTL within
        /// [`SHORTEST_KEPT`] and [`LONGEST_KEPT`].
        expires_in: Duration,
        /// The smallest TTL that led to them; zero if it is not known.
        ttl: Duration,
    },
    /// Validated records, all of them without data. As [`TlsaFinding::Records`] in which none is usable: the
    /// server does TLS, and nothing can authenticate it. Never "there are none".
    Unreadable {
        /// As above.
        base_domain: HostName,
        /// As above.
        expires_in: Duration,
        /// As above.
        ttl: Duration,
    },
    /// There are none that count.
    None {
        /// Which rule says so.
        reason: NoTlsa,
    },
    /// It cannot be known now. Never "there are none": who can drop packets could turn DANE off.
    Failed {
        /// The name whose lookup failed.
        asked: HostName,
        /// What kind of records of it.
        kind: RecordKind,
        /// Why, in our words.
        trouble: String,
    },
}

/// Why a host counts as one without TLSA records. All of them read the same in a log, as in Postfix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTlsa {
    /// It is a number or a path, so nobody is asked.
    NotAName,
    /// Neither its address nor its first alias is validated, so nobody is asked.
    InsecureHost,
    /// There are records, but nobody vouches for them.
    NotValidated,
    /// There are no records.
    NotFound,
}

impl fmt::Display for NoTlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no TLSA records found")
    }
}

/// Finds the TLSA records of a host for a TCP port.
///
/// The candidate must come from a route with [`crate::DnsSupport::Dnssec`]. Whether the MX records that led to it
/// are validated is in [`crate::Origin::Mx`] and for the caller to judge; a host that was named by the
/// administrator, or is the domain itself, needs no such proof.
pub async fn find<L: Lookup>(
    lookup: &L,
    candidate: &Candidate,
    port: u16,
    insecure_hosts: InsecureHosts,
    budget: Budget,
) -> TlsaFinding {
    let search = Search { lookup, port, budget };
    let original = match &candidate.endpoint {
        Endpoint::Inet(_) => HostName::parse(&candidate.host, Utf8Names::Converted),
        Endpoint::Unix(_) => None,
    };
    let Some(original) = original else { return TlsaFinding::None { reason: NoTlsa::NotAName } };
    let expanded = candidate.canonical.as_ref().filter(|canonical| **canonical != original);
    let names = match (candidate.secure, insecure_hosts, expanded) {
        (true, _, expanded) | (false, InsecureHosts::Asked, expanded) => {
            [expanded, Some(&original)].into_iter().flatten().collect()
        }
        (false, InsecureHosts::Skipped, None) => Vec::new(),
        (false, InsecureHosts::Skipped, Some(_)) => match search.alias_is_secure(&original).await {
            Ok(true) => vec![&original],
            Ok(false) => Vec::new(),
            Err(failed) => return failed,
        },
    };
    let mut finding = TlsaFinding::None { reason: NoTlsa::InsecureHost };
    for name in names {
        finding = search.below(name).await;
        if !matches!(finding, TlsaFinding::None { .. }) {
            break;
        }
    }
    finding
}

/// One run of [`find`].
struct Search<'a, L> {
    lookup: &'a L,
    port: u16,
    budget: Budget,
}

impl<L: Lookup> Search<'_, L> {
    /// Whether the record that makes `name` an alias was validated, whatever its target is.
    async fn alias_is_secure(&self, name: &HostName) -> Result<bool, TlsaFinding> {
        let reply = self.lookup.query(name, RecordKind::Cname, self.budget).await;
        match reply.outcome {
            Outcome::Found(_) | Outcome::Invalid => Ok(reply.secure),
            Outcome::NoData | Outcome::NxDomain => Ok(false),
            other => Err(failed(name, RecordKind::Cname, &other)),
        }
    }

    /// The records at `_port._tcp.` of a name.
    async fn below(&self, base: &HostName) -> TlsaFinding {
        let Some(asked) = HostName::parse(&format!("_{}._tcp.{base}", self.port), Utf8Names::Refused) else {
            // Longer than a name can be, so it cannot exist.
            return TlsaFinding::None { reason: NoTlsa::NotFound };
        };
        let reply = self.lookup.query(&asked, RecordKind::Tlsa, self.budget).await;
        let Reply { outcome, secure, ttl, .. } = reply;
        let ttl = ttl.unwrap_or(Duration::ZERO);
        let (base_domain, expires_in) = (base.clone(), ttl.clamp(SHORTEST_KEPT, LONGEST_KEPT));
        match (outcome, secure) {
            (Outcome::NoData | Outcome::NxDomain, _) => TlsaFinding::None { reason: NoTlsa::NotFound },
            (Outcome::Found(_) | Outcome::Invalid, false) => {
                TlsaFinding::None { reason: NoTlsa::NotValidated }
            }
            (Outcome::Found(records), true) => {
                TlsaFinding::Records { base_domain, records: associations(records), expires_in, ttl }
            }
            (Outcome::Invalid, true) => TlsaFinding::Unreadable { base_domain, expires_in, ttl },
            (other, _) => failed(&asked, RecordKind::Tlsa, &other),
        }
    }
}

fn associations(records: Vec<Record>) -> Vec<Tlsa> {
    records
        .into_iter()
        .filter_map(|record| match record {
            Record::Tlsa(tlsa) => Some(tlsa),
            Record::Mx { .. } | Record::Address(_) | Record::Srv { .. } | Record::Alias(_) => None,
        })
        .collect()
}

/// A lookup that shows neither presence nor absence.
fn failed(asked: &HostName, kind: RecordKind, outcome: &Outcome) -> TlsaFinding {
    let trouble = match outcome {
        Outcome::Temporary(Trouble::Timeout) => "timeout".into(),
        // What bogus and expired signatures look like from here.
        Outcome::Temporary(Trouble::Rcode(2)) => "server failure".into(),
        Outcome::Temporary(Trouble::Rcode(rcode)) | Outcome::Unrecoverable(rcode) => {
            format!("refused with rcode {rcode}")
        }
        Outcome::Temporary(Trouble::Malformed(_)) => "malformed or truncated reply".into(),
        Outcome::Temporary(Trouble::Network(_)) => "no server can be reached".into(),
        Outcome::Temporary(Trouble::Filter(_)) | Outcome::Filtered => {
            "withheld by the DNS reply filter".into()
        }
        Outcome::AliasLoop => "too many aliases".into(),
        // No such reply is made for these kinds.
        Outcome::Found(_)
        | Outcome::Invalid
        | Outcome::NoData
        | Outcome::NxDomain
        | Outcome::NullMx
        | Outcome::NullSrv => "unexpected reply".into(),
    };
    TlsaFinding::Failed { asked: asked.clone(), kind, trouble }
}

#[cfg(test)]
mod tests;
