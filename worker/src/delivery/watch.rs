//! Whose dialogue goes into the log.

use super::lookup;
use super::session::Place;
use crate::context::Context;
use crate::wire::Wire;
use proto::job::Request;

/// The dialogue goes into the log where `debug_peer_list` says so.
pub(super) fn watch(context: &Context, request: &Request, place: &Place, wire: &mut Wire) {
    let Place { host, address, .. } = place;
    if !context.watches() {
        return;
    }
    let asked = lookup::asked(context, &request.nexthop).unwrap_or_default();
    let domains: Vec<_> = asked.iter().map(|nexthop| nexthop.domain().to_owned()).collect();
    if context.is_watched(host, address, &domains) {
        wire.follow(place.relay(), context.config.log.debug_level.get());
    }
}
