//! Chains: from a server's certificate to an anchor of the policy, and nothing else.

use std::time::Duration;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, VerifiedPath};

use super::certificate;
use super::problem::Problem;
use crate::engine::{Anchor, AnchorSet, Dates, Engine};

/// Certificates of a peer that are looked at.
const MOST: usize = 20;

/// A time that no message tells.
const UNTOLD: UnixTime = UnixTime::since_unix_epoch(Duration::ZERO);

/// What a server showed, and how it is looked at.
pub(super) struct Links<'a> {
    /// The server's own certificate first.
    pub(super) chain: &'a [CertificateDer<'static>],
    /// How many authorities may stand above it.
    pub(super) depth: u32,
    /// Seconds since 1970.
    pub(super) now: i64,
    pub(super) engine: &'a Engine,
}

/// A chain that leads to an anchor.
pub(super) struct Chain {
    /// When the first of it expires; `None` where dates do not count.
    pub(super) not_after: Option<i64>,
    /// How many certificates above the server's own the anchor stands.
    pub(super) depth: usize,
}

/// Anchors to reach, and whether the dates of their own certificates count.
pub(super) struct Goal<'a> {
    pub(super) anchors: &'a [Anchor],
    /// Certificates that may help to reach them, beside those of the server.
    pub(super) helpers: &'a [CertificateDer<'static>],
    pub(super) dates: Dates,
}

/// Finds a chain to an anchor of a set.
pub(super) fn to_anchors(links: &Links<'_>, set: &AnchorSet) -> Result<Chain, Problem> {
    let leaf = links.chain.first().ok_or(Problem::Unusable)?;
    if let Some(chain) = leaf_is_anchor(links, leaf, set)? {
        return Ok(chain);
    }
    let mut anchors = set.anchors.clone();
    anchors.extend(set.keys.iter().flat_map(|key| anchors_of_key(links, key)));
    let goal = Goal { anchors: &anchors, helpers: &set.helpers, dates: set.dates };
    reach(links, &goal).map_err(|problem| match (problem, set.dates) {
        // Anchors from files are to the original what TLSA records are.
        (Problem::SelfSigned | Problem::UntrustedIssuer(_), Dates::Ignored) => Problem::NoMatch,
        (problem, _) => problem,
    })
}

/// The library's own rules know no server that is its own anchor.
fn leaf_is_anchor(
    links: &Links<'_>,
    leaf: &CertificateDer<'_>,
    set: &AnchorSet,
) -> Result<Option<Chain>, Problem> {
    let is_certificate = set.anchors.iter().any(|anchor| anchor.certificate.as_ref() == Some(leaf));
    let is_key = || certificate::key(leaf).is_some_and(|key| set.keys.contains(&key));
    match set.dates {
        Dates::Ignored if is_certificate || is_key() => Ok(Some(Chain { not_after: None, depth: 0 })),
        Dates::Count if is_certificate => {
            let not_after = in_time(leaf, links.now)?;
            Ok(Some(Chain { not_after: Some(not_after), depth: 0 }))
        }
        _ => Ok(None),
    }
}

/// A key is an anchor under every name that the server's certificates say they were issued by: the signature decides.
pub(super) fn anchors_of_key(links: &Links<'_>, key: &[u8]) -> Vec<Anchor> {
    let Some(key) = certificate::key_contents(key) else { return Vec::new() };
    let mut issuers: Vec<Vec<u8>> =
        links.chain.iter().take(MOST).filter_map(|der| certificate::issuer_contents(der)).collect();
    issuers.sort();
    issuers.dedup();
    let anchor = |subject: Vec<u8>| TrustAnchor {
        subject: subject.into(),
        subject_public_key_info: key.to_vec().into(),
        name_constraints: None,
    };
    issuers.into_iter().map(|subject| Anchor { trust: anchor(subject), certificate: None }).collect()
}

