//! Worker and scache: park a session, take one.
//!
//! A worker that breaks the rules (another order, more than the limits, a descriptor too many or too few)
//! loses its channel; what it said is forgotten, what it had parked stays.

use crate::key::{DestinationKey, EndpointKey};
use crate::packet::Packet;
use crate::parked::{Parked, Taken};
use serde::{Deserialize, Serialize};

/// How many endpoints one [`ToCache::TakeByEndpoint`] may name.
pub const MAX_ENDPOINTS: usize = 64;

/// What a worker says. `Park` and `PutBack` have no answer; each `Take…` has exactly one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToCache {
    /// The first message of a worker.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
        /// The worker's process number, for statistics.
        pid: u32,
    },
    /// Keep this session (one descriptor). Its idle time begins now.
    Park(Parked),
    /// The session of the last `Hit` on this channel did not fit (one descriptor). It goes back as if it had
    /// not been taken: idle since then, parked by whom it was. Its [`Parked::route`] replaces the route by
    /// which it was found; `None` says that the route does not lead here.
    PutBack(Parked),
    /// A session that serves this destination by a route that is still fresh.
    TakeByDestination(DestinationKey),
    /// A session to one of these endpoints, in order of preference.
    TakeByEndpoint(Vec<EndpointKey>),
}

/// What scache answers a worker.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromCache {
    /// The answer to `Hello`.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
    },
    /// The session, which scache no longer has (one descriptor).
    Hit(Taken),
    /// There is none.
    Miss,
    /// To `TakeByDestination`: no session is free, but a route of this destination is still fresh.
    Way {
        /// Where it leads.
        endpoint: EndpointKey,
        /// As in [`crate::parked::Route::sealed`].
        sealed: Vec<u8>,
    },
}

impl Packet for ToCache {
    fn descriptors(&self) -> usize {
        match self {
            Self::Park(_) | Self::PutBack(_) => 1,
            Self::Hello { .. } | Self::TakeByDestination(_) | Self::TakeByEndpoint(_) => 0,
        }
    }
}

impl Packet for FromCache {
    fn descriptors(&self) -> usize {
        match self {
            Self::Hit(_) => 1,
            Self::Hello { .. } | Self::Miss | Self::Way { .. } => 0,
        }
    }
}
