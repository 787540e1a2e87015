//! Which cryptography a worker program was built with.

use crate::programs;
use std::fmt;
use std::fs;
use std::str::FromStr;

/// A library of cryptography under rustls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The default.
    Ring,
    /// The feature `aws-lc-rs`.
    AwsLcRs,
}

impl Provider {
    /// That of the program under test, told by the names of the library's functions in it.
    pub fn of_worker() -> Self {
        let program = fs::read(programs::ours("baton-worker")).expect("the worker's program");
        let holds = |prefix: &str| memchr::memmem::find(&program, prefix.as_bytes()).is_some();
        match (holds("ring_core_0_"), holds("aws_lc_0_")) {
            (true, false) => Self::Ring,
            (false, true) => Self::AwsLcRs,
            both => panic!("ring and aws-lc-rs in the worker: {both:?}; it must be one, and not stripped"),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ring => "ring",
            Self::AwsLcRs => "aws-lc-rs",
        })
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = [Self::Ring, Self::AwsLcRs].into_iter().find(|provider| provider.to_string() == name);
        found.ok_or_else(|| "ring or aws-lc-rs".into())
    }
}
