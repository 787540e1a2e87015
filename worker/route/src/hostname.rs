//! Names that may be asked in DNS or written to a log: validated, lower case, A-labels.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Longest name, in octets of its text form without the final dot. RFC 1035 §2.3.4 allows 255 on
/// the wire, which is 253 here.
const LONGEST_NAME: usize = 253;
/// Longest label, in octets. RFC 1035 §2.3.4.
const LONGEST_LABEL: usize = 63;

/// Whether names beyond ASCII are understood (`smtputf8_enable`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Utf8Names {
    /// They are converted to A-labels.
    Converted,
    /// They are invalid.
    Refused,
}

/// A valid host or domain name: lower-case A-labels, no final dot, never all digits.
///
/// Always absolute: no search list is ever applied to it. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Arc<str>);

impl HostName {
    /// Validates and converts `text`; `None` if it is not a host name.
    ///
    /// Letters, digits, `-` and `_` are allowed, as Postfix does, with no `-` at either end of a label.
    pub fn parse(text: &str, utf8: Utf8Names) -> Option<Self> {
        let ascii = match (text.is_ascii(), utf8) {
            (true, _) => text.to_ascii_lowercase(),
            (false, Utf8Names::Converted) => idna::domain_to_ascii(text).ok()?,
            (false, Utf8Names::Refused) => return None,
        };
        is_host_name(&ascii).then(|| Self(ascii.into()))
    }

    /// The name as text, without final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text.split('.').all(is_label)
        // All digits and dots is a misspelt address, not a name.
        && !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A name to look up, or an address that needs no lookup.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// To look up.
    Name(HostName),
    /// To use as it is.
    Address(IpAddr),
}

impl Host {
    /// Reads `1.2.3.4`, `2001:db8::1`, `ipv6:2001:db8::1` (prefix in any case, IPv6 only) or a host name.
    pub fn parse(text: &str, utf8: Utf8Names) -> Option<Self> {
        if let Some((prefix, address)) = text.split_at_checked(5)
            && prefix.eq_ignore_ascii_case("ipv6:")
        {
            return address.parse::<Ipv6Addr>().ok().map(|address| Self::Address(address.into()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self::Address(address));
        }
        HostName::parse(text, utf8).map(Self::Name)
    }

    /// The address `text` spells in dotted form, for targets that should have been names.
    pub(crate) fn dotted(text: &str) -> Option<Self> {
        text.parse::<Ipv4Addr>().ok().map(|address| Self::Address(address.into()))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_lower_case_a_labels() {
        let name = |text| HostName::parse(text, Utf8Names::Converted).map(|name| name.to_string());
        assert_eq!(name("Mail.Example.ORG").as_deref(), Some("mail.example.org"));
        assert_eq!(name("_dmarc.example").as_deref(), Some("_dmarc.example"));
        assert_eq!(name("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(name("localhost").as_deref(), Some("localhost"));
        assert_eq!(name("1.example").as_deref(), Some("1.example"));
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(63).as_str(); 4].join(".");
        for text in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a.b",
            "a-.b",
            "a b",
            "a\n",
            "*.b",
            "1.2.3.4",
            "1.2.3",
            "25",
            "::1",
            "a/b",
            "a:b",
            &long_label,
            &long_name,
        ] {
            assert_eq!(HostName::parse(text, Utf8Names::Converted), None, "{text:?}");
        }
        assert_eq!(HostName::parse("bücher.example", Utf8Names::Refused), None);
    }

    #[test]
    fn addresses_are_told_from_names() {
        let host = |text| Host::parse(text, Utf8Names::Converted);
        assert_eq!(host("192.0.2.1"), Some(Host::Address(Ipv4Addr::new(192, 0, 2, 1).into())));
        assert_eq!(host("IPv6:::1"), Some(Host::Address(Ipv6Addr::LOCALHOST.into())));
        assert_eq!(host("::1"), Some(Host::Address(Ipv6Addr::LOCALHOST.into())));
        assert!(matches!(host("a.example"), Some(Host::Name(_))));
        for text in ["ipv6:1.2.3.4", "ipv6:host", "ipv6:", "1.2.3.256", "ü:"] {
            assert_eq!(host(text), None, "{text}");
        }
    }
}
