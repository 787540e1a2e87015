//! `baton relay`: the start recipe, the signals, the end.

mod log_file;
mod run_files;
mod signals;

use crate::control::{Bound, ControlError, Listener as ControlListener};
use crate::dispatch::{Dispatcher, Parts, Policy, Transports};
use crate::identity::{Access, Identity, IdentityError};
use crate::listener::{self, Occupancy, Shared};
use crate::pool::{self, Event, Pool, PoolSettings, ProgramError, Programs, Steward};
use crate::routing::Routing;
use crate::settings::{self, SettingsError, Source};
use log_file::LogFile;
use maincf::{MainCf, RelayConfig};
use run_files::IntakeAddress;
use signals::{Reloading, Signals};
use spool::{MarkDurability, Options, Recovery, Spool, SpoolError};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub use run_files::intake_address_path;

/// Why the relay did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The log file.
    #[error("cannot open maillog_file {0}: {1}")]
    Log(PathBuf, std::io::Error),
    /// The programs it starts.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The queue.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The control socket.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The account.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The listener.
    #[error("cannot listen on {0}: {1}; baton_intake_listen sets another address")]
    Listen(SocketAddr, std::io::Error),
    /// A file in the run directory.
    #[error("cannot write {0}: {1}")]
    RunFile(PathBuf, std::io::Error),
    /// The system.
    #[error("the system refused {0}: {1}")]
    System(&'static str, std::io::Error),
}

/// How the relay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// Deliveries are handed out at once.
    Delivering,
    /// Deliveries wait for `baton queue resume`.
    Held,
}

/// How long clients that are in the middle of a message may take once the deliveries are done.
const LAST_CLIENTS: Duration = Duration::from_secs(30);
/// How long scache may take to say farewell to its sessions.
const LAST_SESSIONS: Duration = Duration::from_secs(10);

