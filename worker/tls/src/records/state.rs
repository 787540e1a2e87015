//! What of a session travels to the next process: enough to go on, nothing from which the past could be read.

use super::RecordError;
use super::secret::Secret;
use super::suite::Suite;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The form of [`TlsState`]; one more with every change.
const VERSION: u8 = 1;

/// A session between two records, at rest. One value is one session: it cannot be copied, and using it consumes it.
///
/// It is serialised only on its way into a sealed deposit. Whoever holds the octets can speak in the session's name.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct TlsState {
    version: u8,
    /// The IANA number; it tells the version of TLS as well.
    pub(super) suite: u16,
    pub(super) send: Half,
    pub(super) receive: Half,
}

/// One direction.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Half {
    /// Of the next record.
    pub(crate) seq: u64,
    /// TLS 1.3: the traffic secret of the current generation, RFC 8446 §7.2. TLS 1.2: the key, then 12 octets of IV.
    pub(crate) secret: Secret,
}

impl TlsState {
    pub(crate) const fn new(suite: u16, send: Half, receive: Half) -> Self {
        Self { version: VERSION, suite, send, receive }
    }

    /// The suite, if this build has it and both secrets have its lengths.
    pub(super) fn check(&self) -> Result<Suite, RecordError> {
        let suite = Suite::find(self.suite).ok_or(RecordError::UnknownState)?;
        let fits = |half: &Half| half.secret.octets().len() == suite.secret;
        if self.version == VERSION && fits(&self.send) && fits(&self.receive) {
            Ok(suite)
        } else {
            Err(RecordError::UnknownState)
        }
    }
}

impl fmt::Debug for TlsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsState")
            .field("suite", &format_args!("{:#06x}", self.suite))
            .field("sent", &self.send.seq)
            .field("received", &self.receive.seq)
            .finish_non_exhaustive()
    }
}
