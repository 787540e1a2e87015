//! Where the policy of a destination stands: which table, which key.

use super::error::PolicyError;
use super::names::valid_hostname;
use super::table::{self, Entry};
use super::{Policies, Source, per_site};
use crate::Level;

/// A lookup table as policies need it. The worker puts its tables behind it.
pub trait PolicyTable: Send + Sync {
    /// The value of a key. Errors: the table could not answer.
    fn lookup(&self, key: &str) -> Result<Option<String>, String>;
    /// There is no table.
    fn is_empty(&self) -> bool;
}

/// What was found.
pub(super) struct Found {
    pub(super) level: Level,
    pub(super) source: Source,
    /// For messages.
    pub(super) place: String,
    /// Empty but for its level where no policy table has one.
    pub(super) entry: Entry,
}

impl Policies {
    pub(super) fn look_up(&self, nexthop: &str, domain: &str, host: &str) -> Result<Found, PolicyError> {
        let main_cf = || self.without_entry(self.level, Source::MainCf, "tls settings of main.cf");
        if !self.policy_maps.is_empty() {
            return match self.in_policy_maps(nexthop, domain)? {
                Some((place, entry)) => {
                    Ok(Found { level: entry.level, source: Source::PolicyMaps, place, entry })
                }
                None => Ok(main_cf()),
            };
        }
        if self.per_site.is_empty() {
            return Ok(main_cf());
        }
        let of_nexthop = self.in_per_site(nexthop)?;
        let of_host = if host.eq_ignore_ascii_case(nexthop) { None } else { self.in_per_site(host)? };
        match per_site::combine(of_nexthop, of_host, self.level) {
            Some(level) => {
                let place = format!("tls_per_site, {nexthop:?} and {host:?}");
                Ok(self.without_entry(level, Source::PerSite, &place))
            }
            None => Ok(main_cf()),
        }
    }

    fn without_entry(&self, level: Level, source: Source, place: &str) -> Found {
        Found { level, source, place: format!("{}{place}", self.prefix), entry: Entry::of(level) }
    }

    /// The next hop itself, then, if it is a plain domain, the domains above it with a dot before them.
    fn in_policy_maps(&self, nexthop: &str, domain: &str) -> Result<Option<(String, Entry)>, PolicyError> {
        let mut keys = vec![nexthop.to_owned()];
        if nexthop.eq_ignore_ascii_case(domain) && valid_hostname(nexthop) {
            keys.extend(
                nexthop.match_indices('.').filter_map(|(at, _)| nexthop.get(at..)).map(str::to_owned),
            );
        }
        for key in keys {
            let place = format!("{}tls_policy_maps, next-hop destination {key:?}", self.prefix);
            let wrong = |problem: &str| PolicyError::settings(format!("{place}: {problem}"));
            if let Some(value) = self.policy_maps.lookup(&key).map_err(|problem| wrong(&problem))? {
                let entry = table::entry(&value).map_err(|problem| wrong(&problem))?;
                return Ok(Some((place, entry)));
            }
        }
        Ok(None)
    }

    fn in_per_site(&self, key: &str) -> Result<Option<Level>, PolicyError> {
        let wrong =
            |problem: &str| PolicyError::settings(format!("{}tls_per_site, {key:?}: {problem}", self.prefix));
        match self.per_site.lookup(key).map_err(|problem| wrong(&problem))? {
            None => Ok(None),
            Some(word) => per_site::keyword(&word)
                .map(Some)
                .ok_or_else(|| wrong(&format!("unknown TLS policy {word:?}"))),
        }
    }
}
