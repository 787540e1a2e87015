//! The message of one request, from wherever it is kept, and how its text becomes outgoing.

use super::Wire;
use std::fmt::Debug;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// A message that can be read as often as needed. Lines end in CR LF or LF.
pub trait Message: Debug {
    /// Octets of content, as SIZE announces them.
    fn length(&self) -> u64;

    /// Reads from the beginning.
    fn reader(&self) -> Box<dyn Reader + '_>;
}

/// One pass over a message.
pub trait Reader: Debug {
    /// Whether all was read.
    fn is_at_end(&self) -> bool;

    /// The next piece, which may be empty; `None` at the end.
    ///
    /// # Errors
    /// What was read is not all of the message, and there is no more: the message must not be ended.
    fn next_chunk(&mut self) -> io::Result<Option<&[u8]>>;
}

impl Wire {
    /// Adds to what is outgoing. Inside TLS much of it is sealed at once, from where it lies.
    pub fn say(&mut self, octets: &[u8]) {
        let Some(layer) = self.layer.as_mut().filter(|_| octets.len() >= MUCH) else {
            return self.outgoing.extend_from_slice(octets);
        };
        for part in [self.outgoing.as_slice(), octets].into_iter().filter(|part| !part.is_empty()) {
            if let Err(error) = layer.seal(part) {
                // What follows will not be sealed either.
                super::tell(&error);
            }
        }
        self.outgoing.clear();
    }

    /// How many octets are outgoing.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.outgoing.len() + self.layer.as_ref().map_or(0, |layer| layer.unwritten().len())
    }

    /// Leaves unsaid what is outgoing.
    pub fn take_back(&mut self) {
        self.clear();
    }
}

/// What is not worth a copy: half a record of TLS.
const MUCH: usize = 8 * 1024;

/// A message that lies in a file as it is. Others may share the descriptor, so it is read at positions and never sought.
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

    /// The descriptor, to keep the message's lock.
    #[must_use]
    pub fn into_descriptor(self) -> OwnedFd {
        self.file
    }
}

impl Message for Mail {
    fn length(&self) -> u64 {
        self.length
    }

    fn reader(&self) -> Box<dyn Reader + '_> {
        let size = usize::try_from(self.length).unwrap_or(CHUNK).min(CHUNK);
        Box::new(Pass { mail: self, position: 0, buffer: vec![0; size] })
    }
}

/// One pass over a [`Mail`].
#[derive(Debug)]
struct Pass<'a> {
    mail: &'a Mail,
    position: u64,
    buffer: Vec<u8>,
}

impl Reader for Pass<'_> {
    fn is_at_end(&self) -> bool {
        self.position >= self.mail.length
    }

    fn next_chunk(&mut self) -> io::Result<Option<&[u8]>> {
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
