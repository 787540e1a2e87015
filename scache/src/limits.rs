//! How much may be kept: the supervisor's caps, lowered to what this process can hold.

use proto::steward::Caps;

/// Descriptors of our own (steward, signals, epoll, log) and those that are arriving or leaving.
const RESERVED: u64 = 32;

/// Clients for which room is kept before the first of them arrives, so that none displaces a session.
const EXPECTED_CLIENTS: u64 = 128;

/// Routes are smaller than sessions and many may lead to one: so many for each session, within bounds.
const ROUTES_PER_SESSION: u32 = 4;
const ROUTES: std::ops::RangeInclusive<u32> = 1024..=65_536;

/// What the store obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest time a session may lie idle, in milliseconds.
    pub idle_ms: u32,
    /// The most sessions.
    pub sessions: u32,
    /// The most sessions to one endpoint.
    pub per_endpoint: u32,
    /// The most destinations whose routes are remembered.
    pub routes: u32,
}

impl Limits {
    /// The limits in force while `clients` are connected and the process may have `nofile` descriptors.
    #[must_use]
    pub fn new(caps: &Caps, nofile: u64, clients: usize) -> Self {
        let sessions = u32::try_from(room(nofile, clients)).unwrap_or(u32::MAX).min(caps.sessions);
        let routes = sessions.saturating_mul(ROUTES_PER_SESSION).clamp(*ROUTES.start(), *ROUTES.end());
        Self { idle_ms: caps.idle_ms, sessions, per_endpoint: caps.per_endpoint, routes }
    }
}

/// How many descriptors are left for sessions. None left means that no further client fits either.
#[must_use]
pub fn room(nofile: u64, clients: usize) -> u64 {
    let usable = nofile.saturating_sub(RESERVED);
    let clients = u64::try_from(clients).unwrap_or(u64::MAX).max(EXPECTED_CLIENTS.min(usable / 4));
    usable.saturating_sub(clients)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { idle_ms: 2000, sessions: 5000, per_endpoint: 20, status_update_s: 600 };

    #[test]
    fn the_descriptor_limit_lowers_the_session_cap_and_never_raises_it() {
        assert_eq!(Limits::new(&CAPS, 1 << 20, 0).sessions, 5000);
        assert_eq!(Limits::new(&CAPS, 1024, 0).sessions, 1024 - 32 - 128);
        assert_eq!(Limits::new(&CAPS, 1024, 500).sessions, 1024 - 32 - 500);
        assert_eq!(Limits::new(&CAPS, 64, 0).sessions, 24);
        assert_eq!(Limits::new(&CAPS, 10, 3).sessions, 0);
    }
}
