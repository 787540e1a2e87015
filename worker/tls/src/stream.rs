//! A session as a stream of plaintext, for tokio: [`Records`] over a socket.

use crate::records::{NotQuiet, Opened, RecordError, Records};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much plaintext may be sealed and unwritten.
const MAX_PENDING: usize = 64 * 1024;

/// Plaintext over `S`, which carries ciphertext.
///
/// A write returns as soon as the plaintext is sealed; [`AsyncWriteExt::flush`](tokio::io::AsyncWriteExt::flush) waits until
/// the socket has it. The end of `S` without `close_notify` is an error of the kind `UnexpectedEof`.
pub struct TlsStream<S> {
    socket: S,
    records: Records,
    /// Sealed; `pending[written..]` is not written.
    pending: Vec<u8>,
    written: usize,
}

impl<S> TlsStream<S> {
    /// A session and its socket.
    pub const fn new(socket: S, records: Records) -> Self {
        Self { socket, records, pending: Vec::new(), written: 0 }
    }

    /// Takes them apart. Flush before: what was sealed and not written is lost, and the session can then neither be used
    /// nor handed over.
    #[must_use]
    pub fn into_parts(mut self) -> (S, Records) {
        if self.unwritten() > 0 {
            self.records.abandon();
        }
        (self.socket, self.records)
    }

    /// As [`Records::is_quiet`], and everything is written.
    ///
    /// # Errors
    /// Why not.
    pub fn is_quiet(&self) -> Result<(), NotQuiet> {
        self.records.is_quiet()?;
        match self.unwritten() {
            0 => Ok(()),
            octets => Err(NotQuiet::Unwritten(octets)),
        }
    }

    /// How many octets of plaintext at the end of what was written did not leave completely.
    #[must_use]
    pub fn unwritten_plaintext(&self) -> usize {
        self.records.unwritten_plaintext(self.unwritten())
    }

    /// The socket.
    pub const fn socket(&self) -> &S {
        &self.socket
    }

    /// The record layer.
    pub const fn records(&self) -> &Records {
        &self.records
    }

    const fn unwritten(&self) -> usize {
        self.pending.len() - self.written
    }
}

impl<S: AsyncWrite + Unpin> TlsStream<S> {
    /// Writes what is sealed. In a session that failed nothing is: the server might take it for something else.
    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.records.is_poisoned() {
            return Poll::Ready(Err(in_io(RecordError::Poisoned)));
        }
        let written = ready!(self.poll_rest(cx));
        if written.is_err() {
            self.records.abandon();
        }
        Poll::Ready(written)
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.pending.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written = self.written.saturating_add(written).min(self.pending.len()),
            }
        }
        self.pending.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> TlsStream<S> {
    /// Ready with the number of octets read.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(self.records.read_buffer());
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut room))?;
        let octets = room.filled().len();
        self.records.filled(octets);
        Poll::Ready(Ok(octets))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match this.records.open(&mut this.pending).map_err(in_io)? {
                Opened::Plaintext(piece) => {
                    let taken = piece.len().min(buffer.remaining());
                    let left = piece.len() - taken;
                    buffer.put_slice(piece.get(..taken).unwrap_or_default());
                    this.records.take_back(left);
                    return Poll::Ready(Ok(()));
                }
                Opened::Closed => return Poll::Ready(Ok(())),
                Opened::Nothing => {}
            }
            // An answer to a key update should not wait for the next command, and a read should not wait for the answer.
            if let Poll::Ready(Err(error)) = this.poll_pending(cx) {
                return Poll::Ready(Err(error));
            }
            if ready!(this.poll_fill(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, plaintext: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.unwritten() >= MAX_PENDING {
            ready!(this.poll_pending(cx))?;
        }
        let taken = plaintext.len().min(MAX_PENDING);
        let piece = plaintext.get(..taken).unwrap_or_default();
        this.records.seal(piece, &mut this.pending).map_err(in_io)?;
        match this.poll_pending(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_pending(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.records.seal_close_notify(&mut this.pending).map_err(in_io)?;
        ready!(this.poll_pending(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("records", &self.records)
            .field("unwritten", &self.unwritten())
            .finish_non_exhaustive()
    }
}

fn in_io(error: RecordError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
