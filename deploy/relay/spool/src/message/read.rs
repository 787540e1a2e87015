//! From a file to a message: every octet that decides something is checked here.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{FileType, FlockOperation, OFlags};
use rustix::io::Errno;

use super::{InFlight, Message, Place, locate, path_of, set_aside};
use crate::compact::COMPACT_AT;
use crate::envelope::Envelope;
use crate::error::{Damage, SpoolError};
use crate::folder::check_owner;
use crate::id::QueueId;
use crate::layout::{self, BadPreamble, CONTENT_OFFSET, FORMAT, MAX_ENVELOPE, PREAMBLE, Preamble};
use crate::mark::{self, Marks};
use crate::spool::Spool;
use crate::state::{Pending, RecipientState};

/// An open message file that is plain and ours.
pub(crate) struct MessageFile {
    pub(crate) fd: OwnedFd,
    pub(crate) length: u64,
}

/// Why a file cannot be used.
enum Unusable {
    Io(Errno),
    Version(u8),
    Damage(Damage),
}

/// What a file says.
struct Parts {
    preamble: Preamble,
    envelope: Envelope,
    states: Vec<RecipientState>,
    end: u64,
    torn: bool,
}

/// A message that this process has just taken in.
pub(crate) fn fresh(spool: &Spool, id: QueueId, envelope: Envelope, preamble: &Preamble) -> Message {
    Message {
        spool: spool.clone(),
        id,
        place: Place::Queue,
        states: fresh_states(&envelope),
        envelope: Arc::new(envelope),
        preamble: *preamble,
        end: preamble.marks_offset(),
        torn: false,
        checked: true,
        compact_at: COMPACT_AT,
    }
}

/// Reads envelope and marks; an unfinished last mark is cut off, a damaged file set aside.
pub(crate) fn load(spool: &Spool, id: &QueueId, place: Place) -> Result<Message, SpoolError> {
    let file = open(spool, id, place, OFlags::RDONLY)?;
    load_from(spool, id, place, &file)
}

/// A message as a start of the relay meets it.
pub(crate) enum Met {
    /// Taken in since this start; its lock was not touched.
    New,
    /// Left by an earlier relay, and nobody delivers it.
    Free(Message),
    /// Left by an earlier relay, and one of its workers is delivering it.
    InFlight,
}

/// As [`load`], and finds out who has the message. Only the relay appends marks and an earlier one is dead,
/// so the marks may be read before the lock is asked.
pub(crate) fn meet(spool: &Spool, id: &QueueId, place: Place) -> Result<Met, SpoolError> {
    let file = open(spool, id, place, OFlags::RDONLY)?;
    let message = load_from(spool, id, place, &file)?;
    if message.preamble.generation == spool.generation() {
        return Ok(Met::New);
    }
    Ok(match try_exclusive(spool, id, place, &file)? {
        InFlight::Elsewhere => Met::InFlight,
        InFlight::Free => Met::Free(message),
    })
}

/// Whether anybody holds the message's lock.
pub(crate) fn in_flight(spool: &Spool, id: &QueueId, place: Place) -> Result<InFlight, SpoolError> {
    let file = open(spool, id, place, OFlags::RDONLY)?;
    try_exclusive(spool, id, place, &file)
}

/// Takes the exclusive lock on a description of its own; it goes when `file` goes.
fn try_exclusive(
    spool: &Spool,
    id: &QueueId,
    place: Place,
    file: &MessageFile,
) -> Result<InFlight, SpoolError> {
    match rustix::fs::flock(&file.fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(InFlight::Free),
        Err(Errno::WOULDBLOCK) => Ok(InFlight::Elsewhere),
        Err(error) => Err(SpoolError::io("lock", path_of(spool, id, place), error)),
    }
}

