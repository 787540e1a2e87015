//! Peers whose dialogue goes into the log: `debug_peer_list`, `debug_peer_level`.

use super::{Context, ContextError};
use maincf::tables::{Opener, ParentMatch, PeerMatcher};
use maincf::{DeliveryConfig, MainCf};

/// Opens `debug_peer_list`.
pub(super) fn open(
    config: &DeliveryConfig,
    cf: &MainCf,
    opener: &dyn Opener,
) -> Result<PeerMatcher, ContextError> {
    const NAME: &str = "debug_peer_list";
    let opened = config.log.debug_peers.open_by(ParentMatch::of(NAME, cf), opener);
    opened.map_err(|error| ContextError::Table { parameter: NAME, error })
}

impl Context {
    /// Whether anybody is watched.
    #[must_use]
    pub fn watches(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Whether the dialogue with this host, or all that is done for these next hops, goes into the log.
    #[must_use]
    pub fn is_watched(&self, host: &str, address: &str, nexthops: &[String]) -> bool {
        let asked =
            std::iter::once((host, address)).chain(nexthops.iter().map(|domain| (domain.as_str(), "")));
        let found = asked.map(|(name, address)| self.watched.matches(name, address));
        found.into_iter().find(|found| !matches!(found, Ok(false))).unwrap_or(Ok(false)).unwrap_or_else(
            |error| {
                tracing::warn!("debug_peer_list: {error}");
                false
            },
        )
    }
}
