//! The demonstrations: each is one command with a table, and fails when what it shows does not hold.
//!
//! `tests/show/NAME` runs one in full; the tests in `tests/tests` run short forms of the same code.

pub mod blackhole;
pub mod crash;
pub mod exactly_once;
pub mod final_reply;
pub mod intake_sync;
pub mod postfix_hits;
pub mod postfix_kill;
pub mod postfix_parity;
pub mod postfix_volume;
pub mod syscalls;
pub mod tls_chain;
pub mod tls_policy;

/// Whether a demonstration showed what it was to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Holds,
    /// It does not; the output says why.
    Fails,
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}
