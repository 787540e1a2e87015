//! The connection cache daemon: holds descriptors and opaque bytes, knows nothing of mail.
//!
//! ```text
//!  supervisor ──ToSteward──► serve ──► cache ──► store    pure: which session, for whom, until when
//!  workers    ──ToCache────► client ──┘   └────► watch    epoll: who is ready, which server hung up
//! ```
//!
//! * A session is *moved*: it is out of the store and out of the epoll set before its descriptor is sent, and
//!   closed here after that, sent or not.
//! * Nothing inside a session is looked at but what decides its time and place. The farewell is written as it
//!   was given. Keys are digests under a secret that this process does not have.
//! * Nobody is waited for. A client that breaks the protocol or does not read is dropped; the others notice
//!   nothing.
//!
//! **Why no tokio here.** The budget is system calls: a park and a take cost six (two waits, two receives, one
//! send, one close) in a plain level-triggered loop. Parked sessions must be watched level-triggered, since they
//! are registered late (see `cache`); tokio watches edges, so they would need an epoll set of their own
//! inside tokio's, which makes two waits of each and one more to find the inner set empty: ten. There is
//! nothing to win back: one loop, no task, no computation.

mod cache;
mod client;
pub mod confinement;
pub mod limits;
pub mod log;
pub mod process;
pub mod serve;
mod statistics;
pub mod store;
mod watch;
