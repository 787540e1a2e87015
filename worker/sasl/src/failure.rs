//! Why a login failed, in the words of the log. Nothing of a credential is ever part of them.

use crate::mechanism::Mechanism;
use std::fmt;

/// The longest challenge that is looked at, in octets of base64. Under what the reply reader keeps of a line (2048
/// less the code), so that a challenge that was cut there is not taken for a whole one.
pub const LONGEST_CHALLENGE: usize = 2040;

/// How often a server may ask during one login.
pub const MOST_ROUNDS: u32 = 100;

/// How often SCRAM may hash a password. Measured: this many take 0.3 s on a processor with instructions for SHA;
/// meanwhile the caller's thread does nothing else.
pub const MOST_ITERATIONS: u32 = 1_000_000;

/// There was no login, and it was not the server that said so. Concerns the site: the next host is tried, and mail
/// for the destination waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginFailed {
    /// There is a credential, and no mechanism that the server offers and `smtp_sasl_mechanism_filter` lets pass.
    NothingOffered {
        /// What the server offered, before the filter.
        offered: String,
    },
    /// Mechanisms are there, and none is both built and within the security options. Nothing was sent.
    NoMechanism,
    /// The initial response was too long for the command, and the server spoke where it had to wait for it.
    SpokeFirst {
        /// The mechanism.
        mechanism: Mechanism,
        /// What the server said, one line.
        challenge: String,
    },
    /// More than [`MOST_ROUNDS`] challenges.
    Loop,
    /// The mechanism cannot go on.
    Cannot(Fault),
}

/// Why a mechanism cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Of the server: a challenge in more than one line.
    #[error("a challenge of more than one line")]
    ManyLines,
    /// Of the server: a challenge without bounds.
    #[error("a challenge longer than {LONGEST_CHALLENGE} octets")]
    Oversized,
    /// Of the server: RFC 4648 §4 in its strict form.
    #[error("a challenge that is not base64")]
    NotBase64,
    /// Of the server: nothing is left to be said.
    #[error("a challenge after the last response")]
    NothingLeft,
    /// Of the server: a challenge that the mechanism does not know.
    #[error("a challenge without meaning in {0}")]
    Malformed(Mechanism),
    /// Of the server: an extension that must be understood, RFC 5802 §5.1 `m`.
    #[error("a mandatory extension that is not known")]
    Extension,
    /// Of the server: a nonce that does not continue ours. RFC 5802 §5.1.
    #[error("a nonce that does not continue the client's")]
    ForeignNonce,
    /// Of the server: an iteration count of zero or beyond [`MOST_ITERATIONS`].
    #[error("an iteration count outside 1 to {MOST_ITERATIONS}")]
    Iterations,
    /// Of the server: it does not know the password, or did not show that it does. RFC 5802 §3.
    #[error("server failed mutual authentication step")]
    Unproven,
    /// Of the server: it reported an error, and accepted all the same.
    #[error("success after an error of the mechanism")]
    Contradiction,
    /// Of the administrator: SASLprep, RFC 4013, forbids characters of the user name or the password.
    #[error("a user name or password that SASLprep forbids")]
    Unpreparable,
    /// Of the administrator: a token or user name with characters that would end its field. RFC 6750 §2.1.
    #[error("a user name or token with characters that it may not have")]
    NotToken,
}

/// An enhanced status code of class 4: `4.subject.detail`, RFC 3463.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SoftStatus {
    /// The second number.
    pub subject: u16,
    /// The third number.
    pub detail: u16,
}

impl LoginFailed {
    /// The status of the failure.
    #[must_use]
    pub const fn status(&self) -> SoftStatus {
        match self {
            Self::Loop => SoftStatus { subject: 3, detail: 0 },
            Self::NothingOffered { .. } | Self::NoMechanism | Self::SpokeFirst { .. } | Self::Cannot(_) => {
                SoftStatus { subject: 7, detail: 0 }
            }
        }
    }

