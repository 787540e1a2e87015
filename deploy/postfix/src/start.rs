//! From the arguments to the loop: what is read as root, and what is given up.

use crate::command_line::{self, CommandLine};
use crate::conversation::Agent;
use crate::inherited::Inherited;
use crate::introduction::Way;
use crate::keyring;
use crate::proxymap::{self, Proxymap};
use crate::release;
use crate::services::Services;
use crate::setup::{self, StartError};
use crate::skeleton::Contract;
use crate::tables::{AgentTables, Rehearsed};
use crate::waiting_sites::WaitingSites;
use crate::watchdog::Watchdog;
use maincf::params::UnderPostfix;
use maincf::{DeliveryConfig, MainCf, Protocol, Warning};
use nix::sys::signal::{SigSet, Signal};
use postfix_wire::greeting::Release;
use proto::clock::Boottime;
use queuefile::name::Hashing;
use rustix::fs::{Gid, Mode, OFlags, Uid};
use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use worker::args::Args;
use worker::cache::Cache;
use worker::context::Context;
use worker::supervisor::Keys;

/// Everything, in order; what comes back is ready to run.
///
/// # Errors
/// [`StartError`]; the log knows it already where there is one.
pub fn start() -> Result<(Contract, Agent), StartError> {
    let inherited = Inherited::take().map_err(|_| StartError::NotUnderMaster("descriptors 5 and 6"))?;
    worker::process::harden().map_err(|error| StartError::System("prctl", error))?;
    worker::memory::keep();
    let line = CommandLine::parse(env::args_os())?;
    let process = process_name(line.protocol);
    let cf = setup::configuration(&line, process, &setup::folder())?;
    let config = parameters(&line, &cf)?;
    let names = UnderPostfix::of(&cf)?;
    setup::log(&line, process, &cf, &config).install();
    let release = release(&cf)?;
    let child = setup::child()?;
    let lock = if line.alone { None } else { Some(accept_lock(&line)?) };
    let (keys, key_until) = keys()?;
    let tables = AgentTables::new(proxymap(&names, release));
    let mut context = Context::opened_by(&tables, &args(&line), &cf, config, keys)?;
    // Master has put the process there, and a chroot leaves it there.
    context.queue_directory = PathBuf::new();
    if line.chroot {
        context.read_before_chroot();
    }
    let sites = WaitingSites::open(&names.flush_domains, &cf, &tables);
    hand_over_logins(&context, &line, &cf)?;
    setup::give_up_privileges(&line, &cf)?;
    ignore_file_size_signal().map_err(|error| StartError::System("sigprocmask", error))?;
    let watchdog = Watchdog::start(names.daemon_timeout.get(), process);
    let watchdog = watchdog.map_err(|error| StartError::System("watchdog", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let config = &context.config;
    let contract = Contract {
        inherited,
        child,
        lock,
        max_use: config.process.max_use.get(),
        max_idle: config.process.max_idle.get(),
        watchdog,
        key_until,
        tables: tables.watch(),
    };
    let hashing = Hashing {
        names: names.hash_queue_names.iter().map(str::to_owned).collect(),
        depth: names.hash_queue_depth.get() as usize,
    };
    let patience = config.cache.protocol_timeout.get();
    let agent = Agent {
        cache: Cache::absent(patience),
        way: key_until.map(|_| Way::new(Path::new("private").join(&*names.cache_service), patience)),
        context,
        services: Services { release, patience: names.ipc_timeout.get() },
        sites,
        names,
        hashing,
        runtime: runtime.map_err(|error| StartError::System("epoll", error))?,
    };
    Ok((contract, agent))
}

/// The store of refused logins was opened, or made, by root.
fn hand_over_logins(context: &Context, line: &CommandLine, cf: &MainCf) -> Result<(), StartError> {
    let store = context.sasl.login().and_then(|login| login.refused.as_ref());
    let (Some(store), Some(user)) = (store, setup::successor(line, cf)?) else { return Ok(()) };
    let (user, group) = (Uid::from_raw(user.uid.as_raw()), Gid::from_raw(user.gid.as_raw()));
    store.give_to(user, group).map_err(|error| StartError::System("smtp_sasl_auth_cache_name", error))
}

/// As the log calls a process that was started under this name.
#[must_use]
pub fn process(program: &str) -> &'static str {
    process_name(command_line::protocol(program))
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
    let cf = setup::configuration(line, process_name(line.protocol), folder)?;
    let config = parameters(line, &cf)?;
    UnderPostfix::of(&cf)?;
    let drawn = keyring::draw().map_err(|error| StartError::System("random numbers", error))?;
    Context::opened_by(&Rehearsed, &args(line), &cf, config, drawn)?;
    Ok(maincf::warnings(&cf))
}

fn parameters(line: &CommandLine, cf: &MainCf) -> Result<DeliveryConfig, StartError> {
    Ok(DeliveryConfig::load(cf, line.protocol)?)
}

/// `baton_postfix_version` in master.cf or main.cf, else the installed Postfix's own word.
fn release(cf: &MainCf) -> Result<Release, StartError> {
    let set = cf.expanded("baton_postfix_version").ok().flatten().filter(|set| !set.is_empty());
    let version = match set {
        Some(version) => version,
        None => release::installed(cf, Path::new("pid"), 0)
            .map_err(|error| StartError::System("postconf", error))?,
    };
    Release::of_version(&version).ok_or(StartError::Version(version))
}

fn proxymap(names: &UnderPostfix, release: Release) -> Proxymap {
    Proxymap::new(proxymap::Way {
        release,
        socket: Path::new("private").join(&*names.proxymap_service),
        patience: names.ipc_timeout.get(),
        idle: names.ipc_idle.get(),
        life: names.ipc_ttl.get(),
    })
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

/// This machine's, and until when. Without them mail is delivered all the same, but no session is shared.
fn keys() -> Result<(Keys, Option<Boottime>), StartError> {
    match keyring::open(Path::new("pid"), 0, Boottime::now) {
        Ok(ring) => Ok((ring.keys, Some(ring.drawn.after(keyring::LIFE)))),
        Err(error) => {
            tracing::warn!("pid/{}: {error}: no connection is shared with other processes", keyring::NAME);
            let own = keyring::draw().map_err(|error| StartError::System("random numbers", error))?;
            Ok((own, None))
        }
    }
}

/// A file that grew too large is an error of write(2) then.
fn ignore_file_size_signal() -> io::Result<()> {
    Ok([Signal::SIGXFSZ].into_iter().collect::<SigSet>().thread_block()?)
}
