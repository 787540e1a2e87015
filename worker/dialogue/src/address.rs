//! Addresses on the wire: quoted where RFC 5321 §4.1.2 asks for it, refused where they could break out of a command.

/// Why an address cannot be put into a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// A control character.
    #[error("bad address syntax: control character")]
    Control,
    /// No domain, an empty one, or one with characters that no domain has.
    #[error("bad address syntax: malformed domain")]
    Domain,
    /// Nothing in front of the `@`.
    #[error("bad address syntax: empty local part")]
    LocalPart,
    /// Longer than a command line may be.
    #[error("bad address syntax: too long")]
    TooLong,
}

const LONGEST: usize = 1000;

/// Appends `<address>`, the local part quoted if it needs to be. An empty address is the null path.
///
/// A local part without `@` and domain (`postmaster`) is allowed: RFC 5321 §4.1.1.3.
///
/// # Errors
/// [`AddressFault`]; nothing was appended.
pub(crate) fn put_path(address: &str, quote: Quoting, wire: &mut Vec<u8>) -> Result<(), AddressFault> {
    if address.len() > LONGEST {
        return Err(AddressFault::TooLong);
    }
    if address.chars().any(char::is_control) {
        return Err(AddressFault::Control);
    }
    let (local, domain) = match address.rsplit_once('@') {
        Some((local, domain)) => (local, Some(domain)),
        None => (address, None),
    };
    if domain.is_some_and(|domain| !is_domain(domain)) {
        return Err(AddressFault::Domain);
    }
    if local.is_empty() && domain.is_some() {
        return Err(AddressFault::LocalPart);
    }
    wire.push(b'<');
    if quote == Quoting::Never && !local.contains(['<', '>', '\\', '"', ' ']) || is_dot_atom(local) || address.is_empty() {
        wire.extend_from_slice(local.as_bytes());
    } else {
        put_quoted(local, wire);
    }
    if let Some(domain) = domain {
        wire.push(b'@');
        wire.extend_from_slice(domain.as_bytes());
    }
    wire.push(b'>');
    Ok(())
}

/// `*_quote_rfc821_envelope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quoting {
    /// Local parts that are not plain words are quoted.
    #[default]
    Strict,
    /// Only what could break the command is quoted.
    Never,
}

fn put_quoted(local: &str, wire: &mut Vec<u8>) {
    wire.push(b'"');
    for octet in local.bytes() {
        if matches!(octet, b'"' | b'\\') {
            wire.push(b'\\');
        }
        wire.push(octet);
    }
    wire.push(b'"');
}

/// RFC 5321 §4.1.2 Dot-string; octets above 127 stay as they are (RFC 6531).
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet >= 128 || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

/// A host name, or an address literal in brackets. What it must not hold is what could end the path.
fn is_domain(domain: &str) -> bool {
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match literal {
        Some(inside) => !inside.is_empty() && inside.bytes().all(|octet| octet.is_ascii_alphanumeric() || b".:-".contains(&octet)),
        None => {
            let label = |label: &str| {
                !label.is_empty() && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet >= 128 || b"-_".contains(&octet))
            };
            domain.strip_suffix('.').unwrap_or(domain).split('.').all(label)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(address: &str) -> Result<String, AddressFault> {
        let mut wire = Vec::new();
        put_path(address, Quoting::Strict, &mut wire)?;
        Ok(String::from_utf8(wire).unwrap())
    }

    #[test]
    fn quoted_where_needed() {
        for (address, want) in [
            ("", "<>"),
            ("a@b.c", "<a@b.c>"),
            ("postmaster", "<postmaster>"),
            ("a b@c", "<\"a b\"@c>"),
            ("a..b@c", "<\"a..b\"@c>"),
            ("a@b@c", "<\"a@b\"@c>"),
            ("a\"\\@c", "<\"a\\\"\\\\\"@c>"),
            ("a>b@c", "<\"a>b\"@c>"),
            ("a@[192.0.2.1]", "<a@[192.0.2.1]>"),
            ("a@[IPv6:2001:db8::1]", "<a@[IPv6:2001:db8::1]>"),
            ("ä@b.c", "<ä@b.c>"),
        ] {
            assert_eq!(path(address).unwrap(), want);
        }
    }

    #[test]
    fn what_could_break_out_is_refused() {
        for (address, fault) in [
            ("a\r\nRCPT TO:<x@y>@b", AddressFault::Control),
            ("a\0@b", AddressFault::Control),
            ("a\u{85}@b", AddressFault::Control),
            ("a@b>", AddressFault::Domain),
            ("a@b c", AddressFault::Domain),
            ("a@b> SIZE=1", AddressFault::Domain),
            ("a@", AddressFault::Domain),
            ("a@b..c", AddressFault::Domain),
            ("a@[b>]", AddressFault::Domain),
            ("@b", AddressFault::LocalPart),
        ] {
            assert_eq!(path(address), Err(fault), "{address:?}");
        }
        assert_eq!(path(&"a".repeat(2000)), Err(AddressFault::TooLong));
    }
}
