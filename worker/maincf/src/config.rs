//! The two configurations: what a delivery process needs, and what the relay needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::main_cf::MainCf;
use crate::param::{Protocol, Scope};
use crate::params::{
    Bounce, Connect, Content, Dns, Errors, Hello, Identity, Intake, Lines, Log, Nexthop, Paths, Pool,
    Process, Queue, Retry, Rewriting, Routing, Sasl, SessionCache, Timeouts, Tls, TlsOpenssl, TlsTrust,
    TransportLimits, UnderPostfix,
};
use crate::reader::{ConfigErrors, Reader};
use crate::review;

/// What a delivery process needs, for the protocol it speaks.
#[derive(Clone, Debug)]
pub struct DeliveryConfig {
    /// Whose names were read.
    pub protocol: Protocol,
    /// Own names.
    pub identity: Identity,
    /// Relay hosts.
    pub nexthop: Nexthop,
    /// Name to addresses.
    pub dns: Dns,
    /// Which addresses, from where, how many.
    pub connect: Connect,
    /// How long each stage may take.
    pub timeouts: Timeouts,
    /// Greeting, EHLO and QUIT.
    pub hello: Hello,
    /// Lines and addresses on the wire.
    pub lines: Lines,
    /// Content that changes on its way out.
    pub content: Content,
    /// Addresses that change on their way out.
    pub rewriting: Rewriting,
    /// Parking and taking of sessions.
    pub cache: SessionCache,
    /// How strictly TLS is used.
    pub tls: Tls,
    /// Whom TLS trusts.
    pub tls_trust: TlsTrust,
    /// Logging in.
    pub sasl: Sasl,
    /// Defer or bounce.
    pub errors: Errors,
    /// How long mail waits.
    pub retry: Retry,
    /// How long a process lives.
    pub process: Process,
    /// How log lines look.
    pub log: Log,
}

impl DeliveryConfig {
    /// Reads the rows under the names of `protocol`.
    ///
    /// Errors: every value that is wrong, and every setting that must not be ignored.
    pub fn load(cf: &MainCf, protocol: Protocol) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(cf, Scope::Protocol(protocol));
        let config = Self::from_rows(&mut reader, protocol);
        reader.finish(config, review::refused(cf))
    }

    fn from_rows(reader: &mut Reader<'_>, protocol: Protocol) -> Option<Self> {
        // All are read before any `?`, so that every error is reported at once.
        let (identity, nexthop) = (Identity::load(reader), Nexthop::load(reader));
        let (dns, connect) = (Dns::load(reader), Connect::load(reader));
        let (timeouts, hello) = (Timeouts::load(reader), Hello::load(reader));
        let (lines, cache) = (Lines::load(reader), SessionCache::load(reader));
        let (content, rewriting) = (Content::load(reader), Rewriting::load(reader));
        let (tls, tls_trust) = (Tls::load(reader), TlsTrust::load(reader));
        let (sasl, errors, retry) = (Sasl::load(reader), Errors::load(reader), Retry::load(reader));
        let (process, log) = (Process::load(reader), Log::load(reader));
        // Nothing reads these, but a wrong value is an error all the same.
        let unread = TlsOpenssl::load(reader);
        unread?;
        Some(Self {
            protocol,
            identity: identity?,
            nexthop: nexthop?,
            dns: dns?,
            connect: connect?,
            timeouts: timeouts?,
            hello: hello?,
            lines: lines?,
            content: content?,
            rewriting: rewriting?,
            cache: cache?,
            tls: tls?,
            tls_trust: tls_trust?,
            sasl: sasl?,
            errors: errors?,
            retry: retry?,
            process: process?,
            log: log?,
        })
    }
}

