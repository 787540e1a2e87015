//! Where a delivery goes: next-hop text, DNS, and the ordered list of candidates.
//!
//! In reading order: [`Nexthop`] is what the request or the configuration names; [`dns`] asks for the
//! records and keeps the outcomes apart; [`find`] makes the list of hosts to try, in order; [`tlsa`] finds
//! what a host's certificate must match.
//! Nothing here opens a connection to a mail server or decides between defer and bounce.

pub mod dns;
mod failure;
mod find;
mod hostname;
mod nexthop;
mod services;
pub mod tlsa;

pub use failure::{Class, RouteError, Status};
pub use find::{
    AddressOrder, AddressPreference, Candidate, DnsSupport, Endpoint, FRESH_WITHOUT_TTL, Families,
    HostLookup, LONGEST_FRESH, MxLookupError, NoMxAddress, Origin, OwnAddresses, Route, RouteOptions,
    SrvLookup, find,
};
pub use hostname::{Host, HostName, Utf8Names};
pub use nexthop::{Dialect, Kind, LONGEST_SOCKET_PATH, Nexthop, NexthopError, Syntax};
pub use services::Services;
