//! What a failed lookup or a wrong destination becomes: status, text and class.

use std::fmt;

use crate::dns::{Outcome, RecordKind, SystemFailure, Trouble};
use crate::nexthop::NexthopError;

/// An enhanced status code, RFC 3463: `class.subject.detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Status {
    /// 4 for now, 5 for good.
    pub class: u8,
    /// RFC 3463 §3: the subject.
    pub subject: u16,
    /// RFC 3463 §3: the detail.
    pub detail: u16,
}

impl Status {
    pub(crate) const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }

    pub(crate) const fn softened(self) -> Self {
        Self { class: 4, ..self }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What kind of failure it is, for the one function that decides between next host, defer and bounce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// May work later.
    Soft,
    /// The destination's own data says that it will never work.
    Hard,
    /// The mail would come back to us (5.4.6). Final: no fallback; `best_mx_transport` applies.
    Loop,
    /// Our configuration or request is wrong; the mail waits until somebody has put it right.
    Configuration,
}

/// No candidate: why, as the log line and the bounce say it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct RouteError {
    /// For `dsn=` and the report.
    pub status: Status,
    /// The reason, without status.
    pub text: String,
    /// For the decision.
    pub class: Class,
    /// This machine is an exchanger of the destination: the next hop is final, no fallback relay may follow.
    pub i_am_mx: bool,
}

impl RouteError {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        let class = if status.class == 4 { Class::Soft } else { Class::Hard };
        Self { status, text: text.into(), class, i_am_mx: false }
    }

    pub(crate) fn softened(self) -> Self {
        let class = if self.class == Class::Hard { Class::Soft } else { self.class };
        Self { status: self.status.softened(), class, ..self }
    }

    pub(crate) fn no_protocols() -> Self {
        Self::new(Status::new(4, 4, 4), "all network protocols are disabled")
    }

    /// Nothing is left of the list but us, and nobody better is published.
    pub(crate) fn loops_back(domain: &str) -> Self {
        let text = format!("mail for {domain} loops back to myself");
        Self { class: Class::Loop, i_am_mx: true, ..Self::new(Status::new(5, 4, 6), text) }
    }

    /// Better exchangers are published, but none has an address now.
    pub(crate) fn no_primary(domain: &str) -> Self {
        let text = format!("unable to find primary relay for {domain}");
        Self { i_am_mx: true, ..Self::new(Status::new(4, 4, 4), text) }
    }

    /// A name that is not asked, because it is no host name.
    pub(crate) fn invalid_name(name: &str) -> Self {
        Self::new(Status::new(5, 4, 4), format!("Name service error for {name}: invalid host or domain name"))
    }

    /// The failure that an outcome stands for; `None` if records were found.
    pub(crate) fn of_dns(asked: &str, kind: RecordKind, outcome: &Outcome) -> Option<Self> {
        let not_found = |reason: &str| {
            format!(
                "Host or domain name not found. Name service error for name={asked} type={kind}: {reason}"
            )
        };
        let malformed = || {
            format!(
                "Name service error for name={asked} type={kind}: Malformed or unexpected name server reply"
            )
        };
        let filtered = |what: &str| format!("Error looking up name={asked} type={kind}: {what}");
        let (status, text) = match outcome {
            Outcome::Found(_) => return None,
            Outcome::NxDomain => ((5, 4, 4), not_found("Host not found")),
            Outcome::NoData => ((5, 4, 4), not_found("Host found but no data record of requested type")),
            Outcome::AliasLoop => ((5, 4, 4), format!("Name server loop for {asked}")),
            Outcome::NullMx => ((5, 1, 0), format!("Domain {asked} does not accept mail (nullMX)")),
            Outcome::NullSrv => ((5, 1, 0), format!("Domain {asked} does not support SRV requests")),
            Outcome::Filtered => ((4, 7, 0), filtered("DNS reply filter drops all results")),
            Outcome::Temporary(Trouble::Filter(_)) => {
                ((4, 4, 3), filtered("Invalid DNS reply filter syntax"))
            }
            Outcome::Temporary(Trouble::Malformed(_)) => ((4, 4, 3), malformed()),
            Outcome::Temporary(_) => ((4, 4, 3), not_found("Host not found, try again")),
            Outcome::Invalid => ((5, 4, 4), malformed()),
            Outcome::Unrecoverable(_) => ((5, 4, 3), not_found("Non-recoverable error")),
        };
        Some(Self::new(Status::new(status.0, status.1, status.2), text))
    }

    /// The failure of the system's own lookup (getaddrinfo).
    pub(crate) fn of_system(name: &str, failure: &SystemFailure) -> Self {
        let status = match failure {
            SystemFailure::TryAgain(_) => Status::new(4, 4, 4),
            SystemFailure::NotFound(_) => Status::new(5, 4, 4),
            SystemFailure::Other(_) => Status::new(4, 3, 0),
            SystemFailure::Unrecoverable(_) => Status::new(5, 3, 0),
        };
        Self::new(status, format!("unable to look up host {name}: {failure}"))
    }
}

impl From<&NexthopError> for RouteError {
    /// Bad destinations defer with 4.3.5 and lose nothing: the configuration may be put right.
    fn from(error: &NexthopError) -> Self {
        Self { class: Class::Configuration, ..Self::new(Status::new(4, 3, 5), error.to_string()) }
    }
}
