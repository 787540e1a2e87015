//! What a process that holds sessions does first: no core dump, no debugger, no end by a stray signal.

use nix::sys::signal::{SigSet, Signal};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Makes this process undumpable and unreadable for others of its user.
///
/// # Errors
/// What prctl(2) and setrlimit(2) say; the process must not go on then.
pub fn harden() -> std::io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Keeps signals that are meant for the supervisor from ending a delivery. A worker ends when its channel says so, or
/// when the channel's other end is gone.
///
/// # Errors
/// What sigprocmask(2) says.
pub fn end_by_the_channel_only() -> std::io::Result<()> {
    let signals = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];
    Ok(signals.into_iter().collect::<SigSet>().thread_block()?)
}
