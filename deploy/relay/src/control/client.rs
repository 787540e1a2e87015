//! The command's side: connect, greet, ask.

use super::{server, socket_path};
use proto::channel::{Channel, ChannelError, Waiting};
use proto::control::{FromRelay, ToRelay};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why a command got no answer; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no relay answers at {0} ({1}); is `baton relay` running, and is baton_run_directory the same?")]
    NotRunning(PathBuf, std::io::Error),
    /// The relay is of another version.
    #[error("the relay speaks protocol version {0}, this command {own}; use the command that came with it", own = proto::VERSION)]
    Version(u16),
    /// The conversation broke.
    #[error("the relay did not answer: {0}")]
    Broken(#[from] ChannelError),
    /// It was understood and refused.
    #[error("{0}")]
    Refused(String),
    /// An answer to another question.
    #[error("the relay gave an unexpected answer")]
    Unexpected,
}

/// A conversation with the running relay.
#[derive(Debug)]
pub struct Client(Channel);

const PATIENCE: Duration = Duration::from_secs(30);

impl Client {
    /// Connects and greets.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn connect(run_directory: &Path) -> Result<Self, ClientError> {
        let path = socket_path(run_directory);
        let channel = server::connect(&path).map_err(|error| ClientError::NotRunning(path, error))?;
        channel.set_waiting(Waiting::AtMost(PATIENCE)).map_err(ChannelError::from)?;
        let mut client = Self(channel);
        match client.ask(&ToRelay::Hello { version: proto::VERSION })? {
            FromRelay::Hello { version: proto::VERSION } => Ok(client),
            FromRelay::Hello { version } => Err(ClientError::Version(version)),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// One question, one answer.
    ///
    /// # Errors
    /// [`ClientError`]; a refusal is one.
    pub fn ask(&mut self, question: &ToRelay) -> Result<FromRelay, ClientError> {
        self.0.send(question, &[])?;
        match self.0.receive::<FromRelay>()? {
            (FromRelay::Refused(why), _) => Err(ClientError::Refused(why)),
            (answer, _) => Ok(answer),
        }
    }

    /// Asks a question whose answer is only "done", with a count.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn tell(&mut self, question: &ToRelay) -> Result<u64, ClientError> {
        match self.ask(question)? {
            FromRelay::Done(count) => Ok(count),
            _ => Err(ClientError::Unexpected),
        }
    }
}
