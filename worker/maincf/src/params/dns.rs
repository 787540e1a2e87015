//! From a name to addresses.

use std::net::SocketAddr;

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::{self, Act, ByValue, Warn};
use crate::param::params;
use crate::tables::TableList;
use crate::value::{DnsSupport, HostLookup, Keywords, ResolverOptions};

params! {
    /// From a name to addresses.
    Dns {
        /// When the MX lookup fails, use the domain's own address instead of deferring.
        ignore_mx_lookup_error: bool = "ignore_mx_lookup_error", "no", Shared, Act;
        /// Defer rather than bounce when no MX host has an address.
        defer_if_no_mx_address_found: bool = "defer_if_no_mx_address_found", "no", Same, Act;
        /// How hosts are looked up; ignored where DNS support is disabled.
        host_lookup: HostLookup = "host_lookup", "dns", Same, Act;
        /// The old form of `smtp_dns_support_level = disabled`.
        disable_dns_lookups: bool = "disable_dns_lookups", "no", Shared, Act;
        /// How much DNS is used. [`Dns::support`] is the effective value.
        support_level: DnsSupport = "dns_support_level", "", Same, Act;
        /// Whether names are completed: `res_defnames`, `res_dnsrch`. Here none is; but either one switches DANE off, as
        /// where a name that was completed is not the one that was asked for.
        resolver_options: ResolverOptions = "dns_resolver_options", "", Same, ByValue(completion_today);
        /// Log and match the end of a CNAME chain instead of the name that was asked.
        cname_overrides_servername: bool = "cname_overrides_servername", "no", Same, Act;
        /// Tables that are asked for each record of an answer, as `name. ttl IN type data`; `IGNORE` drops it. If none is
        /// left the mail waits (4.7.0).
        reply_filter: TableList = "dns_reply_filter", "", Same, Act;
        /// Services (`submission`, `smtp`) whose destinations are found by SRV records, if they have no brackets.
        use_srv_lookup: Keywords = "use_srv_lookup", "", Shared, Act;
        /// Go on without SRV records where the lookup fails.
        ignore_srv_lookup_error: bool = "ignore_srv_lookup_error", "no", Shared, Act;
        /// Go on without SRV records where there are none to use.
        allow_srv_lookup_fallback: bool = "allow_srv_lookup_fallback", "no", Shared, Act;
        /// Whether DNS libraries that hide the TTL of negative answers are worked around.
        ncache_ttl_fix: bool = "dns_ncache_ttl_fix_enable", "no", Shared,
            Warn("nothing to work around: the TTL of negative answers is always read from the reply");
        /// Whether names become A-labels as in IDNA 2003, sharp s as ss.
        idna2003: bool = "enable_idna2003_compatibility", "no", Shared,
            Warn("names become A-labels as UTS 46 says today, in which sharp s is a letter of its own");
        /// DNS servers as address:port; empty: those of resolv.conf.
        servers: Vec<SocketAddr> = "baton_dns_server", "", Shared, Act;
    }
}

fn completion_today(value: &str) -> Today {
    if value.is_empty() { Act } else { Warn("names are never completed: they are asked for as they are") }
}

impl Dns {
    /// How much DNS is used, `disable_dns_lookups` taken into account; never [`DnsSupport::Unset`].
    pub fn support(&self) -> DnsSupport {
        match self.support_level {
            DnsSupport::Unset if self.disable_dns_lookups => DnsSupport::Disabled,
            DnsSupport::Unset => DnsSupport::Enabled,
            level => level,
        }
    }
}
