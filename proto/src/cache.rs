//! Worker and scache: park a session, take one.

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
    /// Keep this session (one descriptor). Counts as one more use.
    Park(Parked),
    /// The session did not fit after all (one descriptor). Changes nothing but who holds it.
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
            Self::Hello { .. } | Self::Miss => 0,
        }
    }
}
