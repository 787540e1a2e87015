//! A message on its way from standard input: short ones in memory, long ones in a file without a name.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// What stays in memory.
const IN_MEMORY: usize = 1024 * 1024;

/// The message could not be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum CollectError {
    /// `message_size_limit`, in octets.
    #[error("the message is longer than {0} octets (message_size_limit)")]
    TooLong(u64),
    /// The file.
    #[error("cannot keep the message in the folder for temporary files: {0}")]
    Temporary(#[from] io::Error),
}

/// A message, complete or growing.
#[derive(Debug)]
pub(super) struct Collected {
    head: Vec<u8>,
    /// What did not fit.
    file: Option<File>,
    length: u64,
    limit: Option<u64>,
}

impl Collected {
    pub(super) fn new(limit: Option<u64>) -> Self {
        Self { head: Vec::new(), file: None, length: 0, limit }
    }

    /// Adds a piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), CollectError> {
        self.length = self.length.saturating_add(piece.len() as u64);
        if let Some(limit) = self.limit.filter(|limit| self.length > *limit) {
            return Err(CollectError::TooLong(limit));
        }
        if self.file.is_none() && self.head.len() + piece.len() <= IN_MEMORY {
            self.head.extend_from_slice(piece);
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(nameless(&std::env::temp_dir())?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(piece)?;
        }
        Ok(())
    }

    /// The message from its beginning.
    pub(super) fn reader(&mut self) -> io::Result<Box<dyn Read + '_>> {
        let head = self.head.as_slice();
        Ok(match &mut self.file {
            Some(file) => {
                file.rewind()?;
                Box::new(head.chain(file))
            }
            None => Box::new(head),
        })
    }
}

/// A file that nobody else can open, and that goes with its descriptor.
fn nameless(folder: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => Ok(file.into()),
        // The file system does not have such files: one with a name, which goes at once.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR | rustix::io::Errno::NOENT) => {
            let mut unique = [0; 8];
            getrandom::fill(&mut unique)?;
            let path = folder.join(format!("baton-send-{:016x}", u64::from_le_bytes(unique)));
            let file = File::options().read(true).write(true).create_new(true).open(&path)?;
            std::fs::remove_file(&path)?;
            Ok(file)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_messages_are_read_back_as_often_as_wanted() {
        for length in [0, 10, IN_MEMORY, IN_MEMORY + 1, 3 * IN_MEMORY] {
            let mut message = Collected::new(None);
            let text: Vec<u8> = (0..length).map(|n| n.to_le_bytes()[0]).collect();
            text.chunks(100_000).for_each(|piece| message.write(piece).unwrap());
            assert_eq!(message.file.is_some(), length > IN_MEMORY);
            for _ in 0..2 {
                let mut read = Vec::new();
                message.reader().unwrap().read_to_end(&mut read).unwrap();
                assert!(read == text, "{length} octets");
            }
        }
    }

    #[test]
    fn the_limit_is_the_last_octet_that_fits() {
        let mut message = Collected::new(Some(5));
        message.write(b"12345").unwrap();
        assert!(matches!(message.write(b"6"), Err(CollectError::TooLong(5))));
    }
}
