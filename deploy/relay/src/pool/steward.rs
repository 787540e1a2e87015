//! The relay's hold on scache: started, greeted, asked, started again with growing pauses when it ends.

use super::programs::{LogTo, Program, ProgramError, Programs};
use proto::channel::{AsyncChannel, Channel, ChannelError};
use proto::steward::{Caps, FromSteward, ToSteward};
use std::io::Write;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Why scache did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StewardError {
    /// It is not running.
    #[error("the connection cache is not running")]
    Absent,
    /// It took too long.
    #[error("the connection cache does not answer")]
    Slow,
}

/// What the task is asked to do.
enum Wish {
    Client(Channel),
    Ask(ToSteward, oneshot::Sender<FromSteward>),
}

/// The relay's end of the task that owns scache.
#[derive(Debug, Clone)]
pub struct Steward(mpsc::UnboundedSender<Wish>);

/// The longest pause between two starts.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long an answer may take before scache counts as hung and is replaced.
const PATIENCE: Duration = Duration::from_secs(10);

impl Steward {
    /// Starts scache and its task, which ends when nobody holds a [`Steward`] any more and scache has said farewell.
    /// `restarted` hears of every start but the first.
    ///
    /// # Errors
    /// [`ProgramError`] when the first start fails; later ones are tried again.
    pub fn start(
        programs: &Programs,
        caps: Caps,
        restarted: mpsc::UnboundedSender<()>,
    ) -> Result<(Self, JoinHandle<()>), ProgramError> {
        let (wishes, receiver) = mpsc::unbounded_channel();
        let first = launch(programs, caps)?;
        let keeper = Keeper { programs: programs.clone(), caps, wishes: receiver, restarted };
        let task = tokio::task::spawn_local(keeper.run(first));
        Ok((Self(wishes), task))
    }

    /// A new worker's end of a channel to scache; `None` when none can be made (the worker does without).
    #[must_use]
    pub fn client(&self) -> Option<Channel> {
        let (workers, caches) = Channel::pair().ok()?;
        self.0.send(Wish::Client(caches)).ok()?;
        Some(workers)
    }

    /// Asks scache something that has an answer.
    ///
    /// # Errors
    /// [`StewardError`].
    pub async fn ask(&self, question: ToSteward) -> Result<FromSteward, StewardError> {
        let (answer, hears) = oneshot::channel();
        self.0.send(Wish::Ask(question, answer)).map_err(|_| StewardError::Absent)?;
        match tokio::time::timeout(PATIENCE, hears).await {
            Ok(answer) => answer.map_err(|_| StewardError::Absent),
            Err(_) => Err(StewardError::Slow),
        }
    }
}

/// A running scache.
struct Running {
    child: Child,
    channel: AsyncChannel,
    /// Passes its log lines on until it closes its log.
    log: JoinHandle<()>,
}

fn launch(programs: &Programs, caps: Caps) -> Result<Running, ProgramError> {
    let (mut child, mut channel) = programs.start(Program::Scache, &[], None, LogTo::Relay)?;
    let log = tokio::task::spawn_local(pass_on(child.stderr.take()));
    let other = |error: ChannelError| std::io::Error::other(error.to_string());
    let failed = |error| ProgramError::Channel("scache", error);
    let hello = ToSteward::Hello { version: proto::VERSION, caps };
    channel.send(&hello, &[]).map_err(|error| failed(other(error)))?;
    Ok(Running { child, channel: channel.into_async().map_err(failed)?, log })
}

/// scache outlives the log file that was open when it started, so its lines go by way of this process.
async fn pass_on(log: Option<ChildStderr>) {
    let Some(log) = log else { return };
    let mut lines = BufReader::new(log);
    let mut line = Vec::new();
    while matches!(lines.read_until(b'\n', &mut line).await, Ok(1..)) {
        let _nobody_reads = std::io::stderr().write_all(&line);
        line.clear();
    }
}

/// The task that owns scache.
struct Keeper {
    programs: Programs,
    caps: Caps,
    wishes: mpsc::UnboundedReceiver<Wish>,
    restarted: mpsc::UnboundedSender<()>,
}

/// Whether there is still somebody to serve.
enum Wanted {
    Still,
    NoLonger,
}

impl Keeper {
    async fn run(mut self, mut running: Running) {
        let mut pause = Duration::from_millis(100);
        loop {
            let served = Instant::now();
            let Err(why) = self.serve(&mut running).await else {
                let Running { mut child, channel, log } = running;
                drop(channel);
                let _status = child.wait().await;
                let _all_lines_are_out = log.await;
                return;
            };
            tracing::warn!("the connection cache ended ({why}); it is started again");
            let _already_gone = running.child.start_kill();
            let _status = running.child.wait().await;
            if served.elapsed() > LONGEST_PAUSE {
                pause = Duration::from_millis(100);
            }
            running = loop {
                if let Wanted::NoLonger = self.turn_away(Instant::now() + pause).await {
                    return;
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
                match launch(&self.programs, self.caps) {
                    Ok(running) => break running,
                    Err(error) => tracing::error!("{error}"),
                }
            };
            let _relay_ends = self.restarted.send(());
        }
    }

    /// While there is no scache: whoever asks hears so at once instead of waiting for nothing.
    async fn turn_away(&mut self, until: Instant) -> Wanted {
        loop {
            match tokio::time::timeout_at(until, self.wishes.recv()).await {
                Ok(Some(Wish::Ask(ToSteward::Reconfigure(caps), _))) => self.caps = caps,
                Ok(Some(wish)) => drop(wish),
                Ok(None) => return Wanted::NoLonger,
                Err(_) => return Wanted::Still,
            }
        }
    }

    /// Serves wishes until there is nobody to wish (`Ok`) or scache fails.
    async fn serve(&mut self, running: &mut Running) -> Result<(), ChannelError> {
        match in_time(running.channel.receive::<FromSteward>()).await? {
            (FromSteward::Hello { version: proto::VERSION, .. }, _) => {}
            _ => return Err(ChannelError::Closed),
        }
        loop {
            tokio::select! {
                wish = self.wishes.recv() => match wish {
                    None => return Ok(()),
                    Some(wish) => self.fulfil(wish, running).await?,
                },
                unasked = running.channel.receive::<FromSteward>() => {
                    unasked?;
                    return Err(ChannelError::Closed);
                }
            }
        }
    }

    async fn fulfil(&mut self, wish: Wish, running: &mut Running) -> Result<(), ChannelError> {
        let (question, answer) = match wish {
            Wish::Client(channel) => {
                return in_time(running.channel.send(&ToSteward::Client, &[channel.as_fd()])).await;
            }
            Wish::Ask(question, answer) => (question, answer),
        };
        if let ToSteward::Reconfigure(caps) = &question {
            self.caps = *caps;
        }
        in_time(running.channel.send(&question, &[])).await?;
        let (said, _) = in_time(running.channel.receive::<FromSteward>()).await?;
        let _gave_up_waiting = answer.send(said);
        Ok(())
    }
}

/// A scache that takes longer is taken for hung.
async fn in_time<T>(exchange: impl Future<Output = Result<T, ChannelError>>) -> Result<T, ChannelError> {
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| ChannelError::NotReady)?
}
