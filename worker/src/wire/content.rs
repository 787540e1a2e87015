//! The message of one request: a descriptor that others may share, so it is read at positions and never sought.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// The content's place in its file.
#[derive(Debug)]
pub struct Mail {
    file: OwnedFd,
    offset: u64,
    length: u64,
}

const CHUNK: usize = 64 * 1024;

impl Mail {
    /// `length` octets from `offset` of `file`.
    #[must_use]
    pub fn new(file: OwnedFd, offset: u64, length: u64) -> Self {
        Self { file, offset, length }
    }

    /// Octets of content.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The descriptor, to keep the message's lock.
    #[must_use]
    pub fn into_descriptor(self) -> OwnedFd {
        self.file
    }

    /// Reads from the beginning.
    #[must_use]
    pub fn reader(&self) -> Reader<'_> {
        let size = usize::try_from(self.length).unwrap_or(CHUNK).min(CHUNK);
        Reader { mail: self, position: 0, buffer: vec![0; size] }
    }
}

/// One pass over the content.
#[derive(Debug)]
pub struct Reader<'a> {
    mail: &'a Mail,
    position: u64,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    /// Whether all was read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.position >= self.mail.length
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The file is shorter than the queue said, or cannot be read: the message must not be ended.
    pub fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
        let left = self.mail.length.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        let want = usize::try_from(left).unwrap_or(CHUNK).min(self.buffer.len());
        let buffer = self.buffer.get_mut(..want).unwrap_or_default();
        let at = self.mail.offset.saturating_add(self.position);
        let count =
            rustix::io::retry_on_intr(|| rustix::io::pread(self.mail.file.as_fd(), &mut *buffer, at))?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += count as u64;
        Ok(self.buffer.get(..count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(content: &[u8]) -> OwnedFd {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file.into()
    }

    #[test]
    fn only_the_content_is_read_and_all_of_it() {
        let content: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mail = Mail::new(file(&[b"head", &content[..], b"tail"].concat()), 4, 200_000);
        let mut reader = mail.reader();
        let mut read = Vec::new();
        while let Some(chunk) = reader.next_chunk().unwrap() {
            read.extend_from_slice(chunk);
        }
        assert!(read == content);
    }

    #[test]
    fn a_file_that_ends_early_is_an_error() {
        let mail = Mail::new(file(b"12345"), 0, 6);
        let mut reader = mail.reader();
        assert_eq!(reader.next_chunk().unwrap().unwrap(), b"12345");
        assert_eq!(reader.next_chunk().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
