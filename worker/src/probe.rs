//! Whether the DNS servers validate, where the configuration relies on it: asked once, for one warning in the log.

use crate::context;
use maincf::DeliveryConfig;
use route::DnsSupport;
use route::dns::{AdTrust, Budget, Probe, ProbeResult, Resolver, ResolverOptions};
use std::time::{Duration, Instant};

/// How long the servers may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks `dnssec_probe` of the servers that deliveries would ask, and warns when the answer is not validated: level dane is
/// as may then, and dane-only delivers nothing.
pub async fn dnssec(config: &DeliveryConfig) {
    if context::dns_support(config) != DnsSupport::Dnssec {
        return;
    }
    let probe = match Probe::parse(&config.tls.dnssec_probe) {
        Ok(Some(probe)) => probe,
        Ok(None) => return,
        Err(error) => return tracing::warn!("dnssec_probe: {error}"),
    };
    let resolver = Resolver::new(ResolverOptions {
        source: context::dns_source(config),
        trust: AdTrust::Local,
        cache_size: 0,
    });
    let now = Instant::now();
    let budget = Budget { now, until: now + PATIENCE, per_lookup: PATIENCE };
    let asked = &config.tls.dnssec_probe;
    match resolver.probe(&probe, budget).await {
        ProbeResult::Validates => tracing::info!("DNSSEC validation is available"),
        ProbeResult::DoesNotValidate => tracing::warn!(
            "DNSSEC validation may be unavailable: the answer to {asked} is not validated, or comes from a server that is not \
             on this machine and not declared with trust-ad in resolv.conf"
        ),
        ProbeResult::Unknown => tracing::warn!(
            "DNSSEC validation may be unavailable: the DNS servers do not answer {asked}; dnssec_probe names another question"
        ),
    }
}
