//! What a sender's address decides of a route: `sender_dependent_default_transport_maps`, `sender_dependent_relayhost_maps`.

use maincf::tables::{Answer, TableError, Tables};

/// How the null sender is looked up.
const NULL: &str = "<>";
/// A value that says nothing: as if the table did not have the key.
const DUNNO: &str = "DUNNO";

/// A value, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) value: String,
    pub(super) table: String,
    pub(super) key: String,
}

/// Looks a sender up: the address, the address without extension, `@domain`.
///
/// # Errors
/// [`TableError`]: mail of this sender waits.
pub(super) fn find(tables: &Tables, sender: &str, delimiters: &str) -> Result<Option<Found>, TableError> {
    if tables.is_empty() {
        return Ok(None);
    }
    let found = |key: &str, Answer { table, value }: Answer<'_>| {
        let found = Found { value, table: table.to_string(), key: key.to_owned() };
        (!found.value.eq_ignore_ascii_case(DUNNO)).then_some(found)
    };
    let whole = if sender.is_empty() { NULL } else { sender };
    if let Some(answer) = tables.find(whole)? {
        return Ok(found(whole, answer));
    }
    for key in parts(sender, delimiters) {
        if let Some(answer) = tables.find_part(&key)? {
            return Ok(found(&key, answer));
        }
    }
    Ok(None)
}

fn parts(sender: &str, delimiters: &str) -> impl Iterator<Item = String> {
    let keys = sender.rsplit_once('@').map(|(local, domain)| {
        // A delimiter at the very beginning is part of the name.
        let extension = local.char_indices().find(|&(at, c)| at > 0 && delimiters.contains(c));
        let plain = extension.and_then(|(at, _)| local.get(..at));
        [plain.map(|plain| format!("{plain}@{domain}")), Some(format!("@{domain}"))]
    });
    keys.into_iter().flatten().flatten()
}
