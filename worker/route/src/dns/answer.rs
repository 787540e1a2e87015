//! From DNS messages to a reply: the walk along aliases, and which records count.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata as wire;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::filter::{self, RecordFilter, Seen};
use super::{MOST_ALIASES, MOST_RECORDS, Outcome, Record, RecordKind, Reply, Tlsa};
use crate::hostname::{Host, HostName, Utf8Names};

/// The way from the name asked to the records, over one message or several.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    kind: RecordKind,
    /// Where we are: the name asked, or the target of the last alias.
    at: Name,
    aliases: usize,
    /// The smallest TTL so far, in seconds.
    ttl: Option<u32>,
    /// Every message so far was validated.
    secure: bool,
    filter: Option<&'a dyn RecordFilter>,
}

impl<'a> Walk<'a> {
    /// A walk that starts at `name`.
    pub(super) fn from(name: Name, kind: RecordKind) -> Self {
        Self { kind, at: name, aliases: 0, ttl: None, secure: true, filter: None }
    }

    /// The same, with an operator who does not want to see everything.
    pub(super) fn filtered(self, filter: Option<&'a dyn RecordFilter>) -> Self {
        Self { filter, ..self }
    }

    /// The name to ask for next.
    pub(super) fn at(&self) -> &Name {
        &self.at
    }

    /// The type to ask for.
    pub(super) fn record_type(&self) -> RecordType {
        match self.kind {
            RecordKind::Mx => RecordType::MX,
            RecordKind::A => RecordType::A,
            RecordKind::Aaaa => RecordType::AAAA,
            RecordKind::Tlsa => RecordType::TLSA,
            RecordKind::Srv => RecordType::SRV,
            RecordKind::Cname => RecordType::CNAME,
        }
    }

    /// Goes on with a message; `None` means that [`Walk::at`] is to be asked now.
    ///
    /// `secure`: the message says that it was validated, and we believe the server.
    pub(super) fn message(&mut self, message: &Message, secure: bool) -> Option<Reply> {
        self.secure &= secure;
        let aliases_before = self.aliases;
        while let Some((target, ttl)) = self.alias_to_follow(message) {
            self.see_ttl(ttl);
            self.aliases += 1;
            if self.aliases > MOST_ALIASES {
                return Some(self.end(Outcome::AliasLoop));
            }
            self.at = target;
        }
        if let Some(outcome) = self.records_in(message) {
            return Some(self.end(outcome));
        }
        let soa = message.authorities.iter().find_map(|record| match &record.data {
            RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
            _ => None,
        });
        match message.metadata.response_code {
            ResponseCode::NXDomain => Some(self.negative(Outcome::NxDomain, soa, secure)),
            // The server followed the aliases to their end, or there were none to follow.
            _ if soa.is_some() || self.aliases == aliases_before => {
                Some(self.negative(Outcome::NoData, soa, secure))
            }
            _ => None,
        }
    }

    /// Ends with "not found". Without the zone's TTL for that (RFC 2308 §5) it must not be kept.
    pub(super) fn negative(&mut self, outcome: Outcome, ttl: Option<u32>, secure: bool) -> Reply {
        self.secure &= secure;
        self.see_ttl(ttl.unwrap_or(0));
        let reply = self.end(outcome);
        Reply { ttl: reply.ttl.filter(|ttl| !ttl.is_zero()), ..reply }
    }

    fn end(&self, outcome: Outcome) -> Reply {
        let ttl = self.ttl.map(|seconds| Duration::from_secs(seconds.into()));
        if self.aliases == 0 {
            return Reply { outcome, secure: self.secure, ttl, canonical: None };
        }
        match (host_name(&self.at), outcome) {
            // What we cannot name, we do not use. TLSA records are used under the name that was asked.
            (None, Outcome::Found(_)) if self.kind != RecordKind::Tlsa => {
                Reply { outcome: Outcome::Invalid, secure: self.secure, ttl, canonical: None }
            }
            (canonical, outcome) => Reply { outcome, secure: self.secure, ttl, canonical },
        }
    }

    fn see_ttl(&mut self, ttl: u32) {
        // RFC 2181 §8: with the high bit set it counts as zero.
        let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
        self.ttl = Some(self.ttl.map_or(ttl, |smallest| smallest.min(ttl)));
    }

