//! What the relay leaves in its run directory for other programs while it runs.

use super::RunError;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// The file that holds the listener's addresses, a line each.
#[must_use]
pub fn intake_address_path(run_directory: &Path) -> PathBuf {
    run_directory.join("intake.address")
}

/// That file; it goes with this value, so that nobody hands mail to whoever has the port next.
#[derive(Debug)]
pub(super) struct IntakeAddress(PathBuf);

impl IntakeAddress {
    /// Where the listener really is, for `baton send` and for whoever asked for port 0.
    pub(super) fn write(run_directory: &Path, listeners: &[TcpListener]) -> Result<Self, RunError> {
        let path = intake_address_path(run_directory);
        let mut text = String::new();
        for listener in listeners {
            let address =
                listener.local_addr().map_err(|error| RunError::System("the listener's address", error))?;
            tracing::info!("listening on {address}");
            text.push_str(&format!("{address}\n"));
        }
        // Under another name first: a reader sees all of it or nothing.
        let new = path.with_extension("new");
        let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &path));
        written.map_err(|error| RunError::RunFile(path.clone(), error))?;
        Ok(Self(path))
    }
}

impl Drop for IntakeAddress {
    fn drop(&mut self) {
        let _already_gone = std::fs::remove_file(&self.0);
    }
}

/// Removes what a relay that ends on the spot would leave behind.
pub(super) fn clear(run_directory: &Path) {
    for path in [intake_address_path(run_directory), crate::control::socket_path(run_directory)] {
        let _already_gone = std::fs::remove_file(path);
    }
}
