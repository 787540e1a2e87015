//! From a recipient to its transport and next hop: transport_maps, default_transport, relayhost.

use maincf::RelayConfig;
use maincf::tables::{OpenError, ParentMatch, TableError, Tables, transport_entry};
use maincf::value::TransportNexthop;

/// Where one recipient goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The transport's name.
    pub transport: String,
    /// The next hop, in lower case.
    pub nexthop: String,
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
        let domain = address.rsplit_once('@').map_or(address, |(_, domain)| domain);
        let without = TransportNexthop {
            transport: self.default.transport.clone(),
            nexthop: self.default.nexthop.clone().or_else(|| self.relayhost.clone()),
        };
        let route = match transport_entry(&self.tables, address, &self.delimiters, self.parents)? {
            Some(entry) => entry.apply(without),
            None => without,
        };
        let nexthop = match route.nexthop {
            // The path of a socket is the one next hop whose letters' case means something.
            Some(path) if path.starts_with("unix:") => path,
            Some(nexthop) => nexthop.to_lowercase(),
            None => domain.to_lowercase(),
        };
        Ok(Destination { transport: route.transport, nexthop })
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
