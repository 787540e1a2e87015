//! The record layer of a session after its handshake: TLS 1.2 and 1.3, client side, sans-IO.
//!
//! It can be taken apart into a [`TlsState`] and put together in another process. Two things must never happen: a sequence
//! number that is used twice under one key, and a second holder of one state. The first is kept here
//! ([`direction`]), the second by types that move and by [`crate::handover`].

mod direction;
mod error;
mod flow;
mod incoming;
mod messages;
mod protection;
mod secret;
mod sent;
mod state;
mod suite;
#[cfg(test)]
mod tests;

pub use error::{NotQuiet, RecordError};
pub(crate) use secret::Secret;
pub(crate) use state::Half;
pub use state::TlsState;
pub(crate) use suite::Suite;

use direction::Direction;
use flow::Found;
use incoming::Incoming;
use messages::{Messages, Reply};
use protection::{ALERT, DATA, MAX_PLAINTEXT};
use sent::Sent;
use std::fmt;

/// How many key updates, or empty records, may come one after another without data.
pub const MAX_UPDATES: u32 = 32;
/// Records that are kept free below the limit of a key, for key updates and `close_notify`.
const RESERVE: u64 = 64;
/// A TLS 1.2 session with fewer records left than these is not handed over: the next holder would have to close it.
const MARGIN: u64 = 4096;
/// The alert `close_notify`, level warning. RFC 8446 §6.1.
const CLOSE_NOTIFY: [u8; 2] = [1, 0];

/// Both directions of one session. Exactly one exists for a session.
///
/// All ciphertext goes into one buffer of the caller, in the order of the calls, and is written in that order.
pub struct Records {
    suite: Suite,
    send: Direction,
    receive: Direction,
    incoming: Incoming,
    messages: Messages,
    sent: Sent,
    /// Key updates and empty records since the last data.
    updates: u32,
    ours: Side,
    theirs: Side,
    poisoned: bool,
}

/// One side of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Open,
    /// It said `close_notify`.
    Closed,
    /// Not all that was sealed was written: it has nothing more to say. What the other side says still counts.
    Broken,
}

/// Whose keys a key update changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The key with which we seal.
    Ours,
    /// Both: the server is asked to renew its own.
    Both,
}

/// What [`Records::open`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// The next octets. They count as taken, unless [`Records::take_back`] follows.
    Plaintext(&'a [u8]),
    /// There is no whole record: feed more.
    Nothing,
    /// The server said `close_notify`: nothing comes after what came.
    Closed,
}

impl Records {
    /// Goes on where the last holder stopped.
    ///
    /// # Errors
    /// `UnknownState`.
    pub fn from_state(state: TlsState) -> Result<Self, RecordError> {
        let suite = state.check()?;
        let send = Direction::new(&suite, &state.send).ok_or(RecordError::UnknownState)?;
        let receive = Direction::new(&suite, &state.receive).ok_or(RecordError::UnknownState)?;
        Ok(Self {
            suite,
            send,
            receive,
            incoming: Incoming::default(),
            messages: Messages::default(),
            sent: Sent::default(),
            updates: 0,
            ours: Side::Open,
            theirs: Side::Open,
            poisoned: false,
        })
    }

