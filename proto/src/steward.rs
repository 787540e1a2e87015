//! The supervisor and scache: who may connect, what the limits are, what is parked.

use crate::packet::Packet;
use crate::parked::Label;
use serde::{Deserialize, Serialize};

/// Global caps; each entry's own limits arrive with the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caps {
    /// The longest time a session may lie idle (`connection_cache_ttl_limit`), in milliseconds.
    pub idle_ms: u32,
    /// The most parked sessions in all; lowered to what RLIMIT_NOFILE allows.
    pub sessions: u32,
    /// The most parked sessions per endpoint (`baton_endpoint_session_limit`).
    pub per_endpoint: u32,
    /// How often a statistics line is logged (`connection_cache_status_update_time`), in seconds; 0 never.
    pub status_update_s: u32,
}

/// What the supervisor says. Each has exactly one answer, except `Client` and `Hello`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToSteward {
    /// The first message.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
        /// The caps to begin with.
        caps: Caps,
    },
    /// A new worker's channel (one descriptor).
    Client,
    /// New caps; entries over them go.
    Reconfigure(Caps),
    /// Drop all sessions, or those whose label names this next hop.
    Flush(Option<String>),
    /// One page of what is parked, from this cursor on; 0 begins.
    List(u64),
    /// The counters.
    Statistics,
}

/// What scache answers its supervisor.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromSteward {
    /// The first message.
    Hello {
        /// [`crate::VERSION`].
        version: u16,
        /// The session cap that is in force, after RLIMIT_NOFILE.
        sessions: u32,
    },
    /// To `Reconfigure` and `Flush`: how many sessions went.
    Done(u32),
    /// To `List`: sessions, and the cursor of the next page if there is one.
    Page {
        /// In no order that means anything.
        sessions: Vec<Listed>,
        /// Where to go on.
        next: Option<u64>,
    },
    /// To `Statistics`.
    Statistics(Statistics),
}

/// One parked session, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// As parked.
    pub label: Label,
    /// How long it has been idle, in milliseconds.
    pub idle_ms: u64,
    /// How long until it expires, in milliseconds.
    pub expires_ms: u64,
    /// How many more messages it may carry.
    pub uses_left: u32,
    /// Process number of the worker that parked it.
    pub parked_by: u32,
}

/// Counters since start. "Handed over" means taken by another process than the one that parked it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Lookups by destination that found a session.
    pub destination_hits: u64,
    /// Lookups by destination that did not.
    pub destination_misses: u64,
    /// Lookups by endpoint that found a session.
    pub endpoint_hits: u64,
    /// Lookups by endpoint that did not.
    pub endpoint_misses: u64,
    /// Sessions parked, put back not counted.
    pub parked: u64,
    /// Sessions put back after a hit that did not fit.
    pub put_back: u64,
    /// Sessions taken by another process than the one that parked them, put back or not.
    pub handed_over: u64,
    /// Sessions that ended here because they were idle, old or used up.
    pub expired: u64,
    /// Sessions the server ended while they were parked.
    pub evicted: u64,
    /// Sessions that went because a limit was reached.
    pub displaced: u64,
    /// Sessions that went because the supervisor said so.
    pub flushed: u64,
    /// Clients dropped for breaking the protocol.
    pub dropped_clients: u64,
    /// Sessions parked now.
    pub held: u32,
    /// The most sessions that were ever parked at once.
    pub peak: u32,
}

impl Packet for ToSteward {
    fn descriptors(&self) -> usize {
        match self {
            Self::Client => 1,
            Self::Hello { .. } | Self::Reconfigure(_) | Self::Flush(_) | Self::List(_) | Self::Statistics => {
                0
            }
        }
    }
}

impl Packet for FromSteward {
    fn descriptors(&self) -> usize {
        0
    }
}
