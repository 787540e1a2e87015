//! Octets of a file at positions. The descriptor may be shared, so nothing is ever sought.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};

/// Something that can be read anywhere.
pub trait ReadAt {
    /// Reads from this position; 0 is the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;
}

impl ReadAt for OwnedFd {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let count = rustix::io::retry_on_intr(|| rustix::io::pread(self.as_fd(), &mut *buffer, position))?;
        Ok(count)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let from = usize::try_from(position).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let count = from.len().min(buffer.len());
        for (place, octet) in buffer.iter_mut().zip(from) {
            *place = *octet;
        }
        Ok(count)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        (**self).read_at(buffer, position)
    }
}

/// How much is read at a time at most.
const WINDOW: usize = 64 * 1024;
/// How much at least.
const LEAST: usize = 4 * 1024;

/// A place in a file, with what was read ahead.
#[derive(Debug)]
pub(crate) struct Cursor<F> {
    file: F,
    window: Vec<u8>,
    /// How much is read next: a short message does not touch a large buffer.
    next: usize,
    /// What of the window is still ahead.
    ahead: Range<usize>,
    /// Where in the file that begins.
    position: u64,
}

impl<F: ReadAt> Cursor<F> {
    /// From this position, with about so many octets to come; that is a guess.
    pub(crate) fn new(file: F, position: u64, expected: u64) -> Self {
        // Records have lengths of their own, a few octets a line.
        let next = usize::try_from(expected).unwrap_or(WINDOW).saturating_mul(9) / 8;
        Self { file, window: Vec::new(), next: next.clamp(LEAST, WINDOW), ahead: 0..0, position }
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Goes elsewhere; what was read ahead stays of use if the place is in it.
    pub(crate) fn go_to(&mut self, position: u64) {
        let forward = position.checked_sub(self.position).and_then(|by| usize::try_from(by).ok());
        match forward {
            Some(by) if by <= self.ahead.len() => self.ahead.start += by,
            _ => self.ahead = 0..0,
        }
        self.position = position;
    }

    /// Reads ahead where nothing is; if nothing is then, that is the end of the file.
    fn fill(&mut self) -> io::Result<()> {
        if self.ahead.is_empty() {
            self.window.resize(self.next, 0);
            self.next = WINDOW;
            let count = self.file.read_at(&mut self.window, self.position)?;
            self.ahead = 0..count;
        }
        Ok(())
    }

    /// Whether what comes is known to be such.
    pub(crate) fn begins_with(&mut self, such: impl FnOnce(&[u8]) -> bool) -> io::Result<bool> {
        self.fill()?;
        Ok(self.window.get(self.ahead.clone()).is_some_and(such))
    }

    /// What was read ahead, to be changed at will as far as it is passed over: so much of it as `change` says.
    pub(crate) fn pass(&mut self, change: impl FnOnce(&mut [u8]) -> usize) -> io::Result<Range<usize>> {
        self.fill()?;
        let count = self.window.get_mut(self.ahead.clone()).map_or(0, change).min(self.ahead.len());
        let passed = self.ahead.start..self.ahead.start + count;
        self.ahead.start = passed.end;
        self.position += count as u64;
        Ok(passed)
    }

    /// What was passed over, until the next read.
    pub(crate) fn passed(&self, range: Range<usize>) -> &[u8] {
        self.window.get(range).unwrap_or_default()
    }

    /// At most so many octets, at least one; nothing is the end of the file.
    pub(crate) fn take(&mut self, most: u64) -> io::Result<&[u8]> {
        self.fill()?;
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.ahead.len());
        let taken = self.ahead.start..self.ahead.start + most;
        self.ahead.start = taken.end;
        self.position += most as u64;
        Ok(self.window.get(taken).unwrap_or_default())
    }

    pub(crate) fn octet(&mut self) -> io::Result<Option<u8>> {
        Ok(self.take(1)?.first().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_across_windows_and_jumps() {
        let octets: Vec<u8> = (0..WINDOW + 10).map(|at| at.to_le_bytes()[0]).collect();
        let mut cursor = Cursor::new(octets.as_slice(), 0, 5000);
        let mut read = 0;
        loop {
            let taken = cursor.take(1000).unwrap().len();
            if taken == 0 {
                break;
            }
            read += taken;
        }
        assert_eq!((read, cursor.position()), (WINDOW + 10, WINDOW as u64 + 10));
        cursor.go_to(300);
        assert_eq!(cursor.octet().unwrap(), Some(44));
        cursor.go_to(302);
        assert_eq!(cursor.octet().unwrap(), Some(46));
        cursor.go_to(1 << 60);
        assert_eq!(cursor.octet().unwrap(), None);
    }
}
