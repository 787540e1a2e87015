//! TLS policy beside Postfix: one table of cases, run by both, and what came of each compared.
//!
//! Everything happens in a network and mount namespace of its own ([`namespace`]), where port 25, port 53 and
//! `/etc/resolv.conf` are ours. A case is a domain with its mail exchangers; what is set in main.cf and not in the
//! policy table makes a *group*: a transport of the one Postfix, and a relay of Baton.

pub mod baton;
pub mod case;
pub mod cases;
pub mod differences;
pub mod dns;
pub mod namespace;
pub mod oracle;
pub mod outcome;
pub mod report;
pub mod stage;
