//! A session that can carry mail, with what is known of it.

use super::keep::Wish;
use super::login::{self, Footing};
use super::reuse::Others;
use super::secure::Host;
use crate::context::Context;
use crate::state::{self, ParkedTls, RouteState, SessionState};
use crate::wire::Wire;
use proto::clock::Boottime;
use proto::job::{Request, SessionUse};
use proto::key::{DestinationKey, DestinationScope, EndpointKey, EndpointScope, Needs};
use proto::parked::Route;
use route::{Candidate, Endpoint, Nexthop};
use sasl::Credential;
use smtp::{EhloFacts, Ready};
use tls::PeerFacts;

/// A connection and the dialogue's leave to send mail over it. Move-only, from the connection or from scache to QUIT or
/// to scache.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) ready: Ready,
}

/// All of a session but the leave to use it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) wire: Wire,
    pub(super) endpoint: EndpointKey,
    pub(super) place: Place,
    pub(super) history: History,
    /// The way that led here, if it was found in this request.
    pub(super) route: Option<Route>,
    pub(super) security: Security,
}

/// How a session is protected.
#[derive(Debug)]
pub(super) enum Security {
    /// Not at all.
    Plaintext {
        /// TLS failed with this server, and this mail could not wait longer.
        makeshift: bool,
    },
    /// By TLS.
    Encrypted {
        /// Who the server is, and what that was worth.
        peer: Box<PeerFacts>,
        /// The policy lets the session be handed on.
        reuse: bool,
    },
}

/// Where it is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The host's name as this request knows it.
    pub(super) host: String,
    /// An IP address, or the path of a socket.
    pub(super) address: String,
    /// 0 for a Unix socket.
    pub(super) port: u16,
}

/// What it has been through.
#[derive(Debug)]
pub(super) struct History {
    pub(super) serial: u64,
    pub(super) born: Boottime,
    /// Messages carried.
    pub(super) uses: u32,
    pub(super) handovers: u32,
    /// Another process parked it before this request took it.
    pub(super) handed_over: bool,
    pub(super) retire_at: Boottime,
    pub(super) uses_left: u32,
    /// Smoothed duration of its transactions, in microseconds.
    pub(super) pace_us: u32,
}

impl Place {
    /// Where a candidate is.
    pub(super) fn of(candidate: &Candidate) -> Self {
        let (address, port) = match &candidate.endpoint {
            Endpoint::Inet(address) => (address.ip().to_string(), address.port()),
            Endpoint::Unix(path) => (path.display().to_string(), 0),
        };
        Self { host: candidate.host.clone(), address, port }
    }

    /// What a route to it remembers.
    fn route_state(&self, host: &Host, others: Others, fresh_until: Boottime) -> RouteState {
        let Self { host: name, address, port } = self.clone();
        let (alone, exchanger, dane) = (others == Others::None, host.exchanger.clone(), host.dane.clone());
        RouteState { host: name, address, port, fresh_until, alone, exchanger, dane }
    }

    /// `host[address]`, for texts.
    pub(super) fn peer(&self) -> String {
        format!("{}[{}]", self.host, self.address)
    }

    /// `host[address]:port`, for the log; without port for a Unix socket.
    pub(super) fn relay(&self) -> String {
        match self.port {
            0 => self.peer(),
            port => format!("{}:{port}", self.peer()),
        }
    }
}

impl Connection {
    /// The route by which this request found the session, to be parked with it if it is.
    pub(super) fn came_by(&mut self, context: &Context, request: &Request, way: Way<'_>, keep: Wish) {
        let Way { nexthop, host, others, fresh_until } = way;
        self.place.host.clone_from(&host.candidate.host);
        if !keep.store {
            return;
        }
        let destination = destination_key(context, request, nexthop);
        let route = self.place.route_state(host, others, fresh_until);
        let sealed = state::seal_route(&context.secret, &destination, &self.endpoint, &route);
        self.route = Some(Route { destination, fresh_until, sealed });
    }
}

/// How a request came to a host.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) nexthop: &'a Nexthop,
    pub(super) host: &'a Host,
    pub(super) others: Others,
    pub(super) fresh_until: Boottime,
}

