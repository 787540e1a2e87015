//! Addresses, endpoints and networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::list::words;
use super::{Value, ValueError};

fn parsed<T: std::str::FromStr<Err = std::net::AddrParseError>>(word: &str) -> Result<T, ValueError> {
    word.parse().map_err(|reason| ValueError::NotAnAddress { word: word.into(), reason })
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

impl Value for Option<Ipv4Addr> {
    const KIND: &'static str = "IPv4 address or nothing";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Ok(None) } else { parsed(unbracketed(text)).map(Some) }
    }
}

impl Value for Option<Ipv6Addr> {
    const KIND: &'static str = "IPv6 address or nothing";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Ok(None) } else { parsed(unbracketed(text)).map(Some) }
    }
}

impl Value for Vec<SocketAddr> {
    const KIND: &'static str = "list of address:port";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        words(text)?.into_iter().map(parsed).collect()
    }
}

impl Value for Vec<IpAddr> {
    const KIND: &'static str = "list of addresses";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        words(text)?.into_iter().map(|word| parsed(unbracketed(word))).collect()
    }
}

/// A network in address/length form. Host bits are zero by construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Parses `192.0.2.0/24`, `[2001:db8::]/32`, or an address alone, which is a network of one.
    pub fn parse(word: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::NotANetwork(word.into());
        let (address, length) = match word.rsplit_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (word, None),
        };
        // `[2001:db8::/32]` has the length inside the brackets.
        let (address, length) = match length {
            Some(length) if length.ends_with(']') => {
                (address.trim_start_matches('['), Some(length.trim_end_matches(']')))
            }
            length => (unbracketed(address), length),
        };
        let address: IpAddr = parsed(address)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            Some(length) => length.parse().map_err(|_| wrong())?,
            None => most,
        };
        let network = Self { address, length };
        if length > most || mask(address, length) != mask(address, most) {
            return Err(wrong());
        }
        Ok(network)
    }

    /// Whether the address lies in the network. A v4-mapped IPv6 address counts as its IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4()
            && mask(address, self.length) == mask(self.address, self.length)
    }
}

/// The first `length` bits, the others zero.
fn mask(address: IpAddr, length: u8) -> u128 {
    let (bits, width) = match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32_u32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let host_bits = width.saturating_sub(length.into());
    bits.checked_shr(host_bits).map_or(0, |kept| kept << host_bits)
}

/// A list of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether one of them has the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Value for Networks {
    const KIND: &'static str = "list of networks";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        words(text)?.into_iter().map(Network::parse).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(networks: &str, address: &str) -> bool {
        Networks::parse(networks, "").unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn networks_contain_their_addresses() {
        assert!(contains("127.0.0.0/8 [::1]/128", "127.9.9.9"));
        assert!(contains("127.0.0.0/8 [::1]/128", "::1"));
        assert!(contains("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert!(contains("[2001:db8::/32]", "2001:db8:1::1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(!contains("127.0.0.0/8 [::1]", "::2"));
        assert!(!contains("", "127.0.0.1"));
    }

    #[test]
    fn host_bits_and_lengths_are_checked() {
        for word in ["127.0.0.1/8", "127.0.0.0/33", "::1/64", "::/129", "10.0.0.0/x", "10.0.0.0/"] {
            assert!(matches!(Network::parse(word), Err(ValueError::NotANetwork(_))), "{word}");
        }
        assert!(matches!(Network::parse("localhost"), Err(ValueError::NotAnAddress { .. })));
    }

    #[test]
    fn bind_addresses_may_have_brackets() {
        assert_eq!(Option::<Ipv6Addr>::parse("[::1]", ""), Ok(Some(Ipv6Addr::LOCALHOST)));
        assert_eq!(Option::<Ipv4Addr>::parse("", ""), Ok(None));
        assert!(Option::<Ipv4Addr>::parse("::1", "").is_err());
    }
}
