//! The resolver of a worker process: DNS with a small cache, and the system's lookup.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::ad_pool::AdPool;
use super::cache::Cache;
use super::{Budget, Lookup, Probe, ProbeResult, RecordFilter, RecordKind, Reply, SystemFailure, system};
use crate::find::{DnsSupport, Families};
use crate::hostname::HostName;

/// Which DNS servers are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Those of a file in the form of resolv.conf(5), read at the first question.
    ResolvConf(PathBuf),
    /// These, in this order (`baton_dns_server`).
    Servers {
        /// Address and port.
        servers: Vec<SocketAddr>,
        /// How long one server has for one question; resolv.conf(5) has 5 s.
        timeout: Duration,
        /// How often the list is gone through, at least once; resolv.conf(5) has 2.
        attempts: u32,
    },
}

/// Whose word counts that an answer was validated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdTrust {
    /// Servers that are all on this machine, and those that resolv.conf declares with `trust-ad`.
    Local,
    /// Any server: the administrator says that the way to it is safe.
    Always,
    /// Nobody's.
    Never,
}

impl AdTrust {
    /// Nearby validation counts where the administrator wants DNSSEC, and nobody's elsewhere.
    pub fn for_support(support: DnsSupport) -> Self {
        match support {
            DnsSupport::Dnssec => Self::Local,
            DnsSupport::Disabled | DnsSupport::Enabled => Self::Never,
        }
    }
}

/// How a [`Resolver`] works.
#[derive(Clone, Debug)]
pub struct ResolverOptions {
    /// Which servers.
    pub source: Source,
    /// Whose validation is believed.
    pub trust: AdTrust,
    /// Most answers kept; 0 keeps none.
    pub cache_size: usize,
}

/// DNS through the servers of [`Source`], and getaddrinfo. Costs nothing until the first question.
#[derive(Debug)]
pub struct Resolver {
    pool: AdPool,
    filter: Option<Box<dyn RecordFilter>>,
    cache: Mutex<Cache>,
}

impl Resolver {
    /// Opens and reads nothing yet.
    pub fn new(options: ResolverOptions) -> Self {
        let ResolverOptions { source, trust, cache_size } = options;
        Self { pool: AdPool::new(source, trust), filter: None, cache: Mutex::new(Cache::new(cache_size)) }
    }

    /// The same, without the records that the operator does not want to see.
    #[must_use]
    pub fn with_filter(self, filter: Box<dyn RecordFilter>) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// Reads the file that names the servers now.
    pub fn read(&self) {
        self.pool.read();
    }

    /// Whether the servers validate, by a question whose answer is known to be signed (`dnssec_probe`).
    /// Never from the cache. It is for one warning in the log; nothing else depends on it.
    pub async fn probe(&self, probe: &Probe, budget: Budget) -> ProbeResult {
        self.pool.probe(&probe.name, probe.kind, budget).await
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // A panic elsewhere cannot leave the cache half written: each operation is one insertion or removal.
        self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Lookup for Resolver {
    async fn query(&self, name: &HostName, kind: RecordKind, budget: Budget) -> Reply {
        if let Some(reply) = self.cache().get(name, kind, budget.now) {
            return reply;
        }
        let reply = self.pool.query(name, kind, self.filter.as_deref(), budget).await;
        self.cache().put(name, kind, &reply, budget.now);
        reply
    }

    async fn system(
        &self,
        name: &HostName,
        families: Families,
        budget: Budget,
    ) -> Result<Vec<IpAddr>, SystemFailure> {
        system::addresses(name, families, budget).await
    }
}
