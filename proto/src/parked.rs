//! A parked session as scache sees it: opaque bytes, and in the clear only what scache needs.

use crate::clock::Boottime;
use crate::key::{DestinationKey, EndpointKey};
use serde::{Deserialize, Serialize};

/// How many bytes all texts and sealed parts of one [`Parked`] may have together.
pub const MAX_PARKED_BYTES: usize = 16 * 1024;

/// One session on its way into scache, beside its descriptor.
///
/// Not `Clone`: a session is moved, never copied.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Where it is connected.
    pub endpoint: EndpointKey,
    /// The request it served last, and by which route, while that may be used without asking DNS again.
    pub route: Option<Route>,
    /// For people: `baton sessions`.
    pub label: Label,
    /// What scache writes before it closes an idle session: `QUIT` in plaintext, nothing under TLS.
    pub farewell: Vec<u8>,
    /// How long it may lie idle, in milliseconds; scache caps it.
    pub idle_ms: u32,
    /// When it is too old to be used again (`*_connection_reuse_time_limit`).
    pub retire_at: Boottime,
    /// How many more messages it may carry (`*_connection_reuse_count_limit`), counted down by the worker;
    /// never parked with 0.
    pub uses_left: u32,
    /// Smoothed duration of its transactions, in microseconds: the faster session is taken first.
    pub pace_us: u32,
    /// What the next worker needs, sealed by the last one. scache does not look inside.
    pub sealed: Vec<u8>,
}

impl Parked {
    /// The sum that [`MAX_PARKED_BYTES`] limits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let Label { service, nexthop, relay } = &self.label;
        let route = self.route.as_ref().map_or(0, |route| route.sealed.len());
        service.len() + nexthop.len() + relay.len() + self.farewell.len() + self.sealed.len() + route
    }
}

/// The way from a destination to the endpoint of this session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Who asked.
    pub destination: DestinationKey,
    /// When the DNS answers that led here expire (the smallest TTL).
    pub fresh_until: Boottime,
    /// What the worker needs to know of the route (host name, preference), sealed likewise.
    pub sealed: Vec<u8>,
}

/// What `baton sessions` shows. Carries nothing that decides reuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Label {
    /// The transport.
    pub service: String,
    /// The next hop it served last.
    pub nexthop: String,
    /// `host[address]:port`, as in the log.
    pub relay: String,
}

/// One session on its way out of scache, beside its descriptor.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Under which endpoint it was parked.
    pub endpoint: EndpointKey,
    /// The sealed route of the destination asked for; `None` when taken by endpoint.
    pub route: Option<Vec<u8>>,
    /// As in [`Parked::retire_at`].
    pub retire_at: Boottime,
    /// As in [`Parked::uses_left`].
    pub uses_left: u32,
    /// As in [`Parked::pace_us`].
    pub pace_us: u32,
    /// As in [`Parked::sealed`].
    pub sealed: Vec<u8>,
}