/// What the standalone relay needs.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Own names.
    pub identity: Identity,
    /// Relay hosts.
    pub nexthop: Nexthop,
    /// Transport tables.
    pub routing: Routing,
    /// Addresses: the delimiter of extensions.
    pub rewriting: Rewriting,
    /// Files and folders.
    pub paths: Paths,
    /// Worker processes.
    pub pool: Pool,
    /// When a worker retires.
    pub process: Process,
    /// Retry and expiry.
    pub retry: Retry,
    /// Sizes of the queue.
    pub queue: Queue,
    /// Bounces.
    pub bounce: Bounce,
    /// The SMTP listener.
    pub intake: Intake,
    /// How log lines look.
    pub log: Log,
    /// Defer instead of bounce.
    pub errors: Errors,
    /// Session cache as the `smtp` transport has it.
    pub smtp_cache: SessionCache,
    /// Session cache as the `lmtp` transport has it.
    pub lmtp_cache: SessionCache,
    /// Limits by transport: `smtp`, `lmtp` and the one that `default_transport` names.
    pub transports: BTreeMap<String, TransportLimits>,
}

impl RelayConfig {
    /// Reads the relay's rows.
    ///
    /// Errors: every value that is wrong, and every setting that must not be ignored.
    pub fn load(cf: &MainCf) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(cf, Scope::Protocol(Protocol::Smtp));
        let config = Self::from_rows(&mut reader);
        reader.finish(config, review::refused(cf))
    }

    fn from_rows(reader: &mut Reader<'_>) -> Option<Self> {
        // All are read before any `?`, so that every error is reported at once.
        let (identity, nexthop) = (Identity::load(reader), Nexthop::load(reader));
        let (routing, paths) = (Routing::load(reader), Paths::load(reader));
        let rewriting = Rewriting::load(reader);
        let (pool, process) = (Pool::load(reader), Process::load(reader));
        let (retry, queue) = (Retry::load(reader), Queue::load(reader));
        let (bounce, intake) = (Bounce::load(reader), Intake::load(reader));
        let (log, errors) = (Log::load(reader), Errors::load(reader));
        let smtp_cache = SessionCache::load(reader);
        let lmtp_cache = reader.within(Scope::Protocol(Protocol::Lmtp), SessionCache::load);
        let own = routing.as_ref().map(|routing| routing.default_transport.transport.clone());
        let transports = transports(reader, own);
        Some(Self {
            identity: identity?,
            nexthop: nexthop?,
            routing: routing?,
            rewriting: rewriting?,
            paths: paths?,
            pool: pool?,
            process: process?,
            retry: retry?,
            queue: queue?,
            bounce: bounce?,
            intake: intake?,
            log: log?,
            errors: errors?,
            smtp_cache: smtp_cache?,
            lmtp_cache: lmtp_cache?,
            transports: transports?,
        })
    }
}

fn transports(reader: &mut Reader<'_>, own: Option<String>) -> Option<BTreeMap<String, TransportLimits>> {
    let names: BTreeSet<String> = ["smtp", "lmtp"].into_iter().map(str::to_owned).chain(own).collect();
    let limits: Vec<_> = names
        .into_iter()
        .map(|name| {
            let limits = reader.within(Scope::Transport(&name), TransportLimits::load);
            limits.map(|limits| (name, limits))
        })
        .collect();
    limits.into_iter().collect()
}

impl TransportLimits {
    /// Reads the rows of one transport.
    ///
    /// Errors: every value that is wrong.
    pub fn of(cf: &MainCf, transport: &str) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(cf, Scope::Transport(transport));
        let limits = Self::load(&mut reader);
        reader.finish(limits, Vec::new())
    }
}

impl UnderPostfix {
    /// Reads the rows.
    ///
    /// Errors: every value that is wrong.
    pub fn of(cf: &MainCf) -> Result<Self, ConfigErrors> {
        let mut reader = Reader::new(cf, Scope::Protocol(Protocol::Smtp));
        let neighbours = Self::load(&mut reader);
        reader.finish(neighbours, Vec::new())
    }
}

#[cfg(test)]
mod tests;
