//! Which addresses are connected to, from where, and how many of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::param::Mirror::{Default as LmtpDefault, Same, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{AddressPreference, InetInterfaces, InetProtocols, KnownPorts, Positive, Service, Within};

params! {
    /// Which addresses are connected to, from where, and how many of them.
    Connect {
        /// The port of destinations without one.
        tcp_port: Service = "tcp_port", "smtp", LmtpDefault("24"), Act;
        /// Ports of services by name; what is not here is looked up in `/etc/services`.
        known_tcp_ports: KnownPorts = "known_tcp_ports", "lmtp=24, smtp=25, smtps=submissions=465, submission=587", Shared, Act;
        /// Size of send and receive buffers in bytes, which keeps TCP windows below 64 KiB; 0: the system decides.
        tcp_windowsize: Within<0, 65535> = "tcp_windowsize", "0", Shared, Act;
        /// Local address of IPv4 connections.
        bind_address: Option<Ipv4Addr> = "bind_address", "", Same, Act;
        /// Local address of IPv6 connections.
        bind_address6: Option<Ipv6Addr> = "bind_address6", "", Same, Act;
        /// Go on to the next host when the local address cannot be used, rather than connect from another.
        bind_address_enforce: bool = "bind_address_enforce", "no", Same, Act;
        /// Which family comes first among hosts of equal preference.
        address_preference: AddressPreference = "address_preference", "any", Same, Act;
        /// Leave room for both families when `smtp_mx_address_limit` cuts the list.
        balance_inet_protocols: bool = "balance_inet_protocols", "yes", Same, Act;
        /// Shuffle hosts of equal preference.
        randomize_addresses: bool = "randomize_addresses", "yes", Same, Act;
        /// How many addresses of one next hop are tried.
        mx_address_limit: Option<Positive<u32>> = "mx_address_limit", "5", Same, Act;
        /// How many sessions of one next hop get past the greeting.
        mx_session_limit: Option<Positive<u32>> = "mx_session_limit", "2", Same, Act;
        /// How long a connection may take before a host of equal preference and the other address family is tried beside it
        /// (RFC 8305). Milliseconds; 0: never, one host after the other.
        stagger: u32 = "baton_connect_stagger", "0", Shared, Act;
        /// Address families in use.
        inet_protocols: InetProtocols = "inet_protocols", "all", Shared, Act;
        /// Own addresses: an MX host that has one of them is this host.
        inet_interfaces: InetInterfaces = "inet_interfaces", "all", Shared, Act;
        /// Addresses under which a proxy or address translator makes this host known.
        proxy_interfaces: Vec<IpAddr> = "proxy_interfaces", "", Shared, Act;
    }
}
