//! TLS between the dialogue's octets and the socket's.

use smtp::ReplyReader;
use tls::records::{Opened, RecordError, Records};

/// The records of a session, and those that are not written yet.
#[derive(Debug)]
pub(super) struct Layer {
    records: Records,
    sealed: Vec<u8>,
    written: usize,
}

/// What came out of the socket's octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Came {
    /// What there was is read.
    All,
    /// The server said close_notify: nothing comes any more.
    Closed,
}

impl Layer {
    pub(super) fn new(records: Records) -> Self {
        Self { records, sealed: Vec::new(), written: 0 }
    }

    /// Seals what the dialogue wants to say.
    pub(super) fn seal(&mut self, plaintext: &[u8]) -> Result<(), RecordError> {
        self.records.seal(plaintext, &mut self.sealed)
    }

    /// The last that is sealed on this connection.
    pub(super) fn seal_close(&mut self) {
        // A session that failed has nothing more to say.
        let _best_effort = self.records.seal_close_notify(&mut self.sealed);
    }

    /// What is to be written.
    pub(super) fn unwritten(&self) -> &[u8] {
        self.sealed.get(self.written..).unwrap_or_default()
    }

    pub(super) fn wrote(&mut self, count: usize) {
        self.written += count;
    }

    /// How many octets of the dialogue are in records that did not leave whole: nobody can read such a record.
    pub(super) fn unwritten_plaintext(&self) -> usize {
        self.records.unwritten_plaintext(self.unwritten().len())
    }

    /// A new round begins. What is not written now never will be, and then nothing else is.
    pub(super) fn clear(&mut self) {
        if !self.unwritten().is_empty() {
            self.records.abandon();
        }
        self.sealed.clear();
        self.written = 0;
    }

    /// Room for octets from the socket; then [`Self::open`] with how many came.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.records.read_buffer()
    }

    /// Gives what the octets in [`Self::room`] mean to the dialogue.
    pub(super) fn open(&mut self, count: usize, replies: &mut ReplyReader) -> Result<Came, RecordError> {
        self.records.filled(count);
        loop {
            match self.records.open(&mut self.sealed)? {
                Opened::Plaintext(octets) => replies.feed(octets),
                Opened::Nothing => return Ok(Came::All),
                Opened::Closed => return Ok(Came::Closed),
            }
        }
    }

    /// Whether nothing can come any more, whatever becomes of the connection below: the server said close_notify, or the
    /// session failed.
    pub(super) fn is_over(&mut self, replies: &mut ReplyReader) -> bool {
        self.has_ended(replies) && !replies.has_reply()
    }

    /// Whether the server said that nothing follows, or said it wrongly.
    pub(super) fn has_ended(&mut self, replies: &mut ReplyReader) -> bool {
        !matches!(self.open(0, replies), Ok(Came::All))
    }

    /// Whether nothing is under way in either direction.
    pub(super) fn is_quiet(&self) -> bool {
        self.unwritten().is_empty() && self.records.is_quiet().is_ok()
    }

    /// The session, if it can be handed on.
    pub(super) fn into_records(self) -> Option<Records> {
        self.is_quiet().then_some(self.records)
    }
}
