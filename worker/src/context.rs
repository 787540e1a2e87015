//! What a worker keeps between deliveries: configuration, opened tables, the resolver. No message, no session.

mod filter;
mod introductions;
mod peers;
mod rewordings;
mod sasl;
mod tables;
mod tls;

pub use introductions::Introductions;
pub use rewordings::Rewordings;
pub use sasl::{Asker, Found, LoginContext, NoAnswer, SaslContext};
pub use tls::TlsContext;

use crate::args::Args;
use crate::checks::Checks;
use crate::farewells::Farewells;
use crate::generic::Generic;
use crate::supervisor::Keys;
use maincf::tables::{Direct, DomainMatcher, OpenError, Opener, ParentMatch};
use maincf::{ConfigErrors, DeliveryConfig, Deployment, MainCf, Protocol, ReadError};
use proto::deposit::DepositKeys;
use proto::secret::Secret;
use route::dns::{AdTrust, Resolver, ResolverOptions, Source};
use route::{Families, HostLookup, OwnAddresses, RouteOptions, Services, SrvLookup};
use smtp::Dialect;
use std::cell::{OnceCell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The worker cannot use its configuration.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The file or an option.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A value.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A table.
    #[error("{parameter}: {error}")]
    Table {
        /// Which parameter names it.
        parameter: &'static str,
        /// What is wrong with it.
        error: OpenError,
    },
    /// The file that `myorigin` names.
    #[error("myorigin: {0}")]
    Origin(std::io::Error),
    /// A name that cannot stand in EHLO.
    #[error("{parameter}: {error}")]
    HeloName {
        /// Which parameter has it.
        parameter: &'static str,
        /// What is wrong with it.
        error: smtp::BadHeloName,
    },
    /// A demand on mechanisms that is none.
    #[error("{parameter}: {error}")]
    Sasl {
        /// Which parameter is wrong.
        parameter: &'static str,
        /// What is wrong with it.
        error: ::sasl::UnknownOption,
    },
    /// A store of refused logins that cannot be one.
    #[error("{parameter}: {error}")]
    LoginCache {
        /// Which parameter is wrong.
        parameter: &'static str,
        /// What is wrong with it.
        error: crate::refused::BadCacheName,
    },
    /// A service name that nobody knows.
    #[error("{parameter}: unknown service name")]
    Port {
        /// Which parameter has it.
        parameter: &'static str,
    },
}

/// Everything that was decided before the first request.
#[derive(Debug)]
pub struct Context {
    /// This process, for what is parked.
    pub pid: u32,
    /// The transport's name.
    pub service: String,
    /// What the last hop adds to mail.
    pub flags: maincf::value::DeliveryFlags,
    /// The parameters.
    pub config: DeliveryConfig,
    /// How the protocol differs.
    pub dialect: Dialect,
    /// What servers and results are to be taken for.
    pub rewordings: Rewordings,
    /// The first commands.
    pub introductions: Introductions,
    /// Ports by name.
    pub services: Services,
    /// DNS.
    pub resolver: Resolver,
    /// Destinations whose sessions are always kept.
    pub permanent: DomainMatcher,
    /// The key of cache keys and seals.
    pub secret: Secret,
    /// The keys of deposits in scache; they change while a delivery waits, so no borrow outlives a statement.
    pub deposit: RefCell<DepositKeys>,
    /// Addresses that change on their way out.
    pub generic: Option<Generic>,
    /// Headers and lines that change on their way out.
    pub checks: Option<Checks>,
    /// Encryption.
    pub tls: TlsContext,
    /// Logging in.
    pub sasl: SaslContext,
    /// Connections that are being parted from.
    pub farewells: Farewells,
    /// Where relative socket paths begin.
    pub queue_directory: PathBuf,
    watched: maincf::tables::PeerMatcher,
    route: RouteOptions,
    own: OnceCell<OwnAddresses>,
    listed: OnceCell<Vec<IpAddr>>,
}

/// How many answers the small DNS cache keeps.
const DNS_CACHE: usize = 200;
/// How long one of `baton_dns_server` has for one question, and how often all are asked.
const DNS_TIMEOUT: Duration = Duration::from_secs(5);
const DNS_ATTEMPTS: u32 = 2;

/// The configuration, before the supervisor has said hello.
///
/// # Errors
/// [`ContextError`].
pub fn read(args: &Args) -> Result<MainCf, ContextError> {
    let mut cf = match &args.config {
        Some(path) => MainCf::read(path)?,
        None => MainCf::none(),
    };
    for option in &args.options {
        cf.set_option(option)?;
    }
    Ok(for_process(args, cf))
}

