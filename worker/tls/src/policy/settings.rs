//! All that main.cf says about TLS, and the policy of a destination looked up in it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use maincf::Protocol;
use maincf::params::{Tls, TlsTrust};
use maincf::value::{CipherGrade, InsecureMxPolicy};

use super::ciphers::Grades;
use super::error::PolicyError;
use super::fingerprint::{DigestName, Fingerprints};
use super::names::{MatchRule, valid_hostname};
use super::offer::{Offer, OfferError, Wishes, offer};
use super::sni::SniRule;
use super::table::{self, Entry};
use super::tlsa::DaneDigests;
use super::{Policy, Source, Transport, groups, per_site};
use crate::Level;
use crate::engine::{AnchorSet, Engine};

/// Texts that were told already; beyond this many, nothing is told anew.
const MOST_TOLD: usize = 1000;
/// Combinations of trust anchor files that policies name.
const MOST_ANCHORS: usize = 1000;

/// A lookup table as policies need it. The worker puts its tables behind it.
pub trait PolicyTable: Send + Sync {
    /// The value of a key. Errors: the table could not answer.
    fn lookup(&self, key: &str) -> Result<Option<String>, String>;
    /// There is no table.
    fn is_empty(&self) -> bool;
}

/// All that main.cf says. Made once per process.
pub struct Policies {
    prefix: &'static str,
    level: Level,
    policy_maps: Box<dyn PolicyTable>,
    per_site: Box<dyn PolicyTable>,
    my_hostname: String,
    reuse: bool,
    wrappermode: bool,
    may: Defaults,
    mandatory: Defaults,
    grades: Grades,
    groups: Vec<u16>,
    sni: SniRule,
    digest: Option<DigestName>,
    fingerprints: Vec<String>,
    verify_match: Vec<String>,
    secure_match: Vec<String>,
    anchor_files: Vec<PathBuf>,
    authorities: Arc<AnchorSet>,
    depth: u32,
    insecure_mx: InsecureMxPolicy,
    dane_digests: Result<DaneDigests, String>,
    identity: [u8; 32],
    remarks: Vec<String>,
    told: Mutex<HashSet<String>>,
    anchors: Mutex<HashMap<Vec<PathBuf>, Arc<AnchorSet>>>,
}

/// Protocols and ciphers where no policy names them, and the offer that they make.
struct Defaults {
    protocols: String,
    grade: CipherGrade,
    exclusions: Vec<String>,
    offer: Result<Arc<Offer>, OfferError>,
}

impl Policies {
    /// Reads the settings. The trust anchors of main.cf are read now; [`Self::remarks`] tells what was odd.
    pub fn new(
        tls: &Tls,
        trust: &TlsTrust,
        protocol: Protocol,
        my_hostname: &str,
        policy_maps: Box<dyn PolicyTable>,
        per_site: Box<dyn PolicyTable>,
        engine: &Engine,
    ) -> Self {
        let grades = Grades { high: tls.high_cipherlist.clone(), medium: tls.medium_cipherlist.clone() };
        let (groups, unknown_groups) = groups::select(&tls.eecdh_auto_curves, &engine.groups());
        let mut remarks: Vec<String> = unknown_groups
            .iter()
            .map(|name| format!("tls_eecdh_auto_curves: unknown group {name:?}"))
            .collect();
        let exclusions = split(&tls.exclude_ciphers);
        let all_exclusions = [exclusions.clone(), split(&tls.mandatory_exclude_ciphers)].concat();
        let mut defaults = |protocols: &str, grade, exclusions: Vec<String>| {
            let wishes = Wishes { protocols, grade, exclusions: &exclusions, groups: &groups };
            let (offer, unknown) = offer(&wishes, &grades);
            remarks.extend(
                unknown.iter().map(|word| format!("unknown word {word:?} in TLS cipher settings ignored")),
            );
            Defaults { protocols: protocols.to_owned(), grade, exclusions, offer }
        };
        let may = defaults(&tls.protocols, tls.ciphers, exclusions);
        let mandatory = defaults(&tls.mandatory_protocols, tls.mandatory_ciphers, all_exclusions);
        remarks.sort();
        remarks.dedup();
        let policies = Self {
            prefix: protocol.prefix(),
            level: Level::of(tls.level()),
            policy_maps,
            per_site,
            my_hostname: my_hostname.to_owned(),
            reuse: tls.connection_reuse,
            wrappermode: tls.wrappermode,
            may,
            mandatory,
            grades,
            groups,
            sni: SniRule::read(&tls.servername),
            digest: DigestName::named(&trust.fingerprint_digest),
            fingerprints: trust.fingerprint_match.clone(),
            verify_match: trust.verify_match.clone(),
            secure_match: trust.secure_match.clone(),
            anchor_files: trust.trust_anchor_file.clone(),
            authorities: Arc::clone(engine.authorities()),
            depth: trust.verify_depth,
            insecure_mx: tls.dane_insecure_mx_policy,
            dane_digests: DaneDigests::read(&tls.dane_digests),
            identity: *engine.identity_digest(),
            remarks,
            told: Mutex::default(),
            anchors: Mutex::default(),
        };
        // Read while it is still allowed to; a failure is told with the mail that needs them.
        drop(policies.anchors_of(&policies.anchor_files));
        policies
    }

