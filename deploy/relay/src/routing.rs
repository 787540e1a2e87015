//! From a recipient to its transport and next hop: transport_maps, default_transport, relayhost, and what the sender decides.

mod sender;

use crate::dispatch::is_text;
use maincf::RelayConfig;
use maincf::tables::{
    OpenError, Opener, ParentMatch, TableError, Tables, TransportEntry, TransportMatch, transport_match,
};
use maincf::value::TransportNexthop;
use sender::Found;

/// Where one recipient goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The transport's name.
    pub transport: String,
    /// The next hop, in lower case.
    pub nexthop: String,
}

/// A destination, and who decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// Where it goes.
    pub destination: Destination,
    /// Who says which transport.
    pub transport_by: Author,
    /// Who says which next hop.
    pub nexthop_by: Author,
}

/// Who decides about a part of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// `transport_maps`.
    Table {
        /// `type:name`.
        table: String,
        /// The key that it has.
        key: String,
    },
    /// `sender_dependent_default_transport_maps`.
    SenderTransport {
        /// `type:name`.
        table: String,
        /// The key that it has.
        key: String,
    },
    /// `sender_dependent_relayhost_maps`.
    SenderRelayhost {
        /// `type:name`.
        table: String,
        /// The key that it has.
        key: String,
    },
    /// `default_transport`.
    DefaultTransport,
    /// `relayhost`.
    Relayhost,
    /// The recipient's domain.
    Domain,
}

impl std::fmt::Display for Author {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Table { table, key } => write!(f, "transport_maps, {table}, key {key}"),
            Self::SenderTransport { table, key } => {
                write!(f, "sender_dependent_default_transport_maps, {table}, key {key}")
            }
            Self::SenderRelayhost { table, key } => {
                write!(f, "sender_dependent_relayhost_maps, {table}, key {key}")
            }
            Self::DefaultTransport => f.write_str("default_transport"),
            Self::Relayhost => f.write_str("relayhost"),
            Self::Domain => f.write_str("the recipient's domain"),
        }
    }
}

/// The tables and defaults, opened.
#[derive(Debug)]
pub struct Routing {
    tables: Tables,
    parents: ParentMatch,
    delimiters: String,
    default: TransportNexthop,
    relayhost: Option<String>,
    sender_transports: Tables,
    sender_relayhosts: Tables,
    deferred: Vec<String>,
}

/// Where mail of one sender goes that no transport table has a word for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    route: TransportNexthop,
    transport_by: Author,
    nexthop_by: Author,
}

/// Everything that the relay does takes turns with its lookups: whoever holds the lock of a table must not stop it all.
struct EventLoop;

impl Opener for EventLoop {
    fn may_wait(&self) -> bool {
        false
    }
}

impl Routing {
    /// Opens the tables that the configuration names.
    ///
    /// # Errors
    /// [`OpenError`]: a table cannot be read; nothing is routed as if it were empty.
    pub fn open(config: &RelayConfig) -> Result<Self, OpenError> {
        let routing = &config.routing;
        Ok(Self {
            tables: routing.transport_maps.open_by(&EventLoop)?,
            parents: routing.parent_match("transport_maps"),
            delimiters: config.rewriting.recipient_delimiter.clone(),
            default: routing.default_transport.clone(),
            relayhost: Some(config.nexthop.relayhost.join(", ")).filter(|hosts| !hosts.is_empty()),
            sender_transports: routing.sender_transports.open_by(&EventLoop)?,
            sender_relayhosts: routing.sender_relayhosts.open_by(&EventLoop)?,
            deferred: routing.defer_transports.iter().map(str::to_owned).collect(),
        })
    }

