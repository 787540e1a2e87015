//! SIGHUP: the configuration is read again. SIGTERM and SIGINT: the relay ends, at the second one at once.

use super::log_file::LogFile;
use super::{RunError, policy, run_files};
use crate::dispatch::Command;
use crate::listener::{Occupancy, Shared};
use crate::settings::{SettingsError, Source};
use maincf::{MainCf, RelayConfig};
use spool::Spool;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// The signals that mean something; from [`Signals::listen`] on they end nothing by themselves.
#[derive(Debug)]
pub(super) struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, RunError> {
        let one = |kind| signal(kind).map_err(|error| RunError::System("to listen to signals", error));
        Ok(Self {
            hangup: one(SignalKind::hangup())?,
            terminate: one(SignalKind::terminate())?,
            interrupt: one(SignalKind::interrupt())?,
        })
    }
}

/// Parameters that count only when the relay starts.
const AT_START: [&str; 6] = [
    "queue_directory",
    "baton_run_directory",
    "baton_intake_listen",
    "mail_owner",
    "queue_minfree",
    "syslog_name",
];

/// The values of those now.
pub(super) fn at_start(cf: &MainCf) -> Vec<Option<String>> {
    AT_START.iter().map(|name| cf.expanded(name).ok().flatten()).collect()
}

/// What the signals change.
pub(super) struct Reloading {
    pub(super) source: Source,
    /// [`at_start`], when that was.
    pub(super) at_start: Vec<Option<String>>,
    pub(super) spool: Spool,
    pub(super) settings: watch::Sender<Arc<Shared>>,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) occupancy: Occupancy,
    pub(super) log: LogFile,
    pub(super) run_directory: PathBuf,
}

impl Reloading {
    /// Serves signals for as long as the relay runs.
    pub(super) async fn on_signals(mut self, signals: Signals, ending: watch::Sender<bool>) {
        let Signals { mut hangup, mut terminate, mut interrupt } = signals;
        let mut orders_to_end = 0;
        loop {
            tokio::select! {
                _ = hangup.recv() => {
                    self.reload();
                    continue;
                }
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            orders_to_end += 1;
            if orders_to_end > 1 {
                self.leave_at_once();
            }
            tracing::info!("ending: deliveries that are under way are finished; once more to leave at once");
            let _nobody = ending.send(true);
            let _ended = self.commands.send(Command::Drain);
        }
    }

    /// Reads the configuration again; a mistake in it changes nothing. The log file is opened again in any case.
    fn reload(&mut self) {
        let cf = self.source.read().map_err(SettingsError::from);
        let read = cf.and_then(|cf| {
            let config = RelayConfig::load(&cf)?;
            crate::settings::warn_of_untold(&config);
            self.log.reopen(config.log.file.as_deref());
            self.apply(&cf, config)
        });
        match read {
            Ok(()) => tracing::info!("configuration read again; parked sessions stay"),
            Err(error) => {
                self.log.reopen(None);
                tracing::error!("configuration not changed: {error}");
            }
        }
    }

    fn apply(&self, cf: &MainCf, config: RelayConfig) -> Result<(), SettingsError> {
        let policy = policy(cf, config, &self.source)?;
        let (spool, commands) = (self.spool.clone(), self.commands.clone());
        let shared = Shared::new(&policy.config, spool, commands, &self.occupancy);
        let shared = shared.map_err(SettingsError::Origin)?;
        let _nobody = self.settings.send(Arc::new(shared));
        let _ended = self.commands.send(Command::Reload(Box::new(policy)));
        for ((name, before), now) in AT_START.iter().zip(&self.at_start).zip(at_start(cf)) {
            if *before != now {
                tracing::warn!("{name} was changed: that counts when the relay is started again");
            }
        }
        Ok(())
    }

    /// Workers go on by themselves and leave their results for the next relay.
    fn leave_at_once(&self) -> ! {
        tracing::warn!("left at once; workers finish by themselves");
        run_files::clear(&self.run_directory);
        std::process::exit(0);
    }
}
