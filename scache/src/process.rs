//! What the process is given at start, and what it gives up before it looks at anything from outside.

use crate::confinement::ConfinementError;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use proto::channel::Channel;
use rustix::net::SocketType;
use rustix::process::{DumpableBehavior, Resource, Rlimit};
use std::fs::File;
use std::io;

/// Why the process cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It was started by hand, or by something that does not know how.
    #[error("descriptor 0 is not a SOCK_SEQPACKET socket: scache is started by `baton relay`")]
    NoSteward,
    /// A privilege could not be given up.
    #[error("cannot {0}: {1}")]
    System(&'static str, io::Error),
    /// What it must not be able to do it could do.
    #[error(transparent)]
    Confinement(#[from] ConfinementError),
}

/// The supervisor's channel, moved away from descriptor 0, which is /dev/null from then on.
///
/// # Errors
/// [`StartError`].
pub fn steward() -> Result<Channel, StartError> {
    let stdin = rustix::stdio::stdin();
    match rustix::net::sockopt::socket_type(stdin) {
        Ok(SocketType::SEQPACKET) => {}
        _ => return Err(StartError::NoSteward),
    }
    let system = |step| move |error| StartError::System(step, error);
    let moved = stdin.try_clone_to_owned().map_err(system("copy descriptor 0"))?;
    let null = File::open("/dev/null").map_err(system("open /dev/null"))?;
    rustix::stdio::dup2_stdin(&null)
        .map_err(|error| StartError::System("replace descriptor 0", error.into()))?;
    Ok(Channel::from(moved))
}

/// No core file, no reader of this memory but root, no privilege that a program file could give.
///
/// # Errors
/// [`StartError::System`].
pub fn give_up_privileges() -> Result<(), StartError> {
    let system = |step| move |errno: rustix::io::Errno| StartError::System(step, errno.into());
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(system("forbid memory dumps"))?;
    rustix::process::setrlimit(Resource::Core, none).map_err(system("set RLIMIT_CORE"))?;
    rustix::thread::set_no_new_privs(true).map_err(system("set no_new_privs"))
}

/// Raises the soft limit of open descriptors to the hard one and says what is in force.
#[must_use]
pub fn raise_descriptor_limit() -> u64 {
    let Rlimit { current, maximum } = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let in_force = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    in_force.unwrap_or(u64::MAX)
}

/// SIGTERM as a descriptor. SIGINT and SIGHUP reach the whole process group of a terminal, but only the
/// supervisor knows what they mean: they are blocked for good. (SIGPIPE is ignored by Rust's runtime.)
///
/// # Errors
/// [`StartError::System`].
pub fn stop_signal() -> Result<SignalFd, StartError> {
    let system = |step| move |errno: nix::Error| StartError::System(step, errno.into());
    let mut blocked = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        blocked.add(signal);
    }
    blocked.thread_block().map_err(system("block signals"))?;
    let mut stop = SigSet::empty();
    stop.add(Signal::SIGTERM);
    SignalFd::with_flags(&stop, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)
        .map_err(system("watch signals"))
}
