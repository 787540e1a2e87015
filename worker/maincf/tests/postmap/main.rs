//! Tables answer what Debian's postmap(1) answers, for generated texts and keys.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod cidr;
mod fixed;
mod made;
mod oracle;
mod pcre;
mod regexp;
mod rules;
mod servers;
