//! `baton demo`: the real relay, scache and workers in a temporary folder, 1000 messages, and what became of them.

mod outcome;
mod receiver;
mod starttls;

use crate::control::{Client, ClientError};
use crate::submission::{Submission, SubmissionError};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use outcome::Outcome;
use proto::control::{FromRelay, RelayStatistics, ToRelay};
use receiver::Receiver;
use starttls::Offer;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Options of `baton demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    /// The receiving servers offer STARTTLS, with a certificate that nobody vouches for
    #[arg(long)]
    tls: bool,
    /// How many messages
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    messages: u64,
}

/// The demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A step failed.
    #[error("{0}: {1}")]
    Step(&'static str, std::io::Error),
    /// A message could not be handed in.
    #[error("a message could not be handed in: {0}")]
    Submission(#[from] SubmissionError),
    /// The relay did not answer.
    #[error(transparent)]
    Control(#[from] ClientError),
    /// The relay ended or did not come up.
    #[error("the relay did not start; its log ends with:\n{0}")]
    NotStarted(String),
    /// Not everything arrived, or something arrived twice.
    #[error(
        "of {expected} messages {missing} did not arrive and {repeated} arrived more than once; the log is in {log}"
    )]
    Incomplete {
        /// How many were sent.
        expected: u64,
        /// How many never came.
        missing: u64,
        /// How many came more than once.
        repeated: u64,
        /// Where to look.
        log: PathBuf,
    },
}

/// Domains that share the receiving hosts.
const DOMAINS: usize = 8;
/// Worker processes at once.
const WORKERS: usize = 16;
/// Messages after which a worker process is replaced.
const MAX_USE: usize = 10;
/// How long nothing may arrive before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the demo and prints what happened.
///
/// # Errors
/// [`DemoError`]: also when a message did not arrive exactly once.
pub fn run(arguments: &DemoArguments) -> Result<(), DemoError> {
    let folder = Folder::make().map_err(|error| DemoError::Step("cannot make a temporary folder", error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| DemoError::Step("cannot start the receiving servers", error))?;
    let offer = if arguments.tls { Offer::encryption() } else { Ok(Offer::Nothing) }
        .map_err(|error| DemoError::Step("cannot make a certificate", error))?;
    let hosts = runtime
        .block_on(async { Ok([Receiver::start(&offer).await?, Receiver::start(&offer).await?]) })
        .map_err(|error| DemoError::Step("cannot start the receiving servers", error))?;
    let mut relay = Relay::start(&folder.0, &hosts.each_ref().map(|host| host.address))?;
    let progress = progress(arguments);
    progress.set_message("handing in");
    inject(&relay, arguments.messages, &progress)?;
    progress.reset();
    progress.set_message("delivering");
    let released = Instant::now();
    relay.client.tell(&ToRelay::Resume)?;
    watch(&hosts, arguments.messages, &progress);
    let seconds = released.elapsed().as_secs_f64();
    let statistics = settled(&mut relay)?;
    progress.finish_and_clear();
    let outcome = Outcome::new(arguments, &hosts, &statistics, seconds);
    if arguments.json {
        outcome.print_json()
    } else {
        outcome.print()
    }
    relay.stop();
    outcome.verdict(folder)
}

fn progress(arguments: &DemoArguments) -> ProgressBar {
    if arguments.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(arguments.messages);
    if let Ok(style) = ProgressStyle::with_template("{msg:>12} [{bar:40}] {pos}/{len} {per_sec}") {
        bar.set_style(style);
    }
    bar
}

/// Hands all messages to the listener over one connection.
fn inject(relay: &Relay, messages: u64, progress: &ProgressBar) -> Result<(), DemoError> {
    let mut submission = Submission::connect(relay.intake, "demo.invalid")?;
    for number in 0..messages {
        let domain = number as usize % DOMAINS;
        let content = format!(
            "From: sender@demo.invalid\r\nTo: user@d{domain}.demo\r\nMessage-ID: <{number}@demo.invalid>\r\n\
             Subject: message {number}\r\n\r\nThis is message number {number}.\r\n"
        );
        submission.send("sender@demo.invalid", &[format!("user@d{domain}.demo")], content.as_bytes())?;
        progress.set_position(number + 1);
    }
    Ok(submission.quit()?)
}

/// Until everything arrived, or nothing arrives any more.
fn watch(hosts: &[Receiver], messages: u64, progress: &ProgressBar) {
    let mut last = (0, Instant::now());
    loop {
        let arrived: u64 = hosts.iter().map(|host| host.seen(|seen| seen.messages.len() as u64)).sum();
        progress.set_position(arrived);
        if arrived >= messages {
            return;
        }
        if arrived != last.0 {
            last = (arrived, Instant::now());
        } else if last.1.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The relay's counters once its queue is empty, so that a late second copy would have been seen.
fn settled(relay: &mut Relay) -> Result<RelayStatistics, DemoError> {
    let since = Instant::now();
    loop {
        let FromRelay::Statistics(statistics) = relay.client.ask(&ToRelay::Statistics)? else {
            return Err(ClientError::Unexpected.into());
        };
        if statistics.queued == 0 || since.elapsed() > PATIENCE {
            return Ok(*statistics);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The relay under test.
struct Relay {
    process: Child,
    client: Client,
    intake: SocketAddr,
}

impl Relay {
    fn start(folder: &Path, hosts: &[SocketAddr; 2]) -> Result<Self, DemoError> {
        let failed = |error| DemoError::Step("cannot start the relay", error);
        let config = folder.join("main.cf");
        std::fs::write(&config, configuration(folder, hosts)).map_err(failed)?;
        let log = std::fs::File::create(folder.join("log")).map_err(failed)?;
        let process = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["relay", "--held", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        Self::await_ready(process, folder)
    }

    fn await_ready(mut process: Child, folder: &Path) -> Result<Self, DemoError> {
        let run = folder.join("run");
        let since = Instant::now();
        loop {
            if let Ok(client) = Client::connect(&run) {
                let text = std::fs::read_to_string(crate::run::intake_address_path(&run)).unwrap_or_default();
                if let Some(intake) = text.lines().next().and_then(|line| line.parse().ok()) {
                    return Ok(Self { process, client, intake });
                }
            }
            let ended = !matches!(process.try_wait(), Ok(None));
            if ended || since.elapsed() > PATIENCE {
                let _ended_already = process.kill();
                let _status = process.wait();
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(DemoError::NotStarted(log));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn stop(mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        if let Some(pid) = Pid::from_raw(self.process.id().cast_signed()) {
            let _already_gone = kill_process(pid, Signal::TERM);
        }
        let _status = self.process.wait();
    }
}

fn configuration(folder: &Path, hosts: &[SocketAddr; 2]) -> String {
    let routes: Vec<_> = (0..DOMAINS)
        .zip(hosts.iter().cycle())
        .map(|(domain, host)| format!("{{ d{domain}.demo = smtp:[{}]:{} }}", host.ip(), host.port()))
        .collect();
    let folder = folder.display();
    format!(
        "myhostname = relay.demo\n\
         queue_directory = {folder}/queue\n\
         baton_run_directory = {folder}/run\n\
         baton_intake_listen = 127.0.0.1:0\n\
         transport_maps = inline:{{ {} }}\n\
         default_process_limit = {WORKERS}\n\
         max_use = {MAX_USE}\n",
        routes.join(", ")
    )
}

/// A folder that goes with this value.
struct Folder(PathBuf);

impl Folder {
    fn make() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let mut unique = [0; 8];
        getrandom::fill(&mut unique)?;
        let name = format!("baton-demo-{:016x}", u64::from_le_bytes(unique));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.0.as_os_str().is_empty() {
            let _left_behind = std::fs::remove_dir_all(&self.0);
        }
    }
}