/// Finds a chain to one of the anchors. The server's own certificate is none of them.
pub(super) fn reach(links: &Links<'_>, goal: &Goal<'_>) -> Result<Chain, Problem> {
    let (leaf, rest) = links.chain.split_first().ok_or(Problem::Unusable)?;
    let stranger = || stranger(links.chain);
    let anchors: Vec<TrustAnchor<'_>> = goal.anchors.iter().map(|anchor| anchor.trust.clone()).collect();
    let intermediates: Vec<CertificateDer<'_>> =
        rest.iter().take(MOST).chain(goal.helpers).cloned().collect();
    let end = match EndEntityCert::try_from(leaf) {
        Ok(end) => end,
        Err(_) if certificate::is_self_issued(leaf) == Some(true) => return Err(Problem::SelfSigned),
        Err(_) => return Err(Problem::Unusable),
    };
    let now = u64::try_from(links.now).unwrap_or_default();
    let depth = usize::try_from(links.depth).unwrap_or(usize::MAX);
    let fits = |path: &VerifiedPath<'_>| {
        if path.intermediate_certificates().count() > depth {
            return Err(Error::MaximumPathDepthExceeded);
        }
        match goal.dates {
            Dates::Count => anchor_in_time(path.anchor(), goal.anchors, links.now),
            Dates::Ignored => Ok(()),
        }
    };
    let path = end
        .verify_for_usage(
            links.engine.algorithms().all,
            &anchors,
            &intermediates,
            UnixTime::since_unix_epoch(Duration::from_secs(now)),
            webpki::KeyUsage::server_auth(),
            None,
            Some(&fits),
        )
        .map_err(|error| problem(&error, links.depth, stranger))?;
    let above = path.intermediate_certificates().map(|certificate| certificate.der());
    let ends = above.chain(std::iter::once(leaf.clone())).filter_map(|der| certificate::validity(&der));
    let not_after = ends.map(|validity| validity.not_after).min();
    Ok(Chain { not_after, depth: path.intermediate_certificates().count() + 1 })
}

fn anchor_in_time(trust: &TrustAnchor<'_>, anchors: &[Anchor], now: i64) -> Result<(), Error> {
    let known = anchors
        .iter()
        .filter(|anchor| anchor.trust == *trust)
        .filter_map(|anchor| anchor.certificate.as_ref());
    let mut outcome = Ok(());
    for certificate in known {
        outcome = in_time(certificate, now).map(drop).map_err(|problem| match problem {
            Problem::NotYetValid => Error::CertNotValidYet { time: UNTOLD, not_before: UNTOLD },
            Problem::Expired => Error::CertExpired { time: UNTOLD, not_after: UNTOLD },
            _ => Error::UnknownIssuer,
        });
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// When it expires, if it is valid now.
fn in_time(der: &CertificateDer<'_>, now: i64) -> Result<i64, Problem> {
    let validity = certificate::validity(der).ok_or(Problem::Unusable)?;
    if now < validity.not_before {
        Err(Problem::NotYetValid)
    } else if now > validity.not_after {
        Err(Problem::Expired)
    } else {
        Ok(validity.not_after)
    }
}

/// Where a chain ends that no anchor is found for.
fn stranger(chain: &[CertificateDer<'_>]) -> Problem {
    let Some(mut last) = chain.first() else { return Problem::Unusable };
    for _ in 0..chain.len().min(MOST) {
        if certificate::is_self_issued(last) == Some(true) {
            return Problem::SelfSigned;
        }
        match chain.iter().take(MOST).find(|other| certificate::issued(other, last)) {
            Some(issuer) => last = issuer,
            None => break,
        }
    }
    Problem::UntrustedIssuer(certificate::issuer_line(last))
}

fn problem(error: &Error, depth: u32, stranger: impl Fn() -> Problem) -> Problem {
    match error {
        Error::CertExpired { .. } => Problem::Expired,
        Error::CertNotValidYet { .. } => Problem::NotYetValid,
        Error::UnknownIssuer | Error::InvalidSignatureForPublicKey => stranger(),
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Problem::NotDesignated,
        Error::MaximumPathDepthExceeded => Problem::ChainTooLong(depth),
        // A server that shows a certificate of an authority: either its own, or one whose issuer is not asked.
        Error::CaUsedAsEndEntity => match stranger() {
            Problem::SelfSigned => Problem::SelfSigned,
            _ => Problem::Unusable,
        },
        _ => Problem::Unusable,
    }
}
