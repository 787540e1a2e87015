//! Addresses in MAIL and RCPT: quoted as RFC 5321 wants it, refused where they could break out of their brackets.

use crate::envelope::Utf8;

/// Why an address cannot be sent to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No address at all.
    #[error("it is empty")]
    Empty,
    /// Longer than any server takes.
    #[error("it is longer than {LONGEST} octets")]
    TooLong,
    /// CR, LF, NUL and their kind.
    #[error("it has control characters")]
    Control,
    /// What follows the last `@` is neither a host name nor an address literal.
    #[error("its domain is not valid")]
    Domain,
}

/// `smtp_quote_rfc821_envelope`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Local parts that are no dot-string are quoted.
    #[default]
    Rfc5321,
    /// Misplaced dots pass unquoted, as some servers want their own old addresses. Everything else that needs quotes
    /// still gets them, because it would not be the same address without.
    DotsPass,
}

/// What a domain may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alphabet {
    Ascii,
    Utf8,
}

/// Longest address, in octets. RFC 5321 §4.5.3.1.3 asks servers to take 256.
const LONGEST: usize = 1000;
const LONGEST_DOMAIN: usize = 255;
const LONGEST_LABEL: usize = 63;

/// An address that can be written between `<` and `>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mailbox<'a> {
    local: &'a str,
    /// With its `@`; empty for a name without domain.
    domain: &'a str,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Quoted,
}

impl Alphabet {
    pub(crate) const fn for_sender_that(utf8: Utf8) -> Self {
        match utf8 {
            Utf8::NotAsked => Self::Ascii,
            Utf8::Asked | Utf8::Needed => Self::Utf8,
        }
    }
}

impl<'a> Mailbox<'a> {
    /// The null sender, `<>`.
    pub(crate) const NULL: Self = Mailbox { local: "", domain: "", style: Style::Plain };

    /// Splits an address in internal form at its last `@`.
    pub(crate) fn parse(
        address: &'a str,
        quoting: Quoting,
        alphabet: Alphabet,
    ) -> Result<Self, AddressError> {
        if address.is_empty() {
            return Err(AddressError::Empty);
        }
        if address.len() > LONGEST {
            return Err(AddressError::TooLong);
        }
        if address.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let (local, domain) = address.split_at(address.rfind('@').unwrap_or(address.len()));
        if let Some(name) = domain.strip_prefix('@')
            && !is_domain(name, alphabet)
        {
            return Err(AddressError::Domain);
        }
        let style = if needs_quotes(local, quoting) { Style::Quoted } else { Style::Plain };
        Ok(Self { local, domain, style })
    }

    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        match self.style {
            Style::Plain => out.extend_from_slice(self.local.as_bytes()),
            Style::Quoted => {
                out.push(b'"');
                for octet in self.local.bytes() {
                    if matches!(octet, b'"' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(octet);
                }
                out.push(b'"');
            }
        }
        out.extend_from_slice(self.domain.as_bytes());
    }
}

/// Whether `local` is something else than a dot-string, RFC 5321 §4.1.2. Octets above 127 pass as they are.
fn needs_quotes(local: &str, quoting: Quoting) -> bool {
    let special = |octet: u8| octet <= b' ' || br#"<>()[]\,;:"@"#.contains(&octet);
    let dots = match quoting {
        Quoting::Rfc5321 => local.split('.').any(str::is_empty),
        Quoting::DotsPass => local.is_empty(),
    };
    dots || local.bytes().any(special)
}

fn is_domain(name: &str, alphabet: Alphabet) -> bool {
    if let Some(literal) = name.strip_prefix('[') {
        let inside = literal.strip_suffix(']').unwrap_or_default();
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b".:-".contains(&octet);
        return !inside.is_empty() && inside.len() <= LONGEST_DOMAIN && inside.bytes().all(fits);
    }
    name.len() <= LONGEST_DOMAIN && name.split('.').all(|label| is_label(label, alphabet))
}

