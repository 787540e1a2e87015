//! All that main.cf says about TLS, and the policy of a destination made of it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use maincf::Protocol;
use maincf::params::{Tls, TlsTrust};
use maincf::value::CipherGrade;

use super::ciphers::Grades;
use super::error::PolicyError;
use super::fingerprint::{DigestName, Fingerprints};
use super::lookup::{Found, PolicyTable};
use super::names::MatchRule;
use super::offer::{Offer, OfferError, Wishes, offer};
use super::sni::SniRule;
use super::table::Entry;
use super::tlsa::DaneDigests;
use super::{Policy, Transport, groups};
use crate::engine::{AnchorSet, Engine};
use crate::{Level, Source};

/// Texts that were told already; beyond this many, nothing is told anew.
const MOST_TOLD: usize = 1000;
/// Combinations of trust anchor files that policies name.
const MOST_ANCHORS: usize = 1000;

/// All that main.cf says. Made once per process.
pub struct Policies {
    pub(super) prefix: &'static str,
    pub(super) level: Level,
    pub(super) policy_maps: Box<dyn PolicyTable>,
    pub(super) per_site: Box<dyn PolicyTable>,
    tls: Tls,
    trust: TlsTrust,
    my_hostname: String,
    may: Defaults,
    mandatory: Defaults,
    grades: Grades,
    groups: Vec<u16>,
    digest: Option<DigestName>,
    authorities: Arc<AnchorSet>,
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
        let (groups, unknown) = groups::select(&tls.eecdh_auto_curves, &engine.groups());
        let mut remarks: Vec<String> =
            unknown.iter().map(|name| format!("tls_eecdh_auto_curves: unknown group {name:?}")).collect();
        let (may, mandatory) = defaults(tls, &grades, &groups, &mut remarks);
        let policies = Self {
            prefix: protocol.prefix(),
            level: Level::of(tls.level()),
            policy_maps,
            per_site,
            tls: tls.clone(),
            trust: trust.clone(),
            my_hostname: my_hostname.to_owned(),
            may,
            mandatory,
            grades,
            groups,
            digest: DigestName::named(&trust.fingerprint_digest),
            authorities: Arc::clone(engine.authorities()),
            dane_digests: DaneDigests::read(&tls.dane_digests),
            identity: *engine.identity_digest(),
            remarks,
            told: Mutex::default(),
            anchors: Mutex::default(),
        };
        // Read while it is still allowed to; a failure is told with the mail that needs them.
        drop(policies.anchors_of(&policies.trust.trust_anchor_file));
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
        let mut policy = self.policy(self.look_up(nexthop, domain, host)?)?;
        if transport == Transport::UnixSocket {
            policy.local_name = Some(self.my_hostname.clone());
            on_unix_socket(&mut policy)?;
        }
        policy.warnings.retain(|warning| self.untold(warning));
        Ok(policy)
    }

    fn policy(&self, found: Found) -> Result<Policy, PolicyError> {
        let Found { level, source, place, entry } = found;
        let mut warnings = entry.warnings.clone();
        let may = self.offer(&self.may, &entry, &mut warnings);
        let mandatory = self.offer(&self.mandatory, &entry, &mut warnings);
        let fingerprints = match level {
            Level::Fingerprint => self.fingerprints(&entry, &mut warnings),
            _ => None,
        };
        let anchors = self
            .anchors(level, &entry)
            .map_err(|problem| PolicyError::settings(format!("{place}: {problem}")))?;
        let warnings = warnings.into_iter().map(|warning| format!("{place}: {warning}")).collect();
        Ok(Policy {
            level,
            source,
            reuse: entry.reuse.unwrap_or(self.tls.connection_reuse),
            warnings,
            place,
            local_name: None,
            wrappermode: self.tls.wrappermode.then_some(self.prefix),
            may,
            mandatory,
            sni: SniRule::read(entry.servername.as_deref().unwrap_or(&self.tls.servername)),
            fingerprints,
            names: self.names(level, &entry),
            anchors,
            depth: self.trust.verify_depth,
            insecure_mx: self.tls.dane_insecure_mx_policy,
            dane_digests: self.dane_digests.clone(),
            identity: self.identity,
        })
    }

    fn names(&self, level: Level, entry: &Entry) -> Vec<MatchRule> {
        let defaults = match level {
            Level::Verify => &self.trust.verify_match,
            Level::Secure => &self.trust.secure_match,
            _ => return Vec::new(),
        };
        let words = if entry.matches.is_empty() { defaults } else { &entry.matches };
        MatchRule::list(words.iter().map(String::as_str))
    }

    fn fingerprints(&self, entry: &Entry, warnings: &mut Vec<String>) -> Option<Fingerprints> {
        let defaults = &self.trust.fingerprint_match;
        let values = if entry.matches.is_empty() { defaults } else { &entry.matches };
        let values = values.iter().flat_map(|value| value.split('|')).filter(|value| !value.is_empty());
        let (prints, malformed) = Fingerprints::read(self.digest?, values);
        warnings.extend(malformed);
        Some(prints)
    }

    fn anchors(&self, level: Level, entry: &Entry) -> Result<Arc<AnchorSet>, String> {
        let files = if entry.tafiles.is_empty() { &self.trust.trust_anchor_file } else { &entry.tafiles };
        match level {
            Level::Verify | Level::Secure if !files.is_empty() => self.anchors_of(files),
            _ => Ok(Arc::clone(&self.authorities)),
        }
    }

    fn offer(
        &self,
        defaults: &Defaults,
        entry: &Entry,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<Offer>, OfferError> {
        let Entry { ciphers, protocols, exclude, .. } = entry;
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
        warnings.extend(unknown.iter().map(|word| ignored(word)));
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
        // A level for all destinations means: where it has a meaning. Who names this one has made a mistake.
        if policy.source != Source::MainCf {
            policy.warnings.push(format!(
                "{}: opportunistic TLS encryption is not appropriate for unix-domain destinations.",
                policy.place
            ));
        }
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

/// What is offered at level may, and at the levels above it.
fn defaults(tls: &Tls, grades: &Grades, groups: &[u16], remarks: &mut Vec<String>) -> (Defaults, Defaults) {
    let at_may = split(&tls.exclude_ciphers);
    let above = [at_may.clone(), split(&tls.mandatory_exclude_ciphers)].concat();
    let mut defaults = |protocols: &str, grade, exclusions: Vec<String>| {
        let (offer, unknown) = offer(&Wishes { protocols, grade, exclusions: &exclusions, groups }, grades);
        remarks.extend(unknown.iter().map(|word| ignored(word)));
        Defaults { protocols: protocols.to_owned(), grade, exclusions, offer }
    };
    let may = defaults(&tls.protocols, tls.ciphers, at_may);
    let mandatory = defaults(&tls.mandatory_protocols, tls.mandatory_ciphers, above);
    remarks.sort();
    remarks.dedup();
    (may, mandatory)
}

fn ignored(word: &str) -> String {
    format!("unknown word {word:?} in TLS cipher settings ignored")
}

/// Exclusions may be joined by colons, too.
fn split(words: &[String]) -> Vec<String> {
    words.iter().flat_map(|word| word.split(':')).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
