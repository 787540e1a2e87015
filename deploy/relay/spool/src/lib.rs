//! The relay's durable queue: one file per message, and the notices about mail that failed.
//!
//! Everything here blocks (`std::fs` and `rustix`); the relay calls it from `spawn_blocking`, or directly where
//! a call is one or two system calls.
//!
//! ```text
//! spool/                 0700, ours
//!   lock                 flock: one relay per spool
//!   tmp/                 messages that are being received; emptied at start
//!   queue/00 … queue/ff  one file per message
//!   hold/                messages that wait for the operator
//!   corrupt/             files that could not be trusted, as they were
//!   results/N            verdicts of workers that outlived relay number N
//! ```
//!
//! What holds:
//! * [`Incoming::commit`] returns only after the file and its name are on stable storage.
//! * A file is served only if its preamble, envelope and content are whole; anything else goes to `corrupt/` under
//!   its name, and the error says so. Only an unfinished last mark is forgiven: it is cut off.
//! * A message that a worker of an earlier relay still holds ([`InFlight`]) is not offered for delivery, and its
//!   late verdict is applied before it is ([`Recovery`]).
//! * Marks are not synced unless [`Options::marks`] asks for it: after a power failure a recipient may be served
//!   twice, never lost.

mod bounce_queue;
mod compact;
mod diagnosis;
mod envelope;
mod error;
mod folder;
mod id;
mod incoming;
mod layout;
mod mark;
mod message;
mod postmaster;
mod recovery;
mod results;
mod spool;
mod state;
#[cfg(test)]
mod testing;
mod walk;

pub mod bounce;

pub use bounce_queue::{NoticeSettings, queue_notice};
pub use diagnosis::Diagnosis;
pub use envelope::{BodyType, Client, Envelope, EnvelopeError, Notify, Purpose, Recipient, Ret, SmtpUtf8};
pub use error::{Damage, SpoolError};
pub use id::{BadQueueId, QueueId};
pub use incoming::Incoming;
pub use mark::{Cause, Fact, Mark, Success};
pub use message::{ForDelivery, InFlight, Message, Place};
pub use postmaster::{Postmaster, queue_postmaster_copy};
pub use recovery::{Found, Recovery};
pub use spool::{MarkDurability, Options, Spool};
pub use state::{Pending, RecipientState};
pub use walk::{Ids, Messages};
