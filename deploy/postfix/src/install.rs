//! `baton-postfix-install`: puts our programs into master.cf in place of smtp and lmtp, and takes them out again.
//!
//! ```text
//!  host (postconf) ─► files ─► conversion ─► review ─► files
//!                       └────► restoration ──────────────┘
//! ```
//!
//! master.cf is never written anew: both ways are lists of [`edits`], so that all the rest stays octet for octet.

pub mod conversion;
pub mod edits;
pub mod files;
pub mod host;
pub mod master_cf;
pub mod restoration;
pub mod review;
pub mod run;

#[cfg(test)]
mod tests;
