//! Addresses that change on their way out.

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::{DomainList, TableList};
use crate::value::Keywords;

params! {
    /// Addresses that change on their way out.
    Rewriting {
        /// Tables that rewrite addresses in MAIL, RCPT and the message's own headers, by address, local part and `@domain`.
        generic_maps: TableList = "generic_maps", "", Same, Act;
        /// Which tables pass on an extension that they do not mention; here only `generic`.
        propagate_extensions: Keywords = "propagate_unmatched_extensions", "canonical, virtual", Shared, Act;
        /// Complete results that have no domain with `@$myorigin`.
        append_origin: bool = "append_at_myorigin", "yes", Shared, Act;
        /// Complete results whose domain has no dot with `.$mydomain`.
        append_domain: bool = "append_dot_mydomain", "${{$compatibility_level} <level {1} ? {yes} : {no}}", Shared, Act;
        /// Domains whose local parts are also looked up alone. Nothing is delivered locally.
        local_domains: DomainList = "mydestination", "$myhostname, localhost.$mydomain, localhost", Shared, Act;
        /// Characters that begin the extension of a local part.
        recipient_delimiter: String = "recipient_delimiter", "", Shared, Act;
    }
}
