//! Types that a parameter can have: from expanded text to a value whose type says the range.

mod choice;
mod feedback;
mod flags;
mod known_ports;
mod list;
mod net;
mod notify;
mod number;
mod sasl;
mod service;
mod text;
mod time;
mod tls_log;

use std::net::AddrParseError;
use std::num::ParseIntError;

pub use choice::{
    AddressPreference, CipherGrade, DnsSupport, HostLookup, InetInterfaces, InetProtocols, InsecureMxPolicy,
    ResolverOptions, SecurityLevel, SyslogFacility, VerifyTarget,
};
pub use feedback::Feedback;
pub use flags::DeliveryFlags;
pub use known_ports::KnownPorts;
pub use list::Keywords;
pub(crate) use list::words;
pub use net::{Network, Networks};
pub use notify::NotifyClasses;
pub use number::{Positive, Within};
pub use sasl::{SaslOptions, SaslType};
pub use service::Service;
pub use text::{DomainSource, NonEmpty, TransportNexthop};
pub use tls_log::TlsLogLevel;

use crate::tables::SpecError;

/// A type that a parameter can have.
pub trait Value: Sized {
    /// The type in an operator's words, for errors and the manual.
    const KIND: &'static str;

    /// Parses expanded text. `default` is the parameter's own default, which a time takes its unit from.
    fn parse(text: &str, default: &str) -> Result<Self, ValueError>;
}

/// What is wrong with a value. Whoever set it is to blame; [`crate::ParamError`] says who that was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Something must be there.
    #[error("must not be empty")]
    Empty,
    /// Neither `yes` nor `no`.
    #[error("expected yes or no")]
    NotYesOrNo,
    /// Not a whole number.
    #[error("expected a whole number: {0}")]
    NotANumber(ParseIntError),
    /// Below the least allowed.
    #[error("must be at least {0}")]
    TooSmall(u64),
    /// Above the most allowed.
    #[error("must be at most {0}")]
    TooLarge(u64),
    /// A time with an unknown unit.
    #[error("unknown time unit {0:?}: use s, m, h, d or w")]
    UnknownUnit(String),
    /// A time beyond what can be represented.
    #[error("time is too long")]
    TimeTooLong,
    /// Not one of the words that are allowed here.
    #[error("{word:?} is not one of: {}", allowed.join(", "))]
    NotOneOf {
        /// The offending word.
        word: String,
        /// All words that are allowed.
        allowed: &'static [&'static str],
    },
    /// Not an IP address (and port, where one is needed).
    #[error("{word:?}: {reason}")]
    NotAnAddress {
        /// The offending word.
        word: String,
        /// What the parser said.
        reason: AddrParseError,
    },
    /// A network's prefix length is wrong, or bits beyond it are set.
    #[error("{0:?} is not a network: write address/length with all host bits zero")]
    NotANetwork(String),
    /// Not a port number and not a service name.
    #[error("{0:?} is not a port (1-65535) or service name")]
    NotAService(String),
    /// Not one of the feedback forms.
    #[error("expected a number between 0 and 1, optionally followed by /concurrency or /sqrt_concurrency")]
    NotFeedback,
    /// A brace without its partner.
    #[error("unbalanced {{ }} in {0:?}")]
    Unbalanced(String),
    /// A table reference that does not parse.
    #[error(transparent)]
    Table(#[from] SpecError),
}

impl Value for bool {
    const KIND: &'static str = "yes or no";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        if text.eq_ignore_ascii_case("yes") {
            Ok(true)
        } else if text.eq_ignore_ascii_case("no") {
            Ok(false)
        } else {
            Err(ValueError::NotYesOrNo)
        }
    }
}