    /// What the tables have to say to the operator once they are open.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        [&self.tables, &self.sender_transports, &self.sender_relayhosts].into_iter().flat_map(Tables::remarks)
    }

    /// What holds for mail of `sender` (empty: the null sender): the transport of its own or `default_transport`, with
    /// its next hop, else a relayhost of its own or `relayhost`.
    ///
    /// # Errors
    /// [`TableError`]: the mail is deferred.
    pub fn defaults(&self, sender: &str) -> Result<Defaults, TableError> {
        let (route, transport_by) = match sender::find(&self.sender_transports, sender, &self.delimiters)? {
            Some(Found { value, table, key }) => match TransportEntry::parse(&value) {
                TransportEntry::Transport(route) => (route, Author::SenderTransport { table, key }),
                // A transport cannot be left out here, as it can in a transport table.
                TransportEntry::Unchanged | TransportEntry::Nexthop(_) => {
                    return Err(TableError::unusable(&table, &key, "a value without a transport"));
                }
            },
            None => (self.default.clone(), Author::DefaultTransport),
        };
        if route.nexthop.is_some() {
            return Ok(Defaults { route, nexthop_by: transport_by.clone(), transport_by });
        }
        let (nexthop, nexthop_by) = match sender::find(&self.sender_relayhosts, sender, &self.delimiters)? {
            Some(Found { value, table, key }) => (Some(value), Author::SenderRelayhost { table, key }),
            None if self.relayhost.is_some() => (self.relayhost.clone(), Author::Relayhost),
            None => (None, Author::Domain),
        };
        Ok(Defaults { route: TransportNexthop { nexthop, ..route }, transport_by, nexthop_by })
    }

    /// Where `address` goes. The table decides; without it the sender's defaults, then the recipient's domain.
    ///
    /// # Errors
    /// [`TableError`]: the recipient is deferred.
    pub fn destination(&self, defaults: &Defaults, address: &str) -> Result<Destination, TableError> {
        Ok(self.route(defaults, address)?.destination)
    }

    /// As [`Self::destination`], with who decided.
    ///
    /// # Errors
    /// The same.
    pub fn route(&self, defaults: &Defaults, address: &str) -> Result<Routed, TableError> {
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        let entry = transport_match(&self.tables, address, &self.delimiters, self.parents)?;
        let (transport_by, nexthop_by) = authors(defaults, entry.as_ref());
        let route = match entry {
            Some(found) => found.entry.apply(defaults.route.clone()),
            None => defaults.route.clone(),
        };
        let nexthop = match route.nexthop {
            // The path of a socket is the one next hop whose letters' case means something.
            Some(path) if path.starts_with("unix:") => path,
            Some(text) if is_text(&route.transport) => text,
            Some(nexthop) => nexthop.to_lowercase(),
            None => domain.to_lowercase(),
        };
        Ok(Routed {
            destination: Destination { transport: route.transport, nexthop },
            transport_by,
            nexthop_by,
        })
    }

    /// Whether `defer_transports` names the transport: its mail waits until the operator asks for it.
    #[must_use]
    pub fn waits(&self, transport: &str) -> bool {
        self.deferred.iter().any(|name| name == transport)
    }
}

