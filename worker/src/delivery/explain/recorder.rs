//! A resolver that remembers what it was asked, and what it said.

use super::report::{Lookup as Report, Validation};
use crate::context::{self, Context};
use route::dns::{
    Budget, Lookup, Outcome, Record, RecordKind, Reply, Resolver, SystemFailure, Tlsa, Trouble,
};
use route::{DnsSupport, Families, HostName};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// A worker's resolver, watched.
pub(super) struct Recorder<'a> {
    resolver: &'a Resolver,
    dnssec: bool,
    asked: Mutex<Vec<Report>>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(context: &'a Context) -> Self {
        let dnssec = context::dns_support(&context.config) == DnsSupport::Dnssec;
        Self { resolver: &context.resolver, dnssec, asked: Mutex::default() }
    }

    /// What was asked since the last call.
    pub(super) fn take(&self) -> Vec<Report> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// In words that say whether anybody looked.
    pub(super) fn validation(&self, secure: bool) -> Validation {
        match (self.dnssec, secure) {
            (false, _) => Validation::Unused,
            (true, true) => Validation::Secure,
            (true, false) => Validation::Insecure,
        }
    }

    fn note(&self, report: Report) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    fn report(&self, name: &HostName, kind: RecordKind, reply: &Reply) -> Report {
        let (outcome, answers) = told(&reply.outcome);
        // That there is nothing is not told apart by what it is worth.
        let unknown = self.dnssec && !reply.secure && !matches!(reply.outcome, Outcome::Found(_));
        Report {
            name: name.to_string(),
            kind: kind.to_string(),
            outcome,
            answers,
            validation: if unknown { Validation::Unknown } else { self.validation(reply.secure) },
            canonical: reply.canonical.as_ref().map(ToString::to_string),
            ttl_s: reply.ttl.map(|ttl| ttl.as_secs()),
        }
    }
}

impl Lookup for Recorder<'_> {
    async fn query(&self, name: &HostName, kind: RecordKind, budget: Budget) -> Reply {
        let reply = self.resolver.query(name, kind, budget).await;
        self.note(self.report(name, kind, &reply));
        reply
    }

    async fn system(
        &self,
        name: &HostName,
        families: Families,
        budget: Budget,
    ) -> Result<Vec<IpAddr>, SystemFailure> {
        let found = self.resolver.system(name, families, budget).await;
        let (outcome, answers) = match &found {
            Ok(addresses) => ("found", addresses.iter().map(ToString::to_string).collect()),
            Err(SystemFailure::NotFound(why)) => ("no-such-name", vec![why.clone()]),
            Err(SystemFailure::TryAgain(why)) => ("temporary", vec![why.clone()]),
            Err(SystemFailure::Other(why) | SystemFailure::Unrecoverable(why)) => {
                ("refused", vec![why.clone()])
            }
        };
        let (name, kind, validation) = (name.to_string(), "system".to_owned(), self.validation(false));
        self.note(Report { name, kind, outcome, answers, validation, canonical: None, ttl_s: None });
        found
    }
}

fn told(outcome: &Outcome) -> (&'static str, Vec<String>) {
    match outcome {
        Outcome::Found(records) => ("found", records.iter().map(record).collect()),
        Outcome::NoData => ("no-data", Vec::new()),
        Outcome::NxDomain => ("no-such-name", Vec::new()),
        Outcome::NullMx => ("null-mx", Vec::new()),
        Outcome::NullSrv => ("null-srv", Vec::new()),
        Outcome::Filtered => ("filtered", Vec::new()),
        Outcome::AliasLoop => ("alias-loop", Vec::new()),
        Outcome::Temporary(Trouble::Rcode(2)) => ("temporary", vec!["SERVFAIL".to_owned()]),
        Outcome::Temporary(Trouble::Rcode(5)) => ("temporary", vec!["REFUSED".to_owned()]),
        Outcome::Temporary(trouble) => ("temporary", vec![trouble.to_string()]),
        Outcome::Invalid => ("invalid", Vec::new()),
        Outcome::Unrecoverable(rcode) => ("refused", vec![format!("rcode {rcode}")]),
    }
}

fn record(record: &Record) -> String {
    match record {
        Record::Mx { preference, target } => format!("{preference} {target}"),
        Record::Srv { priority, weight, port, target } => {
            format!("{priority} {weight} {port} {target}")
        }
        Record::Address(address) => address.to_string(),
        Record::Tlsa(Tlsa { usage, selector, matching, data }) => {
            let data: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("{usage} {selector} {matching} {data}")
        }
        Record::Alias(name) => name.to_string(),
    }
}
