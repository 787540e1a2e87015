//! What all programs under master(8) begin with: configuration, log, and the privileges they give up.

use crate::command_line::{CommandLine, CommandLineError};
use crate::log::{Log, Target};
use maincf::{ConfigErrors, DeliveryConfig, Deployment, MainCf, ReadError};
use nix::unistd::User;
use postfix_wire::greeting::Release;
use postfix_wire::master::{self, Child};
use std::env;
use std::ffi::CString;
use std::io;
use std::path::{Path, PathBuf};
use worker::context::ContextError;

/// The process cannot begin its work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The arguments.
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    /// main.cf.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A value in it.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Tables.
    #[error(transparent)]
    Context(#[from] ContextError),
    /// Not under master.
    #[error("{0}: this program is for master(8) to start")]
    NotUnderMaster(&'static str),
    /// A Postfix that nobody knows.
    #[error("Postfix {0:?} is not known: {known} are; baton_postfix_version = 3.12 in main.cf takes it for another", known = Release::KNOWN)]
    Version(String),
    /// The account.
    #[error("mail_owner {0}: unknown user")]
    Owner(String),
    /// It would be one of several that know nothing of each other.
    #[error("this service needs a process limit of 1 in master.cf")]
    NotAlone,
    /// The system's word.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}

/// Where Postfix's configuration is if nobody says otherwise.
const CONFIG_DIRECTORY: &str = "/etc/postfix";

/// Where it is.
#[must_use]
pub fn folder() -> PathBuf {
    env::var_os("MAIL_CONFIG").map_or_else(|| CONFIG_DIRECTORY.into(), PathBuf::from)
}

/// main.cf with the options of master.cf, as a process of this name sees it.
///
/// # Errors
/// [`StartError`].
pub fn configuration(line: &CommandLine, process: &str, folder: &Path) -> Result<MainCf, StartError> {
    let mut cf = MainCf::read(&folder.join("main.cf"))?;
    for option in &line.options {
        cf.set_option(option)?;
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(cf.for_deployment(Deployment::Postfix).in_process(process, &line.service).with_system_hostname(&host))
}

/// Lines look as those of the program that this one stands for.
#[must_use]
pub fn log(line: &CommandLine, process: &str, cf: &MainCf, config: &DeliveryConfig) -> Log {
    let set = cf.setting("syslog_name").is_some();
    let inherited = env::var("MAIL_LOGTAG").ok().filter(|_| !set);
    let name = inherited.unwrap_or_else(|| config.log.syslog_name.to_string());
    let tag = format!("{name}/{process}");
    Log::new(Target::inherited(config.log.facility), &tag, line.verbose)
}

/// How this process names itself to master.
///
/// # Errors
/// Master did not start it.
pub fn child() -> Result<Child, StartError> {
    let generation = env::var("GENERATION").ok().and_then(|text| master::generation(&text));
    let generation = generation.ok_or(StartError::NotUnderMaster("GENERATION"))?;
    Ok(Child { pid: std::process::id().cast_signed(), generation })
}

/// Whom this process becomes, if it does not stay what it is.
///
/// # Errors
/// [`StartError::Owner`].
pub fn successor(line: &CommandLine, cf: &MainCf) -> Result<Option<User>, StartError> {
    if !line.unprivileged {
        return Ok(None);
    }
    let owner = cf.expanded("mail_owner").ok().flatten().unwrap_or_default();
    User::from_name(&owner).ok().flatten().ok_or(StartError::Owner(owner)).map(Some)
}

/// In this order: looking up a user needs files, chroot needs root.
///
/// # Errors
/// [`StartError`].
pub fn give_up_privileges(line: &CommandLine, cf: &MainCf) -> Result<(), StartError> {
    let system = |what| move |error: nix::Error| StartError::System(what, error.into());
    let user = successor(line, cf)?;
    if let Some(user) = &user {
        nix::unistd::setgid(user.gid).map_err(system("setgid"))?;
        let name = CString::new(user.name.as_str()).unwrap_or_default();
        nix::unistd::initgroups(&name, user.gid).map_err(system("initgroups"))?;
    }
    if line.chroot {
        let jailed = rustix::process::chroot(".").and_then(|()| rustix::process::chdir("/"));
        jailed.map_err(|error| StartError::System("chroot", error.into()))?;
    }
    if let Some(user) = &user {
        nix::unistd::setuid(user.uid).map_err(system("setuid"))?;
        // A change of user makes the process readable for that user again.
        worker::process::harden().map_err(|error| StartError::System("prctl", error))?;
    }
    Ok(())
}
