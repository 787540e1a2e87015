//! Compaction: a message that was tried very often is written anew with its marks summed up.

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::error::SpoolError;
use crate::incoming::{Temporary, write_at};
use crate::mark::{self, Mark};
use crate::message::{self, Message, locate};

impl Message {
    /// Keeps the marks of a message from growing without bound. What fails here is tried again later; the
    /// message is as good as before.
    pub(crate) fn compact_if_worth_it(&mut self) {
        let marks = self.end - self.preamble.marks_offset();
        if marks < self.compact_at {
            return;
        }
        let Ok(summed) = self.summed_marks() else { return };
        let length = u64::try_from(summed.len()).unwrap_or(u64::MAX);
        if length <= marks / 2 && self.compact(&summed).is_err() {
            self.compact_at = marks.saturating_add(COMPACT_AT);
            return;
        }
        self.compact_at = length.saturating_mul(4).max(COMPACT_AT);
    }

    /// Writes the file anew and puts it in the place of the old one.
    ///
    /// Only while nobody delivers it: the lock is on the old file, a relay after us would not see it.
    fn compact(&mut self, summed: &[u8]) -> Result<(), SpoolError> {
        let old = message::open(&self.spool, &self.id, self.place, OFlags::RDONLY)?;
        rustix::fs::flock(&old.fd, FlockOperation::NonBlockingLockExclusive).map_err(self.failed("lock"))?;
        let (temporary, fd) = Temporary::create(&self.spool)?;
        let marks_offset = self.preamble.marks_offset();
        let mut offset = 0;
        while offset < marks_offset {
            let piece = message::read_at(&old.fd, offset, PIECE.min(marks_offset - offset));
            let piece = piece.map_err(self.failed("read"))?;
            if piece.is_empty() {
                return Err(self.failed("read")(Errno::IO));
            }
            write_at(&fd, &piece, offset)
                .map_err(|error| SpoolError::io("write", temporary.path(), error))?;
            offset += u64::try_from(piece.len()).unwrap_or(0);
        }
        write_at(&fd, summed, offset).map_err(|error| SpoolError::io("write", temporary.path(), error))?;
        rustix::fs::fsync(&fd).map_err(|error| SpoolError::io("sync", temporary.path(), error))?;
        let (folder, name) = locate(&self.spool, &self.id, self.place);
        temporary.replace(folder, &name)?;
        self.end = offset.saturating_add(u64::try_from(summed.len()).unwrap_or(0));
        self.torn = false;
        Ok(())
    }

    /// The marks that say the same as all marks so far; neighbours with the same fact share one.
    fn summed_marks(&self) -> Result<Vec<u8>, postcard::Error> {
        let mut marks: Vec<Mark> = Vec::new();
        for (index, state) in (0..).zip(&self.states) {
            for (at, fact) in state.facts() {
                match marks.iter_mut().rev().take(2).find(|mark| mark.at == at && mark.fact == fact) {
                    Some(same) => same.recipients.push(index),
                    None => marks.push(Mark::one(index, at, fact)),
                }
            }
        }
        let mut bytes = Vec::new();
        marks.iter().try_for_each(|mark| mark::encode(mark, &mut bytes))?;
        Ok(bytes)
    }
}

/// Thousands of deferrals of one recipient fit in.
pub(crate) const COMPACT_AT: u64 = 1 << 20;
const PIECE: u64 = 64 << 10;