/// Runs the relay until it is told to end.
///
/// # Errors
/// [`RunError`]: nothing was lost, the queue is as it was.
pub fn run(source: &Source, beginning: Beginning) -> Result<(), RunError> {
    let cf = source.read().map_err(SettingsError::from)?;
    let config = RelayConfig::load(&cf).map_err(SettingsError::from)?;
    let log = LogFile::open(config.log.file.as_deref())?;
    worker::log::to_stderr(&config.log.syslog_name, "relay");
    for warning in maincf::warnings(&cf) {
        tracing::warn!("{warning}");
    }
    settings::warn_of_untold(&config);
    worker::process::harden().map_err(|error| RunError::System("to hide the process", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(32)
        .build()
        .map_err(|error| RunError::System("a runtime", error))?;
    tokio::task::LocalSet::new().block_on(&runtime, start(cf, config, log, source, beginning))
}

/// What only one relay can have, taken before anything else is started.
struct Ground {
    policy: Policy,
    spool: Spool,
    recovery: Recovery,
    listeners: Vec<TcpListener>,
    control: Bound,
    address: IntakeAddress,
}

/// Does what root is needed for, gives root up, opens the queue and takes its place in the run directory.
async fn ground(
    cf: &MainCf,
    config: RelayConfig,
    log: &LogFile,
    source: &Source,
) -> Result<Ground, RunError> {
    let identity = Identity::of(&config.paths.mail_owner);
    identity.prepare(&config.paths.queue_directory, Access::Private)?;
    identity.prepare(&config.paths.run_directory, Access::Readable)?;
    log.hand_over(&identity)?;
    let listeners = listen(&config).await?;
    identity.assume()?;

    let policy = policy(cf, config, source)?;
    let RelayConfig { paths, queue, .. } = &policy.config;
    let options = Options { minfree: queue.minimum_free, marks: MarkDurability::Lazy };
    let spool = Spool::open(&paths.queue_directory, options)?;
    let recovery = spool.recover()?;
    let control = ControlListener::bind(&paths.run_directory)?;
    let address = IntakeAddress::write(&paths.run_directory, &listeners)?;
    Ok(Ground { policy, spool, recovery, listeners, control, address })
}

async fn start(
    cf: MainCf,
    config: RelayConfig,
    log: LogFile,
    source: &Source,
    beginning: Beginning,
) -> Result<(), RunError> {
    // From here on a signal is an order, not the end.
    let signals = Signals::listen()?;
    let programs = Programs::find()?;
    let Ground { policy, spool, recovery, listeners, control, address } =
        ground(&cf, config, &log, source).await?;
    let config = &policy.config;
    let run_directory = config.paths.run_directory.clone();
    let (commands, receiver) = mpsc::unbounded_channel();
    let occupancy = Occupancy::default();
    let shared = Shared::new(config, spool.clone(), commands.clone(), &occupancy);
    let (settings, current) = watch::channel(Arc::new(shared.map_err(SettingsError::Origin)?));
    let (pool, events) = worker_pool(&programs, spool.result_file()?)?;
    let (restarted, restarts) = mpsc::unbounded_channel();
    let (steward, keeper) = Steward::start(&programs, settings::caps(config), restarted)?;
    let (asked, questions) = mpsc::unbounded_channel();
    let (ending, ends) = watch::channel(false);
    let (presence, clients) = mpsc::channel(1);
    for listener in listeners {
        let serving = listener::serve(listener, current.clone(), ends.clone(), presence.clone());
        tokio::task::spawn_local(serving);
    }
    drop(presence);
    tokio::task::spawn_local(control.listen()?.serve(asked));
    tracing::info!("started, queue {}, control {}", spool.path().display(), run_directory.display());
    tokio::task::spawn_local(probe(cf.clone()));
    let at_start = signals::at_start(&cf);
    let (source, reloaded) = (source.clone(), spool.clone());
    let reloading =
        Reloading { source, at_start, spool: reloaded, settings, commands, occupancy, log, run_directory };
    tokio::task::spawn_local(reloading.on_signals(signals, ending));
    Dispatcher::run(Parts {
        policy,
        spool,
        recovery,
        pool,
        events,
        steward,
        restarted: restarts,
        commands: receiver,
        asked: questions,
        paused: beginning == Beginning::Held,
    })
    .await;
    drop(address);
    wait_for_the_last(clients, keeper).await;
    tracing::info!("ended");
    Ok(())
}

/// Says once whether the resolver validates, where deliveries rely on it. Workers are too many and too short-lived to.
async fn probe(cf: MainCf) {
    if let Ok(config) = maincf::DeliveryConfig::load(&cf, maincf::Protocol::Smtp) {
        worker::probe::dnssec(&config).await;
    }
}

/// Clients that are in the middle of a message, then scache.
async fn wait_for_the_last(mut clients: mpsc::Receiver<Infallible>, keeper: JoinHandle<()>) {
    // What they hand in from now on is found by the next relay.
    if tokio::time::timeout(LAST_CLIENTS, clients.recv()).await.is_err() {
        tracing::warn!("clients are still in the middle of a message; they have to send it again");
    }
    if tokio::time::timeout(LAST_SESSIONS, keeper).await.is_err() {
        tracing::warn!("the connection cache takes long to end");
    }
}

fn policy(cf: &MainCf, config: RelayConfig, source: &Source) -> Result<Policy, SettingsError> {
    let routing = Routing::open(&config).map_err(|error| SettingsError::Table("transport_maps", error))?;
    for remark in routing.remarks() {
        tracing::warn!("{remark}");
    }
    let transports = Transports::new(cf, &config, source)?;
    Ok(Policy { config, routing, transports })
}

async fn listen(config: &RelayConfig) -> Result<Vec<TcpListener>, RunError> {
    let mut listeners = Vec::new();
    for address in &config.intake.listen {
        let listener = TcpListener::bind(address).await.map_err(|error| RunError::Listen(*address, error))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// The pool with keys of this run: sessions that an earlier relay's workers parked cannot be opened.
fn worker_pool(
    programs: &Programs,
    results: OwnedFd,
) -> Result<(Pool, mpsc::UnboundedReceiver<Event>), RunError> {
    let refused = |error| RunError::System("random octets", error);
    let settings = PoolSettings {
        programs: programs.clone(),
        secret: pool::new_secret().map_err(refused)?,
        results,
        rotate_every: pool::ROTATE_EVERY,
    };
    Pool::new(settings).map_err(refused)
}
