//! The relay's hold on scache: started, greeted, asked, started again with growing pauses when it ends.

use super::programs::{Program, ProgramError, Programs};
use proto::channel::{AsyncChannel, Channel, ChannelError};
use proto::steward::{Caps, FromSteward, ToSteward};
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};

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
    /// Starts scache and its task. `restarted` hears of every start but the first.
    ///
    /// # Errors
    /// [`ProgramError`] when the first start fails; later ones are tried again.
    pub fn start(
        programs: &Programs,
        caps: Caps,
        restarted: mpsc::UnboundedSender<()>,
    ) -> Result<Self, ProgramError> {
        let (wishes, receiver) = mpsc::unbounded_channel();
        let first = launch(programs, caps)?;
        let keeper = Keeper { programs: programs.clone(), caps, wishes: receiver, restarted };
        tokio::task::spawn_local(keeper.run(first));
        Ok(Self(wishes))
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
}

fn launch(programs: &Programs, caps: Caps) -> Result<Running, ProgramError> {
    let (child, mut channel) = programs.start(Program::Scache, &[], None)?;
    let other = |error: ChannelError| std::io::Error::other(error.to_string());
    let failed = |error| ProgramError::Channel("scache", error);
    let hello = ToSteward::Hello { version: proto::VERSION, caps };
    channel.send(&hello, &[]).map_err(|error| failed(other(error)))?;
    Ok(Running { child, channel: channel.into_async().map_err(failed)? })
}

/// The task that owns scache.
struct Keeper {
    programs: Programs,
    caps: Caps,
    wishes: mpsc::UnboundedReceiver<Wish>,
    restarted: mpsc::UnboundedSender<()>,
}

impl Keeper {
    /// Ends when nobody holds a [`Steward`] any more: scache sees end of file and says farewell.
    async fn run(mut self, mut running: Running) {
        let mut pause = Duration::from_millis(100);
        loop {
            let served = tokio::time::Instant::now();
            let Err(why) = self.serve(&mut running).await else {
                drop(running.channel);
                let _status = running.child.wait().await;
                return;
            };
            tracing::warn!("the connection cache ended ({why}); it is started again");
            let _already_gone = running.child.start_kill();
            let _status = running.child.wait().await;
            if served.elapsed() > LONGEST_PAUSE {
                pause = Duration::from_millis(100);
            }
            running = loop {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                match launch(&self.programs, self.caps) {
                    Ok(running) => break running,
                    Err(error) => tracing::error!("{error}"),
                }
            };
            let _relay_ends = self.restarted.send(());
        }
    }

    /// Serves wishes until there is nobody to wish (`Ok`) or scache fails.
    async fn serve(&mut self, running: &mut Running) -> Result<(), ChannelError> {
        match running.channel.receive::<FromSteward>().await? {
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
                return running.channel.send(&ToSteward::Client, &[channel.as_fd()]).await;
            }
            Wish::Ask(question, answer) => (question, answer),
        };
        if let ToSteward::Reconfigure(caps) = &question {
            self.caps = *caps;
        }
        running.channel.send(&question, &[]).await?;
        let heard = tokio::time::timeout(PATIENCE, running.channel.receive::<FromSteward>()).await;
        let (said, _) = heard.map_err(|_| ChannelError::NotReady)??;
        let _gave_up_waiting = answer.send(said);
        Ok(())
    }
}
