//! From the arguments to the loop: what is read as root, and what is given up.

use crate::command_line::{CommandLine, CommandLineError};
use crate::conversation::Agent;
use crate::inherited::Inherited;
use crate::log::{Log, Target};
use crate::services::Services;
use crate::skeleton::Contract;
use maincf::params::UnderPostfix;
use maincf::{ConfigErrors, DeliveryConfig, Deployment, MainCf, Protocol, ReadError, Warning};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::User;
use postfix_wire::greeting::Release;
use postfix_wire::master::{self, Child};
use proto::deposit::{DepositKey, DepositKeys};
use proto::secret::Secret;
use queuefile::name::Hashing;
use rustix::fs::{Mode, OFlags};
use std::env;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use worker::args::Args;
use worker::cache::Cache;
use worker::context::{Context, ContextError};
use worker::supervisor::Keys;

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
    #[error("Postfix {0:?} is not supported: 3.4 and later are")]
    Version(String),
    /// A parameter that would change where mail goes.
    #[error("{0} is not built yet under Postfix")]
    NotBuilt(&'static str),
    /// The account.
    #[error("mail_owner {0}: unknown user")]
    Owner(String),
    /// The system's word.
    #[error("{0}: {1}")]
    System(&'static str, io::Error),
}

/// Where Postfix's configuration is if nobody says otherwise.
const CONFIG_DIRECTORY: &str = "/etc/postfix";

/// Everything, in order; what comes back is ready to run.
///
/// # Errors
/// [`StartError`]; the log knows it already where there is one.
pub fn start() -> Result<(Contract, Agent), StartError> {
    let inherited = Inherited::take().map_err(|_| StartError::NotUnderMaster("descriptors 5 and 6"))?;
    worker::process::harden().map_err(|error| StartError::System("prctl", error))?;
    let line = CommandLine::parse(env::args_os())?;
    let folder = env::var_os("MAIL_CONFIG").map_or_else(|| CONFIG_DIRECTORY.into(), PathBuf::from);
    let cf = configuration(&line, &folder)?;
    let config = parameters(&line, &cf)?;
    let names = UnderPostfix::of(&cf)?;
    log(&line, &cf, &config).install();
    let release = release(&cf)?;
    let generation = env::var("GENERATION").ok().and_then(|text| master::generation(&text));
    let generation = generation.ok_or(StartError::NotUnderMaster("GENERATION"))?;
    let lock = if line.alone { None } else { Some(accept_lock(&line)?) };
    let context = Context::new(&args(&line), &cf, keys()?)?;
    give_up_privileges(&line, &cf)?;
    ignore_file_size_signal().map_err(|error| StartError::System("sigprocmask", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let contract = Contract {
        inherited,
        child: Child { pid: std::process::id().cast_signed(), generation },
        lock,
        max_use: Some(config.process.max_use.get()),
        max_idle: Some(config.process.max_idle.get()),
        watchdog: u32::try_from(names.daemon_timeout.get().as_secs()).unwrap_or(u32::MAX),
    };
    let hashing = Hashing {
        names: names.hash_queue_names.iter().map(str::to_owned).collect(),
        depth: names.hash_queue_depth.get() as usize,
    };
    let agent = Agent {
        cache: Cache::absent(config.cache.protocol_timeout.get()),
        context,
        services: Services { release, patience: names.ipc_timeout.get() },
        names,
        hashing,
        runtime: runtime.map_err(|error| StartError::System("epoll", error))?,
    };
    Ok((contract, agent))
}

fn process_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Smtp => "smtp",
        Protocol::Lmtp => "lmtp",
    }
}

/// Everything that [`start`] does with the configuration, without becoming a service; from the queue's root, as master
/// does it. What it warns about comes back.
///
/// # Errors
/// Those for which the process would not start.
pub fn rehearse(line: &CommandLine, folder: &Path) -> Result<Vec<Warning>, StartError> {
    let cf = configuration(line, folder)?;
    parameters(line, &cf)?;
    UnderPostfix::of(&cf)?;
    Context::new(&args(line), &cf, keys()?)?;
    Ok(maincf::warnings(&cf))
}

fn parameters(line: &CommandLine, cf: &MainCf) -> Result<DeliveryConfig, StartError> {
    let config = DeliveryConfig::load(cf, line.protocol)?;
    if config.nexthop.best_mx_transport.is_some() {
        return Err(StartError::NotBuilt("best_mx_transport"));
    }
    Ok(config)
}

fn configuration(line: &CommandLine, folder: &Path) -> Result<MainCf, StartError> {
    let mut cf = MainCf::read(&folder.join("main.cf"))?;
    for option in &line.options {
        cf.set_option(option)?;
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(cf
        .for_deployment(Deployment::Postfix)
        .in_process(process_name(line.protocol), &line.service)
        .with_system_hostname(&host))
}

/// Lines look as those of the program that this one stands for.
fn log(line: &CommandLine, cf: &MainCf, config: &DeliveryConfig) -> Log {
    let set = cf.setting("syslog_name").is_some();
    let inherited = env::var("MAIL_LOGTAG").ok().filter(|_| !set);
    let name = inherited.unwrap_or_else(|| config.log.syslog_name.to_string());
    let tag = format!("{name}/{}", process_name(line.protocol));
    let postlog = env::var_os("POSTLOG_SERVICE").map(PathBuf::from);
    let target = match (postlog, &config.log.file) {
        (Some(path), _) => {
            let hostname =
                env::var("POSTLOG_HOSTNAME").unwrap_or_else(|_| config.identity.hostname.to_string());
            let hostname = hostname.split('.').next().unwrap_or_default().to_owned();
            Target::Postlog { path, hostname }
        }
        (None, _) => Target::Syslog("/dev/log".into()),
    };
    Log::new(target, &tag, line.verbose)
}

/// `baton_postfix_version` in master.cf or main.cf, else the installed Postfix's own word.
fn release(cf: &MainCf) -> Result<Release, StartError> {
    let set = cf.expanded("baton_postfix_version").ok().flatten().filter(|set| !set.is_empty());
    let version = match set {
        Some(version) => version,
        None => installed_version(cf).map_err(|error| StartError::System("postconf", error))?,
    };
    Release::of_version(&version).ok_or(StartError::Version(version))
}

fn installed_version(cf: &MainCf) -> io::Result<String> {
    let folder = cf.expanded("command_directory").ok().flatten().filter(|folder| !folder.is_empty());
    let program = Path::new(folder.as_deref().unwrap_or("/usr/sbin")).join("postconf");
    let told = Command::new(program).args(["-d", "-h", "mail_version"]).output()?;
    Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
}

/// The lock by which processes of a service take turns. The queue's root is the current folder.
fn accept_lock(line: &CommandLine) -> Result<OwnedFd, StartError> {
    let path = format!("pid/{}.{}", line.transport, line.service);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let lock = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR);
    lock.map_err(|error| StartError::System("accept lock", error.into()))
}

fn args(line: &CommandLine) -> Args {
    Args {
        service: line.service.clone(),
        protocol: line.protocol,
        flags: line.flags,
        config: None,
        options: Vec::new(),
    }
}

/// Of this process alone: there is nobody yet to hand sessions to.
fn keys() -> Result<Keys, StartError> {
    let draw = || Secret::drawn(|octets| getrandom::fill(octets));
    let drawn = draw().and_then(|secret| Ok((secret, draw()?)));
    let (secret, key) =
        drawn.map_err(|error| StartError::System("random numbers", io::Error::other(error)))?;
    Ok(Keys { secret, deposit: DepositKeys { current: DepositKey { epoch: 1, key }, previous: None } })
}

/// In this order: looking up a user needs files, chroot needs root.
fn give_up_privileges(line: &CommandLine, cf: &MainCf) -> Result<(), StartError> {
    let system = |what| move |error: nix::Error| StartError::System(what, error.into());
    let owner = cf.expanded("mail_owner").ok().flatten().unwrap_or_default();
    let user = User::from_name(&owner).ok().flatten().ok_or(StartError::Owner(owner));
    let user = if line.unprivileged { Some(user?) } else { None };
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

/// A file that grew too large is an error of write(2) then.
fn ignore_file_size_signal() -> io::Result<()> {
    Ok([Signal::SIGXFSZ].into_iter().collect::<SigSet>().thread_block()?)
}
