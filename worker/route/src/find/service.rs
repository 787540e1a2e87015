//! Routes through the hosts that a domain names for a service (SRV, RFC 2782).

use super::exchangers::{Checked, Exchanger, Exchangers, best_of};
use super::order::next_random;
use super::{FRESH_WITHOUT_TTL, Origin, Route, Search};
use crate::dns::{Lookup, Outcome, Record, RecordKind};
use crate::failure::RouteError;
use crate::find::DnsSupport;
use crate::hostname::{Host, HostName, Utf8Names};
use crate::nexthop::{Kind, Nexthop};

/// SRV records led to no host.
pub(super) struct NoService {
    pub(super) error: RouteError,
    pub(super) rest: Rest,
}

/// What happens then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// The error stands.
    Stop,
    /// The destination is looked up as if SRV were off; the error is for the log.
    Skip,
}

impl<L: Lookup> Search<'_, L> {
    /// The domain and service to ask for, if the operator wants it of this destination.
    pub(super) fn service_of<'n>(&'n self, nexthop: &'n Nexthop) -> Option<(&'n HostName, &'n str)> {
        let srv = &self.options.srv;
        let name = match nexthop.kind() {
            Kind::Mx(Host::Name(name)) | Kind::Host(name) if nexthop.is_bare() => name,
            _ => return None,
        };
        let service = nexthop.service().unwrap_or(&srv.default_service);
        let wanted = srv.services.iter().any(|listed| listed.eq_ignore_ascii_case(service));
        (wanted && self.options.dns != DnsSupport::Disabled).then_some((name, service))
    }

    pub(super) async fn by_service(&self, name: &HostName, service: &str) -> Result<Route, NoService> {
        let asked = format!("_{service}._tcp.{}", self.domain);
        let srv = &self.options.srv;
        let missing = if srv.may_be_missing { Rest::Skip } else { Rest::Stop };
        let failed = if srv.ignore_errors { Rest::Skip } else { missing };
        let no_service = |error: RouteError, rest| {
            let text = format!("skipping SRV lookup for {asked}: {error}");
            NoService { error: if rest == Rest::Skip { RouteError { text, ..error } } else { error }, rest }
        };
        let Some(question) = HostName::parse(&format!("_{service}._tcp.{name}"), Utf8Names::Refused) else {
            return Err(no_service(RouteError::invalid_name(&asked), missing));
        };
        let reply = self.lookup.query(&question, RecordKind::Srv, self.budget).await;
        if let Some(error) = RouteError::of_dns(&asked, RecordKind::Srv, &reply.outcome) {
            let rest = match reply.outcome {
                Outcome::Temporary(_) | Outcome::Invalid | Outcome::Unrecoverable(_) => failed,
                _ => missing,
            };
            return Err(no_service(error, rest));
        }
        let records = if let Outcome::Found(records) = reply.outcome { records } else { Vec::new() };
        let (secure, canonical) = (self.believe(reply.secure), reply.canonical);
        let hosts = Exchangers {
            list: drawn(records, self.seed),
            secure,
            canonical: canonical.clone(),
            fresh_for: reply.ttl.unwrap_or(FRESH_WITHOUT_TTL),
        };
        let best = best_of(&hosts);
        let addresses = self.addresses_of_all(hosts).await.map_err(|error| {
            tracing::warn!("no SRV host for {asked} has a valid address record");
            no_service(error, missing)
        })?;
        let checked = self.without_us(addresses, best, &asked).map_err(|error| no_service(error, missing))?;
        let Checked { found, i_am_mx, fresh_for } = checked;
        Ok(self.route(found, Origin::Srv { secure, canonical }, i_am_mx, fresh_for))
    }
}

/// By priority; among equals each place is drawn, a record's chance being its share of the weight that is left. One of
/// weight 0 has a very small chance while others remain.
fn drawn(records: Vec<Record>, seed: u64) -> Vec<Exchanger> {
    let mut left: Vec<(u16, Exchanger)> = records
        .into_iter()
        .filter_map(|record| match record {
            Record::Srv { priority, weight, port, target } => {
                Some((weight, Exchanger { preference: priority, port: Some(port), target }))
            }
            Record::Mx { .. } | Record::Address(_) | Record::Tlsa(_) | Record::Alias(_) => None,
        })
        .collect();
    // Those of weight 0 first, so that they can be drawn at all.
    left.sort_by_key(|(weight, host)| (host.preference, *weight != 0));
    let mut state = seed;
    let mut drawn = Vec::with_capacity(left.len());
    while let Some(best) = left.first().map(|(_, host)| host.preference) {
        let equals = left.partition_point(|(_, host)| host.preference == best);
        let total: u64 = left.iter().take(equals).map(|(weight, _)| u64::from(*weight)).sum();
        let mut draw = next_random(&mut state) % (total + 1);
        let at = left.iter().take(equals).position(|(weight, _)| {
            let reached = u64::from(*weight) >= draw;
            draw = draw.saturating_sub(u64::from(*weight));
            reached
        });
        drawn.push(left.remove(at.unwrap_or(0)).1);
    }
    drawn
}

#[cfg(test)]
mod tests;
