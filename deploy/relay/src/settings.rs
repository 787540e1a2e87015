//! From main.cf to what the relay's parts are made of.

use maincf::params::TransportLimits;
use maincf::value::{DeliveryFlags, Feedback as Configured, Positive};
use maincf::{ConfigErrors, Deployment, MainCf, Protocol, ReadError, RelayConfig};
use proto::steward::Caps;
use schedule::{BackOff, Caching, CachingRule, Feedback, Limits, TransportSettings};
use spool::Postmaster;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where the operator's settings come from.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// `--config`; `None` takes [`DEFAULT_PATH`] if it is there.
    pub path: Option<PathBuf>,
    /// `-o name=value`, in order.
    pub options: Vec<String>,
}

/// The file that is read when none is named.
pub const DEFAULT_PATH: &str = "/etc/baton/main.cf";

/// The configuration cannot be used; the text names file, line and parameter.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file or an option cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A value is wrong or must not be ignored.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The file that myorigin names.
    #[error("myorigin: {0}")]
    Origin(std::io::Error),
    /// A table cannot be opened.
    #[error("{0}: {1}")]
    Table(&'static str, maincf::tables::OpenError),
}

impl Source {
    /// The text of the configuration.
    ///
    /// # Errors
    /// [`ReadError`] with file and line.
    pub fn read(&self) -> Result<MainCf, ReadError> {
        let default = Path::new(DEFAULT_PATH);
        let mut cf = match &self.path {
            Some(path) => MainCf::read(path)?,
            None if default.exists() => MainCf::read(default)?,
            None => MainCf::none(),
        };
        for option in &self.options {
            cf.set_option(option)?;
        }
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(cf.for_deployment(Deployment::Standalone).with_system_hostname(&host))
    }

    /// The same settings as arguments for a worker.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let default = Path::new(DEFAULT_PATH);
        let path = self.path.as_deref().or_else(|| default.exists().then_some(default));
        let file = path.map(|path| [OsString::from("--config"), path.into()]);
        let options = self.options.iter().flat_map(|option| ["-o".into(), option.into()]);
        file.into_iter().flatten().chain(options).collect()
    }
}

/// The protocol that a transport speaks, by its name; `None` for a name that is no transport here.
#[must_use]
pub fn protocol_of(transport: &str) -> Option<Protocol> {
    match transport {
        "smtp" | "relay" => Some(Protocol::Smtp),
        "lmtp" => Some(Protocol::Lmtp),
        _ => None,
    }
}

/// The scheduler's global limits.
#[must_use]
pub fn limits(config: &RelayConfig) -> Limits {
    Limits::of_workers(nonzero(config.pool.process_limit))
}

/// One transport's scheduling.
///
/// # Errors
/// A value of its own parameters is wrong.
pub fn transport(cf: &MainCf, config: &RelayConfig, name: &str) -> Result<TransportSettings, ConfigErrors> {
    let limits = TransportLimits::of(cf, name)?;
    let cache = match protocol_of(name) {
        Some(Protocol::Lmtp) => &config.lmtp_cache,
        _ => &config.smtp_cache,
    };
    let caching = if cache.on_demand { Caching::OnDemand } else { Caching::Never };
    Ok(TransportSettings {
        process_limit: nonzero(config.pool.process_limit),
        initial_destination_concurrency: nonzero(limits.initial_concurrency),
        destination_concurrency_limit: limits.concurrency_limit.map(nonzero),
        destination_recipient_limit: limits.recipient_limit.map(nonzero),
        destination_rate_delay: limits.destination_rate_delay,
        transport_rate_delay: limits.transport_rate_delay,
        positive_feedback: feedback(limits.positive_feedback),
        negative_feedback: feedback(limits.negative_feedback),
        failed_cohort_limit: limits.failed_cohort_limit.map(nonzero),
        minimal_backoff_time: config.retry.minimal_backoff.get(),
        transport_retry_time: config.retry.transport_retry.get(),
        session_lifetime: cache.idle_limit(),
        caching: CachingRule::always(caching),
        ..TransportSettings::documented()
    })
}

/// What a transport's deliveries add to mail.
///
/// # Errors
/// A value of its own parameters is wrong.
pub fn delivery_flags(cf: &MainCf, name: &str) -> Result<DeliveryFlags, ConfigErrors> {
    Ok(TransportLimits::of(cf, name)?.flags)
}

/// Retry times and expiry.
#[must_use]
pub fn back_off(config: &RelayConfig) -> BackOff {
    BackOff {
        minimal: config.retry.minimal_backoff.get(),
        maximal: config.retry.maximal_backoff.get(),
        lifetime: config.retry.queue_lifetime,
        bounce_lifetime: config.retry.bounce_lifetime,
    }
}

/// Who hears of failures besides senders. Addresses without domain are at `myorigin`.
#[must_use]
pub fn postmaster(config: &RelayConfig) -> Postmaster {
    // An unreadable file was an error at start; later our name does.
    let origin = config.identity.origin.read().unwrap_or_else(|_| config.identity.hostname.to_string());
    let complete = |address: &str| match address.contains('@') {
        true => address.to_owned(),
        false => format!("{address}@{origin}"),
    };
    let bounce = &config.bounce;
    let classes = &bounce.notify_classes;
    Postmaster {
        bounce: classes.bounce.then(|| complete(&bounce.bounce_notice_recipient)),
        double_bounce: classes.double_bounce.then(|| complete(&bounce.double_bounce_notice_recipient)),
        sender: complete(&bounce.double_bounce_sender),
    }
}

/// Says which classes of `notify_classes` nobody is told of.
pub fn warn_of_untold(config: &RelayConfig) {
    let untold = &config.bounce.notify_classes.untold;
    if !untold.is_empty() {
        tracing::warn!("notify_classes: no notices of class {} are sent yet", untold.join(", "));
    }
}

/// What scache is told.
#[must_use]
pub fn caps(config: &RelayConfig) -> Caps {
    let cache = &config.smtp_cache;
    Caps {
        idle_ms: millis(cache.ttl_limit.get()),
        sessions: u32::MAX,
        per_endpoint: cache.endpoint_session_limit.map_or(u32::MAX, Positive::get),
        status_update_s: u32::try_from(cache.status_update_time.get().as_secs()).unwrap_or(u32::MAX),
    }
}

fn feedback(configured: Configured) -> Feedback {
    match configured {
        Configured::Constant(step) => Feedback::constant(step),
        Configured::PerConcurrency(step) => Feedback::per_concurrency(step),
        Configured::PerSqrtConcurrency(step) => Feedback::per_sqrt_concurrency(step),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

fn nonzero(value: Positive<u32>) -> NonZeroU32 {
    NonZeroU32::new(value.get()).unwrap_or(NonZeroU32::MIN)
}
