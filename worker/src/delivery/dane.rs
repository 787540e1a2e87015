//! What DNS says of a host's certificate, asked where the policy wants to know (RFC 7672).

use super::lookup;
use super::secure::Mx;
use crate::context::Context;
use maincf::value::InsecureMxPolicy;
use proto::clock::Boottime;
use route::Candidate;
use route::tlsa::{self, InsecureHosts, LONGEST_KEPT, TlsaFinding};
use std::time::Duration;
use tls::level::Level;
use tls::policy::{DaneFinding, Tlsa};

/// The finding, and until when it is true.
pub(super) async fn look_up(
    context: &Context,
    candidate: &Candidate,
    port: u16,
    mx: Mx,
    level: Level,
) -> (DaneFinding, Boottime) {
    let (finding, kept) = match without_asking(context, mx, level) {
        Some(finding) => (finding, LONGEST_KEPT),
        None => {
            let insecure = if context.config.tls.force_insecure_host_tlsa {
                InsecureHosts::Asked
            } else {
                InsecureHosts::Skipped
            };
            let found = tlsa::find(&context.resolver, candidate, port, insecure, lookup::budget()).await;
            tracing::debug!("TLSA records of {}: {found:?}", candidate.host);
            finding(found, candidate, port, mx)
        }
    };
    (finding, Boottime::now().after(kept))
}

/// Where the answer cannot change anything nobody is asked.
fn without_asking(context: &Context, mx: Mx, level: Level) -> Option<DaneFinding> {
    if let Some(reason) = context.tls.dane_off {
        return Some(DaneFinding::Off { reason: reason.into() });
    }
    match (mx, level, context.config.tls.dane_insecure_mx_policy) {
        (Mx::Secure, ..) => None,
        (Mx::Insecure, Level::DaneOnly, _) => Some(insecure_mx()),
        (Mx::Insecure, _, InsecureMxPolicy::May) => Some(DaneFinding::none()),
        (Mx::Insecure, _, InsecureMxPolicy::Encrypt | InsecureMxPolicy::Dane) => None,
    }
}

/// Level dane-only takes no host that nobody vouches for, whatever its records are.
fn insecure_mx() -> DaneFinding {
    let expires_in = LONGEST_KEPT;
    DaneFinding::Records { base_domain: String::new(), records: Vec::new(), mx_secure: false, expires_in }
}

fn finding(found: TlsaFinding, candidate: &Candidate, port: u16, mx: Mx) -> (DaneFinding, Duration) {
    let (base_domain, records, expires_in) = match found {
        TlsaFinding::Records { base_domain, records, expires_in, .. } => (base_domain, records, expires_in),
        // One that has no data stands for all: records are there, and none can be used.
        TlsaFinding::Unreadable { base_domain, expires_in, .. } => {
            (base_domain, vec![route::tlsa::Tlsa::default()], expires_in)
        }
        TlsaFinding::None { reason } => {
            return (DaneFinding::NoTlsa { reason: reason.to_string() }, LONGEST_KEPT);
        }
        TlsaFinding::Failed { .. } => {
            return (DaneFinding::LookupError { host: candidate.host.clone(), port }, Duration::ZERO);
        }
    };
    let records = records.into_iter().map(record).collect();
    let (base_domain, mx_secure) = (base_domain.to_string(), mx == Mx::Secure);
    (DaneFinding::Records { base_domain, records, mx_secure, expires_in }, expires_in)
}

fn record(of: route::tlsa::Tlsa) -> Tlsa {
    let route::tlsa::Tlsa { usage, selector, matching, data } = of;
    Tlsa { usage, selector, matching, data }
}
