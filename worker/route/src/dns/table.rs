//! Answers from memory, for tests.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Budget, Lookup, Outcome, Record, RecordKind, Reply, SystemFailure, Tlsa};
use crate::find::Families;
use crate::hostname::{Host, HostName, Utf8Names};

/// TTL of what a table says, unless told otherwise.
const TTL: Duration = Duration::from_secs(300);

/// A world of names. What it does not mention does not exist: NXDOMAIN for names, NODATA for other types.
#[derive(Debug, Default)]
pub struct Table {
    replies: HashMap<(String, RecordKind), Reply>,
    hosts: HashMap<String, Result<Vec<IpAddr>, SystemFailure>>,
    asked: Mutex<Vec<(String, RecordKind)>>,
}

impl Table {
    /// Nothing exists.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an MX record. An empty target is a null MX.
    #[must_use]
    pub fn mx(mut self, domain: &str, preference: u16, target: &str) -> Self {
        if target.is_empty() {
            return self.reply(domain, RecordKind::Mx, Outcome::NullMx, TTL);
        }
        if let Some(target) = Host::parse(target, Utf8Names::Refused) {
            self.add(domain, RecordKind::Mx, Record::Mx { preference, target });
        }
        self
    }

    /// Adds an A or AAAA record.
    #[must_use]
    pub fn address(mut self, host: &str, address: IpAddr) -> Self {
        let kind = if address.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        self.add(host, kind, Record::Address(address));
        self
    }

    /// Adds a TLSA record; `name` is the whole of it, as `_25._tcp.mx.example`.
    #[must_use]
    pub fn tlsa(mut self, name: &str, record: Tlsa) -> Self {
        self.add(name, RecordKind::Tlsa, Record::Tlsa(record));
        self
    }

    /// Adds an alias, for questions about the alias itself. Other questions are not led along it:
    /// set `canonical` of their replies with [`Table::change`].
    #[must_use]
    pub fn alias(mut self, name: &str, target: &str) -> Self {
        if let Some(target) = HostName::parse(target, Utf8Names::Refused) {
            self.add(name, RecordKind::Cname, Record::Alias(target));
        }
        self
    }

    /// Makes the reply that is there a validated one.
    #[must_use]
    pub fn secure(self, name: &str, kind: RecordKind) -> Self {
        self.change(name, kind, |reply| reply.secure = true)
    }

    /// Sets what a question leads to.
    #[must_use]
    pub fn reply(mut self, name: &str, kind: RecordKind, outcome: Outcome, ttl: Duration) -> Self {
        let reply = Reply { outcome, secure: false, ttl: Some(ttl), canonical: None };
        self.replies.insert((name.into(), kind), reply);
        self
    }

    /// Changes the reply that is there, for instance its TTL or security.
    #[must_use]
    pub fn change(mut self, name: &str, kind: RecordKind, change: impl FnOnce(&mut Reply)) -> Self {
        if let Some(reply) = self.replies.get_mut(&(name.to_owned(), kind)) {
            change(reply);
        }
        self
    }

    /// Sets what the system's own lookup says.
    #[must_use]
    pub fn system(mut self, host: &str, result: Result<Vec<IpAddr>, SystemFailure>) -> Self {
        self.hosts.insert(host.into(), result);
        self
    }

    /// Every DNS question so far.
    pub fn asked(&self) -> Vec<(String, RecordKind)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&mut self, name: &str, kind: RecordKind, record: Record) {
        let empty =
            Reply { outcome: Outcome::Found(Vec::new()), secure: false, ttl: Some(TTL), canonical: None };
        let reply = self.replies.entry((name.into(), kind)).or_insert(empty);
        if let Outcome::Found(records) = &mut reply.outcome {
            records.push(record);
        }
    }
}

impl Lookup for Table {
    async fn query(&self, name: &HostName, kind: RecordKind, _: Budget) -> Reply {
        let question = (name.to_string(), kind);
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
        let exists = self.replies.keys().any(|(known, _)| known == name.as_str());
        self.replies.get(&question).cloned().unwrap_or_else(|| {
            let outcome = if exists { Outcome::NoData } else { Outcome::NxDomain };
            Reply { outcome, secure: false, ttl: Some(TTL), canonical: None }
        })
    }

    async fn system(
        &self,
        name: &HostName,
        families: Families,
        _: Budget,
    ) -> Result<Vec<IpAddr>, SystemFailure> {
        let nobody = || Err(SystemFailure::NotFound("Name or service not known".into()));
        let found = self.hosts.get(name.as_str()).cloned().unwrap_or_else(nobody)?;
        let usable: Vec<_> = found.into_iter().filter(|address| families.include(*address)).collect();
        if usable.is_empty() { nobody() } else { Ok(usable) }
    }
}