    fn alias_to_follow(&self, message: &Message) -> Option<(Name, u32)> {
        if self.kind == RecordKind::Cname {
            return None;
        }
        message.answers.iter().filter(|record| record.name == self.at).find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), record.ttl)),
            _ => None,
        })
    }

    /// The records of our kind at [`Walk::at`]; `None` if there are none.
    fn records_in(&mut self, message: &Message) -> Option<Outcome> {
        // They should be equal; if not, the smallest counts for all (RFC 2181 §5.2).
        let mut smallest: Option<u32> = None;
        let mut null = false;
        // Only a filter looks at it.
        let owner = if self.filter.is_some() {
            shown(&self.at).trim_end_matches('.').to_owned()
        } else {
            String::new()
        };
        let mut records = Vec::new();
        for record in message.answers.iter().filter(|record| record.name == self.at) {
            let good = match (&record.data, self.kind) {
                (RData::A(a), RecordKind::A) => Some(Record::Address(IpAddr::V4(a.0))),
                (RData::AAAA(aaaa), RecordKind::Aaaa) => Some(Record::Address(IpAddr::V6(aaaa.0))),
                (RData::MX(mx), RecordKind::Mx) => {
                    null |= mx.exchange.is_root();
                    target(self.kind, &self.at, &mx.exchange)
                        .map(|target| Record::Mx { preference: mx.preference, target })
                }
                (RData::SRV(srv), RecordKind::Srv) => {
                    null |= srv.target.is_root();
                    let (priority, weight, port) = (srv.priority, srv.weight, srv.port);
                    target(self.kind, &self.at, &srv.target).map(|target| Record::Srv {
                        priority,
                        weight,
                        port,
                        target,
                    })
                }
                (RData::TLSA(tlsa), RecordKind::Tlsa) => association(&self.at, tlsa),
                (RData::CNAME(target), RecordKind::Cname) => host_name(&target.0).map(Record::Alias),
                _ => continue,
            };
            smallest = Some(smallest.map_or(record.ttl, |ttl| ttl.min(record.ttl)));
            records.extend(good.map(|good| Seen { owner: owner.clone(), ttl: record.ttl, record: good }));
        }
        self.see_ttl(smallest?);
        if records.len() > MOST_RECORDS {
            let (kind, owner) = (self.kind, shown(&self.at));
            tracing::warn!("more than {MOST_RECORDS} {kind} records for {owner}: the others are not used");
            records.truncate(MOST_RECORDS);
        }
        Some(match records {
            _ if null && self.kind == RecordKind::Srv => Outcome::NullSrv,
            _ if null => Outcome::NullMx,
            none if none.is_empty() => Outcome::Invalid,
            records => match self.filter {
                Some(filter) => filter::apply(filter, self.kind, records),
                None => Outcome::Found(records.into_iter().map(|seen| seen.record).collect()),
            },
        })
    }
}

/// A server's name, or the number that stands where a name should; `None` (with a warning) for anything else.
fn target(kind: RecordKind, owner: &Name, target: &Name) -> Option<Host> {
    if target.is_root() {
        return None;
    }
    if let Some(name) = host_name(target) {
        return Some(Host::Name(name));
    }
    let number = text(target).as_deref().and_then(Host::dotted);
    match &number {
        Some(_) => {
            let (owner, target) = (shown(owner), shown(target));
            let [owner, target] = [&owner, &target].map(|name| name.trim_end_matches('.'));
            tracing::warn!("numeric domain name in resource data of {kind} record for {owner}: {target}");
        }
        None => tracing::warn!("malformed name in {kind} record of {}: {}", shown(owner), shown(target)),
    }
    number
}

/// A TLSA record; `None` (with a warning) if it has no data, so that nothing can match it. One that is too short
/// for its three numbers makes the whole message unreadable, and the lookup fails.
fn association(owner: &Name, tlsa: &wire::TLSA) -> Option<Record> {
    if tlsa.cert_data.is_empty() {
        tracing::warn!("malformed TLSA record of {}: no data", shown(owner));
        return None;
    }
    Some(Record::Tlsa(Tlsa {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.clone(),
    }))
}

/// The name, if it may be one of a host.
fn host_name(name: &Name) -> Option<HostName> {
    HostName::parse(&text(name)?, Utf8Names::Refused)
}

/// Labels with dots between; `None` if that would not lead back to the same labels.
fn text(name: &Name) -> Option<String> {
    let labels: Vec<&str> = name
        .iter()
        .map(|label| std::str::from_utf8(label).ok().filter(|label| label.is_ascii() && !label.contains('.')))
        .collect::<Option<_>>()?;
    Some(labels.join("."))
}

/// For the log: escaped, so that no byte from the net can forge a line.
fn shown(name: &Name) -> String {
    name.to_ascii().escape_debug().to_string()
}

#[cfg(test)]
mod tests;