/// Who decides about transport and next hop, given the table's entry.
fn authors(defaults: &Defaults, entry: Option<&TransportMatch>) -> (Author, Author) {
    let Defaults { transport_by, nexthop_by, .. } = defaults;
    let Some(TransportMatch { entry, key, table }) = entry else {
        return (transport_by.clone(), nexthop_by.clone());
    };
    let in_table = || Author::Table { table: table.clone(), key: key.clone() };
    match entry {
        TransportEntry::Unchanged => (transport_by.clone(), nexthop_by.clone()),
        TransportEntry::Nexthop(_) => (transport_by.clone(), in_table()),
        TransportEntry::Transport(TransportNexthop { nexthop: Some(_), .. }) => (in_table(), in_table()),
        TransportEntry::Transport(_) => (in_table(), Author::Domain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use maincf::MainCf;

    fn routing(text: &str) -> Routing {
        let cf = MainCf::parse(text, std::path::Path::new("main.cf")).unwrap();
        let cf = cf.with_system_hostname("relay.example");
        Routing::open(&RelayConfig::load(&cf).unwrap()).unwrap()
    }

    fn route(text: &str, address: &str) -> String {
        route_of(text, "", address)
    }

    fn route_of(text: &str, sender: &str, address: &str) -> String {
        let routing = routing(text);
        let defaults = routing.defaults(sender).unwrap();
        let Destination { transport, nexthop } = routing.destination(&defaults, address).unwrap();
        format!("{transport}:{nexthop}")
    }

    #[test]
    fn sender_dependent_relayhost_maps_go_before_relayhost() {
        let maps = "relayhost = [r]\nrecipient_delimiter = +\nsender_dependent_relayhost_maps = inline:{ \
            {a@s.test = [a]:587} {@t.test = [t]} {<> = [null]} {d@t.test = dunno} }";
        for (sender, want) in [
            ("a@s.test", "smtp:[a]:587"),
            ("A+x@S.test", "smtp:[a]:587"),
            ("b@s.test", "smtp:[r]"),
            ("b@t.test", "smtp:[t]"),
            ("d@t.test", "smtp:[r]"),
            ("", "smtp:[null]"),
        ] {
            assert_eq!(route_of(maps, sender, "u@example.org"), want, "{sender}");
        }
        let table = format!("{maps}\ntransport_maps = inline:{{ example.org=lmtp:[l] }}");
        assert_eq!(route_of(&table, "a@s.test", "u@example.org"), "lmtp:[l]");
        let by = |text: &str, sender| {
            let routing = routing(text);
            let routed = routing.route(&routing.defaults(sender).unwrap(), "u@a.test").unwrap();
            routed.nexthop_by.to_string()
        };
        assert!(by(maps, "b@t.test").ends_with(", key @t.test"), "{}", by(maps, "b@t.test"));
    }

    #[test]
    fn sender_dependent_default_transport_maps_go_before_default_transport() {
        let maps = "relayhost = [r]\nsender_dependent_default_transport_maps = inline:{ \
            {a@s.test = relay:} {@t.test = lmtp:[t]} {bad@s.test = :[x]} }";
        assert_eq!(route_of(maps, "a@s.test", "u@example.org"), "relay:[r]");
        assert_eq!(route_of(maps, "x@t.test", "u@example.org"), "lmtp:[t]");
        assert_eq!(route_of(maps, "x@u.test", "u@example.org"), "smtp:[r]");
        assert!(routing(maps).defaults("bad@s.test").is_err());
        let broken = "sender_dependent_relayhost_maps = fail:{broken}";
        assert!(routing(broken).defaults("a@s.test").is_err());
    }

    #[test]
    fn who_decided_is_told() {
        let by = |text: &str| {
            let routing = routing(text);
            let routed = routing.route(&routing.defaults("").unwrap(), "u@a.test").unwrap();
            format!("{}; {}", routed.transport_by, routed.nexthop_by)
        };
        assert_eq!(by(""), "default_transport; the recipient's domain");
        assert_eq!(by("relayhost = [r]"), "default_transport; relayhost");
        assert_eq!(
            by("relayhost = [r]\ndefault_transport = smtp:[d]"),
            "default_transport; default_transport"
        );
        let table = "transport_maps, inline:{a.test=lmtp:}, key a.test";
        assert_eq!(by("transport_maps = inline:{a.test=lmtp:}"), format!("{table}; the recipient's domain"));
        let table = "transport_maps, inline:{*=:[h]}, key *";
        assert_eq!(by("transport_maps = inline:{*=:[h]}"), format!("default_transport; {table}"));
    }

    #[test]
    fn the_table_goes_before_relayhost_and_the_domain_comes_last() {
        assert_eq!(route("", "u@Example.ORG"), "smtp:example.org");
        assert_eq!(route("relayhost = [Mx.example]:587", "u@example.org"), "smtp:[mx.example]:587");
        let table = "relayhost = [mx.example]\ntransport_maps = inline:{ example.org=lmtp:unix:/Run/x }";
        assert_eq!(route(table, "u@example.org"), "lmtp:unix:/Run/x");
        assert_eq!(route(table, "u@other.org"), "smtp:[mx.example]");
        assert_eq!(route("transport_maps = inline:{ example.org=:[h] }", "u@example.org"), "smtp:[h]");
        assert_eq!(
            route("transport_maps = inline:{ example.org=lmtp: }", "u@example.org"),
            "lmtp:example.org"
        );
        let both = "default_transport = smtp:[a]\nrelayhost = [b]";
        assert_eq!(route(both, "u@example.org"), "smtp:[a]");
    }
}
