//! What this process may still ask of the kernel, for good: a list of system calls, and the rest is refused (seccomp).
//!
//! Whoever took this process over would have the socket of every parked session, and its mark (`SO_COOKIE`, counters of
//! octets) is all that the next worker knows it by. A socket that is disconnected and connected anew keeps its cookie,
//! and its counters begin again: they can be driven to where they were, with other eyes at the other end. So here nothing
//! connects, binds, listens, makes a socket that could, or sets an option of one; no file is opened, no program or process
//! started, no other process looked into, no memory made executable.
//!
//! What is not on the list fails with EPERM. Being killed instead would keep an attacker from nothing more, and would cost
//! all sessions when the C library one day asks for something new. A call of another machine kind (32 bit) does kill.

use libc::{SOL_SOCKET, c_int, c_long};
use proto::clock::Boottime;
use seccompiler::SeccompCmpArgLen::Dword;
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Needed, and harmless whatever the arguments.
const ALLOWED: &[c_long] = &[
    // Packets, lines in the log, words to master, farewells; agents that come to a listener that was there before.
    libc::SYS_recvmsg,
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_shutdown,
    libc::SYS_close,
    libc::SYS_accept4,
    libc::SYS_geteuid,
    // To wait.
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_restart_syscall,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_getrandom,
    // Threads that are there, and the end of them: by return, panic or abort.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The same where the C library still uses older calls.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[libc::SYS_epoll_wait, libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// A pair of channels, and no other socket.
const CHANNEL: c_int = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;

/// Makes a descriptor wait or not; `TIOCSTI` and the like are other requests of the same call.
const FIONBIO: c_int = libc::FIONBIO as c_int;

/// The process is not confined, so it must not begin.
#[derive(Debug, thiserror::Error)]
#[error("without confinement (a seccomp filter) no connection is kept here: {0}")]
pub struct ConfinementError(#[from] seccompiler::Error);

impl From<BackendError> for ConfinementError {
    fn from(error: BackendError) -> Self {
        Self(error.into())
    }
}

/// Confines all threads of this process, before anything from outside is looked at. They must have begun their work: what
/// the C library does at the start of a thread is refused. There is no way back.
///
/// # Errors
/// [`ConfinementError`]: the kernel has no seccomp, or this machine is of a kind that is not known here.
pub fn confine() -> Result<(), ConfinementError> {
    // Where the clock can be read without a system call is looked up at its first use, and not with these calls.
    let _looked_up = Boottime::now();
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let machine = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules()?, refused, SeccompAction::Allow, machine)?;
    let program = BpfProgram::try_from(filter)?;
    Ok(seccompiler::apply_filter_all_threads(&program)?)
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn rules() -> Result<Rules, BackendError> {
    let any = ALLOWED.iter().chain(OLDER).map(|&call| (call, Vec::new()));
    let mut rules: Rules = any.collect();
    let own = std::process::id().cast_signed();
    // A connection is also made by sending with this flag.
    rules.insert(libc::SYS_sendto, vec![when(&[without(3, libc::MSG_FASTOPEN)?])?]);
    rules.insert(libc::SYS_sendmsg, vec![when(&[without(2, libc::MSG_FASTOPEN)?])?]);
    rules.insert(libc::SYS_mmap, vec![when(&[without(2, libc::PROT_EXEC)?])?]);
    rules.insert(libc::SYS_mprotect, vec![when(&[without(2, libc::PROT_EXEC)?])?]);
    rules.insert(libc::SYS_ioctl, vec![when(&[is(1, FIONBIO)?])?]);
    rules.insert(libc::SYS_tgkill, vec![when(&[is(0, own)?])?]);
    // Debug builds look before they close.
    rules.insert(libc::SYS_fcntl, vec![when(&[is(1, libc::F_GETFD)?])?]);
    let option = |name| when(&[is(1, SOL_SOCKET)?, is(2, name)?]);
    rules.insert(libc::SYS_getsockopt, vec![option(libc::SO_TYPE)?, option(libc::SO_PEERCRED)?]);
    let pair = when(&[is(0, libc::AF_UNIX)?, is(1, CHANNEL)?])?;
    rules.insert(libc::SYS_socketpair, vec![pair]);
    Ok(rules)
}

fn when(conditions: &[SeccompCondition]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.to_vec())
}

fn is(argument: u8, value: c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, Eq, value.cast_unsigned().into())
}

fn without(argument: u8, flag: c_int) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, MaskedEq(flag.cast_unsigned().into()), 0)
}
