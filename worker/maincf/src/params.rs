//! Every parameter, grouped by chapter, and how to find a row by its main.cf name.

mod bounce;
mod connect;
mod content;
mod dns;
mod errors;
mod hello;
mod identity;
mod intake;
mod lines;
mod log;
mod nexthop;
mod paths;
mod process;
mod queue;
mod retry;
mod rewriting;
mod routing;
mod sasl;
mod schedule;
mod session_cache;
mod timeouts;
mod tls;
mod tls_openssl;
mod tls_trust;
mod under_postfix;

use std::borrow::Cow;
use std::sync::LazyLock;

pub use bounce::Bounce;
pub use connect::Connect;
pub use content::Content;
pub use dns::Dns;
pub use errors::Errors;
pub use hello::Hello;
pub use identity::Identity;
pub use intake::Intake;
pub use lines::Lines;
pub use log::Log;
pub use nexthop::Nexthop;
pub use paths::Paths;
pub use process::Process;
pub use queue::Queue;
pub use retry::Retry;
pub use rewriting::Rewriting;
pub use routing::Routing;
pub use sasl::Sasl;
pub use schedule::{Pool, TransportLimits};
pub use session_cache::SessionCache;
pub use timeouts::Timeouts;
pub use tls::Tls;
pub use tls_openssl::TlsOpenssl;
pub use tls_trust::TlsTrust;
pub use under_postfix::UnderPostfix;

use crate::param::{Group, Mirror, Param, Protocol, Scope};

/// Every group, in the order of the manual.
pub const ALL: &[Group] = &[
    Identity::GROUP,
    Nexthop::GROUP,
    Dns::GROUP,
    Connect::GROUP,
    Timeouts::GROUP,
    Hello::GROUP,
    Lines::GROUP,
    Content::GROUP,
    Rewriting::GROUP,
    SessionCache::GROUP,
    Tls::GROUP,
    TlsTrust::GROUP,
    TlsOpenssl::GROUP,
    Sasl::GROUP,
    Errors::GROUP,
    Process::GROUP,
    Log::GROUP,
    Paths::GROUP,
    Routing::GROUP,
    Pool::GROUP,
    TransportLimits::GROUP,
    Retry::GROUP,
    Queue::GROUP,
    Bounce::GROUP,
    Intake::GROUP,
    UnderPostfix::GROUP,
];

/// A row, found by one of its names.
#[derive(Clone, Debug)]
pub struct Found {
    /// The row.
    pub row: &'static Param,
    /// Under which protocol's prefix, or which transport's; shared names are found as SMTP's.
    owner: Owner,
}

#[derive(Clone, Debug)]
enum Owner {
    Protocol(Protocol),
    Transport(String),
}

impl Found {
    /// The scope in which the row has the name it was found by.
    pub fn scope(&self) -> Scope<'_> {
        match &self.owner {
            Owner::Protocol(protocol) => Scope::Protocol(*protocol),
            Owner::Transport(transport) => Scope::Transport(transport),
        }
    }

    /// Postfix's unexpanded default under that name.
    pub fn default(&self) -> Cow<'static, str> {
        self.row.default(self.scope())
    }
}

/// Rows by their names without the prefix of a protocol, sorted. Every process that starts makes this: it must be cheap.
static KEYS: LazyLock<Vec<(&'static str, &'static Param)>> = LazyLock::new(|| {
    let own = rows().map(|row| (row.key, row));
    let mut keys: Vec<_> = own.chain(rows().filter_map(|row| Some((row.lmtp_key()?, row)))).collect();
    keys.sort_unstable_by_key(|(key, _)| *key);
    keys
});

/// The rows that may have a name, which is this one or this one with a prefix.
fn with_key(key: &str) -> impl Iterator<Item = &'static Param> {
    let first = KEYS.partition_point(|(other, _)| *other < key);
    KEYS.iter().skip(first).take_while(move |(other, _)| *other == key).map(|(_, row)| *row)
}

fn of_protocol(name: &str, protocol: Protocol) -> Option<&'static Param> {
    let keys = [Some(name), name.strip_prefix(protocol.prefix())].into_iter().flatten();
    keys.flat_map(with_key).find(|row| row.name(Scope::Protocol(protocol)).as_deref() == Some(name))
}

/// Every row, in the order of the manual.
pub fn rows() -> impl Iterator<Item = &'static Param> {
    ALL.iter().flat_map(|group| group.rows)
}

/// The row that a main.cf name belongs to.
pub fn find(name: &str) -> Option<Found> {
    for protocol in Protocol::ALL {
        if let Some(row) = of_protocol(name, protocol) {
            return Some(Found { row, owner: Owner::Protocol(protocol) });
        }
    }
    rows().filter(|row| row.mirror == Mirror::PerTransport).find_map(|row| {
        let transport = name.strip_suffix(row.key)?.strip_suffix('_').filter(|rest| !rest.is_empty())?;
        Some(Found { row, owner: Owner::Transport(transport.into()) })
    })
}

static NAMES: LazyLock<Vec<Cow<'static, str>>> = LazyLock::new(|| {
    let scopes = Protocol::ALL.map(Scope::Protocol);
    let mut names: Vec<_> =
        rows().flat_map(|row| scopes.into_iter().filter_map(|scope| row.name(scope))).collect();
    for transport in ["smtp", "lmtp"] {
        names.extend(rows().filter_map(|row| row.name(Scope::Transport(transport))));
    }
    names.sort_unstable();
    names.dedup();
    names
});

/// Every name that has a row of its own, names per transport as smtp's and lmtp's, sorted.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    NAMES.iter().map(AsRef::as_ref)
}

#[cfg(test)]
mod tests;
