//! TLSA records against the certificates that a server showed (RFC 6698, 7671, 7672).

use pki_types::CertificateDer;

use super::certificate;
use super::chain::{self, Chain, Goal, Links};
use super::problem::{Matched, Problem};
use super::{Accepted, named};
use crate::engine::{Anchor, Dates};
use crate::policy::{DaneDigests, Pattern, Tlsa, fingerprint};

/// Whether the certificates fit one of the records. `names`: what a server may be called where an authority vouches for it.
pub(super) fn matching(
    links: &Links<'_>,
    records: &[Tlsa],
    names: &[String],
    digests: &DaneDigests,
) -> Result<Accepted, Problem> {
    let (leaf, above) = links.chain.split_first().ok_or(Problem::Unusable)?;
    // The server itself: neither name nor dates count (RFC 7671 section 5.1).
    if let Some(record) = records.iter().find(|record| record.usage == 3 && fits(record, leaf, digests)) {
        return Ok(Accepted { matched: Matched::Tlsa(shown(record)), not_after: None });
    }
    let authorities: Vec<&Tlsa> = records.iter().filter(|record| record.usage == 2).collect();
    let mut anchors: Vec<Anchor> = above
        .iter()
        .filter(|certificate| authorities.iter().any(|record| fits(record, certificate, digests)))
        .filter_map(|certificate| Anchor::of(certificate.clone()))
        .collect();
    for record in authorities.iter().filter(|record| record.matching == 0) {
        match record.selector {
            0 => anchors.extend(Anchor::of(CertificateDer::from(record.data.clone()))),
            _ => anchors.extend(chain::anchors_of_key(links, &record.data)),
        }
    }
    if anchors.is_empty() {
        return Err(Problem::NoMatch);
    }
    let Chain { not_after, depth } =
        chain::reach(links, &Goal { anchors: &anchors, helpers: &[], dates: Dates::Count }).map_err(
            |problem| match problem {
                Problem::SelfSigned | Problem::UntrustedIssuer(_) => Problem::NoMatch,
                problem => problem,
            },
        )?;
    let patterns: Vec<Pattern> = names.iter().filter_map(|name| Pattern::of(name)).collect();
    let name = named(links.chain, &patterns)?;
    Ok(Accepted { matched: Matched::Name { name, anchor_depth: Some(depth) }, not_after })
}

fn fits(record: &Tlsa, der: &CertificateDer<'_>, digests: &DaneDigests) -> bool {
    let key;
    let selected: &[u8] = match record.selector {
        0 => der,
        _ => match certificate::key(der) {
            Some(octets) => {
                key = octets;
                &key
            }
            None => return false,
        },
    };
    match record.matching {
        0 => record.data == selected,
        matching => digests.digest(matching).is_some_and(|digest| digest.of(selected) == record.data),
    }
}

/// As in the DNS: `3 1 1 0123…`; full data is cut.
fn shown(record: &Tlsa) -> String {
    let Tlsa { usage, selector, matching, data } = record;
    let start = data.get(..64.min(data.len())).unwrap_or_default();
    let more = if start.len() < data.len() { "..." } else { "" };
    format!("{usage} {selector} {matching} {}{more}", fingerprint::shown(start).replace(':', ""))
}
