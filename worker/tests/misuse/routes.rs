//! The cache tells routes that it was not given, or that are not true any more.

use crate::rig::{Worker, secret, session_to};
use crate::server::{Offers, Server};
use proto::cache::FromCache;
use proto::clock::Boottime;
use proto::job::Fate;
use proto::parked::Taken;
use std::os::fd::AsFd;
use std::time::Duration;
use worker::state::{RouteState, seal_route};

/// To another server than the next hop says: as if DNS had said so once.
fn route_to(server: &Server, fresh_until: Boottime) -> RouteState {
    let (address, port) = ("127.0.0.1".into(), server.address.port());
    let (host, exchanger, dane) = ("127.0.0.1".into(), None, None);
    RouteState { host, address, port, fresh_until, alone: true, exchanger, dane }
}

/// Where mail goes when such a route is told: messages at the next hop, and at the old server.
fn told(fresh_until: Boottime) -> (usize, usize) {
    let (now, once) = (Server::start(Offers::Tls), Server::start(Offers::Tls));
    let endpoint = session_to(&once, &[]).parked.endpoint;
    let mut worker = Worker::start(&[]);
    worker.deliver(&now);
    let destination = worker.destination();
    let sealed = seal_route(&secret(), &destination, &endpoint, &route_to(&once, fresh_until));
    worker.answer(&FromCache::Way { endpoint, sealed }, &[]);
    if fresh_until < Boottime::now() {
        worker.miss();
    }
    assert_eq!(worker.fate(), Fate::Sent);
    worker.end();
    (now.messages(), once.messages() - 1)
}

#[test]
fn a_route_is_followed_while_it_is_fresh_and_not_replayed_afterwards() {
    assert_eq!(told(Boottime::now().after(Duration::from_secs(60))), (0, 1));
    assert_eq!(told(Boottime(1)), (1, 0));
}

/// The destination's key does not know what is configured for single hosts (`smtp_tls_per_site`), the endpoint's does.
#[test]
fn a_route_that_was_found_under_another_policy_is_not_followed() {
    let (now, once) = (Server::start(Offers::Tls), Server::start(Offers::Tls));
    let endpoint = session_to(&once, &["smtp_tls_mandatory_protocols=TLSv1.3", "smtp_tls_protocols=TLSv1.3"])
        .parked
        .endpoint;
    let mut worker = Worker::start(&[]);
    worker.deliver(&now);
    let route = route_to(&once, Boottime::now().after(Duration::from_secs(60)));
    let sealed = seal_route(&secret(), &worker.destination(), &endpoint, &route);
    worker.answer(&FromCache::Way { endpoint, sealed }, &[]);
    worker.miss();
    assert_eq!(worker.fate(), Fate::Sent);
    worker.end();
    assert_eq!((now.messages(), once.messages()), (1, 1));
}

#[test]
fn a_session_is_not_used_by_a_route_of_the_past_or_of_another_destination() {
    let (now, once) = (Server::start(Offers::Tls), Server::start(Offers::Tls));
    let session = session_to(&once, &[]);
    let octets = once.connection(0).octets();
    let endpoint = session.parked.endpoint;
    for stale in [true, false] {
        let mut worker = Worker::start(&[]);
        worker.deliver(&now);
        let destination = worker.destination();
        let route = route_to(&once, Boottime(1));
        let foreign = session.parked.route.as_ref().map(|route| route.sealed.clone());
        let stale_route = seal_route(&secret(), &destination, &endpoint, &route);
        let route = if stale { Some(stale_route) } else { foreign };
        let hit = FromCache::Hit(Taken { route, ..session.taken() });
        worker.answer(&hit, &[session.descriptor.as_fd()]);
        worker.miss();
        assert_eq!(worker.fate(), Fate::Sent);
        crate::scene::assert_said_once(
            &worker.end(),
            "came without its route, or with one of the past: closed",
        );
    }
    drop(session);
    assert_eq!(once.connection(0).octets_at_end(), octets);
    assert_eq!((now.messages(), once.messages()), (2, 1));
}
