//! From a next hop to the hosts to try, in order.

mod addresses;
mod exchangers;
mod options;
mod order;
mod own;
mod service;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::dns::{Budget, Lookup};
use crate::failure::RouteError;
use crate::hostname::{Host, HostName};
use crate::nexthop::{Kind, Nexthop};

pub use options::{
    AddressOrder, AddressPreference, DnsSupport, Families, HostLookup, MxLookupError, NoMxAddress,
    RouteOptions, SrvLookup,
};
pub use own::OwnAddresses;
use service::{NoService, Rest};

/// How long a route stays fresh that no record's TTL limits.
pub const LONGEST_FRESH: Duration = Duration::from_secs(24 * 3600);
/// The same for addresses from the system's lookup, and for "no MX" from a server that gave no TTL.
pub const FRESH_WITHOUT_TTL: Duration = Duration::from_secs(60);

/// A place to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// TCP.
    Inet(SocketAddr),
    /// A stream socket; a relative path counts from the queue directory.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// One host address to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The name that was asked (MX target or bracketed host as given): for logs, TLS and SASL.
    pub host: String,
    /// The name at the end of its aliases, if it has any.
    pub canonical: Option<HostName>,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// MX preference or SRV priority, lower is better; 0 where neither is involved.
    pub preference: u16,
    /// Its preference is the best one in the list.
    pub best: bool,
    /// DNSSEC: the address records and all aliases to them were validated.
    pub secure: bool,
}

/// How the candidates were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Through the domain's exchangers.
    Mx {
        /// The best preference published, whether or not that host has an address.
        best_published: u16,
        /// DNSSEC: the MX records and all aliases to them were validated.
        secure: bool,
        /// The name at the end of the domain's aliases, if it has any: certificates may have it (RFC 7672 §3.2.2).
        canonical: Option<HostName>,
    },
    /// Through the hosts of a service of the domain, RFC 2782.
    Srv {
        /// DNSSEC: the SRV records and all aliases to them were validated.
        secure: bool,
        /// The name at the end of the aliases of `_service._tcp.domain`, if it has any.
        canonical: Option<HostName>,
    },
    /// The domain has no MX, so its own addresses count (RFC 5321 §5.1).
    ImplicitMx,
    /// A host's addresses.
    Host,
    /// Nothing was asked.
    Literal,
    /// A path.
    Unix,
}

/// The hosts to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Best first; never empty. Not cut to `smtp_mx_address_limit` unless families were balanced.
    pub candidates: Vec<Candidate>,
    /// How they were found.
    pub origin: Origin,
    /// This machine is an exchanger too: the next hop is final, no fallback relay may follow.
    pub i_am_mx: bool,
    /// How long the route stays true, from `Budget::now`: the smallest TTL that led to it.
    pub fresh_for: Duration,
}

/// Finds the hosts to try for `nexthop`.
///
/// `seed` decides the order of equals; give a new one each time.
pub async fn find<L: Lookup>(
    lookup: &L,
    nexthop: &Nexthop,
    options: &RouteOptions,
    budget: Budget,
    seed: u64,
) -> Result<Route, RouteError> {
    let port = nexthop.port_or(options.default_port);
    let search = Search { lookup, options, budget, port, seed, domain: nexthop.domain() };
    if let Some((name, service)) = search.service_of(nexthop) {
        match search.by_service(name, service).await {
            Err(NoService { error, rest: Rest::Skip }) => tracing::info!("{error}"),
            Err(NoService { error, rest: Rest::Stop }) => return Err(error),
            Ok(route) => return Ok(route),
        }
    }
    match nexthop.kind() {
        Kind::Unix(path) => Ok(unix(nexthop, path.clone())),
        _ if options.families == Families::None => Err(RouteError::no_protocols()),
        Kind::Mx(domain) if options.dns != DnsSupport::Disabled => search.by_domain(domain).await,
        Kind::Mx(host) => search.by_host(host).await,
        Kind::Host(name) => search.by_host(&Host::Name(name.clone())).await,
        Kind::Literal(address) => search.by_host(&Host::Address(*address)).await,
    }
}

fn unix(nexthop: &Nexthop, path: PathBuf) -> Route {
    let candidate = Candidate {
        host: nexthop.domain().into(),
        canonical: None,
        endpoint: Endpoint::Unix(path),
        preference: 0,
        best: true,
        secure: false,
    };
    Route { candidates: vec![candidate], origin: Origin::Unix, i_am_mx: false, fresh_for: LONGEST_FRESH }
}

/// One run of [`find`].
struct Search<'a, L> {
    lookup: &'a L,
    options: &'a RouteOptions,
    budget: Budget,
    port: u16,
    seed: u64,
    /// As the request wrote it, for texts.
    domain: &'a str,
}

/// An address with what is known about it, before it becomes a [`Candidate`].
#[derive(Clone, Debug)]
struct Found {
    host: String,
    canonical: Option<HostName>,
    address: IpAddr,
    /// Where the record that led here names one.
    port: Option<u16>,
    preference: u16,
    secure: bool,
}

impl<L: Lookup> Search<'_, L> {
    /// Whether the self check applies: only where mail to us would come back to us.
    fn may_loop(&self) -> bool {
        self.port == SMTP_PORT
    }

    /// DNSSEC counts only where the administrator wants it, even if the resolver was told otherwise.
    fn believe(&self, secure: bool) -> bool {
        secure && self.options.dns == DnsSupport::Dnssec
    }

    /// Orders what is left after the self check.
    fn route(&self, mut found: Vec<Found>, origin: Origin, i_am_mx: bool, fresh_for: Duration) -> Route {
        match origin {
            // The order of its records is drawn already, and counts for the families too.
            Origin::Srv { .. } => order::balance(&mut found, self.options.balance_to),
            _ => order::arrange(&mut found, self.options, self.seed),
        }
        let best = found.first().map(|first| first.preference);
        let candidates = found
            .into_iter()
            .map(|found| Candidate {
                host: found.host,
                canonical: found.canonical,
                endpoint: Endpoint::Inet(SocketAddr::new(found.address, found.port.unwrap_or(self.port))),
                preference: found.preference,
                best: Some(found.preference) == best,
                secure: found.secure,
            })
            .collect();
        Route { candidates, origin, i_am_mx, fresh_for: fresh_for.min(LONGEST_FRESH) }
    }
}

/// Where the self check applies.
const SMTP_PORT: u16 = 25;

#[cfg(test)]
mod tests;
