//! The mechanisms that are built: their names, their order, what each withstands.

use crate::security::{SecurityOption, SecurityOptions};
use std::fmt;

/// A SASL mechanism, RFC 4422.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// EXTERNAL, RFC 4422 appendix A: the client certificate speaks.
    External,
    /// SCRAM-SHA-256-PLUS, RFC 7677: bound to the TLS channel.
    ScramSha256Plus,
    /// SCRAM-SHA-256, RFC 7677.
    ScramSha256,
    /// SCRAM-SHA-1-PLUS, RFC 5802: bound to the TLS channel.
    ScramSha1Plus,
    /// SCRAM-SHA-1, RFC 5802.
    ScramSha1,
    /// OAUTHBEARER, RFC 7628: the password is a token.
    OauthBearer,
    /// XOAUTH2, Google's older form of the same.
    Xoauth2,
    /// CRAM-MD5, RFC 2195.
    CramMd5,
    /// PLAIN, RFC 4616.
    Plain,
    /// LOGIN, an older form of the same; no RFC.
    Login,
    /// ANONYMOUS, RFC 4505: no login at all.
    Anonymous,
}

impl Mechanism {
    /// All of them, the preferred first.
    pub const ALL: [Self; 11] = [
        Self::External,
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::ScramSha1Plus,
        Self::ScramSha1,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::CramMd5,
        Self::Plain,
        Self::Login,
        Self::Anonymous,
    ];

    /// As in the registry of IANA and on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::Anonymous => "ANONYMOUS",
        }
    }

    /// The mechanism of that name, whatever its case.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Whether it proves that both ends see the same TLS channel, RFC 5056.
    #[must_use]
    pub const fn is_bound(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// Whether the password is taken for an OAuth token, RFC 6750.
    #[must_use]
    pub const fn takes_token(self) -> bool {
        matches!(self, Self::OauthBearer | Self::Xoauth2)
    }

    /// The security options it meets; the table is that of the Cyrus plug-ins.
    #[must_use]
    pub const fn meets(self) -> SecurityOptions {
        use SecurityOption::{MutualAuth, NoActive, NoAnonymous, NoDictionary, NoPlaintext};
        match self {
            Self::External => SecurityOptions::of(&[NoPlaintext, NoAnonymous, NoDictionary]),
            Self::ScramSha256Plus | Self::ScramSha256 | Self::ScramSha1Plus | Self::ScramSha1 => {
                SecurityOptions::of(&[NoPlaintext, NoActive, NoAnonymous, MutualAuth])
            }
            Self::CramMd5 => SecurityOptions::of(&[NoPlaintext, NoAnonymous]),
            Self::OauthBearer | Self::Xoauth2 | Self::Plain | Self::Login => {
                SecurityOptions::of(&[NoAnonymous])
            }
            Self::Anonymous => SecurityOptions::of(&[NoPlaintext]),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_mechanism_in_any_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::of_name(&mechanism.name().to_lowercase()), Some(mechanism));
        }
        for unknown in ["", "GSSAPI", "DIGEST-MD5", "PLAIN ", "SCRAM-SHA-512"] {
            assert_eq!(Mechanism::of_name(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn names_fit_the_grammar_of_rfc_4422() {
        let fits = |octet: u8| {
            octet.is_ascii_uppercase() || octet.is_ascii_digit() || octet == b'-' || octet == b'_'
        };
        for mechanism in Mechanism::ALL {
            let name = mechanism.name();
            assert!(name.len() <= 20 && name.bytes().all(fits), "{name}");
        }
    }
}
