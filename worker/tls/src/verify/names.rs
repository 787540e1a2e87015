//! Whether a certificate bears a name (RFC 6125 as the original practises it).

use crate::policy::Pattern;

use super::certificate::Names;

/// The name of the certificate by which a pattern knows it.
pub(crate) fn matching<'a>(pattern: &Pattern, names: &'a Names) -> Option<std::borrow::Cow<'a, str>> {
    match pattern {
        Pattern::Address(address) => names.addresses.contains(address).then(|| address.to_string().into()),
        Pattern::Exact(wanted) => names
            .dns
            .iter()
            .find(|name| is_clean(name) && exact(wanted, name))
            .map(|name| name.as_str().into()),
        Pattern::Below(domain) => names
            .dns
            .iter()
            .find(|name| is_clean(name) && below(domain, name))
            .map(|name| name.as_str().into()),
    }
}

/// Names with NUL, other controls, blanks or anything but ASCII are never what they seem.
fn is_clean(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_graphic())
}

fn exact(wanted: &str, name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let Some(domain) = name.strip_prefix("*.") else {
        return !name.contains('*') && name.eq_ignore_ascii_case(wanted);
    };
    // A star for a whole top level is no name of anybody's.
    if domain.contains('*') || !domain.contains('.') || domain.split('.').any(str::is_empty) {
        return false;
    }
    // One label, whatever `tls_wildcard_matches_multiple_labels` says: it has no effect since Postfix 3.6.
    first_labels(wanted, domain).is_some_and(|labels| !labels.contains('.'))
}

/// A proper subdomain, a certificate's own `*.domain` among them.
fn below(domain: &str, name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let inner = name.strip_prefix("*.").unwrap_or(name);
    let starred = name.len() != inner.len();
    !inner.contains('*')
        && (first_labels(name, domain).is_some() || (starred && inner.eq_ignore_ascii_case(domain)))
}

/// What stands before `.domain`, if anything does.
fn first_labels<'a>(name: &'a str, domain: &str) -> Option<&'a str> {
    let split = name.len().checked_sub(domain.len())?;
    let (before, tail) = (name.get(..split)?, name.get(split..)?);
    let labels = before.strip_suffix('.')?;
    (tail.eq_ignore_ascii_case(domain) && !labels.is_empty() && !labels.starts_with('.')).then_some(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let names = Names { dns: vec![name.to_owned()], addresses: Vec::new() };
        matching(&Pattern::of(pattern).unwrap(), &names).is_some()
    }

    #[test]
    fn names_match_whatever_their_case() {
        assert!(matches("mx.example", "MX.Example"));
        assert!(matches("mx.example.", "mx.example."));
        assert!(!matches("mx.example", "x.example"));
        assert!(!matches("example", "mx.example"));
    }

    #[test]
    fn a_star_is_exactly_one_label() {
        for (name, expected) in [("a.dom.example", true), ("a.b.dom.example", false), ("dom.example", false)]
        {
            assert_eq!(matches(name, "*.dom.example"), expected, "{name}");
        }
        assert!(!matches("xdom.example", "*.dom.example"));
    }

    #[test]
    fn stars_elsewhere_match_nothing() {
        for name in [
            "*",
            "*.example",
            "m*.dom.example",
            "mx.*.example",
            "*.*.example",
            "*mx.dom.example",
            "**.dom.example",
            "*..example",
        ] {
            assert!(!matches("mx.dom.example", name), "{name}");
            assert!(!matches("mx.example", name), "{name}");
        }
    }

    #[test]
    fn dot_patterns_match_proper_subdomains_only() {
        for (name, expected) in [
            ("mx.dom.example", true),
            ("a.b.dom.example", true),
            ("*.dom.example", true),
            ("*.b.dom.example", true),
            ("dom.example", false),
            ("xdom.example", false),
            ("*.example", false),
            (".dom.example", false),
            ("*.*.dom.example", false),
        ] {
            assert_eq!(matches(".dom.example", name), expected, "{name}");
        }
    }

    #[test]
    fn names_with_nul_or_beyond_ascii_never_match() {
        for name in ["mx.example\0.evil.example", "mx.example\0", "mx.exämple", "mx.exam ple", ""] {
            assert!(!matches("mx.example", name), "{name:?}");
        }
        for name in ["mx\0.example", "mx.evil\0.example", "mä.example", "m x.example"] {
            assert!(!matches(".example", name), "{name:?}");
        }
        assert!(!matches("bücher.example", "bücher.example"));
        assert!(matches("bücher.example", "xn--bcher-kva.example"));
    }

    #[test]
    fn addresses_are_not_found_among_dns_names() {
        assert!(!matches("192.0.2.1", "192.0.2.1"));
        let names = Names { dns: Vec::new(), addresses: vec!["192.0.2.1".parse().unwrap()] };
        assert!(matching(&Pattern::of("[192.0.2.1]").unwrap(), &names).is_some());
        assert!(matching(&Pattern::of("192.0.2.2").unwrap(), &names).is_none());
    }
}
