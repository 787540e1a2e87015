//! Mail addresses: a mailbox, the null sender, and how both are written.

mod domain;
mod list;
mod path;

use std::fmt;

pub(crate) use domain::check_domain;
pub use list::parse_address_list;
pub use path::{parse_forward_path, parse_reverse_path};

/// The longest local part taken, in octets without quotes. RFC 5321 §4.5.3.1.1 guarantees 64; senders made
/// by VERP and SRS pass that, so they are allowed more.
pub const MAX_LOCAL_PART: usize = 512;

/// Which characters an address may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// Printable ASCII.
    #[default]
    Ascii,
    /// UTF-8 as well (RFC 6531 §3.3), without controls and blanks of other alphabets.
    Utf8,
}

impl Alphabet {
    fn has(self, character: char) -> bool {
        character.is_ascii() || (self == Self::Utf8 && !character.is_control() && !character.is_whitespace())
    }
}

/// One mailbox, RFC 5321 §4.1.2: checked, with neither quotes nor source route.
///
/// Both parts are printable and not empty; ASCII, unless they came by [`Self::within`]. `Display` writes the form for the wire, quoted where it must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mailbox {
    local: String,
    domain: String,
}

impl Mailbox {
    /// Puts two parts together, each checked: what may stand in a quoted local part, and a domain or literal.
    ///
    /// `local` is without quotes and backslashes, `domain` as written: `example.org`, `[192.0.2.1]`.
    pub fn new(local: impl Into<String>, domain: impl Into<String>) -> Result<Self, AddressError> {
        Self::within(Alphabet::Ascii, local, domain)
    }

    /// The same in another alphabet.
    pub fn within(
        alphabet: Alphabet,
        local: impl Into<String>,
        domain: impl Into<String>,
    ) -> Result<Self, AddressError> {
        let (local, domain) = (local.into(), domain.into());
        check_local_part(&local, alphabet)?;
        check_domain(&domain, alphabet)?;
        Ok(Self { local, domain })
    }

    /// Whether it can be written without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }

    /// What stands before the `@`, without quotes and backslashes.
    pub fn local_part(&self) -> &str {
        &self.local
    }

    /// What stands behind the `@`: a domain as the client wrote it, or an address literal in brackets.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The form without quotes that Postfix keeps in its queue and asks its tables with.
    pub fn unquoted(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// Local part as it is, domain in lower case: equal for addresses that one mail reaches (RFC 5321 §2.4).
    pub fn folded(&self) -> String {
        format!("{}@{}", self.local, self.domain.to_lowercase())
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for character in self.local.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

/// Who gets the failure notice of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReversePath {
    /// `<>`: nobody; the message is a notice itself (RFC 5321 §4.5.5).
    Null,
    /// An address.
    Mailbox(Mailbox),
}

impl ReversePath {
    /// Whether it can be written without SMTPUTF8.
    pub fn is_ascii(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Mailbox(mailbox) => mailbox.is_ascii(),
        }
    }

    /// The unquoted address, or an empty text for the null sender: the form of Postfix's logs and queue.
    pub fn unquoted(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Mailbox(mailbox) => mailbox.unquoted(),
        }
    }
}

impl fmt::Display for ReversePath {
    /// Without angle brackets; nothing for the null sender.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

/// What is wrong with an address somebody gave us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// A path must begin with `<`.
    #[error("an address must stand in angle brackets, as in <user@example.org>")]
    NoBracket,
    /// No `>` behind the address.
    #[error("the address does not end with '>'")]
    Unterminated,
    /// Something else where `@` or `>` must follow.
    #[error("unexpected '{0}' in the address")]
    Unexpected(char),
    /// `<>` where a recipient must be named.
    #[error("the recipient is empty")]
    EmptyRecipient,
    /// Nothing before the `@`.
    #[error("there is nothing before the '@'")]
    EmptyLocalPart,
    /// Longer than [`MAX_LOCAL_PART`].
    #[error("the part before the '@' is longer than {MAX_LOCAL_PART} octets")]
    LongLocalPart,
    /// A quoted local part without its closing quote.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A comment without its closing parenthesis.
    #[error("a comment is not closed")]
    OpenComment,
    /// Words where an address must stand.
    #[error("'{0}' is not an address; separate addresses with commas, and put a name before <address>")]
    NotAnAddress(String),
    /// A control character, anywhere.
    #[error("control characters are not allowed in an address")]
    Control,
    /// A character that the address may not have: outside ASCII where SMTPUTF8 (RFC 6531) does not hold.
    #[error("characters outside ASCII are not allowed in this address")]
    NotAscii,
    /// Not a host name by RFC 5321 §4.1.2.
    #[error("'{0}' is not a domain name")]
    BadDomain(String),
    /// Digits and dots only.
    #[error("an IP address as domain must stand in square brackets: [{0}]")]
    BareIp(String),
    /// Not an address literal by RFC 5321 §4.1.3.
    #[error("'{0}' is not an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]")]
    BadLiteral(String),
}

/// Whether a local part can be written without quotes (RFC 5321 §4.1.2, Dot-string).
fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_local))
}

/// RFC 5322 §3.2.3.
pub(crate) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// The same with what RFC 6531 §3.3 adds; whether the alphabet has it was asked before.
pub(crate) fn is_local(byte: u8) -> bool {
    is_atext(byte) || !byte.is_ascii()
}

fn check_local_part(local: &str, alphabet: Alphabet) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::EmptyLocalPart);
    }
    if local.len() > MAX_LOCAL_PART {
        return Err(AddressError::LongLocalPart);
    }
    if !local.chars().all(|character| alphabet.has(character)) {
        return Err(AddressError::NotAscii);
    }
    if local.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(AddressError::Control);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_quoted_only_where_it_must_be() {
        for (local, want) in [
            ("joe", "joe@x.org"),
            ("a.b+c=d", "a.b+c=d@x.org"),
            ("a b", r#""a b"@x.org"#),
            ("a..b", r#""a..b"@x.org"#),
            (".a", r#"".a"@x.org"#),
            ("a@b", r#""a@b"@x.org"#),
            (r#"a"\b"#, r#""a\"\\b"@x.org"#),
        ] {
            let mailbox = Mailbox::new(local, "x.org").unwrap();
            assert_eq!(mailbox.to_string(), want);
            assert_eq!(mailbox.unquoted(), format!("{local}@x.org"));
        }
    }

    #[test]
    fn no_part_takes_control_or_foreign_characters() {
        assert_eq!(Mailbox::new("a\r\nRCPT", "x.org"), Err(AddressError::Control));
        assert_eq!(Mailbox::new("a\0", "x.org"), Err(AddressError::Control));
        assert_eq!(Mailbox::new("jö", "x.org"), Err(AddressError::NotAscii));
        assert_eq!(Mailbox::new("", "x.org"), Err(AddressError::EmptyLocalPart));
        assert_eq!(Mailbox::new("a".repeat(513), "x.org"), Err(AddressError::LongLocalPart));
        assert!(matches!(Mailbox::new("a", "x.org\r\n"), Err(AddressError::BadDomain(_))));
    }

    #[test]
    fn folding_touches_the_domain_only() {
        assert_eq!(Mailbox::new("Joe", "X.Org").unwrap().folded(), "Joe@x.org");
    }
}
