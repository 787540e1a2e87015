//! `baton statistics`: what the relay and its connection cache have counted since they started.

use super::{Failure, SettingsArguments};
use proto::control::{FromRelay, RelayStatistics, ToRelay};
use serde_json::{Value, json};
use std::io::Write;

pub(super) fn show(settings: &SettingsArguments, as_json: bool) -> Result<(), Failure> {
    let FromRelay::Statistics(counters) = settings.client()?.ask(&ToRelay::Statistics)? else {
        return Err(crate::control::ClientError::Unexpected.into());
    };
    let object = object(&counters);
    let mut out = std::io::stdout().lock();
    if as_json {
        writeln!(out, "{object}")?;
        return Ok(());
    }
    for (name, value) in object.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(inner) => {
                for (inner_name, value) in inner {
                    writeln!(out, "{name}.{inner_name}: {value}")?;
                }
            }
            None => writeln!(out, "{name}: {value}")?,
        }
    }
    Ok(())
}

fn object(counters: &RelayStatistics) -> Value {
    let RelayStatistics {
        accepted,
        delivered,
        bounced,
        deferred,
        queued,
        handovers,
        workers,
        longest_chain,
        most_uses,
        workers_running,
        paused,
        cache,
    } = counters;
    json!({
        "accepted": accepted, "delivered": delivered, "bounced": bounced, "deferred": deferred,
        "queued": queued, "handovers": handovers, "workers": workers, "longest_chain": longest_chain,
        "most_uses": most_uses, "workers_running": workers_running, "paused": paused,
        "cache": cache.as_ref().map(|cache| serde_json::to_value(cache).unwrap_or_default()),
    })
}
