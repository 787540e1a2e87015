//! The SMTP listener's dialogue and the text of `baton send`, without sockets, files or a clock.
//!
//! # The listener
//!
//! The shell owns the connection, the spool and the timer. It moves bytes and does what the events say:
//!
//! ```
//! use std::collections::VecDeque;
//! use std::sync::Arc;
//! use intake::{Event, Session, Settings};
//!
//! // What a client sends, as the reads of a socket would return it, and what it gets back.
//! let mut reads: VecDeque<&[u8]> = VecDeque::from([
//!     &b"EHLO client.example\r\n"[..],
//!     b"MAIL FROM:<a@example.org> SIZE=20\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
//!     b"Subject: hi\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
//! ]);
//! let mut writes = Vec::new();
//! let (mut spool, mut queue) = (Vec::new(), Vec::new());
//!
//! let mut session = Session::new(Arc::new(Settings::new("relay.example")));
//! 'connection: loop {
//!     writes.extend_from_slice(session.output());
//!     session.written(session.output().len());
//!     let mut input = reads.pop_front().unwrap_or_default();
//!     if input.is_empty() {
//!         session.disconnected();         // a read that timed out: session.timed_out()
//!     }
//!     loop {
//!         match session.feed(&mut input) {
//!             Some(Event::Open(envelope, opening)) => {
//!                 assert_eq!(envelope.recipients[0].to_string(), "b@example.net");
//!                 spool.clear();          // on failure: session.refuse(opening, Refusal::NoSpace)
//!                 session.begin(opening);
//!             }
//!             Some(Event::Content(text)) => {
//!                 spool.extend_from_slice(text); // on failure: session.give_up(Refusal::IoError)
//!             }
//!             Some(Event::EndOfContent(facts, committing)) => {
//!                 assert_eq!(facts.size, spool.len() as u64);
//!                 queue.push(std::mem::take(&mut spool)); // sync file and folder here
//!                 session.accepted(committing, "4Q1");
//!             }
//!             Some(Event::Abort(_)) => spool.clear(),
//!             Some(Event::Close(_)) => break 'connection,
//!             None if input.is_empty() => break,
//!             None => {                   // many replies wait: write them before the next command
//!                 writes.extend_from_slice(session.output());
//!                 session.written(session.output().len());
//!             }
//!         }
//!     }
//! }
//! writes.extend_from_slice(session.output());
//!
//! assert_eq!(queue, [b"Subject: hi\r\n\r\n.dot\r\n"]);
//! assert!(writes.starts_with(b"220 relay.example ESMTP Baton\r\n250-relay.example\r\n"));
//! assert!(writes.ends_with(b"250 2.0.0 Ok: queued as 4Q1\r\n221 2.0.0 Bye\r\n"));
//! ```

#![forbid(unsafe_code)]

pub mod address;
mod command;
mod content;
mod counts;
mod date;
mod dsn;
mod header_watch;
mod line;
mod param;
mod received;
mod refusal;
mod reply;
mod session;
mod settings;
pub mod submit;
mod sysexits;

pub use address::{AddressError, Alphabet, Mailbox, ReversePath};
pub use counts::CommandCounts;
pub use date::rfc5322_date;
pub use dsn::{Notify, Recipient, Ret};
pub use header_watch::HeaderFacts;
pub use line::Bare;
pub use param::Body;
pub use received::{Received, Source, received_header};
pub use refusal::{ContentFault, Refusal, Room};
pub use session::{
    AbortReason, CloseReason, Committing, ContentFacts, Envelope, Event, GreetingRefusal, Hello, HelloKind,
    Misuse, Opening, Question, Session,
};
pub use settings::Settings;
pub use sysexits::SysExit;
