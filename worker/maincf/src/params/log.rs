//! How log lines look and where they go.

use std::path::PathBuf;

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::PeerList;
use crate::value::{NonEmpty, Positive, SyslogFacility, Within};

params! {
    /// How log lines look and where they go.
    Log {
        /// The tag before the program's name.
        syslog_name: NonEmpty = "syslog_name", "${multi_instance_name?{$multi_instance_name}:{postfix}}", Shared, Act;
        /// Under which facility lines go to the system's log.
        facility: SyslogFacility = "syslog_facility", "mail", Shared, Act;
        /// The file; empty: the system's log, or standard error in the foreground.
        file: Option<PathBuf> = "maillog_file", "", Shared, Act;
        /// Peers, or next hops, with which the dialogue is logged; secrets are not shown.
        debug_peers: PeerList = "debug_peer_list", "", Shared, Act;
        /// How much is logged of these: 1 the dialogue, 2 and more also what is waited for and how long.
        debug_level: Positive<u32> = "debug_peer_level", "2", Shared, Act;
        /// Most decimals in `delay=` and `delays=`.
        delay_resolution: Within<0, 6> = "delay_logging_resolution_limit", "2", Shared, Act;
    }
}
