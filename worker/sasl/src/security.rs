//! What the administrator demands of a mechanism, depending on what protects the session.

use std::fmt;

/// One demand of `smtp_sasl_security_options`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityOption {
    /// `noplaintext`: the password does not cross the wire.
    NoPlaintext,
    /// `noactive`: withstands somebody in the middle.
    NoActive,
    /// `nodictionary`: what is seen on the wire does not help in guessing the password.
    NoDictionary,
    /// `noanonymous`: it is a login.
    NoAnonymous,
    /// `forward_secrecy`: breaking one session does not break others. No mechanism here has it.
    ForwardSecrecy,
    /// `mutual_auth`: the server proves that it knows the password too.
    MutualAuth,
}

/// A set of [`SecurityOption`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SecurityOptions(u8);

/// A word that is no security option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown SASL security option \"{0}\"")]
pub struct UnknownOption(pub String);

/// What protects a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing.
    Plain,
    /// TLS with somebody: the certificate was not matched against a name, key or TLSA record.
    Tls,
    /// TLS with the server that was meant.
    TlsVerified,
}

/// The demands for each [`Protection`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecurityPolicy {
    /// `smtp_sasl_security_options`.
    pub plain: SecurityOptions,
    /// `smtp_sasl_tls_security_options`.
    pub tls: SecurityOptions,
    /// `smtp_sasl_tls_verified_security_options`.
    pub tls_verified: SecurityOptions,
}

impl SecurityOption {
    const ALL: [Self; 6] = [
        Self::NoPlaintext,
        Self::NoActive,
        Self::NoDictionary,
        Self::NoAnonymous,
        Self::ForwardSecrecy,
        Self::MutualAuth,
    ];

    /// As in main.cf.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoPlaintext => "noplaintext",
            Self::NoActive => "noactive",
            Self::NoDictionary => "nodictionary",
            Self::NoAnonymous => "noanonymous",
            Self::ForwardSecrecy => "forward_secrecy",
            Self::MutualAuth => "mutual_auth",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl SecurityOptions {
    /// The set of these.
    #[must_use]
    pub const fn of(mut options: &[SecurityOption]) -> Self {
        let mut set = 0;
        while let [first, rest @ ..] = options {
            set |= first.bit();
            options = rest;
        }
        Self(set)
    }

    /// Words separated by commas and white space, in any case. No words: no demands.
    ///
    /// # Errors
    /// [`UnknownOption`]: not to be ignored, since what was demanded is not known.
    pub fn parse(value: &str) -> Result<Self, UnknownOption> {
        let words =
            value.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
        words.into_iter().try_fold(Self::default(), |set, word| {
            SecurityOption::ALL
                .into_iter()
                .find(|option| option.name().eq_ignore_ascii_case(word))
                .map(|option| Self(set.0 | option.bit()))
                .ok_or_else(|| UnknownOption(word.to_owned()))
        })
    }

    /// Whether it holds the option.
    #[must_use]
    pub const fn contains(self, option: SecurityOption) -> bool {
        self.0 & option.bit() != 0
    }

    /// Whether a mechanism that meets `met` meets all of these.
    #[must_use]
    pub const fn are_met_by(self, met: Self) -> bool {
        self.0 & !met.0 == 0
    }
}

impl fmt::Debug for SecurityOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(SecurityOption::ALL.iter().filter(|option| self.contains(**option))).finish()
    }
}

impl SecurityPolicy {
    /// What is demanded under `protection`.
    #[must_use]
    pub const fn on(&self, protection: Protection) -> SecurityOptions {
        match protection {
            Protection::Plain => self.plain,
            Protection::Tls => self.tls,
            Protection::TlsVerified => self.tls_verified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_in_main_cf() {
        use SecurityOption::{MutualAuth, NoAnonymous, NoPlaintext};
        let parsed = |value| SecurityOptions::parse(value).unwrap();
        assert_eq!(parsed("noplaintext, noanonymous"), SecurityOptions::of(&[NoPlaintext, NoAnonymous]));
        assert_eq!(parsed("\tMutual_Auth,,noAnonymous "), SecurityOptions::of(&[MutualAuth, NoAnonymous]));
        assert_eq!(parsed(" ,"), SecurityOptions::default());
    }

    #[test]
    fn a_word_that_is_no_option_is_an_error() {
        let error = SecurityOptions::parse("noanonymous, noplain").unwrap_err();
        assert_eq!(error.to_string(), "unknown SASL security option \"noplain\"");
    }

    #[test]
    fn each_protection_has_its_own_demands() {
        let options = |option| SecurityOptions::of(&[option]);
        let policy = SecurityPolicy {
            plain: options(SecurityOption::NoPlaintext),
            tls: options(SecurityOption::MutualAuth),
            tls_verified: SecurityOptions::default(),
        };
        assert_eq!(policy.on(Protection::Plain), policy.plain);
        assert_eq!(policy.on(Protection::Tls), policy.tls);
        assert_eq!(policy.on(Protection::TlsVerified), policy.tls_verified);
    }
}
