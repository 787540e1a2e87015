//! `maillog_file`: standard error of this process, and so of every process it starts from then on.

use super::RunError;
use crate::identity::Identity;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where log lines go.
#[derive(Debug)]
pub(super) struct LogFile(Option<PathBuf>);

impl LogFile {
    /// Opens the file, if there is to be one; else lines go where standard error goes.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, RunError> {
        if let Some(path) = path {
            redirect(path).map_err(|error| RunError::Log(path.to_owned(), error))?;
        }
        Ok(Self(path.map(Path::to_owned)))
    }

    /// Gives the file to the account that will have to open it again.
    pub(super) fn hand_over(&self, identity: &Identity) -> Result<(), RunError> {
        let Some(path) = &self.0 else { return Ok(()) };
        // Not a terminal or the like: those are lent.
        if path.is_file() { Ok(identity.give(path)?) } else { Ok(()) }
    }

    /// Opens the file again under its name: the old one may have been moved away. With another `path`, that one.
    pub(super) fn reopen(&mut self, path: Option<&Path>) {
        if let Some(path) = path {
            self.0 = Some(path.to_owned());
        }
        let Some(path) = &self.0 else { return };
        if let Err(error) = redirect(path) {
            tracing::error!(
                "cannot open maillog_file {}: {error}; lines go on into the file that was open",
                path.display()
            );
        }
    }
}

fn redirect(path: &Path) -> io::Result<()> {
    let file = std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    Ok(rustix::stdio::dup2_stderr(file)?)
}
