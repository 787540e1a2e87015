//! Records that the operator does not want to see (`smtp_dns_reply_filter`).

use std::fmt;

use super::{Outcome, Record, RecordKind, Trouble};

/// What the operator says of single records.
pub trait RecordFilter: fmt::Debug + Send + Sync {
    /// The action for a record in the form `name. ttl IN type data`; `None` keeps it.
    ///
    /// Errors: the table could not answer.
    fn action(&self, record: &str) -> Result<Option<String>, String>;
}

/// The only action there is.
const IGNORE: &str = "IGNORE";

/// A record with what else a filter sees of it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) owner: String,
    pub(super) ttl: u32,
    pub(super) record: Record,
}

impl Seen {
    /// As in a zone file, with a final dot on every name.
    fn text(&self, kind: RecordKind) -> String {
        let Self { owner, ttl, record } = self;
        let data = match record {
            Record::Mx { preference, target } => format!("{preference} {target}."),
            Record::Address(address) => address.to_string(),
            Record::Tlsa(tlsa) => {
                let data: String = tlsa.data.iter().map(|octet| format!("{octet:02X}")).collect();
                format!("{} {} {} {data}", tlsa.usage, tlsa.selector, tlsa.matching)
            }
            Record::Srv { priority, weight, port, target } => {
                format!("{priority} {weight} {port} {target}.")
            }
            Record::Alias(target) => format!("{target}."),
        };
        format!("{owner}. {ttl} IN {kind} {data}")
    }
}

/// Without the records that the filter drops. A filter that cannot say what to do with one of them stops the lookup:
/// what it was meant to hide must not be used.
pub(super) fn apply(filter: &dyn RecordFilter, kind: RecordKind, records: Vec<Seen>) -> Outcome {
    let mut kept = Vec::new();
    for seen in records {
        let text = seen.text(kind);
        match filter.action(&text) {
            Ok(None) => kept.push(seen.record),
            Ok(Some(action)) if action.eq_ignore_ascii_case(IGNORE) => {
                tracing::info!("ignoring DNS RR: {text}");
            }
            Ok(Some(action)) => {
                tracing::warn!("unknown DNS filter action: \"{action}\"");
                return Outcome::Temporary(Trouble::Filter(format!("unknown action {action}")));
            }
            Err(error) => {
                tracing::warn!("DNS reply filter: {error}");
                return Outcome::Temporary(Trouble::Filter(error));
            }
        }
    }
    if kept.is_empty() { Outcome::Filtered } else { Outcome::Found(kept) }
}
