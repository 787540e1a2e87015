//! A message in the spool: its envelope, where each recipient stands, and what can be done with it.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::envelope::Envelope;
use crate::error::{Damage, SpoolError};
use crate::folder::Folder;
use crate::id::QueueId;
use crate::layout::{CONTENT_OFFSET, Preamble};
use crate::mark::{self, Mark};
use crate::spool::{MarkDurability, Spool};
use crate::state::{Pending, RecipientState};

mod read;

pub(crate) use read::{Met, fresh, in_flight, load, meet, open, read_at};

/// A message of the queue, without its content and without an open descriptor.
///
/// There should be one of these per message in a process: two would not see each other's marks.
#[derive(Debug)]
pub struct Message {
    pub(crate) spool: Spool,
    pub(crate) id: QueueId,
    pub(crate) place: Place,
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) states: Vec<RecipientState>,
    pub(crate) preamble: Preamble,
    /// Length of the file without an unfinished mark.
    pub(crate) end: u64,
    /// The file may be longer than `end`.
    pub(crate) torn: bool,
    /// The content was compared with its checksum since this process knows it.
    pub(crate) checked: bool,
    /// Octets of marks from which on compaction is considered.
    pub(crate) compact_at: u64,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To be delivered.
    Queue,
    /// Kept until the operator releases it.
    Hold,
}

/// Whether somebody is delivering a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// Some process holds a descriptor from [`Message::open_for_delivery`].
    Elsewhere,
    /// Nobody does.
    Free,
}

/// What a worker needs to read the content.
#[derive(Debug)]
pub struct ForDelivery {
    /// Read-only; to be read with `pread` only. The message is locked as long as any copy of it is open, so each
    /// delivery request gets its own and the relay closes its copy after sending it.
    pub fd: OwnedFd,
    /// Where the content begins.
    pub offset: u64,
    /// Octets of content. Fewer octets in the file mean damage: never send the final dot then.
    pub length: u64,
    /// CRC-32 of the content, for a reader that wants to be sure before the final dot.
    pub crc32: u32,
}

impl Message {
    /// Its name.
    pub fn id(&self) -> &QueueId {
        &self.id
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// What the client asked for.
    pub fn envelope(&self) -> &Arc<Envelope> {
        &self.envelope
    }

    /// Where each recipient stands, by index in the envelope.
    pub fn recipients(&self) -> &[RecipientState] {
        &self.states
    }

    /// The recipients still to be delivered to, with their index.
    pub fn pending(&self) -> impl Iterator<Item = (u32, &Pending)> {
        (0..).zip(&self.states).filter_map(|(index, state)| Some((index, state.pending()?)))
    }

    /// Every recipient is delivered or closed: [`Message::remove`] it.
    pub fn is_finished(&self) -> bool {
        self.states.iter().all(RecipientState::is_settled)
    }

    /// Opens the content for one delivery request and locks the message (shared) against a second relay.
    ///
    /// The first call for a message that an earlier relay took in compares the content with its checksum.
    /// Errors: [`SpoolError::Damaged`], and the file is set aside; [`SpoolError::Missing`].
    pub fn open_for_delivery(&mut self) -> Result<ForDelivery, SpoolError> {
        let file = open(&self.spool, &self.id, self.place, OFlags::RDONLY)?;
        rustix::fs::flock(&file.fd, FlockOperation::NonBlockingLockShared).map_err(self.failed("lock"))?;
        let Preamble { content_length, content_crc, .. } = self.preamble;
        let expected = self.preamble.marks_offset();
        if file.length < expected {
            return Err(self.set_aside(Damage::Truncated { expected, found: file.length }));
        }
        if !self.checked {
            let sum = read::content_crc(&file.fd, content_length).map_err(self.failed("read"))?;
            if sum != Some(content_crc) {
                return Err(self.set_aside(Damage::Content));
            }
            self.checked = true;
        }
        Ok(ForDelivery { fd: file.fd, offset: CONTENT_OFFSET, length: content_length, crc32: content_crc })
    }

    /// Records what became of recipients, in one write; then [`Message::recipients`] shows it.
    ///
    /// Stable according to [`crate::Options::marks`]. A recipient that has its final verdict keeps it.
    /// When all recipients would be settled, [`Message::remove`] alone is enough.
    /// Errors: nothing has changed then, in the file or here.
    pub fn mark(&mut self, marks: &[Mark]) -> Result<(), SpoolError> {
        self.mark_with(marks, self.spool.inner().options.marks)
    }

    pub(crate) fn mark_with(&mut self, marks: &[Mark], durability: MarkDurability) -> Result<(), SpoolError> {
        let marks = self.tidied(marks)?;
        let mut bytes = Vec::with_capacity(256);
        for mark in &marks {
            mark::encode(mark, &mut bytes).map_err(|_| self.failed("write a mark to")(Errno::INVAL))?;
        }
        if bytes.is_empty() {
            return Ok(());
        }
        self.append(&bytes, durability)?;
        marks.iter().for_each(|mark| self.apply(mark));
        self.compact_if_worth_it();
        Ok(())
    }

    fn tidied(&self, marks: &[Mark]) -> Result<Vec<Mark>, SpoolError> {
        let count = self.states.len();
        let mut marks = marks.to_vec();
        for mark in &mut marks {
            let missing = |&&index: &&u32| usize::try_from(index).is_ok_and(|index| index >= count);
            if let Some(&recipient) = mark.recipients.iter().find(missing) {
                return Err(SpoolError::NoSuchRecipient { id: self.id.clone(), recipient, count });
            }
            match &mut mark.fact {
                mark::Fact::Failed { diagnosis, .. }
                | mark::Fact::Deferred { diagnosis, .. }
                | mark::Fact::Succeeded { diagnosis, .. } => diagnosis.tidy(),
                mark::Fact::Delivered | mark::Fact::Closed | mark::Fact::Warned | mark::Fact::Requeued => {}
            }
        }
        marks.retain(|mark| !mark.recipients.is_empty());
        Ok(marks)
    }

    fn append(&mut self, bytes: &[u8], durability: MarkDurability) -> Result<(), SpoolError> {
        let fd = open(&self.spool, &self.id, self.place, OFlags::WRONLY | OFlags::APPEND)?.fd;
        if self.torn {
            rustix::fs::ftruncate(&fd, self.end).map_err(self.failed("cut"))?;
            self.torn = false;
        }
        let result = match write_once(&fd, bytes) {
            Ok(written) if written == bytes.len() => match durability {
                MarkDurability::Lazy => Ok(()),
                MarkDurability::Synced => rustix::fs::fdatasync(&fd),
            },
            Ok(_) => Err(Errno::NOSPC),
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.end += u64::try_from(bytes.len()).unwrap_or(0);
                Ok(())
            }
            Err(error) => {
                // An unfinished mark in the middle of the file would condemn it: cut it off, now or before the next.
                self.torn = rustix::fs::ftruncate(&fd, self.end).is_err();
                Err(self.failed("write a mark to")(error))
            }
        }
    }

