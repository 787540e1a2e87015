//! One row: a next hop, what is special about it, and what it leads to.

use crate::world::World;
use route::dns::{Budget, Lookup};
use route::{
    AddressOrder, AddressPreference, Dialect, DnsSupport, Endpoint, Families, HostLookup, MxLookupError,
    Nexthop, NoMxAddress, Origin, OwnAddresses, Route, RouteError, RouteOptions, Services, SrvLookup, Syntax,
    Utf8Names,
};
use std::time::{Duration, Instant};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The validating resolver of the lab.
    Lab,
    /// The same, behind a filter for records: the action for those that have this text in them.
    Filtered(&'static str, Result<&'static str, &'static str>),
    /// A server that errs as the first label of the name says.
    Fake,
    /// Answers in memory, the system's among them.
    Memory,
}

/// What is right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Want {
    /// These hosts, in this order: `host[address]:port`, with what there is to say of the route before a colon.
    Route(&'static str),
    /// So many hosts.
    Hosts(usize),
    /// Status and text.
    Error(&'static str, &'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) nexthop: &'static str,
    pub(crate) want: Want,
    who: Who,
    dialect: Dialect,
    utf8: Utf8Names,
    set: fn(&mut RouteOptions),
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) outcome: String,
    pub(crate) status: String,
    pub(crate) text: String,
}

pub(crate) fn case(name: &'static str, nexthop: &'static str, want: Want) -> Case {
    let (dialect, utf8) = (Dialect::Smtp, Utf8Names::Converted);
    Case { name, nexthop, want, who: Who::Lab, dialect, utf8, set: |_| {} }
}

impl Case {
    pub(crate) fn with(self, set: fn(&mut RouteOptions)) -> Self {
        Self { set, ..self }
    }

    pub(crate) fn of(self, who: Who) -> Self {
        Self { who, ..self }
    }

    pub(crate) fn lmtp(self) -> Self {
        Self { dialect: Dialect::Lmtp, ..self }
    }

    pub(crate) fn ascii_only(self) -> Self {
        Self { utf8: Utf8Names::Refused, ..self }
    }

    pub(crate) async fn run(&self, world: &World) -> Found {
        let found = match self.who {
            Who::Lab => self.find(&world.lab()).await,
            Who::Filtered(text, action) => self.find(&world.filtered(text, action)).await,
            Who::Fake => self.find(&world.fake()).await,
            Who::Memory => self.find(&world.memory()).await,
        };
        match found {
            Ok(route) => Found { outcome: origin(&route), status: "-".into(), text: shown(&route) },
            Err(error) => Found {
                outcome: format!("{:?}", error.class),
                status: error.status.to_string(),
                text: error.text,
            },
        }
    }

    async fn find<L: Lookup>(&self, lookup: &L) -> Result<Route, RouteError> {
        let services = Services::in_file("/nonexistent");
        let syntax = Syntax { dialect: self.dialect, utf8: self.utf8, services: &services };
        let nexthop = Nexthop::parse(self.nexthop, &syntax).map_err(|error| RouteError::from(&error))?;
        let mut options = options();
        (self.set)(&mut options);
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        let budget = Budget { now, until: now + minute, per_lookup: minute };
        route::find(lookup, &nexthop, &options, budget, 1).await
    }

    pub(crate) fn holds(&self, found: &Found) -> bool {
        let got = (found.status.as_str(), found.text.as_str());
        match self.want {
            Want::Route(want) => got.0 == "-" && format!("{}: {}", found.outcome, found.text) == want,
            Want::Hosts(count) => got.0 == "-" && found.text.split(' ').count() == count,
            Want::Error(status, text) => got == (status, text),
        }
    }
}

/// Nothing shuffled, nothing balanced, IPv4, port 25, one own address.
fn options() -> RouteOptions {
    RouteOptions {
        dns: DnsSupport::Dnssec,
        host_lookup: HostLookup::Dns,
        families: Families::Ipv4,
        preference: AddressPreference::Any,
        order: AddressOrder::AsFound,
        balance_to: 0,
        no_mx_address: NoMxAddress::AsFound,
        mx_lookup_error: MxLookupError::Respected,
        srv: SrvLookup { default_service: "smtp".into(), ..SrvLookup::default() },
        default_port: 25,
        own: OwnAddresses::new(["127.0.9.9".parse().unwrap()]),
    }
}

fn origin(route: &Route) -> String {
    let secure = |secure: bool| if secure { " secure" } else { "" };
    let origin = match &route.origin {
        Origin::Mx { secure: validated, .. } => format!("mx{}", secure(*validated)),
        Origin::Srv { secure: validated, .. } => format!("srv{}", secure(*validated)),
        Origin::ImplicitMx => "implicit mx".into(),
        Origin::Host => "host".into(),
        Origin::Literal => "literal".into(),
        Origin::Unix => "unix".into(),
    };
    if route.i_am_mx { format!("{origin}, we too") } else { origin }
}

/// An address that was validated has a star.
fn shown(route: &Route) -> String {
    let one = |candidate: &route::Candidate| {
        let star = if candidate.secure { "*" } else { "" };
        match &candidate.endpoint {
            Endpoint::Inet(to) => format!("{}[{}]{star}:{}", candidate.host, to.ip(), to.port()),
            Endpoint::Unix(path) => format!("unix:{}", path.display()),
        }
    };
    route.candidates.iter().map(one).collect::<Vec<_>>().join(" ")
}
