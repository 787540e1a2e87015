//! Routes through a domain's mail exchangers.

use std::time::Duration;

use super::addresses::Addresses;
use super::{FRESH_WITHOUT_TTL, Found, MxLookupError, NoMxAddress, Origin, Route, SMTP_PORT, Search};
use crate::dns::{Lookup, MOST_RECORDS, Outcome, Record, RecordKind};
use crate::failure::{Class, RouteError};
use crate::hostname::{Host, HostName};

/// The last failure; once one may pass, all may.
#[derive(Default)]
struct Failures(Option<RouteError>);

impl Failures {
    fn add(&mut self, error: RouteError) {
        let soft_before = self.0.as_ref().is_some_and(|before| before.class == Class::Soft);
        self.0 = Some(if soft_before { error.softened() } else { error });
    }
}

/// The MX records of a domain, or the SRV records of a service, best first.
pub(super) struct Exchangers {
    pub(super) list: Vec<Exchanger>,
    pub(super) secure: bool,
    pub(super) canonical: Option<HostName>,
    pub(super) fresh_for: Duration,
}

/// One of them.
pub(super) struct Exchanger {
    pub(super) preference: u16,
    /// SRV only.
    pub(super) port: Option<u16>,
    pub(super) target: Host,
}

/// What an exchanger list leads to.
pub(super) struct Checked {
    pub(super) found: Vec<Found>,
    pub(super) i_am_mx: bool,
    pub(super) fresh_for: Duration,
}

impl<L: Lookup> Search<'_, L> {
    /// MX records, else the domain's own addresses (RFC 5321 §5.1).
    pub(super) async fn by_domain(&self, domain: &Host) -> Result<Route, RouteError> {
        let name = match domain {
            Host::Name(name) => name,
            Host::Address(_) => {
                return self.implicit(domain, Failures::default(), super::LONGEST_FRESH).await;
            }
        };
        let reply = self.lookup.query(name, RecordKind::Mx, self.budget).await;
        let error = RouteError::of_dns(self.domain, RecordKind::Mx, &reply.outcome);
        let fresh_for = reply.ttl.unwrap_or(FRESH_WITHOUT_TTL);
        match (reply.outcome, error) {
            (Outcome::Found(records), _) => {
                let (secure, canonical) = (self.believe(reply.secure), reply.canonical);
                let exchangers = Exchangers { list: in_order(records), secure, canonical, fresh_for };
                self.explicit(exchangers).await
            }
            (Outcome::NxDomain | Outcome::NoData | Outcome::AliasLoop, _) | (_, None) => {
                self.implicit(domain, Failures::default(), fresh_for).await
            }
            // A domain that takes no mail is never tried at its own address, and what the operator hides is not gone around.
            (Outcome::NullMx | Outcome::NullSrv | Outcome::Filtered, Some(error)) => Err(error),
            (Outcome::Temporary(_) | Outcome::Invalid | Outcome::Unrecoverable(_), Some(error)) => {
                match self.options.mx_lookup_error {
                    MxLookupError::Respected => Err(error),
                    MxLookupError::Ignored => {
                        self.implicit(domain, Failures(Some(error)), FRESH_WITHOUT_TTL).await
                    }
                }
            }
        }
    }

    async fn implicit(
        &self,
        domain: &Host,
        mut before: Failures,
        fresh_for: Duration,
    ) -> Result<Route, RouteError> {
        let addresses = match self.addresses(domain, self.domain, 0).await {
            Ok(addresses) => addresses,
            Err(error) => {
                before.add(error.clone());
                return Err(before.0.unwrap_or(error));
            }
        };
        if self.may_loop() && addresses.found.iter().any(|one| self.options.own.contains(one.address)) {
            return Err(RouteError::loops_back(self.domain));
        }
        let fresh_for = fresh_for.min(addresses.fresh_for);
        Ok(self.route(addresses.found, Origin::ImplicitMx, false, fresh_for))
    }

    async fn explicit(&self, exchangers: Exchangers) -> Result<Route, RouteError> {
        let best_published = best_of(&exchangers);
        let (secure, canonical) = (exchangers.secure, exchangers.canonical.clone());
        let addresses = self.addresses_of_all(exchangers).await.map_err(|error| {
            tracing::warn!("no MX host for {} has a valid address record", self.domain);
            match self.options.no_mx_address {
                NoMxAddress::AsFound => error,
                NoMxAddress::Defer => error.softened(),
            }
        })?;
        let Checked { found, i_am_mx, fresh_for } =
            self.without_us(addresses, best_published, self.domain)?;
        Ok(self.route(found, Origin::Mx { best_published, secure, canonical }, i_am_mx, fresh_for))
    }

    /// Cuts the list where this machine is on it: who is not better than us would send the mail back. `shown` is what
    /// was looked up, for texts.
    pub(super) fn without_us(
        &self,
        addresses: Addresses,
        best_published: u16,
        shown: &str,
    ) -> Result<Checked, RouteError> {
        let Addresses { mut found, fresh_for } = addresses;
        let Some(own) = self.own_preference(&found) else {
            return Ok(Checked { found, i_am_mx: false, fresh_for });
        };
        found.truncate(found.partition_point(|one| one.preference < own));
        match found.is_empty() {
            false => Ok(Checked { found, i_am_mx: true, fresh_for }),
            true if own == best_published => Err(RouteError::loops_back(shown)),
            true => Err(RouteError::no_primary(shown)),
        }
    }

    /// Every exchanger's addresses, best exchanger first. Some may fail while others resolve.
    pub(super) async fn addresses_of_all(&self, exchangers: Exchangers) -> Result<Addresses, RouteError> {
        let mut all = Addresses { found: Vec::new(), fresh_for: exchangers.fresh_for };
        let mut failures = Failures::default();
        for Exchanger { preference, port, target } in exchangers.list {
            if all.found.len() >= MOST_RECORDS {
                tracing::warn!(
                    "more than {MOST_RECORDS} addresses for {}: the others are not used",
                    self.domain
                );
                break;
            }
            match self.addresses(&target, &target.to_string(), preference).await {
                Ok(addresses) => {
                    all.found.extend(addresses.found.into_iter().map(|found| Found { port, ..found }));
                    all.fresh_for = all.fresh_for.min(addresses.fresh_for);
                }
                Err(error) => failures.add(error),
            }
        }
        all.found.truncate(MOST_RECORDS);
        if !all.found.is_empty() {
            return Ok(all);
        }
        Err(failures.0.unwrap_or_else(|| RouteError::invalid_name(self.domain)))
    }

    /// The preference under which this machine is listed, if it is.
    fn own_preference(&self, found: &[Found]) -> Option<u16> {
        // Mail to another port of ours does not come back here.
        let loops = |one: &Found| one.port.map_or(self.may_loop(), |port| port == SMTP_PORT);
        let to_us = |one: &&Found| self.options.own.contains(one.address) && loops(one);
        found.iter().find(to_us).map(|one| one.preference)
    }
}

/// The best preference published.
pub(super) fn best_of(exchangers: &Exchangers) -> u16 {
    exchangers.list.first().map_or(0, |first| first.preference)
}

/// Best first; equals stay as they came.
fn in_order(records: Vec<Record>) -> Vec<Exchanger> {
    let mut list: Vec<_> = records
        .into_iter()
        .filter_map(|record| match record {
            Record::Mx { preference, target } => Some(Exchanger { preference, port: None, target }),
            Record::Address(_) | Record::Tlsa(_) | Record::Srv { .. } | Record::Alias(_) => None,
        })
        .collect();
    list.sort_by_key(|exchanger| exchanger.preference);
    list
}
