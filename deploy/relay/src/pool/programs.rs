//! The programs that the relay starts, and how: inherited channels only, no descriptor by accident.

use proto::channel::Channel;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::{Child, Command};

/// Where the programs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Delivers.
    Worker,
    /// Keeps sessions.
    Scache,
}

/// Where a program's log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogTo {
    /// Straight into the relay's own log file.
    File,
    /// To the relay, which passes them on: for a program that lives on when the log file is rotated.
    Relay,
}

impl Program {
    fn file_name(self) -> &'static str {
        match self {
            Self::Worker => "baton-worker",
            Self::Scache => "scache",
        }
    }
}

/// A program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The folder of this executable is unknown.
    #[error("cannot tell where the baton programs are ({0}); set BATON_LIBEXEC")]
    Nowhere(std::io::Error),
    /// A program that should be there is not.
    #[error("{0} is missing: it belongs beside `baton`, or in the folder that BATON_LIBEXEC names")]
    Missing(PathBuf),
    /// The system refused.
    #[error("cannot start {0}: {1}")]
    Start(PathBuf, std::io::Error),
    /// A channel for it could not be made.
    #[error("cannot make a channel for {0}: {1}")]
    Channel(&'static str, std::io::Error),
}

impl Programs {
    /// Beside this executable, or where `BATON_LIBEXEC` says.
    ///
    /// # Errors
    /// [`ProgramError`] when one of them is not there.
    pub fn find() -> Result<Self, ProgramError> {
        let folder = match std::env::var_os("BATON_LIBEXEC") {
            Some(folder) => PathBuf::from(folder),
            None => {
                let own = std::env::current_exe().map_err(ProgramError::Nowhere)?;
                own.parent().unwrap_or(Path::new("/")).to_owned()
            }
        };
        let programs = Self { folder };
        for program in [Program::Worker, Program::Scache] {
            let path = programs.path(program);
            if !path.is_file() {
                return Err(ProgramError::Missing(path));
            }
        }
        Ok(programs)
    }

    /// In this folder, whether they are there or not.
    #[cfg(test)]
    pub(super) fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, program: Program) -> PathBuf {
        self.folder.join(program.file_name())
    }

    /// Starts `program` with one end of a new channel as descriptor 0; the other end is ours.
    ///
    /// No `pre_exec`, `uid` or `gid`: they would turn vfork into fork. The child is not killed when we end; it
    /// notices by end of file.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub(super) fn start(
        &self,
        program: Program,
        arguments: &[OsString],
        standard_output: Option<OwnedFd>,
        log: LogTo,
    ) -> Result<(Child, Channel), ProgramError> {
        let path = self.path(program);
        let failed = |error| ProgramError::Channel(program.file_name(), error);
        let (ours, theirs) = Channel::pair().map_err(failed)?;
        let child = Command::new(&path)
            .args(arguments)
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name == "TZ" || name == "PATH"))
            // Ctrl-C is for us: workers end when their work is done.
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(standard_output.map_or_else(Stdio::null, Stdio::from))
            .stderr(match log {
                LogTo::File => Stdio::inherit(),
                LogTo::Relay => Stdio::piped(),
            })
            .spawn()
            .map_err(|error| ProgramError::Start(path, error))?;
        Ok((child, ours))
    }
}
