//! A policy with a level decided, as it is in force for one host.

use std::sync::Arc;

use super::dane::Decision;
use super::effective::{self, Effective, Matching};
use super::error::PolicyError;
use super::names::MatchRule;
use super::offer::{Offer, OfferError};
use super::{HostNames, Policy, sni};
use crate::Level;

impl Policy {
    pub(super) fn in_force(
        &self,
        level: Level,
        dane: Option<Decision>,
        names: &HostNames<'_>,
    ) -> Result<Effective, PolicyError> {
        if let Some(prefix) = self.wrappermode.filter(|_| !level.is_mandatory()) {
            return Err(PolicyError::wrappermode(prefix));
        }
        let local = self.local_name.as_deref().map(|name| HostNames { nexthop: name, host: name, mx: None });
        let names = local.as_ref().unwrap_or(names);
        let base_domain = dane.as_ref().and_then(|decision| decision.base_domain.clone());
        let (offer, unavailable) = self.offer(level)?;
        let sni = match base_domain {
            Some(domain) if level.is_dane() => sni::of_base_domain(&domain),
            _ if level == Level::None => None,
            _ => self.sni.name(names).map_err(|problem| self.wrong(&problem))?,
        };
        Ok(Effective {
            level,
            source: self.source,
            reuse: self.reuse,
            sni,
            warning: dane.as_ref().and_then(|decision| decision.warning.clone()),
            offer,
            unavailable,
            matching: self.matching(level, dane, names)?,
            depth: self.depth,
            identity: self.identity,
        })
    }

    /// What is offered at a level. Only level may survives having nothing to offer.
    fn offer(&self, level: Level) -> Result<(Option<Arc<Offer>>, Option<String>), PolicyError> {
        let offer = match level {
            Level::None => return Ok((None, None)),
            Level::May => &self.may,
            _ => &self.mandatory,
        };
        match offer {
            Ok(offer) => Ok((Some(Arc::clone(offer)), None)),
            Err(OfferError::Nothing(problem)) if level == Level::May => Ok((None, Some(problem.clone()))),
            Err(OfferError::Nothing(problem) | OfferError::Invalid(problem)) => Err(self.wrong(problem)),
        }
    }

    fn matching(
        &self,
        level: Level,
        dane: Option<Decision>,
        names: &HostNames<'_>,
    ) -> Result<Matching, PolicyError> {
        match level {
            Level::None | Level::May | Level::Encrypt => Ok(Matching::Anybody),
            Level::Fingerprint => match &self.fingerprints {
                Some(prints) if !prints.values.is_empty() => Ok(Matching::Fingerprints(prints.clone())),
                Some(_) => Err(self.wrong("no valid fingerprints at level fingerprint")),
                None => Err(self.wrong("the digest of fingerprints is unknown")),
            },
            Level::HalfDane | Level::Dane | Level::DaneOnly => self
                .dane_digests
                .as_ref()
                .ok()
                .and_then(|digests| effective::dane(dane, names, digests))
                .ok_or_else(|| self.wrong("no usable TLSA records at a level of DANE")),
            Level::Verify | Level::Secure => {
                let expand = |rule: &MatchRule| rule.expand(names.nexthop, names.host);
                let patterns = self.names.iter().filter_map(expand).collect();
                Ok(Matching::Chain { patterns, anchors: Arc::clone(&self.anchors) })
            }
        }
    }

    pub(super) fn wrong(&self, problem: &str) -> PolicyError {
        PolicyError::settings(format!("{}: {problem}", self.place))
    }
}