/// Letters, digits, hyphens inside, and the underscores that real hosts have. Of other scripts everything passes but
/// blanks: only ASCII can break a command, and what is a name is the resolver's question.
fn is_label(label: &str, alphabet: Alphabet) -> bool {
    let fits = |c: char| match c {
        '-' | '_' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => alphabet == Alphabet::Utf8 && !c.is_whitespace(),
    };
    let edge = label.starts_with('-') || label.ends_with('-');
    !label.is_empty() && label.len() <= LONGEST_LABEL && !edge && label.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(address: &str, quoting: Quoting, alphabet: Alphabet) -> Result<String, AddressError> {
        let mut out = Vec::new();
        Mailbox::parse(address, quoting, alphabet)?.append(&mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[track_caller]
    fn check(address: &str, want: &str) {
        assert_eq!(written(address, Quoting::Rfc5321, Alphabet::Ascii).as_deref(), Ok(want));
    }

    #[track_caller]
    fn refused(address: &str, why: AddressError) {
        assert_eq!(written(address, Quoting::Rfc5321, Alphabet::Ascii), Err(why), "{address:?}");
        assert_eq!(written(address, Quoting::DotsPass, Alphabet::Utf8), Err(why), "{address:?}");
    }

    #[test]
    fn local_parts_are_quoted_where_they_must() {
        check("user@example.com", "user@example.com");
        check("a.b+c!d#e%f/g=h@x", "a.b+c!d#e%f/g=h@x");
        check("user.@dom", "\"user.\"@dom");
        check(".user@dom", "\".user\"@dom");
        check("a..b@dom", "\"a..b\"@dom");
        check("a b@dom", "\"a b\"@dom");
        check("a\"b\\c@dom", "\"a\\\"b\\\\c\"@dom");
        check("a@b@dom", "\"a@b\"@dom");
        check("a>b<c@dom", "\"a>b<c\"@dom");
        check("x> SIZE=1@dom", "\"x> SIZE=1\"@dom");
        check("@dom", "\"\"@dom");
        check("postmaster", "postmaster");
        check("grüße@dom", "grüße@dom");
        check("u@[192.0.2.1]", "u@[192.0.2.1]");
        check("u@[IPv6:2001:db8::1]", "u@[IPv6:2001:db8::1]");
        check("u@under_score.example", "u@under_score.example");
    }

    #[test]
    fn dots_may_pass_but_nothing_else() {
        let lenient = |address| written(address, Quoting::DotsPass, Alphabet::Ascii).unwrap();
        assert_eq!(lenient("user.@dom"), "user.@dom");
        assert_eq!(lenient("a..b@dom"), "a..b@dom");
        assert_eq!(lenient("a> x@dom"), "\"a> x\"@dom");
    }

    #[test]
    fn what_could_break_a_command_is_refused() {
        refused("", AddressError::Empty);
        for control in
            ["a\r\nRCPT TO:<b@dom", "a\n@dom", "a\0@dom", "a@dom\r", "a\x7f@dom", "a\u{85}b@dom", "a\t@dom"]
        {
            refused(control, AddressError::Control);
        }
        for domain in [
            "a@", "a@dom>", "a@d om", "a@.dom", "a@dom.", "a@a..b", "a@-a", "a@b-.c", "a@[", "a@[]",
            "a@[1]x", "a@x<y",
        ] {
            refused(domain, AddressError::Domain);
        }
        refused(&format!("a@{}", "x".repeat(64)), AddressError::Domain);
        refused(&format!("a@{}", "x.".repeat(127) + "xx"), AddressError::Domain);
        refused(&format!("{}@x", "a".repeat(LONGEST)), AddressError::TooLong);
    }

    #[test]
    fn domains_in_utf8_need_a_sender_that_asked() {
        let with = |alphabet| written("u@grüße.example", Quoting::Rfc5321, alphabet);
        assert_eq!(with(Alphabet::Ascii), Err(AddressError::Domain));
        assert_eq!(with(Alphabet::Utf8).as_deref(), Ok("u@grüße.example"));
    }

    proptest! {
        #[test]
        fn no_address_leaves_its_brackets(address in "\\PC{0,30}|[ -~\r\n\t@.<>\"\\\\]{0,30}") {
            for quoting in [Quoting::Rfc5321, Quoting::DotsPass] {
                let Ok(text) = written(&address, quoting, Alphabet::Utf8) else { continue };
                prop_assert!(!text.chars().any(char::is_control));
                // Outside quotes there is neither bracket nor blank.
                let (mut inside, mut escaped) = (false, false);
                for c in text.chars() {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' if inside => escaped = true,
                        '"' => inside = !inside,
                        c => prop_assert!(inside || !" <>".contains(c), "{text}"),
                    }
                }
                prop_assert!(!inside && !escaped, "{text}");
            }
        }
    }
}
