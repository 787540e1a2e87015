//! The message in a queue file: records followed from the first of the content to its end, as lines that end in CR LF.

use crate::octets::{Cursor, ReadAt};
use std::io;

/// About how much one piece has.
const PIECE: usize = 64 * 1024;
/// How often records may lead backward.
const BACKWARD_JUMPS: u32 = 10_000;
/// Octets that a length may take.
const LENGTH_OCTETS: u32 = 5;
/// A pointer's payload; the real ones have 15 octets.
const POINTER: u64 = 32;

/// The message is not readable to its end: it must not be ended on the wire.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file ends within the content.
    #[error("the queue file ends within the content")]
    Truncated,
    /// A record that cannot stand in content.
    #[error("record of type {kind:?} within the content, at offset {at}")]
    Misplaced {
        /// Its type octet.
        kind: char,
        /// Where it is.
        at: u64,
    },
    /// A length that is none.
    #[error("record length out of range at offset {at}")]
    Length {
        /// Where.
        at: u64,
    },
    /// A pointer that leads nowhere.
    #[error("pointer record that is none, at offset {at}")]
    Pointer {
        /// Where.
        at: u64,
    },
    /// Records that lead in a circle.
    #[error("records lead in a circle")]
    Circle,
}

/// One pass over the content.
#[derive(Debug)]
pub struct Content<F> {
    cursor: Cursor<F>,
    place: Place,
    jumps: u32,
    piece: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before a record. The last line may be open: its record said that the line goes on.
    Between(Line),
    /// Inside text of which so much is left.
    Text(u64, Line),
    /// After the last record.
    End,
}

/// What a text record says of the line it ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Ended,
    Open,
}

/// What stands at the beginning of a record.
struct Header {
    kind: u8,
    length: u64,
    at: u64,
}

impl<F: ReadAt> Content<F> {
    /// From the first record of the content, which has about so many octets.
    pub fn new(file: F, offset: u64, size: u64) -> Self {
        Self {
            cursor: Cursor::new(file, offset, size),
            place: Place::Between(Line::Ended),
            jumps: 0,
            piece: Vec::with_capacity(usize::try_from(size).unwrap_or(PIECE).min(PIECE)),
        }
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.place == Place::End
    }

    /// The next piece, which is empty where an empty line stands alone; `None` at the end.
    ///
    /// # Errors
    /// [`ContentError`].
    pub fn next_piece(&mut self) -> Result<Option<&[u8]>, ContentError> {
        self.piece.clear();
        while self.piece.len() < PIECE && self.place != Place::End {
            if matches!(self.place, Place::Between(_)) && self.cursor.begins_with(is_short_line)? {
                if self.piece.is_empty() {
                    return self.short_lines().map(Some);
                }
                break;
            }
            self.step()?;
        }
        Ok(if self.piece.is_empty() { None } else { Some(&self.piece) })
    }

    /// Many records at once, as most of most messages are: their text is not copied.
    fn short_lines(&mut self) -> Result<&[u8], ContentError> {
        let records = self.cursor.pass(join_short_lines)?;
        // The last of them is open: its end would lie where the next record begins.
        self.place = Place::Text(0, Line::Ended);
        Ok(self.cursor.passed(records).get(SHORT_HEADER..).unwrap_or_default())
    }

    fn step(&mut self) -> Result<(), ContentError> {
        self.place = match self.place {
            Place::Text(left, line) => self.text(left, line)?,
            Place::Between(line) => self.record(line)?,
            Place::End => Place::End,
        };
        Ok(())
    }

    fn text(&mut self, left: u64, line: Line) -> Result<Place, ContentError> {
        if left == 0 {
            if line == Line::Ended {
                self.piece.extend_from_slice(b"\r\n");
            }
            return Ok(Place::Between(line));
        }
        let some = self.cursor.take(left)?;
        if some.is_empty() {
            return Err(ContentError::Truncated);
        }
        self.piece.extend_from_slice(some);
        Ok(Place::Text(left.saturating_sub(some.len() as u64), line))
    }

    fn record(&mut self, open: Line) -> Result<Place, ContentError> {
        let Header { kind, length, at } = self.header()?;
        match kind {
            b'N' => Ok(Place::Text(length, Line::Ended)),
            b'L' => Ok(Place::Text(length, Line::Open)),
            // Room that a filter left.
            b'w' => {
                self.jump(self.cursor.position().saturating_add(length))?;
                Ok(Place::Between(open))
            }
            b'p' => {
                self.follow(length, at)?;
                Ok(Place::Between(open))
            }
            b'X' => {
                if open == Line::Open {
                    self.piece.extend_from_slice(b"\r\n");
                }
                Ok(Place::End)
            }
            other => Err(ContentError::Misplaced { kind: other.into(), at }),
        }
    }

    fn header(&mut self) -> Result<Header, ContentError> {
        let at = self.cursor.position();
        let kind = self.cursor.octet()?.ok_or(ContentError::Truncated)?;
        let mut length = 0;
        for group in 0..LENGTH_OCTETS {
            let octet = self.cursor.octet()?.ok_or(ContentError::Truncated)?;
            length |= u64::from(octet & 0x7f) << (7 * group);
            if octet & 0x80 == 0 {
                return Ok(Header { kind, length, at });
            }
        }
        Err(ContentError::Length { at })
    }

    /// A decimal number; 0 leads nowhere yet.
    fn follow(&mut self, length: u64, at: u64) -> Result<(), ContentError> {
        let mut digits = Vec::new();
        let mut left = if length <= POINTER { length } else { 0 };
        while left > 0 {
            let some = self.cursor.take(left)?;
            if some.is_empty() {
                return Err(ContentError::Truncated);
            }
            left = left.saturating_sub(some.len() as u64);
            digits.extend_from_slice(some);
        }
        let number = std::str::from_utf8(&digits).ok().and_then(|digits| digits.trim().parse::<u64>().ok());
        match number.ok_or(ContentError::Pointer { at })? {
            0 => Ok(()),
            target => self.jump(target),
        }
    }

    fn jump(&mut self, target: u64) -> Result<(), ContentError> {
        if target < self.cursor.position() {
            self.jumps += 1;
            if self.jumps > BACKWARD_JUMPS {
                return Err(ContentError::Circle);
            }
        }
        self.cursor.go_to(target);
        Ok(())
    }
}

/// Octets before the text of a line of less than 128.
const SHORT_HEADER: usize = 2;

/// Where a short line ends that is here to its end, and behind it the beginning of another record.
fn end_of_short_line(octets: &[u8]) -> Option<usize> {
    match octets {
        [b'N', length @ 0..0x80, rest @ ..] if rest.len() >= usize::from(*length) + SHORT_HEADER => {
            Some(SHORT_HEADER + usize::from(*length))
        }
        _ => None,
    }
}

fn is_short_line(octets: &[u8]) -> bool {
    end_of_short_line(octets).is_some()
}

/// Makes text of the short lines at the beginning where they lie: what stands before each has just the room that the end of
/// the line before it needs. Says how much they take.
fn join_short_lines(octets: &mut [u8]) -> usize {
    let mut at = 0;
    while let Some(record) = octets.get_mut(at..)
        && let Some(end) = end_of_short_line(record)
        && let Some(header) = record.first_chunk_mut()
    {
        *header = *b"\r\n";
        at += end;
    }
    at
}

#[cfg(test)]
mod tests;
