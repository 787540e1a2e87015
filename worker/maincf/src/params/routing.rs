//! From a recipient to a transport.

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::{ParentMatch, TableList};
use crate::value::{Keywords, TransportNexthop};

params! {
    /// From a recipient to a transport and next hop.
    Routing {
        /// The transport of mail without a table entry.
        default_transport: TransportNexthop = "default_transport", "smtp", Shared, Act;
        /// The same by sender: the address, without its extension, `@domain`; `<>` is the null sender, `DUNNO` no value.
        sender_transports: TableList = "sender_dependent_default_transport_maps", "", Shared, Act;
        /// What goes before `relayhost`, by sender, with the same keys.
        sender_relayhosts: TableList = "sender_dependent_relayhost_maps", "", Shared, Act;
        /// Tables of transports by address and domain.
        transport_maps: TableList = "transport_maps", "", Shared, Act;
        /// Transports whose mail waits until the queue is flushed.
        defer_transports: Keywords = "defer_transports", "", Shared, Act;
        /// Names of lists in which a domain also stands for its subdomains.
        parents_match: Keywords = "parent_domain_matches_subdomains", "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps", Shared, Act;
    }
}

impl Routing {
    /// How the list of this name (`transport_maps`, …) covers subdomains.
    pub fn parent_match(&self, list: &str) -> ParentMatch {
        if self.parents_match.contains(list) { ParentMatch::Plain } else { ParentMatch::Dotted }
    }
}
