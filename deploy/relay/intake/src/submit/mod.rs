//! What `baton send` does with its command line and the text it reads, without reading it.
//!
//! [`parse_arguments`] understands sendmail's options. A [`Composer`] then takes the text of standard input
//! in pieces of any size and gives back the envelope and the message, complete and with CRLF line ends.
//!
//! ```
//! use intake::submit::{Caller, Composer, Invocation, parse_arguments};
//!
//! let arguments = ["-t", "-oi", "-F", "Joe"].map(Into::into);
//! let Ok(Invocation::Submit(options)) = parse_arguments(arguments) else { panic!() };
//! let caller = Caller {
//!     login: "joe".into(),
//!     full_name: None,
//!     origin: "example.org".into(),
//!     unix_seconds: 1_763_867_580,
//!     offset_minutes: 0,
//!     unique: "1f3a".into(),
//! };
//! let mut composer = Composer::new(options, caller)?;
//! let mut message = Vec::new();
//! for piece in ["To: a@example.net\nBcc: b@exam", "ple.net\n\nhel", "lo"] {
//!     composer.feed(piece.as_bytes(), &mut message)?; // Fed::Ended: read no more
//! }
//! let submitted = composer.finish(&mut message)?;
//! assert_eq!(submitted.envelope.sender.to_string(), "joe@example.org");
//! assert_eq!(submitted.envelope.recipients.len(), 2);
//! assert_eq!(String::from_utf8(message).unwrap(), "\
//!     Date: Sun, 23 Nov 2025 03:13:00 +0000\r\n\
//!     From: Joe <joe@example.org>\r\n\
//!     Message-ID: <20251123031300.1f3a@example.org>\r\n\
//!     To: a@example.net\r\n\r\nhello\r\n");
//! # Ok::<(), intake::submit::SubmitError>(())
//! ```

mod composer;
mod error;
mod header;
mod line_ends;
mod options;
mod phrase;

pub use composer::{Caller, Composer, Fed, Submitted, SubmittedEnvelope};
pub use error::SubmitError;
pub use options::{DotRule, Invocation, RecipientSource, SubmitOptions, parse_arguments};
