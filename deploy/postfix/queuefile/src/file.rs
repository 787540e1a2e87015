//! One queue file, open and locked for a delivery: its content, and marks on it.

use crate::content::Content;
use crate::octets::ReadAt;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A recipient that is still to be served.
const TO_DO: u8 = b'R';
/// One that is not.
const DONE: u8 = b'D';
/// The sign of a file that is complete: its owner may do everything.
const COMPLETE: u32 = 0o700;
/// The sign of a damaged one.
const CORRUPT: Mode = Mode::RUSR;

/// The message cannot be delivered now.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is gone.
    #[error("the queue file is gone")]
    Vanished,
    /// Not a regular file.
    #[error("not a regular file")]
    NotAFile,
    /// It is not complete, or was found to be damaged.
    #[error("the file's mode {0:o} says that it is not to be delivered")]
    Mode(u32),
    /// Somebody else is at it.
    #[error("locked by another process")]
    Busy,
    /// The system's word.
    #[error(transparent)]
    Io(io::Error),
}

/// A recipient's mark cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// What stands there is no recipient.
    #[error("no recipient record at offset {at}")]
    NotARecipient {
        /// Where.
        at: u64,
    },
    /// The system's word.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An open queue file. Its lock (shared) goes when this does: not before the queue manager has hung up.
#[derive(Debug)]
pub struct QueueFile {
    file: OwnedFd,
}

impl QueueFile {
    /// Opens and locks it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOENT => OpenError::Vanished,
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => OpenError::NotAFile,
            other => OpenError::Io(other.into()),
        })?;
        let status = rustix::fs::fstat(&file).map_err(|error| OpenError::Io(error.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(OpenError::NotAFile);
        }
        if status.st_mode & COMPLETE != COMPLETE {
            return Err(OpenError::Mode(status.st_mode & 0o7777));
        }
        let lock =
            rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared));
        lock.map_err(|error| match error {
            Errno::WOULDBLOCK => OpenError::Busy,
            other => OpenError::Io(other.into()),
        })?;
        Ok(Self { file })
    }

    /// One pass over the content, whose first record is there and which has about so many octets.
    pub fn content(&self, offset: u64, size: u64) -> Content<&OwnedFd> {
        Content::new(&self.file, offset, size)
    }

    /// The recipient whose record is there needs nothing more. Marks of several processes do not disturb each other: each is
    /// one octet.
    ///
    /// # Errors
    /// [`MarkError`]: nothing was written.
    pub fn mark_done(&self, at: u64) -> Result<(), MarkError> {
        let mut kind = [0];
        self.file.read_at(&mut kind, at)?;
        match kind {
            [DONE] => Ok(()),
            [TO_DO] => {
                let write = || rustix::io::pwrite(self.file.as_fd(), &[DONE], at);
                match rustix::io::retry_on_intr(write).map_err(io::Error::from)? {
                    1 => Ok(()),
                    _ => Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                }
            }
            _ => Err(MarkError::NotARecipient { at }),
        }
    }

    /// Says that the file is damaged: the queue manager looks at its mode once it hears of a deferral, and puts it aside.
    ///
    /// # Errors
    /// What fchmod(2) says.
    pub fn mark_corrupt(&self) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.file, CORRUPT)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn file(content: &[u8], mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ABC");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn only_a_recipient_is_marked_and_only_its_octet_changes() {
        let (_folder, path) = file(b"R\x03a@bN\x01x", 0o700);
        let queue_file = QueueFile::open(&path).unwrap();
        assert!(matches!(queue_file.mark_done(5), Err(MarkError::NotARecipient { at: 5 })));
        assert!(matches!(queue_file.mark_done(500), Err(MarkError::NotARecipient { .. })));
        queue_file.mark_done(0).unwrap();
        queue_file.mark_done(0).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"D\x03a@bN\x01x");
    }

    #[test]
    fn the_lock_is_shared_and_seen_by_others() {
        let (_folder, path) = file(b"", 0o700);
        let (first, second) = (QueueFile::open(&path).unwrap(), QueueFile::open(&path).unwrap());
        let other = fs::File::open(&path).unwrap();
        let exclusive = || rustix::fs::flock(&other, FlockOperation::NonBlockingLockExclusive);
        assert_eq!(exclusive(), Err(Errno::WOULDBLOCK));
        drop((first, second));
        assert_eq!(exclusive(), Ok(()));
        assert!(matches!(QueueFile::open(&path), Err(OpenError::Busy)));
    }

    #[test]
    fn files_that_are_not_complete_are_not_opened() {
        let (folder, path) = file(b"", 0o400);
        assert!(matches!(QueueFile::open(&path), Err(OpenError::Mode(0o400) | OpenError::Io(_))));
        assert!(matches!(QueueFile::open(&folder.path().join("DEF")), Err(OpenError::Vanished)));
        assert!(matches!(QueueFile::open(folder.path()), Err(OpenError::NotAFile)));
        std::os::unix::fs::symlink(&path, folder.path().join("L")).unwrap();
        assert!(matches!(QueueFile::open(&folder.path().join("L")), Err(OpenError::NotAFile)));
    }

    #[test]
    fn a_damaged_file_loses_its_mode() {
        let (_folder, path) = file(b"", 0o700);
        QueueFile::open(&path).unwrap().mark_corrupt().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o400);
    }
}
