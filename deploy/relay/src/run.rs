//! `baton relay`: the start recipe, the signals, the end.

use crate::control::{ControlError, Listener as ControlListener};
use crate::dispatch::{Command, Dispatcher, Parts, Policy, Transports};
use crate::identity::{Identity, IdentityError};
use crate::listener::{self, Shared};
use crate::pool::{Pool, ProgramError, Programs, Steward};
use crate::routing::Routing;
use crate::settings::{self, SettingsError, Source};
use maincf::{MainCf, RelayConfig};
use proto::secret::Secret;
use spool::{MarkDurability, Options, Spool, SpoolError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

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

/// Runs the relay until it is told to end.
///
/// # Errors
/// [`RunError`]: nothing was lost, the queue is as it was.
pub fn run(source: &Source, beginning: Beginning) -> Result<(), RunError> {
    let cf = source.read().map_err(SettingsError::from)?;
    let config = RelayConfig::load(&cf).map_err(SettingsError::from)?;
    log_to(&config)?;
    for warning in maincf::warnings(&cf) {
        tracing::warn!("{warning}");
    }
    worker::process::harden().map_err(|error| RunError::System("to hide the process", error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(32)
        .build()
        .map_err(|error| RunError::System("a runtime", error))?;
    tokio::task::LocalSet::new().block_on(&runtime, start(cf, config, source, beginning))
}

/// `maillog_file`, or standard error; workers and scache inherit it.
fn log_to(config: &RelayConfig) -> Result<(), RunError> {
    if let Some(path) = &config.log.file {
        let failed = |error| RunError::Log(path.clone(), error);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        rustix::stdio::dup2_stderr(file).map_err(|error| failed(error.into()))?;
    }
    worker::log::to_stderr(&config.log.syslog_name, "relay");
    Ok(())
}

async fn start(
    cf: MainCf,
    config: RelayConfig,
    source: &Source,
    beginning: Beginning,
) -> Result<(), RunError> {
    let programs = Programs::find()?;
    let identity = Identity::of(&config.paths.mail_owner);
    let run_directory = config.paths.run_directory.clone();
    identity.prepare(&config.paths.queue_directory)?;
    identity.prepare(&run_directory)?;
    let listeners = listen(&config).await?;
    identity.assume()?;

    let options = Options { minfree: config.queue.minimum_free, marks: MarkDurability::Lazy };
    let spool = Spool::open(&config.paths.queue_directory, options)?;
    write_addresses(&run_directory, &listeners)?;
    let control = ControlListener::bind(&run_directory)?;
    let secret = new_secret()?;
    let (pool, events) = Pool::new(programs.clone(), secret, spool.result_file()?);
    let (restarted, restarts) = mpsc::unbounded_channel();
    let steward = Steward::start(&programs, settings::caps(&config), restarted)?;
    let (commands, receiver) = mpsc::unbounded_channel();
    let (asked, questions) = mpsc::unbounded_channel();
    let (ending, ends) = watch::channel(false);
    let shared = Shared::new(&config, spool.clone(), commands.clone()).map_err(SettingsError::Origin)?;
    let (settings, current) = watch::channel(Arc::new(shared));
    for listener in listeners {
        tokio::task::spawn_local(listener::serve(listener, current.clone(), ends.clone()));
    }
    let serving = tokio::task::spawn_local(control.serve(asked));
    tracing::info!("started, queue {}, control {}", spool.path().display(), run_directory.display());
    let reloading = Reloading { source: source.clone(), spool: spool.clone(), settings, commands };
    tokio::task::spawn_local(reloading.on_signals(ending));
    let parts = Parts {
        policy: policy(&cf, config, source)?,
        spool,
        pool,
        events,
        steward,
        restarted: restarts,
        commands: receiver,
        asked: questions,
        paused: beginning == Beginning::Held,
    };
    Dispatcher::run(parts).await;
    serving.abort();
    tracing::info!("ended");
    Ok(())
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

/// Where the listener really is, for `baton send` and for whoever asked for port 0.
fn write_addresses(run_directory: &Path, listeners: &[TcpListener]) -> Result<(), RunError> {
    let path = intake_address_path(run_directory);
    let mut text = String::new();
    for listener in listeners {
        let address =
            listener.local_addr().map_err(|error| RunError::System("the listener's address", error))?;
        tracing::info!("listening on {address}");
        text.push_str(&format!("{address}\n"));
    }
    std::fs::write(&path, text).map_err(|error| RunError::RunFile(path, error))
}

/// The file that holds the listener's addresses, a line each.
#[must_use]
pub fn intake_address_path(run_directory: &Path) -> PathBuf {
    run_directory.join("intake.address")
}

fn new_secret() -> Result<Secret, RunError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| RunError::System("random octets", error.into()))?;
    Ok(Secret::new(key))
}

/// What SIGHUP and SIGTERM do.
struct Reloading {
    source: Source,
    spool: Spool,
    settings: watch::Sender<Arc<Shared>>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Reloading {
    async fn on_signals(self, ending: watch::Sender<bool>) {
        let signals = [SignalKind::hangup(), SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        let [Ok(mut hangup), Ok(mut terminate), Ok(mut interrupt)] = signals else {
            return tracing::error!(
                "cannot listen to signals: end this relay with SIGKILL, nothing is lost by it"
            );
        };
        loop {
            tokio::select! {
                _ = hangup.recv() => self.reload(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        tracing::info!("ending: deliveries that are under way are finished; once more to leave at once");
        let _nobody = ending.send(true);
        let (done, finished) = oneshot::channel();
        let _ended = self.commands.send(Command::Drain(done));
        tokio::select! {
            _ = finished => {}
            _ = terminate.recv() => leave_at_once(),
            _ = interrupt.recv() => leave_at_once(),
        }
    }

    /// Reads the configuration again; a mistake in it changes nothing.
    fn reload(&self) {
        match self.read_again() {
            Ok((policy, shared)) => {
                let _nobody = self.settings.send(Arc::new(shared));
                let _ended = self.commands.send(Command::Reload(Box::new(policy)));
                tracing::info!("configuration read again; parked sessions stay");
            }
            Err(error) => tracing::error!("configuration not changed: {error}"),
        }
    }

    fn read_again(&self) -> Result<(Policy, Shared), SettingsError> {
        let cf = self.source.read()?;
        let policy = policy(&cf, RelayConfig::load(&cf)?, &self.source)?;
        let shared = Shared::new(&policy.config, self.spool.clone(), self.commands.clone());
        Ok((policy, shared.map_err(SettingsError::Origin)?))
    }
}

/// Workers go on by themselves and leave their results for the next relay.
fn leave_at_once() {
    tracing::warn!("left at once; workers finish by themselves");
    std::process::exit(0);
}
