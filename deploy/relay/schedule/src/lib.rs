//! Which delivery goes to a worker next: pure, no IO, no clock; every deadline is a `Duration` since one boot-time zero.
//!
//! A *transport* (smtp, lmtp) has *destinations* (next hop as text), each with a queue of *entries*: at most
//! `destination_recipient_limit` recipients of one message. The path of an entry:
//!
//! 1. [`Scheduler::enqueue`] puts it at the end of its destination's queue, or gives it back when the site is suspended;
//! 2. [`Scheduler::next`] hands it out as an [`Assignment`], destination after destination;
//! 3. [`Scheduler::finished`] takes the assignment back with its [`Outcome`], which moves the destination's window;
//! 4. what was deferred waits in a [`RetryTimer`] for as long as [`BackOff`] says, then goes to 1 again.
//!
//! Time alone never makes [`Scheduler::next`] answer differently from `None`: a suspended site has no queue. So the
//! caller asks again after `enqueue`, `finished` and the operator's calls only, and sleeps until
//! [`RetryTimer::next_deadline`].
//!
//! Invariants: an entry is in a queue, in an assignment, or given back, and in one of them only. Every destination
//! that could send is in exactly one ring; no call looks at a destination that could not.

mod delivery;
mod destination;
mod feedback;
mod gate;
mod operator;
mod registry;
mod retry;
mod ring;
mod scheduler;
mod settings;
mod transport;
mod window;

pub use delivery::{Admission, Assignment, CacheFlags, Cause, Deferred, Delivery, Outcome, SiteFailure};
pub use feedback::{Feedback, FeedbackError};
pub use operator::{DestinationStatus, SiteState, Totals, TransportStatus};
pub use retry::{BackOff, RetryTimer, SenderKind};
pub use scheduler::Scheduler;
pub use settings::{Caching, CachingRule, Limits, TransportSettings};
pub use transport::TransportId;

#[cfg(test)]
mod tests;
