//! Whose name a certificate has to bear: rules as configured, and the patterns they come to for one host.

use std::net::IpAddr;

use super::digest::Fields;

/// One element of `smtp_tls_secure_cert_match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MatchRule {
    /// `nexthop`: the domain that the mail is for.
    Nexthop,
    /// `dot-nexthop`: what is below it.
    DotNexthop,
    /// `hostname`: the host as MX records named it.
    Hostname,
    /// This name, or what is below it if it begins with a dot.
    Name(String),
}

impl MatchRule {
    /// Reads a list; its separators are blanks, commas and colons. An IPv6 address is not a name to give here.
    pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<Self> {
        words
            .into_iter()
            .flat_map(|word| word.split([':', ',', ' ', '\t']))
            .filter(|word| !word.is_empty())
            .map(|word| match word.to_ascii_lowercase().as_str() {
                "nexthop" => Self::Nexthop,
                "dot-nexthop" => Self::DotNexthop,
                "hostname" => Self::Hostname,
                _ => Self::Name(word.to_owned()),
            })
            .collect()
    }

    /// The pattern for a host of a domain; `None` where there is no such name.
    pub(crate) fn expand(&self, nexthop: &str, host: &str) -> Option<Pattern> {
        match self {
            Self::Nexthop => Pattern::of(nexthop),
            // Nothing is below an address.
            Self::DotNexthop if matches!(Pattern::of(nexthop), Some(Pattern::Address(_))) => None,
            Self::DotNexthop => Pattern::of(&format!(".{nexthop}")),
            Self::Hostname => Pattern::of(host),
            Self::Name(name) => Pattern::of(name),
        }
    }
}

/// A name to find in a certificate. In A-labels and small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// This name.
    Exact(String),
    /// What is below this name, which is written without its dot.
    Below(String),
    /// This address, as an address of the certificate.
    Address(IpAddr),
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Below(name) => write!(f, ".{name}"),
            Self::Address(address) => write!(f, "[{address}]"),
        }
    }
}

impl Pattern {
    /// Reads a name, `.name`, or an address with or without brackets.
    pub fn of(text: &str) -> Option<Self> {
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let bare_address = bare.strip_prefix("IPv6:").or_else(|| bare.strip_prefix("ipv6:")).unwrap_or(bare);
        if let Ok(address) = bare_address.parse() {
            return Some(Self::Address(address));
        }
        match bare.strip_prefix('.') {
            Some(name) => ascii(name).map(Self::Below),
            None => ascii(bare).map(Self::Exact),
        }
    }

    pub(crate) fn digest_into(&self, fields: &mut Fields) {
        match self {
            Self::Exact(name) => fields.text("exact").text(name),
            Self::Below(name) => fields.text("below").text(name),
            Self::Address(address) => fields.text("address").text(&address.to_string()),
        };
    }
}

/// A name in A-labels and small letters, without a dot at its end.
pub(crate) fn ascii(name: &str) -> Option<String> {
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.len() > 1000 {
        return None;
    }
    if name.is_ascii() { Some(name.to_ascii_lowercase()) } else { idna::domain_to_ascii(name).ok() }
}

/// A name that can be in a server name extension: labels of letters, digits and hyphens, not an address.
pub(crate) fn valid_hostname(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
    };
    name.len() <= 253
        && name.split('.').all(label)
        && !name.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_and_names_expand_for_a_host() {
        let rules = MatchRule::list(["nexthop:dot-nexthop", "HOSTNAME", ".Other.Example,third.example"]);
        let patterns: Vec<_> =
            rules.iter().filter_map(|rule| rule.expand("Dom.Example", "mx.dom.example.")).collect();
        assert_eq!(
            patterns,
            [
                Pattern::Exact("dom.example".into()),
                Pattern::Below("dom.example".into()),
                Pattern::Exact("mx.dom.example".into()),
                Pattern::Below("other.example".into()),
                Pattern::Exact("third.example".into()),
            ]
        );
    }

    #[test]
    fn names_in_utf8_become_a_labels() {
        assert_eq!(Pattern::of("BÜCHER.example"), Some(Pattern::Exact("xn--bcher-kva.example".into())));
        assert_eq!(Pattern::of(".bücher.example"), Some(Pattern::Below("xn--bcher-kva.example".into())));
        assert_eq!(Pattern::of(""), None);
        assert_eq!(Pattern::of("."), None);
    }

    #[test]
    fn addresses_are_compared_as_addresses() {
        for text in ["192.0.2.1", "[192.0.2.1]"] {
            assert_eq!(Pattern::of(text), Some(Pattern::Address("192.0.2.1".parse().unwrap())));
        }
        assert_eq!(MatchRule::DotNexthop.expand("[192.0.2.1]", "x"), None);
        assert_eq!(Pattern::of("[IPv6:2001:db8::1]"), Some(Pattern::Address("2001:db8::1".parse().unwrap())));
    }

    #[test]
    fn server_names_are_host_names() {
        for good in ["mx.example", "a", "_25.x", "xn--bcher-kva.example"] {
            assert!(valid_hostname(good), "{good}");
        }
        for bad in ["", "a..b", "-a.b", "a b", "192.0.2.1", "bücher.example", "*.example", "a.example."] {
            assert!(!valid_hostname(bad), "{bad}");
        }
    }
}
