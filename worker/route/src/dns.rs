//! Questions to DNS and to the system, with the outcomes kept apart.

mod ad_pool;
mod answer;
mod cache;
mod exchange;
mod filter;
mod probe;
mod resolv_conf;
mod resolver;
mod system;
mod table;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::find::Families;
use crate::hostname::{Host, HostName};

pub use filter::RecordFilter;
pub use probe::{Probe, ProbeError, ProbeResult};
pub use resolv_conf::ResolvConf;
pub use resolver::{AdTrust, Resolver, ResolverOptions, Source};
pub use table::Table;

/// Most records of one answer that are used; the others are dropped with a warning.
pub const MOST_RECORDS: usize = 100;
/// Most aliases that are followed from a name to its records.
pub const MOST_ALIASES: usize = 10;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// Mail exchangers.
    Mx,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// What a TLS server's certificate must match. RFC 6698.
    Tlsa,
    /// Hosts and ports of a service. RFC 2782.
    Srv,
    /// The alias itself: it is not followed, and the reply says whether this one record was validated.
    Cname,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mx => "MX",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Tlsa => "TLSA",
            Self::Srv => "SRV",
            Self::Cname => "CNAME",
        })
    }
}

/// One record of the kind asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// RFC 5321 §5.1. The target is a valid name, or a number where a name should be.
    Mx {
        /// Lower is better.
        preference: u16,
        /// Who takes the mail.
        target: Host,
    },
    /// RFC 1035 §3.4.1, RFC 3596 §2.2.
    Address(IpAddr),
    /// RFC 6698 §2.1.
    Tlsa(Tlsa),
    /// RFC 2782. The target is a valid name, or a number where a name should be.
    Srv {
        /// Lower is better.
        priority: u16,
        /// How often it comes first among those of its priority, compared to the others.
        weight: u16,
        /// TCP, since that is what is asked for.
        port: u16,
        /// Who offers the service.
        target: Host,
    },
    /// RFC 1035 §3.3.1: what the name is an alias of.
    Alias(HostName),
}

/// A certificate association, RFC 6698 §2.1. Numbers are as they came, known or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// Which certificate: 2 DANE-TA, 3 DANE-EE; 0 and 1 are PKIX (RFC 7218 §2.1).
    pub usage: u8,
    /// What of it: 0 all, 1 the public key.
    pub selector: u8,
    /// How `data` was made of it: 0 not at all, 1 SHA-256, 2 SHA-512.
    pub matching: u8,
    /// At least one octet, at most what a DNS message holds; its length need not suit `matching`.
    pub data: Vec<u8>,
}

/// Why there is no answer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No server answered in time.
    Timeout,
    /// The servers answered, with this RCODE (2 SERVFAIL, 4 NOTIMP, 5 REFUSED).
    Rcode(u16),
    /// The reply was not a DNS message, or not one for the question.
    Malformed(String),
    /// The servers cannot be reached.
    Network(String),
    /// The operator's filter for replies could not say what to do.
    Filter(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Rcode(rcode) => write!(f, "rcode {rcode}"),
            Self::Malformed(reason) | Self::Network(reason) | Self::Filter(reason) => f.write_str(reason),
        }
    }
}

/// What a question led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// At least one record, at most [`MOST_RECORDS`], in the order of the reply.
    Found(Vec<Record>),
    /// The name exists, without records of that kind.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// The domain takes no mail: an MX with empty target is among the records (RFC 7505).
    NullMx,
    /// The domain does not have the service: an SRV with empty target is among the records (RFC 2782).
    NullSrv,
    /// There are records, and the operator's filter drops all of them.
    Filtered,
    /// More than [`MOST_ALIASES`] aliases.
    AliasLoop,
    /// No answer now.
    Temporary(Trouble),
    /// There are records, none of them with a valid name, or for TLSA, none with data.
    Invalid,
    /// The servers refuse the question for good (FORMERR and its kin).
    Unrecoverable(u16),
}

/// An outcome and what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// What it is.
    pub outcome: Outcome,
    /// DNSSEC: every alias and the answer were validated by a resolver we believe.
    pub secure: bool,
    /// How long this stays true: the smallest TTL of all records used. `None`: not known, must not be kept.
    pub ttl: Option<Duration>,
    /// The name at the end of the aliases, if there were any.
    pub canonical: Option<HostName>,
}

impl Reply {
    /// No answer now.
    pub fn temporary(trouble: Trouble) -> Self {
        Self::of(Outcome::Temporary(trouble))
    }

    pub(crate) fn of(outcome: Outcome) -> Self {
        Self { outcome, secure: false, ttl: None, canonical: None }
    }
}

/// How much time lookups may take. One per delivery request.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When the request began; TTLs count from here.
    pub now: Instant,
    /// When every lookup of the request is over.
    pub until: Instant,
    /// The longest that one lookup may take, with all its retries and aliases.
    pub per_lookup: Duration,
}

/// Why the system's own lookup found nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SystemFailure {
    /// EAI_AGAIN, or no answer in time.
    #[error("{0}")]
    TryAgain(String),
    /// EAI_NONAME, EAI_NODATA.
    #[error("{0}")]
    NotFound(String),
    /// Anything else, such as no memory.
    #[error("{0}")]
    Other(String),
    /// EAI_FAIL: asking again will not help.
    #[error("{0}")]
    Unrecoverable(String),
}

/// Where records and addresses come from.
pub trait Lookup: Send + Sync {
    /// Asks DNS for records of an absolute name.
    fn query(&self, name: &HostName, kind: RecordKind, budget: Budget) -> impl Future<Output = Reply> + Send;

    /// Asks the system (getaddrinfo: hosts file and whatever nsswitch.conf names). Never secure.
    fn system(
        &self,
        name: &HostName,
        families: Families,
        budget: Budget,
    ) -> impl Future<Output = Result<Vec<IpAddr>, SystemFailure>> + Send;
}
