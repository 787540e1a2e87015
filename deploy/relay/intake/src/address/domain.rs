//! What may stand behind the `@`: host names and address literals, RFC 5321 §4.1.2 and §4.1.3.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{AddressError, Alphabet};

/// Octets of a whole domain (RFC 5321 §4.5.3.1.2) and of one label (RFC 1035 §2.3.4).
const MAX_DOMAIN: usize = 255;
const MAX_LABEL: usize = 63;

/// Whether `domain` can be delivered to as it is written.
pub(crate) fn check_domain(domain: &str, alphabet: Alphabet) -> Result<(), AddressError> {
    if !domain.chars().all(|character| alphabet.has(character)) {
        return Err(AddressError::NotAscii);
    }
    if let Some(inside) = domain.strip_prefix('[') {
        let inside = inside.strip_suffix(']').filter(|inside| is_literal(inside));
        return inside.map(drop).ok_or_else(|| AddressError::BadLiteral(domain.into()));
    }
    if domain.len() > MAX_DOMAIN || !domain.split('.').all(is_label) {
        return Err(AddressError::BadDomain(domain.into()));
    }
    if domain.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(AddressError::BareIp(domain.into()));
    }
    Ok(())
}

/// Letters, digits, inner hyphens; underscores too, which real names have though RFC 1035 does not. Of a U-label (RFC 5890)
/// the DNS side finds out whether it is one.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.chars().count())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| !byte.is_ascii() || byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// An IPv4 address, or `IPv6:` with one. No other tag has ever been registered, so none can be routed.
fn is_literal(inside: &str) -> bool {
    match inside.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("IPv6:") => {
            inside.get(5..).is_some_and(|text| text.parse::<Ipv6Addr>().is_ok())
        }
        _ => inside.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(domain: &str) -> Result<(), AddressError> {
        check_domain(domain, Alphabet::Ascii)
    }

    #[test]
    fn labels_of_other_alphabets_only_with_smtputf8() {
        let utf8 = |domain| check_domain(domain, Alphabet::Utf8);
        assert_eq!(utf8("bücher.example"), Ok(()));
        assert_eq!(utf8("例え.テスト"), Ok(()));
        assert_eq!(check_domain(&"例".repeat(22), Alphabet::Utf8), Ok(()));
        assert_eq!(utf8("a\u{a0}b.example"), Err(AddressError::NotAscii));
        assert_eq!(utf8("a\u{85}b.example"), Err(AddressError::NotAscii));
        assert_eq!(utf8("-ü.example"), Err(AddressError::BadDomain("-ü.example".into())));
    }

    #[test]
    fn names_and_literals() {
        for good in [
            "example.org",
            "localhost",
            "a-b.x_y.org",
            "xn--bcher-kva.example",
            "1and1.com",
            "163.com",
            "[127.0.0.1]",
            "[IPv6:::1]",
            "[ipv6:2001:db8::1]",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "a..b", "a.", ".a", "-a.b", "a-.b", "a b", "a/b", "a,b", "x.org>"] {
            assert_eq!(check(bad), Err(AddressError::BadDomain(bad.into())));
        }
        for bad in ["[", "[]", "[1.2.3]", "[::1]", "[IPv6:x]", "[1.2.3.4", "[1.2.3.4]x", "[x:y]"] {
            assert_eq!(check(bad), Err(AddressError::BadLiteral(bad.into())));
        }
        assert_eq!(check("1.2.3.4"), Err(AddressError::BareIp("1.2.3.4".into())));
        assert_eq!(check("bücher.example"), Err(AddressError::NotAscii));
    }

    #[test]
    fn lengths_are_those_of_dns() {
        let label = "a".repeat(63);
        assert_eq!(check(&[&*label; 3].join(".")), Ok(()));
        assert!(check(&format!("{label}a.org")).is_err());
        assert!(check(&[&*label; 4].join(".")).is_ok());
        assert!(check(&format!("{}.b", [&*label; 4].join("."))).is_err());
    }
}
