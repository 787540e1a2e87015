//! Relay hosts: where mail goes that has no route of its own, and when the first choice fails.

use crate::param::Mirror::{Default as LmtpDefault, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::value::TransportNexthop;

params! {
    /// Relay hosts. Each is a destination as in a transport table's next hop.
    Nexthop {
        /// Next hops of mail without a transport table entry, tried from left to right; empty: the recipient's domain.
        relayhost: Vec<String> = "relayhost", "", Shared, Act;
        /// The old name of `smtp_fallback_relay`.
        old_fallback_relay: Vec<String> = "fallback_relay", "", Shared, Act;
        /// Where mail goes for which this host is the best exchanger, rather than back to its sender; SMTP only.
        best_mx_transport: Option<TransportNexthop> = "best_mx_transport", "", Shared, Act;
        /// Next hops that are tried after the others.
        fallback_relay: Vec<String> = "fallback_relay", "$fallback_relay", LmtpDefault(""), Act;
    }
}
