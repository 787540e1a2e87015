//! One connection to a server: octets out, octets in, each with a deadline. What they mean is the dialogue's business.

mod content;
mod follow;
mod handshake;
mod layer;
mod socket;

pub use content::{Mail, Message, Reader};
pub use follow::Discretion;
pub use handshake::NoTls;
pub use socket::{Family, Socket};

use crate::duty::{Abandoned, Duty};
use layer::{Came, Layer};
use smtp::{Lost, ReplyReader};
use std::future::Future;
use std::io;
use std::time::Duration;
use tls::records::{RecordError, Records};
use tokio::time::Instant;
use zeroize::Zeroize;

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

/// How long writing and reading may take.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// So long without a single octet that goes out or comes in.
    EachStep(Duration),
    /// Until then in all (`*_per_request_deadline`).
    Until(Instant),
}

impl Limit {
    /// So much later, where it is one moment: time that was not the server's.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        match self {
            Self::EachStep(_) => self,
            Self::Until(deadline) => Self::Until(deadline + by),
        }
    }

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
    /// TLS, from the handshake on.
    layer: Option<Box<Layer>>,
    /// What the server said.
    pub replies: ReplyReader,
    /// What the dialogue wants to say.
    pub outgoing: Vec<u8>,
    followed: Option<follow::Followed>,
}

/// How much is read at once: replies are short.
const READ: usize = 2 * 1024;
/// How often a server is listened to that is about to be left.
const LAST_READS: u32 = 64;

impl Wire {
    /// A connection on which nothing is outstanding.
    #[must_use]
    pub fn new(socket: Socket) -> Self {
        Self { socket, layer: None, replies: ReplyReader::default(), outgoing: Vec::new(), followed: None }
    }

    /// A connection whose encrypted session another process had.
    #[must_use]
    pub fn resumed(socket: Socket, records: Records) -> Self {
        let mut wire = Self::new(socket);
        wire.layer = Some(Box::new(Layer::new(records)));
        wire
    }