/// Opens the message's file. Errors: not plain or not ours, or the system's.
pub(crate) fn open(
    spool: &Spool,
    id: &QueueId,
    place: Place,
    flags: OFlags,
) -> Result<MessageFile, SpoolError> {
    let (folder, name) = locate(spool, id, place);
    // A FIFO in place of the file must not block us.
    let fd = folder.open(&name, flags | OFlags::NONBLOCK).map_err(|error| match error {
        Errno::NOENT => SpoolError::Missing(id.clone()),
        Errno::LOOP | Errno::NXIO => set_aside(spool, id, place, Damage::NotPlain),
        error => SpoolError::io("open", folder.path().join(&name), error),
    })?;
    let path = folder.path().join(&name);
    let stat = rustix::fs::fstat(&fd).map_err(|error| SpoolError::io("look at", &path, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
        return Err(set_aside(spool, id, place, Damage::NotPlain));
    }
    check_owner(&stat, &path)?;
    if stat.st_mode & 0o022 != 0 {
        let why = format!("others may write it; look at it, then `chmod 600 {}`", path.display());
        return Err(SpoolError::NotOurs { path, why });
    }
    Ok(MessageFile { fd, length: u64::try_from(stat.st_size).unwrap_or(0) })
}

fn load_from(spool: &Spool, id: &QueueId, place: Place, file: &MessageFile) -> Result<Message, SpoolError> {
    let parts = match read_parts(file) {
        Ok(parts) => parts,
        Err(Unusable::Io(error)) => return Err(SpoolError::io("read", path_of(spool, id, place), error)),
        Err(Unusable::Version(found)) => {
            return Err(SpoolError::UnknownVersion { id: id.clone(), found, known: FORMAT });
        }
        Err(Unusable::Damage(damage)) => return Err(set_aside(spool, id, place, damage)),
    };
    let Parts { preamble, envelope, states, end, torn } = parts;
    Ok(Message {
        spool: spool.clone(),
        id: id.clone(),
        place,
        envelope: Arc::new(envelope),
        states,
        preamble,
        end,
        torn,
        checked: false,
        compact_at: COMPACT_AT,
    })
}

fn read_parts(file: &MessageFile) -> Result<Parts, Unusable> {
    let head = read_at(&file.fd, 0, file.length.min(FIRST_READ)).map_err(Unusable::Io)?;
    let preamble = Preamble::decode(&head).map_err(|bad| match bad {
        BadPreamble::Version(version) => Unusable::Version(version),
        BadPreamble::Damage(damage) => Unusable::Damage(damage),
    })?;
    let (start, expected) = (preamble.envelope_offset(), preamble.marks_offset());
    if file.length < expected || preamble.envelope_length > MAX_ENVELOPE {
        return Err(Unusable::Damage(Damage::Truncated { expected, found: file.length }));
    }
    if file.length - expected > MAX_MARKS {
        return Err(Unusable::Damage(Damage::TooManyMarks(file.length - expected)));
    }
    let rest = if file.length <= FIRST_READ {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        head.get(start..).unwrap_or_default().to_vec()
    } else {
        read_at(&file.fd, start, file.length - start).map_err(Unusable::Io)?
    };
    let envelope_length = usize::try_from(preamble.envelope_length).unwrap_or(usize::MAX);
    let Some((envelope, marks)) = rest.split_at_checked(envelope_length) else {
        return Err(Unusable::Damage(Damage::Truncated { expected, found: file.length }));
    };
    let envelope = layout::decode_envelope(envelope, preamble.envelope_crc).map_err(Unusable::Damage)?;
    let marks = mark::decode(marks).map_err(|damage| Unusable::Damage(shift(damage, expected)))?;
    let (end, torn) = (expected + marks.whole, marks.torn);
    let states = replay(&envelope, &marks, expected).map_err(Unusable::Damage)?;
    Ok(Parts { preamble, envelope, states, end, torn })
}

/// Offsets in messages for people count from the beginning of the file.
fn shift(damage: Damage, by: u64) -> Damage {
    match damage {
        Damage::Mark(offset) => Damage::Mark(offset.saturating_add(by)),
        other => other,
    }
}

fn fresh_states(envelope: &Envelope) -> Vec<RecipientState> {
    vec![RecipientState::Pending(Pending::default()); envelope.recipients.len()]
}

fn replay(envelope: &Envelope, marks: &Marks, offset: u64) -> Result<Vec<RecipientState>, Damage> {
    let mut states = fresh_states(envelope);
    for (at, mark) in &marks.marks {
        for index in &mark.recipients {
            let state = usize::try_from(*index).ok().and_then(|index| states.get_mut(index));
            state.ok_or(Damage::MarkRecipient(offset.saturating_add(*at)))?.apply(mark.at, &mark.fact);
        }
    }
    Ok(states)
}

/// CRC-32 of the content; None if the file is too short.
pub(crate) fn content_crc(fd: &OwnedFd, length: u64) -> Result<Option<u32>, Errno> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; usize::try_from(length.clamp(1, PIECE)).unwrap_or(1)];
    let (mut offset, end) = (CONTENT_OFFSET, CONTENT_OFFSET.saturating_add(length));
    while offset < end {
        let wanted = usize::try_from((end - offset).min(PIECE)).unwrap_or(1);
        let room = buffer.get_mut(..wanted).ok_or(Errno::INVAL)?;
        match rustix::io::pread(fd, &mut *room, offset) {
            Ok(0) => return Ok(None),
            Ok(read) => {
                hasher.update(room.get(..read).unwrap_or_default());
                offset += u64::try_from(read).unwrap_or(0);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Some(hasher.finalize()))
}

/// Up to `length` octets from `offset`; fewer only where the file ends.
pub(crate) fn read_at(fd: &OwnedFd, offset: u64, length: u64) -> Result<Vec<u8>, Errno> {
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| Errno::FBIG)?];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match rustix::io::pread(fd, room, at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// One read is enough for most messages.
const FIRST_READ: u64 = 8 << 10;
const PIECE: u64 = 64 << 10;
/// Compaction keeps the marks far below.
const MAX_MARKS: u64 = 256 << 20;
const _: () = assert!(FIRST_READ >= PREAMBLE as u64);
