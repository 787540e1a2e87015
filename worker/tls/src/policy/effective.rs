//! The policy in force for one host, and the digest of all that its level looks at.

use std::sync::Arc;

use super::dane::Decision;
use super::digest::Fields;
use super::fingerprint::Fingerprints;
use super::names::{Pattern, ascii};
use super::tlsa::{DaneDigests, Tlsa};
use super::{HostNames, Offer, Source};
use crate::Level;
use crate::engine::AnchorSet;

/// Everything decided for one host. The level is dane, dane-only or half-dane only where TLSA records are in force.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The level in force.
    pub level: Level,
    /// Who decided it.
    pub source: Source,
    /// Whether the session is handed on.
    pub reuse: bool,
    /// The server name to send.
    pub sni: Option<String>,
    /// For the operator's log: why this is less than was asked for.
    pub warning: Option<String>,
    /// `None` at level none, and at level may where there is nothing to offer.
    pub(crate) offer: Option<Arc<Offer>>,
    /// Why level may has nothing to offer.
    pub(crate) unavailable: Option<String>,
    pub(crate) matching: Matching,
    pub(crate) depth: u32,
    pub(crate) identity: [u8; 32],
}

/// Whose certificate is accepted.
#[derive(Clone, Debug)]
pub(crate) enum Matching {
    /// Levels up to encrypt.
    Anybody,
    /// Level fingerprint.
    Fingerprints(Fingerprints),
    /// Levels verify and secure.
    Chain { patterns: Vec<Pattern>, anchors: Arc<AnchorSet> },
    /// Levels half-dane, dane and dane-only. The records are sorted; the first name is the base domain.
    Dane { records: Vec<Tlsa>, names: Vec<String>, digests: DaneDigests },
}

impl Effective {
    /// SHA-256 over the level and all that this level looks at, and nothing else: two sessions with the same digest are
    /// worth the same. And over whether sessions are handed on: who does not want that is given none that others used.
    pub fn digest(&self) -> [u8; 32] {
        // Taken apart, so that a new field does not compile until it is decided whether it belongs here.
        let Self {
            level,
            source: _,
            reuse,
            sni,
            warning: _,
            offer,
            unavailable: _,
            matching,
            depth,
            identity,
        } = self;
        let mut fields = Fields::new("baton tls effective 1");
        fields.text(level.word());
        if *level == Level::None {
            return fields.finish();
        }
        fields.flag(*reuse).optional(sni.as_deref()).octets(identity).flag(offer.is_some());
        if let Some(offer) = offer {
            offer.digest_into(&mut fields);
        }
        match matching {
            Matching::Anybody => {
                fields.text("anybody");
            }
            Matching::Fingerprints(prints) => fingerprints_into(Some(prints), &mut fields),
            Matching::Chain { patterns, anchors } => {
                let mut patterns: Vec<&Pattern> = patterns.iter().collect();
                patterns.sort();
                patterns.dedup();
                fields.text("chain").octets(anchors.digest()).number((*depth).into());
                fields.each(patterns.into_iter(), |fields, pattern| pattern.digest_into(fields));
            }
            Matching::Dane { records, names, digests } => {
                fields.text("dane").number((*depth).into());
                fields.each(names.iter(), |fields, name| {
                    fields.text(name);
                });
                fields.each(records.iter(), |fields, Tlsa { usage, selector, matching, data }| {
                    let digest = digests.digest(*matching).map_or("full", |digest| digest.name());
                    fields.octets(&[*usage, *selector, *matching]).text(digest).octets(data);
                });
            }
        }
        fields.finish()
    }

    /// Whose certificate is accepted, for people: names (with a dot before them, names below), addresses, fingerprints, TLSA
    /// records. Empty where any is, or none can be.
    pub fn accepts(&self) -> Vec<String> {
        match &self.matching {
            Matching::Anybody => Vec::new(),
            Matching::Fingerprints(Fingerprints { digest, values }) => {
                values.iter().map(|value| format!("{} {}", digest.name(), hex(value))).collect()
            }
            Matching::Chain { patterns, .. } => patterns.iter().map(ToString::to_string).collect(),
            Matching::Dane { records, names, .. } => {
                let record = |Tlsa { usage, selector, matching, data }: &Tlsa| {
                    format!("TLSA {usage} {selector} {matching} {}", hex(data))
                };
                records.iter().map(record).chain(names.iter().cloned()).collect()
            }
        }
    }

    /// Why TLS is not used although the server may offer it, at level may only.
    pub fn unavailable(&self) -> Option<&str> {
        self.unavailable.as_deref()
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

pub(crate) fn fingerprints_into(prints: Option<&Fingerprints>, fields: &mut Fields) {
    let Some(Fingerprints { digest, values }) = prints else {
        fields.text("no fingerprints");
        return;
    };
    fields.text("fingerprints").text(digest.name());
    fields.each(values.iter(), |fields, value| {
        fields.octets(value);
    });
}

/// What records ask of a certificate; `None` where there are none.
pub(super) fn dane(
    decision: Option<Decision>,
    names: &HostNames<'_>,
    digests: &DaneDigests,
) -> Option<Matching> {
    let Decision { base_domain, usable, .. } = decision?;
    if usable.is_empty() {
        return None;
    }
    let of_mx = names.mx.map(|mx| [mx.qname, mx.rname]);
    let mut all: Vec<String> = Vec::new();
    for name in base_domain.as_deref().into_iter().chain(of_mx.into_iter().flatten()).filter_map(ascii) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    Some(Matching::Dane { records: usable, names: all, digests: digests.clone() })
}