/// A configuration as the process with these arguments sees it.
#[must_use]
pub fn for_process(args: &Args, cf: MainCf) -> MainCf {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let process = match args.protocol {
        Protocol::Smtp => "smtp",
        Protocol::Lmtp => "lmtp",
    };
    cf.for_deployment(Deployment::Standalone).in_process(process, &args.service).with_system_hostname(&host)
}

impl Context {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// [`ContextError`].
    pub fn new(args: &Args, cf: &MainCf, keys: Keys) -> Result<Self, ContextError> {
        Self::opened_by(&Direct, args, cf, DeliveryConfig::load(cf, args.protocol)?, keys)
    }

    /// The same for who has read the parameters already, with tables as this process wants them opened.
    ///
    /// # Errors
    /// [`ContextError`].
    pub fn opened_by(
        opener: &dyn Opener,
        args: &Args,
        cf: &MainCf,
        config: DeliveryConfig,
        keys: Keys,
    ) -> Result<Self, ContextError> {
        let permanent = config.cache.destinations.open_by(ParentMatch::Plain, opener).map_err(|error| {
            ContextError::Table { parameter: "smtp_connection_cache_destinations", error }
        })?;
        let services = Services::knowing(config.connect.known_tcp_ports.iter());
        let queue_directory = cf.expanded("queue_directory").ok().flatten().unwrap_or_default().into();
        Ok(Self {
            pid: std::process::id(),
            service: args.service.clone(),
            flags: args.flags,
            dialect: match args.protocol {
                Protocol::Smtp => Dialect::SMTP,
                Protocol::Lmtp => Dialect::LMTP,
            },
            rewordings: Rewordings::new(&config, opener)?,
            introductions: Introductions::new(&config, opener)?,
            resolver: resolver(&config, opener)?,
            route: route_options(&config, &services)?,
            services,
            permanent,
            watched: peers::open(&config, cf, opener)?,
            generic: Generic::open(&config, opener)?,
            checks: Checks::open(&config, opener)?,
            tls: TlsContext::new(&config, opener)?,
            sasl: SaslContext::new(&config, cf, opener)?,
            config,
            secret: keys.secret,
            deposit: RefCell::new(keys.deposit),
            farewells: Farewells::default(),
            queue_directory,
            own: OnceCell::new(),
            listed: OnceCell::new(),
        })
    }

    /// `lmtp_assume_final`: an LMTP server without DSN is the last hop.
    #[must_use]
    pub fn assumes_final(&self) -> bool {
        self.config.protocol == Protocol::Lmtp && self.config.errors.assume_final
    }

    /// The port where the next hop names none.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        self.route.default_port
    }

    /// What route finding needs to know. The own addresses are looked up only for the port where loops are possible.
    #[must_use]
    pub fn route_options(&self, port: Option<u16>) -> RouteOptions {
        let mut options = self.route.clone();
        // SRV records name ports of their own.
        if port.unwrap_or(options.default_port) == LOOP_PORT || !options.srv.services.is_empty() {
            options.own = self.own.get_or_init(|| own_addresses(&self.config)).clone();
        }
        options
    }
}

impl Context {
    /// Reads what is otherwise read when it is first needed, while the system's own files can be seen.
    pub fn read_before_chroot(&self) {
        self.resolver.read();
        self.services.read();
    }

    /// The local address of a family when inet_interfaces lists exactly one of it, and not the loopback.
    #[must_use]
    pub fn only_own_address(&self, remote: SocketAddr) -> Option<IpAddr> {
        let maincf::value::InetInterfaces::Listed(names) = &self.config.connect.inet_interfaces else {
            return None;
        };
        let same_family = |address: &IpAddr| address.is_ipv4() == remote.is_ipv4();
        let listed = self.listed.get_or_init(|| names.iter().flat_map(|name| resolve(name)).collect());
        let mut own = listed.iter().copied().filter(same_family);
        match (own.next(), own.next()) {
            (Some(only), None) if !only.is_loopback() => Some(only),
            _ => None,
        }
    }
}

/// Mail to this port of our own addresses would come back.
const LOOP_PORT: u16 = 25;

fn resolver(config: &DeliveryConfig, opener: &dyn Opener) -> Result<Resolver, ContextError> {
    let resolver = Resolver::new(ResolverOptions {
        source: dns_source(config),
        trust: AdTrust::for_support(dns_support(config)),
        cache_size: DNS_CACHE,
    });
    if config.dns.reply_filter.is_empty() {
        return Ok(resolver);
    }
    let filter = filter::ReplyFilter::open(&config.dns.reply_filter, opener)?;
    Ok(resolver.with_filter(Box::new(filter)))
}

