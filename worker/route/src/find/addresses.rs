//! The addresses of one host, and routes that need no exchangers.

use std::net::IpAddr;
use std::time::Duration;

use super::{DnsSupport, FRESH_WITHOUT_TTL, Found, HostLookup, LONGEST_FRESH, Origin, Route, Search};
use crate::dns::{Lookup, Outcome, Record, RecordKind, Reply};
use crate::failure::RouteError;
use crate::hostname::{Host, HostName};

/// What a host's lookup gave; at least one address.
pub(super) struct Addresses {
    pub(super) found: Vec<Found>,
    pub(super) fresh_for: Duration,
}

/// Why DNS gave no address.
enum DnsFailure {
    /// There is none. The system's lookup may still know one.
    NotFound(RouteError),
    /// It could not say.
    Failed(RouteError),
}

impl<L: Lookup> Search<'_, L> {
    /// Bracketed hosts, LMTP hosts, literals, and every domain when DNS is off.
    pub(super) async fn by_host(&self, host: &Host) -> Result<Route, RouteError> {
        let origin = if matches!(host, Host::Address(_)) { Origin::Literal } else { Origin::Host };
        let addresses = self.addresses(host, self.domain, 0).await?;
        if self.may_loop() && addresses.found.iter().any(|one| self.options.own.contains(one.address)) {
            return Err(RouteError::loops_back(self.domain));
        }
        Ok(self.route(addresses.found, origin, false, addresses.fresh_for))
    }

    /// All usable addresses of a host. `shown` is its name in logs and texts.
    pub(super) async fn addresses(
        &self,
        host: &Host,
        shown: &str,
        preference: u16,
    ) -> Result<Addresses, RouteError> {
        let blank = |address| Found {
            host: shown.into(),
            canonical: None,
            address,
            port: None,
            preference,
            secure: false,
        };
        let name = match host {
            Host::Name(name) => name,
            Host::Address(address) if self.options.families.include(*address) => {
                return Ok(Addresses { found: vec![blank(*address)], fresh_for: LONGEST_FRESH });
            }
            // What remains is a name of digits, which nobody is asked for.
            Host::Address(_) => return Err(RouteError::invalid_name(shown)),
        };
        let methods = match self.options.dns {
            DnsSupport::Disabled => HostLookup::Native,
            DnsSupport::Enabled | DnsSupport::Dnssec => self.options.host_lookup,
        };
        if methods != HostLookup::Native {
            match (self.by_dns(name, shown, preference).await, methods) {
                (Ok(addresses), _) => return Ok(addresses),
                (Err(DnsFailure::NotFound(_)), HostLookup::DnsThenNative) => {}
                (Err(DnsFailure::NotFound(error) | DnsFailure::Failed(error)), _) => return Err(error),
            }
        }
        let native = self.lookup.system(name, self.options.families, self.budget).await;
        let native = native.map_err(|failure| RouteError::of_system(shown, &failure))?;
        Ok(Addresses { found: native.into_iter().map(blank).collect(), fresh_for: FRESH_WITHOUT_TTL })
    }

    /// One family that has addresses is enough, whatever became of the other.
    async fn by_dns(&self, name: &HostName, shown: &str, preference: u16) -> Result<Addresses, DnsFailure> {
        let mut found = Vec::new();
        let mut fresh_for = LONGEST_FRESH;
        let mut worst: Option<(u8, RouteError)> = None;
        for (kind, reply) in self.ask(name).await {
            let severity = severity(&reply.outcome);
            if let Some(error) = RouteError::of_dns(shown, kind, &reply.outcome) {
                // Of equals the later one is told, as Postfix does.
                if worst.as_ref().is_none_or(|(most, _)| severity >= *most) {
                    worst = Some((severity, error));
                }
                continue;
            }
            fresh_for = fresh_for.min(reply.ttl.unwrap_or(FRESH_WITHOUT_TTL));
            let Reply { outcome, secure, canonical, .. } = reply;
            found.extend(addresses_in(outcome).map(|address| Found {
                host: shown.into(),
                canonical: canonical.clone(),
                address,
                port: None,
                preference,
                secure: self.believe(secure),
            }));
        }
        match worst {
            _ if !found.is_empty() => Ok(Addresses { found, fresh_for }),
            Some((NOT_FOUND, error)) => Err(DnsFailure::NotFound(error)),
            Some((_, error)) => Err(DnsFailure::Failed(error)),
            None => Err(DnsFailure::Failed(RouteError::no_protocols())),
        }
    }

    /// Both families at the same time; the replies come in the order of [`super::Families::records`].
    async fn ask(&self, name: &HostName) -> Vec<(RecordKind, Reply)> {
        match *self.options.families.records() {
            [one] => vec![(one, self.lookup.query(name, one, self.budget).await)],
            [one, two] => {
                let first = self.lookup.query(name, one, self.budget);
                let second = self.lookup.query(name, two, self.budget);
                let (first, second) = tokio::join!(first, second);
                vec![(one, first), (two, second)]
            }
            _ => Vec::new(),
        }
    }
}

fn addresses_in(outcome: Outcome) -> impl Iterator<Item = IpAddr> {
    let records = if let Outcome::Found(records) = outcome { records } else { Vec::new() };
    records.into_iter().filter_map(|record| match record {
        Record::Address(address) => Some(address),
        Record::Mx { .. } | Record::Srv { .. } | Record::Tlsa(_) | Record::Alias(_) => None,
    })
}

const NOT_FOUND: u8 = 1;

/// Which of two failures is told: what may work later comes before what never will.
fn severity(outcome: &Outcome) -> u8 {
    match outcome {
        Outcome::Found(_) => 0,
        Outcome::NxDomain | Outcome::NoData | Outcome::AliasLoop | Outcome::NullMx | Outcome::NullSrv => {
            NOT_FOUND
        }
        Outcome::Unrecoverable(_) => 2,
        Outcome::Invalid => 3,
        Outcome::Temporary(_) => 4,
        // There was an answer, so asking again tells nothing else.
        Outcome::Filtered => 5,
    }
}
