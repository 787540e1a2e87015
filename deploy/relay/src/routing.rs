//! From a recipient to its transport and next hop: transport_maps, default_transport, relayhost.

use maincf::RelayConfig;
use maincf::tables::{
    OpenError, ParentMatch, TableError, Tables, TransportEntry, TransportMatch, transport_match,
};
use maincf::value::TransportNexthop;

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
    deferred: Vec<String>,
}

impl Routing {
    /// Opens the tables that the configuration names.
    ///
    /// # Errors
    /// [`OpenError`]: a table cannot be read; nothing is routed as if it were empty.
    pub fn open(config: &RelayConfig) -> Result<Self, OpenError> {
        let routing = &config.routing;
        Ok(Self {
            tables: routing.transport_maps.open()?,
            parents: routing.parent_match("transport_maps"),
            delimiters: config.rewriting.recipient_delimiter.clone(),
            default: routing.default_transport.clone(),
            relayhost: Some(config.nexthop.relayhost.join(", ")).filter(|hosts| !hosts.is_empty()),
            deferred: routing.defer_transports.iter().map(str::to_owned).collect(),
        })
    }

    /// What the tables have to say to the operator once they are open.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.tables.remarks()
    }

    /// Where `address` goes. The table decides; without it `default_transport`'s own next hop, then `relayhost`,
    /// then the recipient's domain.
    ///
    /// # Errors
    /// [`TableError`]: the recipient is deferred.
    pub fn destination(&self, address: &str) -> Result<Destination, TableError> {
        Ok(self.route(address)?.destination)
    }

    /// As [`Self::destination`], with who decided.
    ///
    /// # Errors
    /// The same.
    pub fn route(&self, address: &str) -> Result<Routed, TableError> {
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        let without = TransportNexthop {
            transport: self.default.transport.clone(),
            nexthop: self.default.nexthop.clone().or_else(|| self.relayhost.clone()),
        };
        let entry = transport_match(&self.tables, address, &self.delimiters, self.parents)?;
        let (transport_by, nexthop_by) = self.authors(entry.as_ref());
        let route = match entry {
            Some(found) => found.entry.apply(without),
            None => without,
        };
        let nexthop = match route.nexthop {
            // The path of a socket is the one next hop whose letters' case means something.
            Some(path) if path.starts_with("unix:") => path,
            Some(nexthop) => nexthop.to_lowercase(),
            None => domain.to_lowercase(),
        };
        Ok(Routed {
            destination: Destination { transport: route.transport, nexthop },
            transport_by,
            nexthop_by,
        })
    }

    /// Who decides about transport and next hop, given the table's entry.
    fn authors(&self, entry: Option<&TransportMatch>) -> (Author, Author) {
        let without = match (&self.default.nexthop, &self.relayhost) {
            (Some(_), _) => Author::DefaultTransport,
            (None, Some(_)) => Author::Relayhost,
            (None, None) => Author::Domain,
        };
        let Some(TransportMatch { entry, key, table }) = entry else {
            return (Author::DefaultTransport, without);
        };
        let in_table = || Author::Table { table: table.clone(), key: key.clone() };
        match entry {
            TransportEntry::Unchanged => (Author::DefaultTransport, without),
            TransportEntry::Nexthop(_) => (Author::DefaultTransport, in_table()),
            TransportEntry::Transport(TransportNexthop { nexthop: Some(_), .. }) => (in_table(), in_table()),
            TransportEntry::Transport(_) => (in_table(), Author::Domain),
        }
    }

    /// Whether `defer_transports` names the transport: its mail waits until the operator asks for it.
    #[must_use]
    pub fn waits(&self, transport: &str) -> bool {
        self.deferred.iter().any(|name| name == transport)
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
        let Destination { transport, nexthop } = routing(text).destination(address).unwrap();
        format!("{transport}:{nexthop}")
    }

    #[test]
    fn who_decided_is_told() {
        let by = |text: &str| {
            let routed = routing(text).route("u@a.test").unwrap();
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
