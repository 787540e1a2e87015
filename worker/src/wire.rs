//! One connection to a server: octets out, replies in, each with a deadline.

mod content;
mod socket;

pub use content::Mail;
pub use socket::{Family, Socket};

use crate::duty::{Abandoned, Duty};
use smtp::{Reply, ReplyError, ReplyReader};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Why a conversation broke off.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The server closed the connection, or the network did.
    #[error("lost connection")]
    Lost,
    /// The server took longer than the stage may take.
    #[error("timed out")]
    TimedOut,
    /// What the server said is no reply.
    #[error(transparent)]
    Garbage(#[from] ReplyError),
    /// The message cannot be read.
    #[error("cannot read the message: {0}")]
    Content(io::Error),
    /// The supervisor is gone.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
}

/// The connection with what was read and not yet understood, and what is not yet written.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    replies: ReplyReader,
    outgoing: Vec<u8>,
}

const READ: usize = 8 * 1024;
/// How much of a message is gathered before it is written.
const GATHER: usize = 64 * 1024;

impl Wire {
    /// A connection on which nothing has been said, or all was answered.
    #[must_use]
    pub fn new(socket: Socket, replies: ReplyReader) -> Self {
        Self { socket, replies, outgoing: Vec::new() }
    }

    /// Where commands are put; they leave with the next [`Wire::flush`] or [`Wire::reply`].
    pub fn outgoing(&mut self) -> &mut Vec<u8> {
        &mut self.outgoing
    }

    /// Whether octets were read that no reply was asked for.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.replies.has_leftover()
    }

    /// Writes what is outgoing. What the server says meanwhile is kept for [`Wire::reply`].
    ///
    /// # Errors
    /// [`WireError`]; what was not written is lost.
    pub async fn flush(&mut self, duty: &Duty, patience: Duration) -> Result<(), WireError> {
        let mut written = 0;
        let mut deadline = Instant::now() + patience;
        while let Some(rest) = self.outgoing.get(written..).filter(|rest| !rest.is_empty()) {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(WireError::Lost),
                Ok(count) => {
                    written += count;
                    deadline = Instant::now() + patience;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = self.socket.ready_to_write_or_read();
                    within(duty, deadline, ready).await?.map_err(|_| WireError::Lost)?;
                    self.read_what_is_there()?;
                }
                Err(_) => return Err(WireError::Lost),
            }
        }
        self.outgoing.clear();
        Ok(())
    }

    /// The next reply, within `patience` from now in all, however slowly it comes.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn reply(&mut self, duty: &Duty, patience: Duration) -> Result<Arc<Reply>, WireError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(reply) = self.replies.next_reply()? {
                return Ok(reply);
            }
            let ready = self.socket.ready_to_read();
            within(duty, deadline, ready).await?.map_err(|_| WireError::Lost)?;
            self.read_once()?;
        }
    }

    /// Writes the message, dot-stuffed, without its final dot: the rest of it stays outgoing.
    ///
    /// # Errors
    /// [`WireError`]; the message is incomplete and must not be ended.
    pub async fn content(
        &mut self,
        mail: &Mail,
        encoder: &mut smtp::DataEncoder,
        duty: &Duty,
        patience: Duration,
    ) -> Result<(), WireError> {
        let mut reader = mail.reader();
        while let Some(chunk) = reader.next_chunk().map_err(WireError::Content)? {
            encoder.encode(chunk, &mut self.outgoing);
            if self.outgoing.len() >= GATHER {
                duty.check()?;
                self.flush(duty, patience).await?;
            }
        }
        Ok(())
    }

    /// Reads a reply that may have come before the connection broke, without waiting.
    pub fn last_words(&mut self) -> Option<Arc<Reply>> {
        while let Ok(count) = self.read_once_counted() {
            if count == 0 {
                break;
            }
        }
        self.replies.next_reply().ok().flatten()
    }

    /// The connection, with nothing buffered either way; `None` if something was.
    #[must_use]
    pub fn into_quiet_socket(self) -> Option<Socket> {
        (self.outgoing.is_empty() && !self.replies.has_leftover()).then_some(self.socket)
    }

    /// Writes what fits without waiting, for a farewell that nobody waits for.
    pub fn write_and_forget(&mut self, octets: &[u8]) {
        let _best_effort = self.socket.try_write(octets);
    }

    fn read_what_is_there(&mut self) -> Result<(), WireError> {
        match self.read_once_counted() {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(WireError::Lost),
        }
    }

    fn read_once(&mut self) -> Result<(), WireError> {
        match self.read_once_counted() {
            Ok(0) => Err(WireError::Lost),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(WireError::Lost),
        }
    }

    fn read_once_counted(&mut self) -> io::Result<usize> {
        let mut buffer = [0; READ];
        let count = self.socket.try_read(&mut buffer)?;
        self.replies.feed(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// `work`, unless the deadline passes or the duty ends.
async fn within<T>(duty: &Duty, deadline: Instant, work: impl Future<Output = T>) -> Result<T, WireError> {
    match duty.guard(tokio::time::timeout_at(deadline, work)).await? {
        Ok(done) => Ok(done),
        Err(_) => Err(WireError::TimedOut),
    }
}
