//! The TLS handshake over a connection, within one deadline.

use super::layer::Layer;
use super::{Stopped, Wire, within};
use crate::duty::{Abandoned, Duty};
use smtp::Lost;
use std::io;
use std::time::Duration;
use tls::handshake::{Handshake, HandshakeError, Negotiated, Step};
use tokio::time::Instant;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum NoTls {
    /// The two could not agree, or one of them broke the protocol.
    #[error(transparent)]
    Failed(#[from] HandshakeError),
    /// The connection ended in the middle, or the server was too slow.
    #[error("{0:?}")]
    Lost(Lost),
    /// The supervisor is gone.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
}

const READ: usize = 16 * 1024;

impl Wire {
    /// Shakes hands; from then on everything on this wire is encrypted.
    ///
    /// # Errors
    /// [`NoTls`]; the connection is of no use any more.
    pub async fn secure(
        &mut self,
        mut handshake: Handshake,
        duty: &Duty,
        patience: Duration,
    ) -> Result<Negotiated, NoTls> {
        let deadline = Instant::now() + patience;
        let mut out = Vec::new();
        let mut buffer = vec![0; READ];
        loop {
            match handshake.next(&mut out) {
                Ok(Step::Write) => {
                    self.write_all(&out, duty, deadline).await?;
                    out.clear();
                }
                Ok(Step::Read) => {
                    let count = self.read_some(&mut buffer, duty, deadline).await?;
                    handshake.feed(buffer.get(..count).unwrap_or_default());
                }
                Ok(Step::Done) => break,
                Err(error) => {
                    // The alert, for whoever looks at the server's log.
                    let _best_effort = self.socket.try_write(&out);
                    return Err(error.into());
                }
            }
        }
        let established = handshake.finish()?;
        let mut layer = Box::new(Layer::new(established.records));
        // What the server said together with the end of its handshake.
        if layer.open(0, &mut self.replies).is_err() {
            return Err(NoTls::Lost(Lost::Closed));
        }
        self.layer = Some(layer);
        Ok(established.negotiated)
    }

    async fn write_all(&mut self, octets: &[u8], duty: &Duty, deadline: Instant) -> Result<(), NoTls> {
        let mut rest = octets;
        while !rest.is_empty() {
            match self.socket.try_write(rest) {
                Ok(0) => return Err(NoTls::Lost(Lost::Closed)),
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    within(duty, deadline, self.socket.ready_to_write()).await?;
                }
                Err(_) => return Err(NoTls::Lost(Lost::Closed)),
            }
        }
        Ok(())
    }

    async fn read_some(&mut self, buffer: &mut [u8], duty: &Duty, deadline: Instant) -> Result<usize, NoTls> {
        loop {
            within(duty, deadline, self.socket.ready_to_read()).await?;
            match self.socket.try_read(buffer) {
                Ok(0) => return Err(NoTls::Lost(Lost::Closed)),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(NoTls::Lost(Lost::Closed)),
            }
        }
    }
}

impl From<Stopped> for NoTls {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Lost(how) => Self::Lost(how),
            Stopped::Abandoned(abandoned) => Self::Abandoned(abandoned),
        }
    }
}
