//! What came from the server and was not taken: a piece of plaintext, then ciphertext, cut into records.

use super::RecordError;
use super::protection::{DATA, HEADER};
use std::ops::Range;

/// Content types begin with `change_cipher_spec`, which is a record, though not one that is welcome.
const FIRST_TYPE: u8 = 20;
/// How much room a reader finds at least.
const ROOM: usize = 2048;

/// `octets[..end]` holds, in order: plaintext that was given out, plaintext that was not, ciphertext.
#[derive(Default)]
pub(super) struct Incoming {
    octets: Vec<u8>,
    /// The plaintext of the last record.
    piece: Range<usize>,
    /// How much of it was given out.
    given: usize,
    /// Where the next record begins.
    next: usize,
    end: usize,
}

impl Incoming {
    pub(super) fn feed(&mut self, ciphertext: &[u8]) {
        self.make_room(ciphertext.len());
        let Some(place) = self.octets.get_mut(self.end..self.end + ciphertext.len()) else { return };
        place.copy_from_slice(ciphertext);
        self.filled(ciphertext.len());
    }

    /// Room for ciphertext.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.make_room(ROOM);
        self.octets.get_mut(self.end..).unwrap_or_default()
    }

    /// So many octets of the room were filled.
    pub(super) fn filled(&mut self, octets: usize) {
        self.end = self.end.saturating_add(octets).min(self.octets.len());
    }

    /// The next whole record, with its header; `None` if there is none yet.
    pub(super) fn record(&mut self, longest: usize) -> Result<Option<&mut [u8]>, RecordError> {
        let Some(length) = self.whole_record(longest)? else { return Ok(None) };
        let start = self.next;
        self.next += length;
        (self.piece, self.given) = (start..start, 0);
        Ok(self.octets.get_mut(start..start + length))
    }

    /// The length of the next record with its header. What cannot become a record is refused by its first octets.
    fn whole_record(&self, longest: usize) -> Result<Option<usize>, RecordError> {
        let there = self.octets.get(self.next..self.end).unwrap_or_default();
        if there.first().is_some_and(|kind| !(FIRST_TYPE..=DATA).contains(kind))
            || there.iter().skip(1).take(2).any(|version| *version != 3)
        {
            return Err(RecordError::NotTls);
        }
        let Some(&[_, _, _, high, low]) = there.first_chunk::<HEADER>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > longest {
            return Err(RecordError::TooLong);
        }
        Ok((there.len() >= HEADER + length).then_some(HEADER + length))
    }

    /// Where in the last record the plaintext lies.
    pub(super) fn keep(&mut self, within_record: Range<usize>) {
        let start = self.piece.start;
        self.piece = start + within_record.start..start + within_record.end;
        self.given = 0;
    }

    /// The plaintext that was not given out.
    pub(super) fn ungiven(&self) -> usize {
        self.piece.len() - self.given
    }

    /// The plaintext that was not given out; it counts as given out from now on.
    pub(super) fn give(&mut self) -> &[u8] {
        let from = self.piece.start + self.given;
        self.given = self.piece.len();
        self.octets.get(from..self.piece.end).unwrap_or_default()
    }

    /// The last octets that were given out come again.
    pub(super) fn take_back(&mut self, octets: usize) {
        self.given = self.given.saturating_sub(octets);
    }

    /// How much ciphertext waits, whole records or not.
    pub(super) fn ciphertext(&self) -> usize {
        self.end - self.next
    }

    fn make_room(&mut self, octets: usize) {
        if self.octets.len() - self.end >= octets {
            return;
        }
        let done = if self.ungiven() == 0 { self.next } else { self.piece.start + self.given };
        self.octets.copy_within(done..self.end, 0);
        let unread = self.ungiven();
        (self.piece, self.given) = (0..unread, 0);
        (self.next, self.end) = (self.next - done, self.end - done);
        let needed = self.end + octets;
        if self.octets.len() < needed {
            self.octets.resize(needed.max(self.octets.len() * 2), 0);
        }
    }
}
