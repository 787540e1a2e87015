//! An explanation as data. Its names are the names in the JSON of `baton explain`, which scripts read: none is changed.

use serde::Serialize;

/// What a delivery to a list of next hops would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The transport's name.
    pub transport: String,
    /// `SMTP` or `LMTP`.
    pub protocol: &'static str,
    /// Why there are no next hops.
    pub trouble: Option<Trouble>,
    /// `*_sasl_auth_enable`.
    pub login_enabled: bool,
    /// In the order in which they are tried; one that is final is the last.
    pub hops: Vec<Hop>,
}

/// One next hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// As configured.
    pub nexthop: String,
    /// It is one of `smtp_fallback_relay`.
    pub fallback: bool,
    /// What was asked to find its hosts.
    pub lookups: Vec<Lookup>,
    /// `mx`, `implicit-mx`, `host`, `literal` or `unix`; none if there is no host.
    pub origin: Option<&'static str>,
    /// What the MX records are worth.
    pub mx_validation: Option<Validation>,
    /// This machine is an exchanger of it: nothing after this next hop is tried.
    pub i_am_mx: bool,
    /// How long the route is true without being looked up again, in seconds.
    pub fresh_s: Option<u64>,
    /// Why there is no host.
    pub trouble: Option<Trouble>,
    /// What becomes of its sessions.
    pub keeping: Keeping,
    /// In the order in which they are tried. Equals are in another order each time.
    pub hosts: Vec<Host>,
}

/// One question to DNS or to the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// The name asked for.
    pub name: String,
    /// `MX`, `A`, …, or `system`.
    pub kind: String,
    /// `found`, `no-data`, `no-such-name`, `null-mx`, `alias-loop`, `temporary`, `invalid` or `refused`.
    pub outcome: &'static str,
    /// The records, or what went wrong.
    pub answers: Vec<String>,
    /// What the answer is worth.
    pub validation: Validation,
    /// The name at the end of its aliases.
    pub canonical: Option<String>,
    /// How long it is true, in seconds.
    pub ttl_s: Option<u64>,
}

/// DNSSEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Validation {
    /// Validated by a resolver that is believed.
    Secure,
    /// Not validated.
    Insecure,
    /// There is no answer that could be.
    Unknown,
    /// DNSSEC is not used (`smtp_dns_support_level`).
    Unused,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// RFC 3463.
    pub status: String,
    /// As the log has it.
    pub text: String,
    /// What would happen next.
    pub then: Then,
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Then {
    /// The next host is tried; after the last one the mail waits.
    NextHost,
    /// The next of several next hops is tried.
    NextNexthop,
    /// The mail waits.
    Deferred,
    /// The sender is told.
    Bounced,
}

/// What becomes of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Keeping {
    /// Always kept: `*_connection_cache_destinations`.
    pub permanent: bool,
    /// Kept while there is a backlog: `*_connection_cache_on_demand`.
    pub on_demand: bool,
    /// How long one may lie idle, in seconds.
    pub idle_s: u64,
    /// How old one may become, in seconds.
    pub reuse_time_s: u64,
    /// How often one is used; none: any number of times.
    pub reuse_count: Option<u32>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// `host[address]:port`, or `host[path]`.
    pub relay: String,
    /// Of its MX record; 0 where there is none.
    pub preference: u16,
    /// No other is better: its parked sessions are used first.
    pub best: bool,
    /// Within `*_mx_address_limit`; others are not tried.
    pub within_limit: bool,
    /// What its address is worth.
    pub validation: Validation,
    /// The local address that is used for it.
    pub bind: Option<String>,
    /// What was asked about its certificate.
    pub lookups: Vec<Lookup>,
    /// How TLS is used; none where a table has no answer.
    pub tls: Option<Tls>,
    /// Who we are to it; none: nobody in particular.
    pub login: Option<Login>,
    /// Why it is not tried.
    pub trouble: Option<Trouble>,
}

/// TLS with one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// The level in force; none where the host is passed over.
    pub level: Option<&'static str>,
    /// The level that was asked for.
    pub asked: &'static str,
    /// `main.cf`, `policy-maps` or `per-site`.
    pub decided_by: &'static str,
    /// The table and the key.
    pub place: String,
    /// `required`, `if-offered`, `never`, `unavailable` or `unmet`.
    pub usage: &'static str,
    /// The server name that is sent.
    pub sni: Option<String>,
    /// Whose certificate is accepted; empty: anybody's.
    pub accepts: Vec<String>,
    /// Whether its sessions may be parked.
    pub handed_on: bool,
    /// What DNS says of the certificate, where that was asked.
    pub dane: Option<Dane>,
    /// For the operator.
    pub warnings: Vec<String>,
}

/// What DNS says of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dane {
    /// `records`, `none`, `failed` or `off`.
    pub finding: &'static str,
    /// In words.
    pub text: String,
}

/// Who logs in. The secret is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The key of the password table.
    pub key: String,
    /// MX records name the host, and nothing checks that it is the right one.
    pub unchecked_host: bool,
}
