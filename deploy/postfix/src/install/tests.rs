//! master.cf there and back: by example, for made-up files, and as files.
#![allow(clippy::indexing_slicing, reason = "a test")]

mod examples;
mod files;
mod properties;
mod restorations;

use super::conversion::Commands;

/// As on a Debian with our programs in `/opt/baton`.
fn commands(cache: bool) -> Commands {
    let command = |name: &str| format!("../../../../opt/baton/{name}");
    let cache = cache.then(|| command("baton-scache"));
    Commands { smtp: command("baton-smtp"), lmtp: command("baton-lmtp"), cache }
}