    /// Appends `plaintext` to `out` as whole records; nothing if it is empty. In TLS 1.3 the key is renewed
    /// before it is used up.
    ///
    /// # Errors
    /// `Closed`, `Poisoned`, `Exhausted`, `NotSealed`. `out` may have grown by records that must not be written.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.writable()?;
        let records = plaintext.len().div_ceil(MAX_PLAINTEXT);
        out.reserve(plaintext.len() + records * self.send.overhead());
        for piece in plaintext.chunks(MAX_PLAINTEXT) {
            let room = self.room_for_data(out);
            self.noted(room)?;
            self.seal_record(DATA, piece, out)?;
        }
        Ok(())
    }

    /// Appends a key update to `out`, RFC 8446 §4.6.3. With [`Renewal::Both`] the server is asked to do the same.
    ///
    /// # Errors
    /// As [`Records::seal`]; `NoKeyUpdate` in TLS 1.2.
    pub fn seal_key_update(&mut self, renewal: Renewal, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.writable()?;
        let reply = match renewal {
            Renewal::Ours => Reply::NotWanted,
            Renewal::Both => Reply::Wanted,
        };
        let sealed = self.update_ours(&reply, out);
        self.noted(sealed)
    }

    /// Appends `close_notify` to `out`, once; nothing is sealed after it.
    ///
    /// # Errors
    /// `Poisoned`, `Exhausted`, `NotSealed`.
    pub fn seal_close_notify(&mut self, out: &mut Vec<u8>) -> Result<(), RecordError> {
        match self.writable() {
            Err(RecordError::Closed) => return Ok(()),
            other => other?,
        }
        self.ours = Side::Closed;
        self.seal_record(ALERT, &CLOSE_NOTIFY, out)
    }

    /// Adds what was read from the socket. [`Records::open`] until it says `Nothing` before feeding more.
    pub fn feed(&mut self, ciphertext: &[u8]) {
        self.incoming.feed(ciphertext);
    }

    /// Room to read into from the socket, at least 2 KiB; then [`Records::filled`].
    pub fn read_buffer(&mut self) -> &mut [u8] {
        self.incoming.room()
    }

    /// So many octets at the start of [`Records::read_buffer`] were filled.
    pub fn filled(&mut self, octets: usize) {
        self.incoming.filled(octets);
    }

    /// The next piece of plaintext. Answers to key updates of the server are appended to `out`.
    ///
    /// # Errors
    /// The session is over, and nothing more may be written.
    pub fn open(&mut self, out: &mut Vec<u8>) -> Result<Opened<'_>, RecordError> {
        if self.poisoned {
            return Err(RecordError::Poisoned);
        }
        let found = self.open_records(out);
        match self.noted(found)? {
            Found::Plaintext => Ok(Opened::Plaintext(self.incoming.give())),
            Found::Nothing => Ok(Opened::Nothing),
            Found::Closed => Ok(Opened::Closed),
        }
    }

    /// The last octets of the piece that [`Records::open`] gave last were not used and come again. Before the next
    /// [`Records::feed`] or [`Records::read_buffer`].
    pub fn take_back(&mut self, octets: usize) {
        self.incoming.take_back(octets);
    }

    /// How many octets of plaintext, counted from the end, did not leave completely, if the last `unwritten` octets of
    /// ciphertext were not written. A record of which a part was written counts as unwritten: the server cannot
    /// have read it. Exact up to 256 KiB of ciphertext; what was sealed before those counts as written.
    #[must_use]
    pub fn unwritten_plaintext(&self, unwritten: usize) -> usize {
        self.sent.plaintext_in(unwritten)
    }

    /// Whether the session could be handed over now, as far as it can be told without its socket: whoever asks has written
    /// all that was sealed and has read until there was nothing more to read.
    ///
    /// # Errors
    /// Why not.
    pub fn is_quiet(&self) -> Result<(), NotQuiet> {
        if self.is_poisoned() {
            return Err(NotQuiet::Poisoned);
        }
        if self.ours == Side::Closed || self.theirs == Side::Closed {
            return Err(NotQuiet::Closed);
        }
        match (self.incoming.ungiven(), self.incoming.ciphertext()) {
            (0, 0) => {}
            (0, ciphertext) => return Err(NotQuiet::UnreadCiphertext(ciphertext)),
            (plaintext, _) => return Err(NotQuiet::UnreadPlaintext(plaintext)),
        }
        if self.messages.is_partial() {
            return Err(NotQuiet::PartialMessage);
        }
        let last = self.suite.limit.saturating_sub(MARGIN);
        if !self.suite.is_tls13() && self.send.seq().max(self.receive.seq()) > last {
            return Err(NotQuiet::NearLimit);
        }
        Ok(())
    }

    /// Takes the session out of this process: the keys here are gone, also when it was not quiet.
    ///
    /// # Errors
    /// As [`Records::is_quiet`]. The session is lost then; ask first.
    pub fn into_state(self) -> Result<TlsState, NotQuiet> {
        self.is_quiet()?;
        Ok(TlsState::new(self.suite.number, self.send.into_half(), self.receive.into_half()))
    }

    /// Something that was sealed will not be written: nothing more is. What the server has said can still be read.
    pub fn abandon(&mut self) {
        self.ours = Side::Broken;
    }

    /// Whether nothing more may be written, after a failure.
    pub(crate) const fn is_poisoned(&self) -> bool {
        self.poisoned || matches!(self.ours, Side::Broken)
    }

    /// 0x0303 for TLS 1.2, 0x0304 for TLS 1.3.
    #[must_use]
    pub const fn protocol(&self) -> u16 {
        if self.suite.is_tls13() { 0x0304 } else { 0x0303 }
    }

    /// The IANA number of the cipher suite.
    #[must_use]
    pub const fn suite(&self) -> u16 {
        self.suite.number
    }

    /// How many tickets came, and were dropped.
    #[must_use]
    pub const fn tickets(&self) -> u32 {
        self.messages.tickets()
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("suite", &format_args!("{:#06x}", self.suite.number))
            .field("sent", &self.send.seq())
            .field("received", &self.receive.seq())
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}
