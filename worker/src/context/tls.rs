//! What a worker knows of TLS: policies, the library's configurations, what is logged.

use super::ContextError;
use super::tables::Asked;
use maincf::DeliveryConfig;
use maincf::tables::Opener;
use tls::{Engine, Policies};

/// Made once, when the process starts; files are read then and never again.
pub struct TlsContext {
    /// What the operator decided, by next hop.
    pub policies: Policies,
    /// Authorities, our certificates, and what the library needs.
    pub engine: Engine,
    /// Why TLSA records are not asked for, if they are not.
    pub dane_off: Option<&'static str>,
}

impl TlsContext {
    pub(super) fn new(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Self, ContextError> {
        let maps = Asked::open("smtp_tls_policy_maps", &config.tls.policy_maps, opener)?;
        let per_site = Asked::open("smtp_tls_per_site", &config.tls.per_site, opener)?;
        let engine = Engine::open(&config.tls_trust, config.protocol);
        let policies = Policies::new(
            &config.tls,
            &config.tls_trust,
            config.protocol,
            &config.identity.hostname,
            Box::new(maps),
            Box::new(per_site),
            &engine,
        );
        for remark in engine.remarks().iter().chain(policies.remarks()) {
            tracing::warn!("{remark}");
        }
        Ok(Self { policies, engine, dane_off: dane_off(config) })
    }
}

impl std::fmt::Debug for TlsContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsContext").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// What RFC 7672 needs and the configuration takes away.
fn dane_off(config: &DeliveryConfig) -> Option<&'static str> {
    if super::dns_support(config) != route::DnsSupport::Dnssec {
        Some("DNSSEC is not used; set smtp_dns_support_level = dnssec")
    } else if !config.dns.host_lookup.dns {
        Some("hosts are not looked up in the DNS; set smtp_host_lookup = dns")
    } else if config.dns.ignore_mx_lookup_error {
        Some("failed MX lookups are ignored; set ignore_mx_lookup_error = no")
    } else if config.dns.resolver_options.complete_names() {
        Some("names are completed; set smtp_dns_resolver_options to nothing")
    } else {
        None
    }
}
