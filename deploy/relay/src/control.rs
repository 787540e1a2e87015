//! The control socket: `baton queue`, `baton sessions` and their like on one side, the relay on the other.

mod client;
mod server;

pub use client::{Client, ClientError};
pub use server::{Asked, Bound, ControlError, Listener};

use std::path::{Path, PathBuf};

/// Where the socket is, in the run directory.
#[must_use]
pub fn socket_path(run_directory: &Path) -> PathBuf {
    run_directory.join("control")
}
