//! What the peer's certificate is worth under a policy, judged after the handshake.

pub(crate) mod certificate;
mod chain;
mod dane;
pub(crate) mod names;
mod problem;

use std::time::{SystemTime, UNIX_EPOCH};

pub use problem::{Matched, Problem};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::handshake::Negotiated;
use crate::policy::{Effective, Matching, Pattern, fingerprint};
use crate::{Level, Observed, Summary};
use chain::{Chain, Links};

/// How much a session is trusted; the first word of its line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Trust {
    /// The server showed no certificate.
    Anonymous,
    /// It showed one that nobody vouches for, or not the one asked for.
    Untrusted,
    /// Somebody vouches for it, but not for its name; or it fits TLSA records of a host whose name was not validated.
    Trusted,
    /// It is the one that the policy asks for.
    Verified,
}

impl Trust {
    /// The word of the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::Untrusted => "Untrusted",
            Self::Trusted => "Trusted",
            Self::Verified => "Verified",
        }
    }
}

impl std::fmt::Display for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// The judgement.
#[derive(Clone, Debug)]
pub struct Verified {
    /// How much the session is trusted.
    pub trust: Trust,
    /// Whether mail may go out under the policy it was judged by. If not: "Server certificate not verified", 4.7.5.
    pub acceptable: bool,
    /// What is wrong with the certificate; only at levels that must match it.
    pub problem: Option<Problem>,
    /// By what it was accepted; only at levels that must match it.
    pub matched: Option<Matched>,
    /// What travels with the session.
    pub facts: PeerFacts,
}

/// What a session is worth, to whoever takes it over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerFacts {
    /// The level it was judged by.
    pub level: Level,
    /// [`Effective::digest`] of the policy it was judged by. The session is worth nothing to a policy with another one.
    pub policy_digest: [u8; 32],
    /// How much it is trusted.
    pub trust: Trust,
    /// When the first certificate of the chain expires, in seconds since 1970. Only where dates count.
    pub not_after: Option<i64>,
    /// What was negotiated.
    pub summary: Summary,
}

impl PeerFacts {
    /// Whether the session is still worth what it was.
    pub fn holds_at(&self, now: SystemTime) -> bool {
        self.not_after.is_none_or(|not_after| seconds(now) <= not_after)
    }
}

/// A certificate that was accepted.
struct Accepted {
    matched: Matched,
    not_after: Option<i64>,
}

/// Judges the peer of a finished handshake. `observed` is the one that came with the handshake's configuration.
pub fn verify(
    engine: &Engine,
    effective: &Effective,
    negotiated: &Negotiated,
    observed: &Observed,
    now: SystemTime,
) -> Verified {
    let seen = observed.seen();
    let answer = match &effective.matching {
        // It is in nobody's log, and only a word for a session that goes on anyway.
        _ if !seen.proved => Err(Problem::Unusable),
        Matching::Anybody => anybody(engine, effective, negotiated, now).map(|()| None),
        matching => demanded(engine, effective, matching, negotiated, now).map(Some),
    };
    let must_match = effective.level.must_match();
    let trust = match &answer {
        _ if negotiated.chain.is_empty() => Trust::Anonymous,
        Err(_) => Trust::Untrusted,
        Ok(Some(_)) if must_match && effective.level != Level::HalfDane => Trust::Verified,
        Ok(_) => Trust::Trusted,
    };
    let acceptable = !must_match || matches!(answer, Ok(Some(_)));
    let (accepted, problem) = match answer {
        Ok(accepted) => (accepted, None),
        Err(problem) => (None, Some(problem).filter(|_| must_match)),
    };
    let not_after = accepted.as_ref().and_then(|accepted| accepted.not_after);
    let facts = PeerFacts {
        level: effective.level,
        policy_digest: effective.digest(),
        trust,
        not_after,
        summary: Summary::of(negotiated, &seen),
    };
    Verified { trust, acceptable, problem, matched: accepted.map(|accepted| accepted.matched), facts }
}

/// The line of the log that shows who the peer said it was. `peer`: `host[address]:port`.
pub fn peer_line(engine: &Engine, negotiated: &Negotiated, peer: &str) -> Option<String> {
    let leaf = negotiated.chain.first()?;
    let (subject, issuer) = certificate::shown_names(leaf);
    let digest = engine.fingerprint_digest()?;
    let print = fingerprint::shown(&digest.of(leaf));
    let key_print = fingerprint::shown(&digest.of(&certificate::key(leaf).unwrap_or_default()));
    Some(format!(
        "{peer}: subject_CN={subject}, issuer_CN={issuer}, fingerprint={print}, pkey_fingerprint={key_print}"
    ))
}

/// Nothing is asked of the certificate; whether somebody vouches for it is worth a word in the log.
fn anybody(
    engine: &Engine,
    effective: &Effective,
    negotiated: &Negotiated,
    now: SystemTime,
) -> Result<(), Problem> {
    let links = Links { chain: &negotiated.chain, depth: effective.depth, now: seconds(now), engine };
    chain::to_anchors(&links, engine.authorities()).map(drop)
}

fn demanded(
    engine: &Engine,
    effective: &Effective,
    matching: &Matching,
    negotiated: &Negotiated,
    now: SystemTime,
) -> Result<Accepted, Problem> {
    let links = Links { chain: &negotiated.chain, depth: effective.depth, now: seconds(now), engine };
    match matching {
        Matching::Anybody => Err(Problem::Unusable),
        Matching::Fingerprints(prints) => {
            let leaf = negotiated.chain.first().ok_or(Problem::Unusable)?;
            let value = prints.matching(leaf, certificate::key(leaf).as_deref()).ok_or(Problem::NoMatch)?;
            let shown = fingerprint::shown(&value).replace(':', "");
            Ok(Accepted { matched: Matched::Fingerprint(shown), not_after: None })
        }
        Matching::Chain { patterns, anchors } => {
            let Chain { not_after, depth } = chain::to_anchors(&links, anchors)?;
            let anchor_depth = (anchors.dates == crate::engine::Dates::Ignored).then_some(depth);
            let name = named(&negotiated.chain, patterns)?;
            Ok(Accepted { matched: Matched::Name { name, anchor_depth }, not_after })
        }
        Matching::Dane { records, names, digests } => dane::matching(&links, records, names, digests),
    }
}

/// The name by which one of the patterns knows the certificate.
fn named(chain: &[pki_types::CertificateDer<'_>], patterns: &[Pattern]) -> Result<String, Problem> {
    let names = chain.first().map(|leaf| certificate::names(leaf)).unwrap_or_default();
    let found = patterns.iter().find_map(|pattern| names::matching(pattern, &names));
    let only_addresses =
        !patterns.is_empty() && patterns.iter().all(|pattern| matches!(pattern, Pattern::Address(_)));
    match found {
        Some(name) => Ok(name.into_owned()),
        None if only_addresses => Err(Problem::AddressMismatch),
        None => Err(Problem::HostnameMismatch),
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
