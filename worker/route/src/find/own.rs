//! Whether an address is this machine.

use std::collections::HashSet;
use std::net::IpAddr;

/// The addresses on which this machine takes mail (`inet_interfaces`, `proxy_interfaces`).
#[derive(Clone, Debug, Default)]
pub struct OwnAddresses(HashSet<IpAddr>);

impl OwnAddresses {
    /// A set; v4-mapped IPv6 addresses count as their IPv4 address.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        Self(addresses.into_iter().map(|address| address.to_canonical()).collect())
    }

    /// Whether a connection to `address` ends here. The unspecified address always does.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_unspecified() || self.0.contains(&address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_known_in_every_spelling() {
        let own = OwnAddresses::new(
            ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.2"].map(|text| text.parse().unwrap()),
        );
        for text in
            ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2", "2001:db8::1", "0.0.0.0", "::", "::ffff:0.0.0.0"]
        {
            assert!(own.contains(text.parse().unwrap()), "{text}");
        }
        for text in ["192.0.2.3", "2001:db8::2", "127.0.0.1"] {
            assert!(!own.contains(text.parse().unwrap()), "{text}");
        }
    }
}
