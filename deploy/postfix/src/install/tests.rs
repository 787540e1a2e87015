//! The editing of master.cf: by example, and for made-up files.
#![allow(clippy::indexing_slicing, reason = "a test")]

mod examples;
mod properties;

use super::conversion::Commands;

/// As on a Debian with our programs in `/opt/baton`.
fn commands(cache: bool) -> Commands {
    let command = |name: &str| format!("../../../../opt/baton/{name}");
    let cache = cache.then(|| command("baton-scache"));
    Commands { smtp: command("baton-smtp"), lmtp: command("baton-lmtp"), cache }
}