    /// What was odd about the settings; for the log, once.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// What the operator decided for a host of a next hop.
    ///
    /// `nexthop`: as configured, with brackets and port, without `inet:` or `unix:`. `domain`: without brackets and port.
    pub fn configured(
        &self,
        nexthop: &str,
        domain: &str,
        host: &str,
        transport: Transport,
    ) -> Result<Policy, PolicyError> {
        let (level, source, place, entry) = self.look_up(nexthop, domain, host)?;
        let mut policy = self.policy(level, source, place, entry)?;
        if transport == Transport::UnixSocket {
            policy.local_name = Some(self.my_hostname.clone());
            on_unix_socket(&mut policy)?;
        }
        policy.warnings.retain(|warning| self.untold(warning));
        Ok(policy)
    }

    fn look_up(
        &self,
        nexthop: &str,
        domain: &str,
        host: &str,
    ) -> Result<(Level, Source, String, Option<Entry>), PolicyError> {
        let main_cf = (self.level, Source::MainCf, format!("{}tls settings of main.cf", self.prefix), None);
        if !self.policy_maps.is_empty() {
            return match self.in_policy_maps(nexthop, domain)? {
                Some((place, entry)) => Ok((entry.level, Source::PolicyMaps, place, Some(entry))),
                None => Ok(main_cf),
            };
        }
        if self.per_site.is_empty() {
            return Ok(main_cf);
        }
        let of_nexthop = self.in_per_site(nexthop)?;
        let of_host = if host.eq_ignore_ascii_case(nexthop) { None } else { self.in_per_site(host)? };
        match per_site::combine(of_nexthop, of_host, self.level) {
            Some(level) => Ok((
                level,
                Source::PerSite,
                format!("{}tls_per_site, {nexthop:?} and {host:?}", self.prefix),
                None,
            )),
            None => Ok(main_cf),
        }
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

    fn policy(
        &self,
        level: Level,
        source: Source,
        place: String,
        entry: Option<Entry>,
    ) -> Result<Policy, PolicyError> {
        let mut warnings = entry.as_ref().map(|entry| entry.warnings.clone()).unwrap_or_default();
        let may = self.offer(&self.may, entry.as_ref(), &mut warnings);
        let mandatory = self.offer(&self.mandatory, entry.as_ref(), &mut warnings);
        let own = entry.as_ref().map(|entry| entry.matches.as_slice()).filter(|matches| !matches.is_empty());
        let names = match level {
            Level::Verify => MatchRule::list(own.unwrap_or(&self.verify_match).iter().map(String::as_str)),
            Level::Secure => MatchRule::list(own.unwrap_or(&self.secure_match).iter().map(String::as_str)),
            _ => Vec::new(),
        };
        let fingerprints = match self.digest {
            Some(digest) if level == Level::Fingerprint => {
                let values = own.unwrap_or(&self.fingerprints).iter().map(String::as_str);
                let (prints, malformed) = Fingerprints::read(digest, values);
                warnings.extend(malformed);
                Some(prints)
            }
            _ => None,
        };
        let files = entry.as_ref().map(|entry| &entry.tafiles).filter(|files| !files.is_empty());
        let anchors = match (level, files.unwrap_or(&self.anchor_files)) {
            (Level::Verify | Level::Secure, files) if !files.is_empty() => self
                .anchors_of(files)
                .map_err(|problem| PolicyError::settings(format!("{place}: {problem}")))?,
            _ => Arc::clone(&self.authorities),
        };
        let servername = entry.as_ref().and_then(|entry| entry.servername.as_deref());
        let warnings = warnings.into_iter().map(|warning| format!("{place}: {warning}")).collect();
        Ok(Policy {
            level,
            source,
            reuse: entry.as_ref().and_then(|entry| entry.reuse).unwrap_or(self.reuse),
            warnings,
            place,
            local_name: None,
            wrappermode: self.wrappermode,
            may,
            mandatory,
            sni: servername.map_or_else(|| self.sni.clone(), SniRule::read),
            fingerprints,
            names,
            anchors,
            depth: self.depth,
            insecure_mx: self.insecure_mx,
            dane_digests: self.dane_digests.clone(),
            identity: self.identity,
        })
    }

    fn offer(
        &self,
        defaults: &Defaults,
        entry: Option<&Entry>,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Offer>, OfferError> {
        let Some(Entry { ciphers, protocols, exclude, .. }) = entry else {
            return defaults.offer.clone();
        };
        if ciphers.is_none() && protocols.is_none() && exclude.is_none() {
            return defaults.offer.clone();
        }
        let wishes = Wishes {
            protocols: protocols.as_deref().unwrap_or(&defaults.protocols),
            grade: ciphers.unwrap_or(defaults.grade),
            exclusions: exclude.as_deref().unwrap_or(&defaults.exclusions),
            groups: &self.groups,
        };
        let (offer, unknown) = offer(&wishes, &self.grades);
        warnings.extend(
            unknown.iter().map(|word| format!("unknown word {word:?} in TLS cipher settings ignored")),
        );
        offer
    }

    /// Files of anchors, read at their first use.
    fn anchors_of(&self, files: &[PathBuf]) -> Result<Arc<AnchorSet>, String> {
        if files.is_empty() {
            return Ok(Arc::default());
        }
        let mut known = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(anchors) = known.get(files) {
            return Ok(Arc::clone(anchors));
        }
        let anchors = Arc::new(AnchorSet::from_anchor_files(files)?);
        if known.len() < MOST_ANCHORS {
            known.insert(files.to_vec(), Arc::clone(&anchors));
        }
        Ok(anchors)
    }

    fn untold(&self, warning: &str) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MOST_TOLD && told.insert(warning.to_owned())
    }
}

/// On this machine nobody listens in, and there is no DNS.
fn on_unix_socket(policy: &mut Policy) -> Result<(), PolicyError> {
    if policy.level == Level::May {
        policy.level = Level::None;
        policy.warnings.push(format!(
            "{}: opportunistic TLS encryption is not appropriate for unix-domain destinations.",
            policy.place
        ));
    }
    if policy.level.is_dane() {
        let problem = format!(
            "the {:?} security level is invalid for delivery via unix-domain sockets",
            policy.level.word()
        );
        return Err(policy.wrong(&problem));
    }
    Ok(())
}

/// Exclusions may be joined by colons, too.
fn split(words: &[String]) -> Vec<String> {
    words.iter().flat_map(|word| word.split(':')).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
