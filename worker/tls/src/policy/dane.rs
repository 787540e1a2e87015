//! What the DNS says about a host turns level dane into the level in force (RFC 7672; one total function).

use std::time::Duration;

use maincf::value::InsecureMxPolicy;
use serde::{Deserialize, Serialize};

use super::error::PolicyError;
use super::tlsa::{DaneDigests, Tlsa};
use crate::Level;

/// What is known of a host's TLSA records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DaneFinding {
    /// DANE cannot be had here: no validating resolver, no DNS, settings that exclude it. The operator is told why.
    Off {
        /// Which setting.
        reason: String,
    },
    /// Surely none, or none that is validated, or an MX answer that was not and a policy that then does not ask.
    NoTlsa {
        /// As it stands in the delivery status at level dane-only.
        reason: String,
    },
    /// It is not known: SERVFAIL, no answer, forged. Never the same as none.
    LookupError {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// Validated records.
    Records {
        /// The name where they were found.
        base_domain: String,
        /// As they came.
        records: Vec<Tlsa>,
        /// Whether the MX answer that named the host was validated, or there was none.
        mx_secure: bool,
        /// How long they may be believed.
        expires_in: Duration,
    },
}

impl DaneFinding {
    /// There are none.
    pub fn none() -> Self {
        Self::NoTlsa { reason: "no TLSA records found".into() }
    }
}

/// The level in force and what it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) level: Level,
    /// The name for the server name extension and the first to match; there is one whenever records are in force.
    pub(crate) base_domain: Option<String>,
    /// At levels half-dane, dane, dane-only; not empty there.
    pub(crate) usable: Vec<Tlsa>,
    pub(crate) warning: Option<String>,
}

impl Decision {
    fn opportunistic(warning: Option<String>) -> Self {
        Self { level: Level::May, base_domain: None, usable: Vec::new(), warning }
    }
}

/// Whether TLSA records decide: the two levels that ask for them. Any other level has nothing to decide here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Dane,
    DaneOnly,
}

/// The decision table of behaviours 18.4.
pub(crate) fn decide(
    wanted: Wanted,
    finding: &DaneFinding,
    insecure_mx: InsecureMxPolicy,
    digests: &DaneDigests,
) -> Result<Decision, PolicyError> {
    match (finding, wanted) {
        (DaneFinding::Off { reason }, Wanted::Dane) => Ok(Decision::opportunistic(Some(reason.clone()))),
        (DaneFinding::Off { reason }, Wanted::DaneOnly) => {
            Err(PolicyError { warning: Some(reason.clone()), ..PolicyError::unmet(reason) })
        }
        (DaneFinding::NoTlsa { .. }, Wanted::Dane) => Ok(Decision::opportunistic(None)),
        (DaneFinding::NoTlsa { reason }, Wanted::DaneOnly) => Err(PolicyError::unmet(reason)),
        (DaneFinding::LookupError { host, port }, _) => {
            Err(PolicyError::unmet(format!("TLSA lookup error for {host}:{port}")))
        }
        (DaneFinding::Records { mx_secure: false, .. }, Wanted::DaneOnly) => {
            Err(PolicyError::unmet("non DNSSEC destination"))
        }
        (DaneFinding::Records { records, .. }, _) if records.is_empty() => {
            decide(wanted, &DaneFinding::none(), insecure_mx, digests)
        }
        (DaneFinding::Records { base_domain, records, mx_secure, expires_in: _ }, _) => {
            with_records(wanted, base_domain, digests.usable(records), *mx_secure, insecure_mx)
        }
    }
}

fn with_records(
    wanted: Wanted,
    base_domain: &str,
    usable: Vec<Tlsa>,
    mx_secure: bool,
    insecure_mx: InsecureMxPolicy,
) -> Result<Decision, PolicyError> {
    let level = match (wanted, mx_secure, insecure_mx) {
        (Wanted::Dane, false, InsecureMxPolicy::May) => return Ok(Decision::opportunistic(None)),
        (Wanted::Dane, false, InsecureMxPolicy::Encrypt) => Level::Encrypt,
        (Wanted::Dane, false, InsecureMxPolicy::Dane) => Level::HalfDane,
        (Wanted::Dane, true, _) => Level::Dane,
        (Wanted::DaneOnly, ..) => Level::DaneOnly,
    };
    let base_domain = Some(base_domain.to_owned());
    match (usable.is_empty(), wanted) {
        (true, Wanted::DaneOnly) => Err(PolicyError::unmet("TLSA records unusable")),
        (true, Wanted::Dane) => {
            let warning = Some("all TLSA records unusable, fallback to unauthenticated TLS".into());
            Ok(Decision { level: Level::Encrypt, base_domain, usable, warning })
        }
        (false, _) if level == Level::Encrypt => {
            Ok(Decision { level, base_domain, usable: Vec::new(), warning: None })
        }
        (false, _) => Ok(Decision { level, base_domain, usable, warning: None }),
    }
}

#[cfg(test)]
#[path = "dane/tests.rs"]
mod tests;
