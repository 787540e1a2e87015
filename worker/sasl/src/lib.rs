//! Logging in to a server: SASL mechanisms, which of them is used, and the AUTH dialogue (RFC 4954).
//!
//! No sockets, no files, no clock, no random numbers: they are the caller's.
//!
//! [`Selection`] chooses, [`Exchange`] gives a [`Line`] for every reply until there is an [`Outcome`]. The dialogue
//! over a session:
//!
//! ```
//! use sasl::*;
//! # fn talk(line: &Line, out: &mut Vec<u8>) -> (u16, &'static str) {
//! #     line.append_to(out);
//! #     (235, "235 2.7.0 welcome")
//! # }
//! # let mut out = Vec::new();
//! let credential = Credential::of_map_value("user:secret", ':', Authzid::Omit)?;
//! let circumstances = Circumstances {
//!     options: SecurityOptions::parse("noanonymous")?,
//!     certificate: ClientCertificate::Absent,
//!     binding: None,
//! };
//! let mut login = || {
//!     let selection = Selection::new("LOGIN PLAIN", |_| Filtered::In, &circumstances)?;
//!     let setting = Setting { credential: &credential, nonce: Nonce::of_random([7; 18]), server: None };
//!     let (mut exchange, mut line) = Exchange::begin(&selection, &setting)?;
//!     loop {
//!         let (code, text) = talk(&line, &mut out); // write it, wait for the reply
//!         match exchange.on_reply(code, text) {
//!             Step::Say(next, answer) => (exchange, line) = (next, answer),
//!             Step::Ended(outcome) => return Ok::<_, LoginFailed>(outcome),
//!         }
//!     }
//! };
//! assert_eq!(login(), Ok(Outcome::Accepted));
//! assert_eq!(out, b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! Secrets are overwritten when they are dropped, and appear in no `Debug` output, no error and no reason for the
//! log.

mod base64;
mod binding;
mod credential;
mod exchange;
mod failure;
mod line;
mod machine;
mod mechanism;
mod remembered;
mod security;
mod selection;
mod veil;

pub use binding::ChannelBinding;
pub use credential::{Authzid, BadCredential, Credential, Identity, LONGEST_FIELD};
pub use exchange::{Exchange, Objection, Outcome, Refusal, Step};
pub use failure::{Fault, LONGEST_CHALLENGE, LoginFailed, MOST_ITERATIONS, MOST_ROUNDS, SoftStatus};
pub use line::Line;
pub use machine::{Nonce, Setting};
pub use mechanism::Mechanism;
pub use remembered::{CacheSecret, LoginKey, RefusedLogin, Void};
pub use security::{Protection, SecurityOption, SecurityOptions, SecurityPolicy, UnknownOption};
pub use selection::{Circumstances, ClientCertificate, Filtered, Selection};