/// No `*_connection_reuse_count_limit`.
pub(super) const UNLIMITED: u32 = u32::MAX;

impl History {
    /// One more message was carried, and took so many microseconds.
    pub(super) fn carried(&mut self, took: u64) {
        let took = u32::try_from(took).unwrap_or(u32::MAX);
        self.uses = self.uses.saturating_add(1);
        if self.uses_left != UNLIMITED {
            self.uses_left = self.uses_left.saturating_sub(1);
        }
        // A quarter of the new to three of the old: one slow message does not condemn a server.
        self.pace_us = if self.pace_us == 0 { took } else { self.pace_us / 4 * 3 + took / 4 };
    }

    pub(super) fn usage(&self) -> SessionUse {
        let Self { serial, uses, handovers, handed_over, .. } = *self;
        SessionUse { serial, uses, handovers, handed_over }
    }
}

/// What travels with a session.
pub(super) fn state_of(
    place: Place,
    history: &History,
    cookie: u64,
    facts: EhloFacts,
    parked_by: u32,
    tls: Option<ParkedTls>,
) -> SessionState {
    let Place { host, address, port } = place;
    let History { serial, uses, handovers, born, .. } = *history;
    SessionState { serial, uses, handovers, parked_by, born, host, address, port, cookie, facts, tls }
}

impl Connection {
    /// The line of `*_tls_loglevel` for a session that goes on.
    pub(super) fn log_reuse(&self, context: &Context) {
        if let Security::Encrypted { peer, .. } = &self.security
            && context.config.tls.loglevel.summary()
        {
            let relay = self.place.relay();
            tracing::info!("{} TLS connection reused to {relay}: {}", peer.trust, peer.summary);
        }
    }
}

impl Connection {
    /// Whether the session may serve other mail. One in plaintext that could be encrypted was made for mail that had no
    /// other way; one that is encrypted is kept where the policy says so, and not over a Unix socket: that has no counters,
    /// and so an old state of the session could be used again, and with it the same nonces.
    pub(super) fn may_be_kept(&self) -> bool {
        match self.security {
            Security::Plaintext { makeshift } => !makeshift,
            Security::Encrypted { reuse, .. } => reuse && self.place.port != 0,
        }
    }
}

/// What a session must offer, beyond plain delivery.
fn needs(request: &Request) -> Needs {
    Needs { smtputf8: request.smtputf8 == proto::job::SmtpUtf8::Needed, requiretls: false }
}

/// Who asks.
pub(super) fn destination_key(context: &Context, request: &Request, nexthop: &Nexthop) -> DestinationKey {
    let credential = login::destination_credential(context, request, nexthop);
    let scope = DestinationScope {
        service: &context.service,
        nexthop: nexthop.text(),
        sender: context.sasl.sender(&request.sender),
        credential: credential.as_deref(),
        tls_policy: &super::secure::configured_digest(context, nexthop),
        needs: needs(request),
    };
    DestinationKey::new(&context.secret, &scope)
}

/// Where a candidate is, and how it would be connected.
pub(super) fn endpoint_key(
    context: &Context,
    request: &Request,
    place: &Place,
    footing: &Footing,
) -> EndpointKey {
    let remote = place.address.parse().ok().map(|ip| std::net::SocketAddr::new(ip, place.port));
    let bind =
        remote.and_then(|remote| super::connect::bind_address(context, remote)).map(|ip| ip.to_string());
    let identity = footing.credential.as_ref().map(Credential::identity);
    let scope = EndpointScope {
        service: &context.service,
        protocol: context.dialect.name,
        address: &place.address,
        port: place.port,
        bind: bind.as_deref(),
        helo: &context.config.hello.name,
        introduction: &context.introductions.fingerprint(&place.address),
        sender: context.sasl.sender(&request.sender),
        credential: identity.as_ref().map(sasl::Identity::as_bytes),
        proxy: None,
        tls_policy: &footing.policy.digest(),
        needs: needs(request),
    };
    EndpointKey::new(&context.secret, &scope)
}
