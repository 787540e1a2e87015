//! What a process that holds sessions does first: no core dump, no debugger.

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
