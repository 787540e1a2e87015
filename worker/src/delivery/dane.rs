//! What DNS says of a host's certificate, asked where the policy wants to know (RFC 7672).

use super::secure::Host;
use crate::context::Context;
use proto::clock::Boottime;
use route::dns::Lookup;
use route::tlsa::{self, InsecureHosts, LONGEST_KEPT, TlsaFinding};
use std::time::Duration;
use tls::{DaneFinding, Policy, PolicyError, Tlsa};

/// The finding, and until when it is true.
///
/// # Errors
/// [`PolicyError`]: whatever the records are, the policy does not take this host.
pub(super) async fn look_up<L: Lookup>(
    context: &Context,
    lookup: &L,
    policy: &Policy,
    host: &Host,
    port: u16,
) -> Result<(DaneFinding, Boottime), PolicyError> {
    let mx_secure = host.exchanger.as_ref().is_none_or(|exchanger| exchanger.secure);
    let (finding, kept) = if let Some(reason) = context.tls.dane_off {
        (DaneFinding::Off { reason: reason.into() }, LONGEST_KEPT)
    } else if policy.asks_tlsa(mx_secure)? {
        let insecure = if context.config.tls.force_insecure_host_tlsa {
            InsecureHosts::Asked
        } else {
            InsecureHosts::Skipped
        };
        let found = tlsa::find(lookup, &host.as_asked(), port, insecure, super::lookup::budget()).await;
        tracing::debug!("TLSA records of {}: {found:?}", host.candidate.host);
        finding(found, &host.candidate.host, port, mx_secure)
    } else {
        (DaneFinding::none(), LONGEST_KEPT)
    };
    Ok((finding, Boottime::now().after(kept)))
}

fn finding(found: TlsaFinding, host: &str, port: u16, mx_secure: bool) -> (DaneFinding, Duration) {
    let (base_domain, records, expires_in) = match found {
        TlsaFinding::Records { base_domain, records, expires_in, .. } => {
            (base_domain, records.into_iter().map(record).collect(), expires_in)
        }
        // One without data stands for them: records are there, and none can be used.
        TlsaFinding::Unreadable { base_domain, expires_in, .. } => {
            let unusable = Tlsa { usage: 0, selector: 0, matching: 0, data: Vec::new() };
            (base_domain, vec![unusable], expires_in)
        }
        TlsaFinding::None { reason } => {
            return (DaneFinding::NoTlsa { reason: reason.to_string() }, LONGEST_KEPT);
        }
        TlsaFinding::Failed { .. } => {
            return (DaneFinding::LookupError { host: host.to_owned(), port }, Duration::ZERO);
        }
    };
    let base_domain = base_domain.to_string();
    (DaneFinding::Records { base_domain, records, mx_secure, expires_in }, expires_in)
}

fn record(of: tlsa::Tlsa) -> Tlsa {
    let tlsa::Tlsa { usage, selector, matching, data } = of;
    Tlsa { usage, selector, matching, data }
}