    pub(crate) fn apply(&mut self, mark: &Mark) {
        for index in &mark.recipients {
            if let Some(state) = usize::try_from(*index).ok().and_then(|index| self.states.get_mut(index)) {
                state.apply(mark.at, &mark.fact);
            }
        }
    }

    /// Takes the message out of the spool for good. Not synced: after a power failure it may be there again.
    pub fn remove(&self) -> Result<(), SpoolError> {
        unlink(&self.spool, &self.id, self.place)
    }

    /// Keeps the message from delivery until [`Message::release`]. Deliveries under way go on.
    pub fn hold(&mut self) -> Result<(), SpoolError> {
        self.move_to(Place::Hold)
    }

    /// Puts a held message back into the queue.
    pub fn release(&mut self) -> Result<(), SpoolError> {
        self.move_to(Place::Queue)
    }

    /// Puts the message back into the queue and makes all its waiting recipients due at once.
    pub fn requeue(&mut self, now: std::time::SystemTime) -> Result<(), SpoolError> {
        self.release()?;
        let recipients = self.pending().map(|(index, _)| index).collect();
        self.mark(&[Mark { recipients, at: now, fact: mark::Fact::Requeued }])
    }

    fn move_to(&mut self, place: Place) -> Result<(), SpoolError> {
        if self.place == place {
            return Ok(());
        }
        let (from, name) = locate(&self.spool, &self.id, self.place);
        let (to, new_name) = locate(&self.spool, &self.id, place);
        match from.move_to(&name, to, &new_name) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(SpoolError::Missing(self.id.clone())),
            Err(error) => return Err(self.failed("move")(error)),
        }
        self.place = place;
        match place {
            Place::Queue => to.sync_inner(&self.id.shard()),
            Place::Hold => to.sync(),
        }
    }

    pub(crate) fn set_aside(&self, damage: Damage) -> SpoolError {
        set_aside(&self.spool, &self.id, self.place, damage)
    }

    pub(crate) fn failed(&self, doing: &'static str) -> impl FnOnce(Errno) -> SpoolError + use<> {
        let path = path_of(&self.spool, &self.id, self.place);
        move |error| SpoolError::io(doing, path, error)
    }
}

/// The folder and the name in it.
pub(crate) fn locate<'a>(spool: &'a Spool, id: &QueueId, place: Place) -> (&'a Folder, String) {
    match place {
        Place::Queue => (&spool.inner().queue, format!("{}/{id}", id.shard())),
        Place::Hold => (&spool.inner().hold, id.to_string()),
    }
}

pub(crate) fn path_of(spool: &Spool, id: &QueueId, place: Place) -> PathBuf {
    let (folder, name) = locate(spool, id, place);
    folder.path().join(name)
}

pub(crate) fn unlink(spool: &Spool, id: &QueueId, place: Place) -> Result<(), SpoolError> {
    let (folder, name) = locate(spool, id, place);
    folder.unlink(&name).map_err(|error| match error {
        Errno::NOENT => SpoolError::Missing(id.clone()),
        error => SpoolError::io("remove", folder.path().join(name), error),
    })
}

/// Moves a file that cannot be trusted to `corrupt/`, under its id, or its id and a number.
pub(crate) fn set_aside(spool: &Spool, id: &QueueId, place: Place, damage: Damage) -> SpoolError {
    let (folder, name) = locate(spool, id, place);
    let corrupt = &spool.inner().corrupt;
    for number in 0..1000_u32 {
        let new_name = if number == 0 { id.to_string() } else { format!("{id}.{number}") };
        match folder.move_to(&name, corrupt, &new_name) {
            Ok(()) => {
                // Without the sync it may be found, and set aside, once more.
                let _ = corrupt.sync();
                return SpoolError::Damaged { id: id.clone(), damage, kept: corrupt.path().join(new_name) };
            }
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return SpoolError::Missing(id.clone()),
            Err(error) => return SpoolError::io("set aside", folder.path().join(name), error),
        }
    }
    SpoolError::io("set aside", folder.path().join(name), Errno::EXIST)
}

fn write_once(fd: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    loop {
        match rustix::io::write(fd, bytes) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests;
