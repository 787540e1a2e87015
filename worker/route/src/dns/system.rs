//! Addresses from the system's own lookup (getaddrinfo), for `smtp_host_lookup = native`.

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;

use tokio::time::{Instant, timeout_at};

use super::{Budget, MOST_RECORDS, SystemFailure};
use crate::find::Families;
use crate::hostname::HostName;

/// What precedes the reason in the error text of the standard library.
const PREFIX: &str = "failed to lookup address information: ";

/// Addresses of the enabled families, each once, in the system's order; at least one.
pub(super) async fn addresses(
    name: &HostName,
    families: Families,
    budget: Budget,
) -> Result<Vec<IpAddr>, SystemFailure> {
    // The thread that asks cannot be stopped; after the deadline its answer is dropped.
    let until = Instant::now()
        .checked_add(budget.per_lookup)
        .map_or(budget.until.into(), |end| end.min(budget.until.into()));
    let asked = timeout_at(until, tokio::net::lookup_host((name.as_str(), 0))).await;
    let found =
        asked.map_err(|_| SystemFailure::TryAgain("timeout".into()))?.map_err(|error| failure(&error))?;
    let mut seen = HashSet::new();
    let usable: Vec<_> = found
        .map(|socket| socket.ip())
        .filter(|address| families.include(*address) && seen.insert(*address))
        .take(MOST_RECORDS)
        .collect();
    if usable.is_empty() {
        return Err(SystemFailure::NotFound("No address associated with hostname".into()));
    }
    Ok(usable)
}

/// The standard library keeps only the text of getaddrinfo's code: in glibc's words, or musl's.
fn failure(error: &io::Error) -> SystemFailure {
    let text = error.to_string();
    let reason = text.strip_prefix(PREFIX).unwrap_or(&text).to_owned();
    match reason.as_str() {
        "Temporary failure in name resolution" | "Try again" => SystemFailure::TryAgain(reason),
        "Name or service not known"
        | "No address associated with hostname"
        | "Name does not resolve"
        | "Name has no usable address" => SystemFailure::NotFound(reason),
        "Non-recoverable failure in name resolution" | "Non-recoverable error" => {
            SystemFailure::Unrecoverable(reason)
        }
        _ => SystemFailure::Other(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_told_apart() {
        let of = |text: &str| failure(&io::Error::other(format!("{PREFIX}{text}")));
        assert_eq!(of("Try again"), SystemFailure::TryAgain("Try again".into()));
        assert_eq!(
            of("Name or service not known"),
            SystemFailure::NotFound("Name or service not known".into())
        );
        assert_eq!(of("Memory allocation failure"), SystemFailure::Other("Memory allocation failure".into()));
    }
}
