//! Which mechanism is used, of those that the server offers.

use crate::binding::{ChannelBinding, Gs2};
use crate::failure::LoginFailed;
use crate::mechanism::Mechanism;
use crate::security::SecurityOptions;

/// How many octets of the server's list are looked at.
const LONGEST_LIST: usize = 2048;

/// What `smtp_sasl_mechanism_filter` says of a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filtered {
    /// It is not to be used.
    Out,
    /// It may be used: a table that takes all, or no filter at all.
    In,
    /// It may be used, and the filter has its very name: what mechanisms need that take the password for a token.
    ByName,
}

/// Whether a client certificate was asked for and shown in this session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// The server has seen one.
    Shown,
    /// It has not, or there is no TLS.
    Absent,
}

/// What is known about the session besides the server's list.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// [`crate::SecurityPolicy::on`] of the session's protection.
    pub options: SecurityOptions,
    /// For EXTERNAL.
    pub certificate: ClientCertificate,
    /// For SCRAM. `None` without TLS, or if TLS does not tell.
    pub binding: Option<&'a ChannelBinding>,
}

/// The mechanisms that may be used, the best first; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    best: Choice,
    others: Vec<Mechanism>,
}

/// A mechanism to be used, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) mechanism: Mechanism,
    pub(crate) gs2: Gs2,
}

impl Selection {
    /// Chooses. `offered` is what followed AUTH in the reply to EHLO, separated by spaces; `filter` is asked for
    /// each word of it.
    ///
    /// # Errors
    /// [`LoginFailed::NothingOffered`] if the filter leaves nothing, [`LoginFailed::NoMechanism`] if none of the
    /// rest will do.
    pub fn new(
        offered: &str,
        mut filter: impl FnMut(&str) -> Filtered,
        circumstances: &Circumstances<'_>,
    ) -> Result<Self, LoginFailed> {
        let offered = bounded(offered);
        let mut passed: Vec<(&str, Filtered)> =
            offered.split_ascii_whitespace().map(|name| (name, filter(name))).collect();
        passed.retain(|(_, filtered)| *filtered != Filtered::Out);
        if passed.is_empty() {
            return Err(LoginFailed::NothingOffered { offered: offered.to_owned() });
        }
        let mut usable = Mechanism::ALL.into_iter().filter(|mechanism| {
            passed.iter().any(|(name, filtered)| {
                name.eq_ignore_ascii_case(mechanism.name()) && circumstances.allow(*mechanism, *filtered)
            })
        });
        let mechanism = usable.next().ok_or(LoginFailed::NoMechanism)?;
        let gs2 = circumstances.gs2(mechanism, offered);
        Ok(Self { best: Choice { mechanism, gs2 }, others: usable.collect() })
    }

    /// The one that is used.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.best.mechanism
    }

    /// All that could be used, the best first.
    pub fn all(&self) -> impl Iterator<Item = Mechanism> {
        std::iter::once(self.best.mechanism).chain(self.others.iter().copied())
    }

    pub(crate) const fn best(&self) -> &Choice {
        &self.best
    }
}

impl Circumstances<'_> {
    fn allow(&self, mechanism: Mechanism, filtered: Filtered) -> bool {
        let possible = match mechanism {
            Mechanism::External => self.certificate == ClientCertificate::Shown,
            Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus => self.binding.is_some(),
            Mechanism::OauthBearer | Mechanism::Xoauth2 => filtered == Filtered::ByName,
            Mechanism::ScramSha256
            | Mechanism::ScramSha1
            | Mechanism::CramMd5
            | Mechanism::Plain
            | Mechanism::Login
            | Mechanism::Anonymous => true,
        };
        possible && self.options.are_met_by(mechanism.meets())
    }

    /// `y` accuses somebody of having taken the offer of `-PLUS` away, so it is said only where there was none, RFC
    /// 5802 §6: where our own filter took it away, the server would break off for nothing.
    fn gs2(&self, mechanism: Mechanism, offered: &str) -> Gs2 {
        let any_bound = offered
            .split_ascii_whitespace()
            .any(|name| Mechanism::of_name(name).is_some_and(Mechanism::is_bound));
        match self.binding {
            Some(binding) if mechanism.is_bound() => Gs2::Bound(binding.clone()),
            Some(_) if !any_bound => Gs2::NotOffered,
            Some(_) | None => Gs2::Without,
        }
    }
}

/// As much of the list as is looked at, in whole words.
fn bounded(offered: &str) -> &str {
    let offered = offered.trim_ascii();
    if offered.len() <= LONGEST_LIST {
        return offered;
    }
    let kept = offered.get(..offered.floor_char_boundary(LONGEST_LIST)).unwrap_or_default();
    kept.rsplit_once(|c: char| c.is_ascii_whitespace()).map_or("", |(whole, _)| whole)
}

#[cfg(test)]
mod tests;