    /// Whether what goes over it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.layer.is_some()
    }

    /// Writes what is outgoing. What the server says meanwhile is read.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn flush(&mut self, duty: &Duty, limit: Limit) -> Result<(), WireError> {
        let mut written = 0;
        let (result, unwritten) = match self.seal() {
            Ok(()) => {
                let result = self.write_from(&mut written, duty, limit).await;
                let unwritten = match &self.layer {
                    Some(layer) => layer.unwritten_plaintext(),
                    None => self.outgoing.len().saturating_sub(written),
                };
                (result, unwritten)
            }
            // What is not sealed is not written.
            Err(stopped) => (Err(stopped), self.outgoing.len()),
        };
        self.clear();
        result.map_err(|stopped| stopped.at(unwritten))
    }

    fn seal(&mut self) -> Result<(), Stopped> {
        match &mut self.layer {
            Some(layer) if !self.outgoing.is_empty() => {
                layer.seal(&self.outgoing).map_err(|error| broken(&error))
            }
            _ => Ok(()),
        }
    }

    fn clear(&mut self) {
        self.outgoing.clear();
        if let Some(layer) = &mut self.layer {
            layer.clear();
        }
    }

    /// Overwrites what was outgoing, which held a secret.
    pub fn wipe(&mut self) {
        self.outgoing.zeroize();
    }

    async fn write_from(&mut self, written: &mut usize, duty: &Duty, limit: Limit) -> Result<(), Stopped> {
        let mut deadline = limit.deadline();
        loop {
            let rest = match &self.layer {
                Some(layer) => layer.unwritten(),
                None => self.outgoing.get(*written..).unwrap_or_default(),
            };
            if rest.is_empty() {
                return Ok(());
            }
            match self.socket.try_write(rest) {
                Ok(0) => return Err(Stopped::Lost(Lost::Closed)),
                Ok(count) => {
                    *written += count;
                    if let Some(layer) = &mut self.layer {
                        layer.wrote(count);
                    }
                    deadline = limit.deadline();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    within(duty, deadline, self.socket.ready_to_write_or_read()).await?;
                    // By way of the event loop, which would otherwise go on saying that there is something to read.
                    self.read()?;
                }
                Err(_) => return Err(Stopped::Lost(Lost::Closed)),
            }
        }
    }

    /// Reads until there is a whole reply. How long that may take where the limit is for each step is bounded by how long
    /// a reply may be.
    ///
    /// # Errors
    /// [`WireError`].
    pub async fn hear(&mut self, duty: &Duty, limit: Limit) -> Result<(), WireError> {
        while !self.replies.has_reply() {
            let deadline = limit.deadline();
            if self.layer.as_mut().is_some_and(|layer| layer.is_over(&mut self.replies)) {
                return Err(Stopped::Lost(Lost::Closed).at(0));
            }
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
        // Inside TLS a server can say much that is no word.
        let mut left = LAST_READS;
        while left > 0 && self.read_now().is_ok_and(|count| count > 0) && !self.replies.has_reply() {
            left -= 1;
        }
    }

    /// Whether something was read that no command asked for.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.replies.has_leftover()
    }

    /// The connection and its TLS session, if nothing is under way in either direction.
    #[must_use]
    pub fn into_quiet_parts(mut self) -> Option<(Socket, Option<Records>)> {
        if !self.outgoing.is_empty() || self.replies.has_leftover() {
            return None;
        }
        // Perhaps the answer to a KeyUpdate.
        self.write_and_forget();
        let records = match self.layer.take() {
            None => None,
            Some(layer) => Some(layer.into_records()?),
        };
        let family = self.socket.family();
        Some((std::mem::replace(&mut self.socket, Socket::gone(family)), records))
    }

    /// Writes what fits of what is outgoing: a farewell that nobody waits for.
    pub fn write_and_forget(&mut self) {
        if self.seal().is_err() {
            return self.clear();
        }
        match &mut self.layer {
            None if self.outgoing.is_empty() => {}
            None => drop(self.socket.try_write(&self.outgoing)),
            Some(layer) => {
                while !layer.unwritten().is_empty()
                    && let Ok(count @ 1..) = self.socket.try_write(layer.unwritten())
                {
                    layer.wrote(count);
                }
                if layer.unwritten().is_empty() {
                    layer.clear();
                }
            }
        }
        self.outgoing.clear();
    }

    /// Says that nothing follows, as TLS wants it said (RFC 8446 §6.1). In plaintext, nothing.
    pub fn close_notify(&mut self) {
        if let Some(layer) = &mut self.layer {
            layer.seal_close();
            self.write_and_forget();
        }
    }

    /// Parts from a server that QUIT was said to: hears its reply for as long as `quit` says, says close_notify, and hears
    /// the server's for as long as `close` says.
    pub async fn farewell(mut self, quit: Option<Duration>, close: Option<Duration>) {
        if let Some(patience) = quit {
            self.hear_until(patience, |replies| replies.has_reply()).await;
        }
        self.close_notify();
        if let Some(patience) = close {
            self.hear_until(patience, |_| false).await;
        }
    }

    /// Reads until enough was said, the server has closed, or it takes too long.
    async fn hear_until(&mut self, patience: Duration, enough: impl Fn(&mut ReplyReader) -> bool) {
        let deadline = Instant::now() + patience;
        while !enough(&mut self.replies) && Instant::now() < deadline {
            if self.layer.as_mut().is_some_and(|layer| layer.has_ended(&mut self.replies)) {
                return;
            }
            match tokio::time::timeout_at(deadline, self.socket.ready_to_read()).await {
                Ok(Ok(())) if self.read().is_ok() => {}
                _ => return,
            }
        }
    }

    fn read(&mut self) -> Result<(), Stopped> {
        match self.read_by(Socket::try_read) {
            Ok(0) => Err(Stopped::Lost(Lost::Closed)),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Stopped::Lost(Lost::Closed)),
        }
    }

    fn read_now(&mut self) -> io::Result<usize> {
        self.read_by(|socket, buffer| socket.read_now(buffer))
    }

    /// What comes from the socket becomes something that the server said.
    fn read_by(
        &mut self,
        read: impl FnOnce(&mut Socket, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Some(layer) = &mut self.layer else {
            let mut buffer = [0; READ];
            let count = read(&mut self.socket, &mut buffer)?;
            self.replies.feed(buffer.get(..count).unwrap_or_default());
            return Ok(count);
        };
        let count = read(&mut self.socket, layer.room())?;
        match layer.open(count, &mut self.replies) {
            Ok(Came::All) => Ok(count),
            // What it said before counts: whoever waits for a reply has it, or never will.
            Ok(Came::Closed) if self.replies.has_reply() => Ok(count),
            Ok(Came::Closed) => Ok(0),
            Err(error) => {
                tell(&error);
                Err(io::ErrorKind::InvalidData.into())
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.socket.do_not_linger();
    }
}

/// TLS that cannot go on is a connection that cannot go on.
fn broken(error: &RecordError) -> Stopped {
    tell(error);
    Stopped::Lost(Lost::Closed)
}

/// Once: what follows from a failure is no news.
fn tell(error: &RecordError) {
    if !matches!(error, RecordError::Poisoned | RecordError::Closed) {
        tracing::info!("TLS: {error}");
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
