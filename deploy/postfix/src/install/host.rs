//! The Postfix that is there, asked by postconf(1).

use postfix_wire::greeting::Release;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the installation needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Where main.cf and master.cf are.
    pub configuration: PathBuf,
    /// What master puts before a command.
    pub daemon_directory: PathBuf,
    /// The folder in which its processes start.
    pub queue_directory: PathBuf,
    /// `mail_version`
    pub version: String,
}

/// No Postfix that we know.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// No postconf.
    #[error("postconf cannot be run: {0}")]
    Postconf(io::Error),
    /// It complains.
    #[error("postconf: {0}")]
    Refused(String),
    /// A parameter that it must know.
    #[error("postconf does not tell {0}")]
    Untold(&'static str),
    /// A folder of Postfix's.
    #[error("{parameter} {}: {error}", path.display())]
    Folder {
        /// Which.
        parameter: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why it is none.
        error: io::Error,
    },
    /// What it says to its programs is not known.
    #[error("Postfix {0:?} is not known: {known} are", known = Release::KNOWN)]
    Version(String),
}

impl Host {
    /// Asks the Postfix of this configuration, or of the default one.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn ask(configuration: Option<&Path>) -> Result<Self, HostError> {
        let told = |parameter: &'static str, default: &[&str]| {
            let mut words: Vec<&OsStr> = default.iter().map(OsStr::new).collect();
            if let Some(folder) = configuration {
                words.extend([OsStr::new("-c"), folder.as_os_str()]);
            }
            words.push(OsStr::new(parameter));
            let value = postconf(&words)?;
            if value.is_empty() { Err(HostError::Untold(parameter)) } else { Ok(value) }
        };
        let folder = |parameter: &'static str| {
            let path = PathBuf::from(told(parameter, &["-x", "-h"])?);
            path.canonicalize().map_err(|error| HostError::Folder { parameter, path, error })
        };
        // Not what main.cf says: postconf's own release is that of the daemons.
        let version = told("mail_version", &["-d", "-h"])?;
        if Release::of_version(&version).is_none() {
            return Err(HostError::Version(version));
        }
        Ok(Self {
            configuration: folder("config_directory")?,
            daemon_directory: folder("daemon_directory")?,
            queue_directory: folder("queue_directory")?,
            version,
        })
    }
}

fn postconf(words: &[&OsStr]) -> Result<String, HostError> {
    let run = |program: &str| Command::new(program).args(words).output();
    // `su` without `-` leaves a PATH without the system's programs.
    let output = run("postconf").or_else(|_| run("/usr/sbin/postconf")).map_err(HostError::Postconf)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(HostError::Refused(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}
