//! How much TLS is asked for, from never to a certificate valid for the domain.

use std::fmt;

use maincf::value::SecurityLevel;
use serde::{Deserialize, Serialize};

/// How strictly TLS is used (`smtp_tls_security_level`). Ordered by strength: what is greater demands more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Never.
    None,
    /// If the server offers it.
    May,
    /// Always, whoever answers.
    Encrypt,
    /// Always, and the certificate is a known one.
    Fingerprint,
    /// As [`Self::Dane`], for a host that MX records named which were not validated.
    HalfDane,
    /// As the host's TLSA records say.
    Dane,
    /// TLSA records or nothing.
    DaneOnly,
    /// Always, and the certificate is valid for the host.
    Verify,
    /// Always, and the certificate is valid for the domain.
    Secure,
}

impl Level {
    /// The level that a word of main.cf or of a policy names. [`Self::HalfDane`] cannot be asked for.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "may" => Self::May,
            "encrypt" => Self::Encrypt,
            "fingerprint" => Self::Fingerprint,
            "dane" => Self::Dane,
            "dane-only" => Self::DaneOnly,
            "verify" => Self::Verify,
            "secure" => Self::Secure,
            _ => return None,
        })
    }

    /// What main.cf says. Call [`maincf::params::Tls::level`] first: an unset level is no TLS here.
    pub fn of(setting: SecurityLevel) -> Self {
        match setting {
            SecurityLevel::Unset | SecurityLevel::None => Self::None,
            SecurityLevel::May => Self::May,
            SecurityLevel::Encrypt => Self::Encrypt,
            SecurityLevel::Fingerprint => Self::Fingerprint,
            SecurityLevel::Dane => Self::Dane,
            SecurityLevel::DaneOnly => Self::DaneOnly,
            SecurityLevel::Verify => Self::Verify,
            SecurityLevel::Secure => Self::Secure,
        }
    }

    /// Nothing of the message goes out without TLS.
    pub fn is_mandatory(self) -> bool {
        self >= Self::Encrypt
    }

    /// The server's certificate decides whether mail goes out.
    pub fn must_match(self) -> bool {
        self > Self::Encrypt
    }

    /// What TLSA records decide.
    pub fn is_dane(self) -> bool {
        matches!(self, Self::HalfDane | Self::Dane | Self::DaneOnly)
    }

    /// The word for it in main.cf and in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::May => "may",
            Self::Encrypt => "encrypt",
            Self::Fingerprint => "fingerprint",
            Self::HalfDane => "half-dane",
            Self::Dane => "dane",
            Self::DaneOnly => "dane-only",
            Self::Verify => "verify",
            Self::Secure => "secure",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_every_level_but_half_dane() {
        for word in ["none", "may", "encrypt", "fingerprint", "dane", "dane-only", "verify", "secure"] {
            assert_eq!(Level::named(word).map(Level::word), Some(word));
        }
        assert_eq!(Level::named("half-dane"), None);
        assert_eq!(Level::named("SECURE"), Some(Level::Secure));
    }

    #[test]
    fn mandatory_begins_at_encrypt_and_matching_above_it() {
        assert!(!Level::May.is_mandatory() && Level::Encrypt.is_mandatory());
        assert!(!Level::Encrypt.must_match() && Level::Fingerprint.must_match());
        assert!(Level::Fingerprint < Level::HalfDane && Level::DaneOnly < Level::Verify);
    }
}
