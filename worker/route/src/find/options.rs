//! What the administrator decided about finding hosts.

use std::net::IpAddr;

use super::OwnAddresses;
use crate::dns::RecordKind;

/// Whether DNS is asked (`smtp_dns_support_level`, `disable_dns_lookups`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsSupport {
    /// No MX lookup; hosts through the system only, whatever [`HostLookup`] says.
    Disabled,
    /// DNS. Nothing is secure, whatever the servers say.
    Enabled,
    /// DNS, and what a validating server nearby calls validated is secure (`dnssec`).
    Dnssec,
}

/// How hosts are looked up (`smtp_host_lookup`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostLookup {
    /// `dns`
    Dns,
    /// `native`
    Native,
    /// `dns, native`: the system when DNS says "not found".
    DnsThenNative,
}

/// Enabled address families (`inet_protocols`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// Nothing can be reached.
    None,
    /// `ipv4`
    Ipv4,
    /// `ipv6`
    Ipv6,
    /// `all`, or both.
    Both,
}

impl Families {
    /// Whether the address can be used. A v4-mapped IPv6 address is IPv6 here, as the socket is.
    pub fn include(self, address: IpAddr) -> bool {
        match self {
            Self::None => false,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
            Self::Both => true,
        }
    }

    /// The record types to ask for, in the order they are listed.
    pub(crate) fn records(self) -> &'static [RecordKind] {
        match self {
            Self::None => &[],
            Self::Ipv4 => &[RecordKind::A],
            Self::Ipv6 => &[RecordKind::Aaaa],
            Self::Both => &[RecordKind::A, RecordKind::Aaaa],
        }
    }
}

/// Which family goes first among equals (`smtp_address_preference`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressPreference {
    /// Neither.
    Any,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// The order of equals (`smtp_randomize_addresses`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressOrder {
    /// A new one each time.
    Shuffled,
    /// As DNS gave them.
    AsFound,
}

/// What a list of exchangers without a single address means (`smtp_defer_if_no_mx_address_found`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoMxAddress {
    /// What the last lookup said.
    AsFound,
    /// Always wait.
    Defer,
}

/// What to do when the MX lookup fails (`ignore_mx_lookup_error`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MxLookupError {
    /// Stop.
    Respected,
    /// Use the domain's own addresses.
    Ignored,
}

/// Whose hosts are found by SRV records (`use_srv_lookup`), and what happens where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SrvLookup {
    /// Services whose destinations are looked up so, as written in a next hop, in any case.
    pub services: Vec<String>,
    /// The service of next hops that name none: the text of `smtp_tcp_port` or `lmtp_tcp_port`.
    pub default_service: String,
    /// `ignore_srv_lookup_error`: a lookup that fails is as good as none.
    pub ignore_errors: bool,
    /// `allow_srv_lookup_fallback`: without usable records the destination is looked up as usual.
    pub may_be_missing: bool,
}

/// Everything that [`super::find`] needs to know of the configuration.
#[derive(Clone, Debug)]
pub struct RouteOptions {
    /// `smtp_dns_support_level`
    pub dns: DnsSupport,
    /// `smtp_host_lookup`
    pub host_lookup: HostLookup,
    /// `inet_protocols`
    pub families: Families,
    /// `smtp_address_preference`
    pub preference: AddressPreference,
    /// `smtp_randomize_addresses`
    pub order: AddressOrder,
    /// `smtp_mx_address_limit` where `smtp_balance_inet_protocols` is on; 0 does not balance.
    pub balance_to: usize,
    /// `smtp_defer_if_no_mx_address_found`
    pub no_mx_address: NoMxAddress,
    /// `ignore_mx_lookup_error`
    pub mx_lookup_error: MxLookupError,
    /// `use_srv_lookup` and its kin
    pub srv: SrvLookup,
    /// The port of `smtp_tcp_port` or `lmtp_tcp_port`.
    pub default_port: u16,
    /// `inet_interfaces` and `proxy_interfaces`, as addresses.
    pub own: OwnAddresses,
}