pub(crate) fn dns_source(config: &DeliveryConfig) -> Source {
    let servers = config.dns.servers.clone();
    if servers.is_empty() {
        Source::ResolvConf("/etc/resolv.conf".into())
    } else {
        Source::Servers { servers, timeout: DNS_TIMEOUT, attempts: DNS_ATTEMPTS }
    }
}

fn route_options(config: &DeliveryConfig, services: &Services) -> Result<RouteOptions, ContextError> {
    let (dns, connect) = (&config.dns, &config.connect);
    let default_port = match &connect.tcp_port {
        maincf::value::Service::Number(port) => Some(port.get()),
        maincf::value::Service::Name(name) => services.port(name),
    };
    let limit = connect.mx_address_limit.map_or(0, |limit| limit.get() as usize);
    Ok(RouteOptions {
        dns: dns_support(config),
        host_lookup: match (dns.host_lookup.dns, dns.host_lookup.native) {
            (true, true) => HostLookup::DnsThenNative,
            (false, true) => HostLookup::Native,
            _ => HostLookup::Dns,
        },
        families: match (connect.inet_protocols.ipv4, connect.inet_protocols.ipv6) {
            (true, true) => Families::Both,
            (true, false) => Families::Ipv4,
            (false, true) => Families::Ipv6,
            (false, false) => Families::None,
        },
        preference: match connect.address_preference {
            maincf::value::AddressPreference::Any => route::AddressPreference::Any,
            maincf::value::AddressPreference::Ipv4 => route::AddressPreference::Ipv4,
            maincf::value::AddressPreference::Ipv6 => route::AddressPreference::Ipv6,
        },
        order: if connect.randomize_addresses {
            route::AddressOrder::Shuffled
        } else {
            route::AddressOrder::AsFound
        },
        balance_to: if connect.balance_inet_protocols { limit } else { 0 },
        no_mx_address: if dns.defer_if_no_mx_address_found {
            route::NoMxAddress::Defer
        } else {
            route::NoMxAddress::AsFound
        },
        mx_lookup_error: if dns.ignore_mx_lookup_error {
            route::MxLookupError::Ignored
        } else {
            route::MxLookupError::Respected
        },
        srv: SrvLookup {
            services: dns.use_srv_lookup.iter().map(str::to_owned).collect(),
            default_service: match &connect.tcp_port {
                maincf::value::Service::Number(port) => port.to_string(),
                maincf::value::Service::Name(name) => name.clone(),
            },
            ignore_errors: dns.ignore_srv_lookup_error,
            may_be_missing: dns.allow_srv_lookup_fallback,
        },
        default_port: default_port.ok_or(ContextError::Port { parameter: "smtp_tcp_port" })?,
        own: OwnAddresses::default(),
    })
}

pub(crate) fn dns_support(config: &DeliveryConfig) -> route::DnsSupport {
    match config.dns.support() {
        _ if config.dns.disable_dns_lookups => route::DnsSupport::Disabled,
        maincf::value::DnsSupport::Disabled => route::DnsSupport::Disabled,
        maincf::value::DnsSupport::Dnssec => route::DnsSupport::Dnssec,
        maincf::value::DnsSupport::Enabled | maincf::value::DnsSupport::Unset => route::DnsSupport::Enabled,
    }
}

/// `inet_interfaces` and `proxy_interfaces` as addresses.
fn own_addresses(config: &DeliveryConfig) -> OwnAddresses {
    use maincf::value::InetInterfaces::{All, Listed, LoopbackOnly};
    let interfaces: Vec<IpAddr> = match &config.connect.inet_interfaces {
        All => all_interfaces(),
        LoopbackOnly => all_interfaces().into_iter().filter(IpAddr::is_loopback).collect(),
        Listed(names) => names.iter().flat_map(|name| resolve(name)).collect(),
    };
    OwnAddresses::new(interfaces.into_iter().chain(config.connect.proxy_interfaces.iter().copied()))
}

fn all_interfaces() -> Vec<IpAddr> {
    let addresses = match nix::ifaddrs::getifaddrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            tracing::warn!("cannot list this machine's addresses: mail loops are not noticed: {error}");
            return Vec::new();
        }
    };
    addresses
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip())))
        })
        .collect()
}

/// A listed interface: an address, or a name from the hosts file.
fn resolve(name: &str) -> Vec<IpAddr> {
    if let Ok(address) = name.parse() {
        return vec![address];
    }
    use std::net::ToSocketAddrs;
    match (name, 0).to_socket_addrs() {
        Ok(found) => found.map(|address| address.ip()).collect(),
        Err(error) => {
            tracing::warn!("inet_interfaces: cannot find {name}: {error}");
            Vec::new()
        }
    }
}
