//! `baton sessions`: what lies parked in the connection cache.

use super::{Failure, SettingsArguments};
use crate::control::Client;
use proto::control::{FromRelay, ToRelay};
use proto::steward::Listed;
use serde_json::{Value, json};
use std::io::Write;

/// Everything that lies parked.
pub(super) fn list(client: &mut Client) -> Result<Vec<Listed>, Failure> {
    let mut all = Vec::new();
    let mut cursor = 0;
    loop {
        let FromRelay::Sessions { sessions, next } = client.ask(&ToRelay::Sessions(cursor))? else {
            return Err(crate::control::ClientError::Unexpected.into());
        };
        all.extend(sessions);
        match next {
            Some(next) => cursor = next,
            None => return Ok(all),
        }
    }
}

pub(super) fn show(settings: &SettingsArguments, json: bool) -> Result<(), Failure> {
    let all = list(&mut settings.client()?)?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", Value::from_iter(all.iter().map(object)))?;
        return Ok(());
    }
    for session in &all {
        let Listed { label, idle_ms, expires_ms, uses_left, parked_by } = session;
        let uses = if *uses_left == u32::MAX { "any number of".to_owned() } else { uses_left.to_string() };
        writeln!(
            out,
            "{} {} for {}: idle {:.1}s, expires in {:.1}s, {uses} uses left, parked by {parked_by}",
            label.service,
            label.relay,
            label.nexthop,
            seconds(*idle_ms),
            seconds(*expires_ms),
        )?;
    }
    writeln!(out, "{} parked sessions", all.len())?;
    Ok(())
}

pub(super) fn object(session: &Listed) -> Value {
    let Listed { label, idle_ms, expires_ms, uses_left, parked_by } = session;
    json!({
        "service": label.service, "nexthop": label.nexthop, "relay": label.relay, "idle_ms": idle_ms,
        "expires_ms": expires_ms, "uses_left": uses_left, "parked_by": parked_by,
    })
}

#[expect(clippy::cast_precision_loss, reason = "shown with one digit behind the point")]
fn seconds(millis: u64) -> f64 {
    millis as f64 / 1000.0
}