    /// One line for the log; `peer` is the server's name there, `host[address]`.
    #[must_use]
    pub fn reason(&self, peer: &str) -> String {
        match self {
            Self::NothingOffered { .. } => format!(
                "SASL authentication failed: server {peer} offered no compatible authentication mechanisms \
                 for this type of connection security"
            ),
            Self::SpokeFirst { mechanism, challenge } => format!(
                "SASL authentication failed; non-empty initial {mechanism} challenge from server {peer}: \
                 {challenge}"
            ),
            Self::Loop => {
                format!("SASL authentication failed; authentication protocol loop with server {peer}")
            }
            Self::NoMechanism | Self::Cannot(_) => format!(
                "SASL authentication failed; cannot authenticate to server {peer}: {}",
                self.diagnostic().unwrap_or_default()
            ),
        }
    }

    /// What a bounce tells after `Diagnostic-Code: X-SASL; 535`, if the mechanism was at fault.
    #[must_use]
    pub fn diagnostic(&self) -> Option<String> {
        match self {
            Self::NoMechanism => Some("no mechanism available".to_owned()),
            Self::Cannot(fault) => Some(fault.to_string()),
            Self::SpokeFirst { challenge, .. } => Some(challenge.clone()),
            Self::NothingOffered { .. } | Self::Loop => None,
        }
    }

    /// A warning that the administrator may want to read besides: what the server offers is of no use.
    #[must_use]
    pub fn warning(&self, peer: &str) -> Option<String> {
        match self {
            Self::NothingOffered { offered } if offered.is_empty() => {
                Some(format!("{peer} offered null AUTH mechanism list"))
            }
            Self::NothingOffered { offered } => {
                Some(format!("{peer} offered no supported AUTH mechanisms: '{offered}'"))
            }
            Self::NoMechanism | Self::SpokeFirst { .. } | Self::Loop | Self::Cannot(_) => None,
        }
    }
}

impl From<Fault> for LoginFailed {
    fn from(fault: Fault) -> Self {
        Self::Cannot(fault)
    }
}

impl fmt::Display for SoftStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "4.{}.{}", self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failed: &LoginFailed, status: &str, reason: &str) {
        assert_eq!((failed.status().to_string().as_str(), failed.reason("h[1]").as_str()), (status, reason));
    }

    #[test]
    fn the_texts_are_those_of_postfix() {
        check(
            &LoginFailed::NothingOffered { offered: String::new() },
            "4.7.0",
            "SASL authentication failed: server h[1] offered no compatible authentication mechanisms for this \
             type of connection security",
        );
        check(
            &LoginFailed::NoMechanism,
            "4.7.0",
            "SASL authentication failed; cannot authenticate to server h[1]: no mechanism available",
        );
        check(
            &LoginFailed::SpokeFirst { mechanism: Mechanism::Plain, challenge: "eA==".into() },
            "4.7.0",
            "SASL authentication failed; non-empty initial PLAIN challenge from server h[1]: eA==",
        );
        check(
            &LoginFailed::Loop,
            "4.3.0",
            "SASL authentication failed; authentication protocol loop with server h[1]",
        );
        check(
            &LoginFailed::Cannot(Fault::Unproven),
            "4.7.0",
            "SASL authentication failed; cannot authenticate to server h[1]: server failed mutual \
             authentication step",
        );
    }

    #[test]
    fn a_list_that_is_of_no_use_is_worth_a_warning() {
        let warning = |offered: &str| LoginFailed::NothingOffered { offered: offered.into() }.warning("h[1]");
        assert_eq!(warning("").unwrap(), "h[1] offered null AUTH mechanism list");
        assert_eq!(warning("NTLM X").unwrap(), "h[1] offered no supported AUTH mechanisms: 'NTLM X'");
        assert_eq!(LoginFailed::NoMechanism.warning("h[1]"), None);
    }
}
