//! One connection to a server: octets out, octets in, each with a deadline. What they mean is the dialogue's business.

mod content;
mod socket;

pub use content::{Mail, Reader};
pub use socket::{Family, Socket};

use crate::duty::{Abandoned, Duty};
use smtp::{Lost, ReplyReader};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// Why octets did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The connection broke, or the server was too slow; so many octets of what was outgoing were not written.
    #[error("{how:?} with {unwritten} octets unwritten")]
    Lost {
        /// How.
        how: Lost,
        /// At the end of what was to be written.
        unwritten: usize,
    },
    /// The supervisor is gone.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
}

/// How long writing may take.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// So long without a single octet going out.
    EachStep(Duration),
    /// Until then in all (`*_per_request_deadline`).
    Until(Instant),
}

impl Limit {
    fn deadline(self) -> Instant {
        match self {
            Self::EachStep(patience) => Instant::now() + patience,
            Self::Until(deadline) => deadline,
        }
    }
}

/// The connection, with what was read and not yet understood, and what is not yet written.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    /// What the server said.
    pub replies: ReplyReader,
    /// What the dialogue wants to say.
    pub outgoing: Vec<u8>,
}

const READ: usize = 8 * 1024;

impl Wire {
    /// A connection on which nothing is outstanding.
    #[must_use]
    pub fn new(socket: Socket) -> Self {
        Self { socket, replies: ReplyReader::default(), outgoing: Vec::new() }
    }

    /// Writes what is outgoing. What the server says meanwhile is read.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn flush(&mut self, duty: &Duty, limit: Limit) -> Result<(), WireError> {
        let mut written = 0;
        let result = self.write_from(&mut written, duty, limit).await;
        let unwritten = self.outgoing.len().saturating_sub(written);
        self.outgoing.clear();
        result.map_err(|stopped| stopped.at(unwritten))
    }

    async fn write_from(&mut self, written: &mut usize, duty: &Duty, limit: Limit) -> Result<(), Stopped> {
        let mut deadline = limit.deadline();
        while let Some(rest) = self.outgoing.get(*written..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(Stopped::Lost(Lost::Closed)),
                Ok(count) => {
                    *written += count;
                    deadline = limit.deadline();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    within(duty, deadline, self.socket.ready_to_write_or_read()).await?;
                    self.look()?;
                }
                Err(_) => return Err(Stopped::Lost(Lost::Closed)),
            }
        }
        Ok(())
    }

    /// Reads until there is a whole reply, within `patience` in all, however slowly it comes.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn hear(&mut self, duty: &Duty, patience: Duration) -> Result<(), WireError> {
        let deadline = Instant::now() + patience;
        while !self.replies.has_reply() {
            let ready = within(duty, deadline, self.socket.ready_to_read()).await;
            ready.and_then(|()| self.read()).map_err(|stopped| stopped.at(0))?;
        }
        Ok(())
    }

    /// Reads what has come, without waiting. A server that has closed its side can answer nothing any more, whatever
    /// it still reads: that is a lost connection.
    fn look(&mut self) -> Result<(), Stopped> {
        match self.read_now() {
            Ok(0) => Err(Stopped::Lost(Lost::Closed)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Stopped::Lost(Lost::Closed)),
        }
    }

    /// Whether the server said something that was not asked for, as far as can be seen without waiting.
    ///
    /// # Errors
    /// It closed the connection. What it said before is in [`Wire::replies`].
    pub fn was_interrupted(&mut self) -> Result<bool, WireError> {
        self.look().map_err(|stopped| stopped.at(0))?;
        Ok(self.replies.has_leftover())
    }

    /// Takes in what the server said before the connection broke.
    pub fn last_words(&mut self) {
        while self.read_now().is_ok_and(|count| count > 0) && !self.replies.has_reply() {}
    }

    /// Whether something was read that no command asked for.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.replies.has_leftover()
    }

    /// The connection, if nothing is buffered either way.
    #[must_use]
    pub fn into_quiet_socket(self) -> Option<Socket> {
        (self.outgoing.is_empty() && !self.replies.has_leftover()).then_some(self.socket)
    }

    /// Writes what fits of what is outgoing: a farewell that nobody waits for.
    pub fn write_and_forget(&mut self) {
        if !self.outgoing.is_empty() {
            let _best_effort = self.socket.try_write(&self.outgoing);
            self.outgoing.clear();
        }
    }

    /// Keeps the connection open until the server has answered QUIT, has closed, or has taken too long.
    pub async fn farewell(mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while !self.replies.has_reply() && Instant::now() < deadline {
            match tokio::time::timeout_at(deadline, self.socket.ready_to_read()).await {
                Ok(Ok(())) if self.read().is_ok() => {}
                _ => return,
            }
        }
    }

    fn read(&mut self) -> Result<(), Stopped> {
        let mut buffer = [0; READ];
        match self.socket.try_read(&mut buffer) {
            Ok(0) => Err(Stopped::Lost(Lost::Closed)),
            Ok(count) => {
                self.replies.feed(buffer.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Stopped::Lost(Lost::Closed)),
        }
    }

    fn read_now(&mut self) -> io::Result<usize> {
        let mut buffer = [0; READ];
        let count = self.socket.read_now(&mut buffer)?;
        self.replies.feed(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Why waiting ended, before it is known how much was left to write.
enum Stopped {
    Lost(Lost),
    Abandoned(Abandoned),
}

impl Stopped {
    fn at(self, unwritten: usize) -> WireError {
        match self {
            Self::Lost(how) => WireError::Lost { how, unwritten },
            Self::Abandoned(abandoned) => WireError::Abandoned(abandoned),
        }
    }
}

/// `ready`, unless the deadline passes or the duty ends. A timer is not looked at as long as the socket is always ready,
/// as that of a server that never stops talking is: the clock is asked first.
async fn within(
    duty: &Duty,
    deadline: Instant,
    ready: impl Future<Output = io::Result<()>>,
) -> Result<(), Stopped> {
    if Instant::now() > deadline {
        return Err(Stopped::Lost(Lost::TimedOut));
    }
    match duty.guard(tokio::time::timeout_at(deadline, ready)).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(_))) => Err(Stopped::Lost(Lost::Closed)),
        Ok(Err(_)) => Err(Stopped::Lost(Lost::TimedOut)),
        Err(abandoned) => Err(Stopped::Abandoned(abandoned)),
    }
}

#[cfg(test)]
mod tests;
