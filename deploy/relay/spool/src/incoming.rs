//! A message that is being received: in `tmp/` until it is committed.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::SystemTime;

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::envelope::{Envelope, EnvelopeError};
use crate::error::SpoolError;
use crate::id::QueueId;
use crate::layout::{CONTENT_OFFSET, MAX_ENVELOPE, PREAMBLE, Preamble};
use crate::message::{self, Message};
use crate::spool::Spool;

/// A message on its way in. Dropped without [`Incoming::commit`], nothing of it remains.
#[derive(Debug)]
pub struct Incoming {
    spool: Spool,
    id: QueueId,
    fd: OwnedFd,
    temporary: Temporary,
    /// Not yet in the file; begins with room for the preamble while `flushed` is 0.
    buffer: Vec<u8>,
    /// Octets in the file.
    flushed: u64,
    content_length: u64,
    content_crc: crc32fast::Hasher,
    /// A write failed: the file cannot be committed any more.
    broken: bool,
}

/// A file in `tmp/`, removed when this goes unless it was moved.
#[derive(Debug)]
pub(crate) struct Temporary {
    spool: Spool,
    name: String,
    moved: bool,
}

impl Incoming {
    pub(crate) fn create(spool: &Spool) -> Result<Self, SpoolError> {
        let (temporary, fd) = Temporary::create(spool)?;
        let stat =
            rustix::fs::fstat(&fd).map_err(|error| SpoolError::io("look at", temporary.path(), error))?;
        Ok(Self {
            id: spool.new_id(SystemTime::now(), stat.st_ino),
            spool: spool.clone(),
            fd,
            temporary,
            buffer: vec![0; PREAMBLE],
            flushed: 0,
            content_length: 0,
            content_crc: crc32fast::Hasher::new(),
            broken: false,
        })
    }

    /// The message's id from now on, committed or not.
    pub fn id(&self) -> &QueueId {
        &self.id
    }

    /// Octets of content so far.
    pub fn content_length(&self) -> u64 {
        self.content_length
    }

    /// Adds content: without dot-stuffing, lines end in CRLF. Any piece size will do.
    ///
    /// Errors: [`SpoolError::Full`] or [`SpoolError::Io`]; the message can then only be dropped.
    pub fn write(&mut self, content: &[u8]) -> Result<(), SpoolError> {
        self.content_crc.update(content);
        self.content_length =
            self.content_length.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        self.buffer.extend_from_slice(content);
        if self.buffer.len() >= FLUSH_AT { self.flush() } else { Ok(()) }
    }

    /// Publishes the message: when this returns Ok, file and name are on stable storage and the client may hear
    /// 250. On an error nothing of the message remains in the queue.
    ///
    /// Sets [`Envelope::size`] and makes the log facts harmless.
    pub fn commit(mut self, mut envelope: Envelope) -> Result<Message, SpoolError> {
        envelope.check()?;
        envelope.size = self.content_length;
        envelope.tidy_log_facts();
        let preamble = self.finish_file(&envelope)?;
        let shard = self.id.shard();
        let queue = &self.spool.inner().queue;
        let name = format!("{shard}/{}", self.id);
        self.temporary.move_to(queue, &name)?;
        // The old name's removal from tmp/ need not be stable: a second name that comes back there after a power
        // failure is removed at start.
        if let Err(error) = queue.sync_inner(&shard) {
            // Not acknowledged, so it must not be delivered: the client will send it again.
            let _ = queue.unlink(&name);
            return Err(error);
        }
        Ok(message::fresh(&self.spool, self.id.clone(), envelope, &preamble))
    }

    /// Content, envelope and preamble, in this order, then the sync.
    fn finish_file(&mut self, envelope: &Envelope) -> Result<Preamble, SpoolError> {
        let (bytes, envelope_length) = encode_envelope(envelope)?;
        let preamble = Preamble {
            content_length: self.content_length,
            content_crc: self.content_crc.clone().finalize(),
            envelope_length,
            envelope_crc: crc32fast::hash(&bytes),
            generation: self.spool.generation(),
        };
        self.buffer.extend_from_slice(&bytes);
        let head = preamble.encode();
        match self.buffer.get_mut(..PREAMBLE).filter(|_| self.flushed == 0) {
            Some(room) => {
                room.copy_from_slice(&head);
                self.flush()?;
            }
            None => {
                self.flush()?;
                write_at(&self.fd, &head, 0).map_err(self.failed("write"))?;
            }
        }
        debug_assert_eq!(self.flushed, preamble.marks_offset());
        rustix::fs::fsync(&self.fd).map_err(self.failed("sync"))?;
        Ok(preamble)
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        if self.broken {
            return Err(self.failed("write")(Errno::IO));
        }
        self.broken = true;
        write_at(&self.fd, &self.buffer, self.flushed).map_err(self.failed("write"))?;
        self.flushed += u64::try_from(self.buffer.len()).unwrap_or(0);
        self.buffer.clear();
        self.broken = false;
        Ok(())
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(Errno) -> SpoolError + use<> {
        let path = self.temporary.path();
        move |error| SpoolError::io(doing, path, error)
    }
}

impl Temporary {
    pub(crate) fn create(spool: &Spool) -> Result<(Self, OwnedFd), SpoolError> {
        let mut temporary = Self { spool: spool.clone(), name: spool.temporary_name(), moved: true };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let fd = spool.inner().tmp.open(&temporary.name, flags);
        let fd = fd.map_err(|error| SpoolError::io("make", temporary.path(), error))?;
        temporary.moved = false;
        Ok((temporary, fd))
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.spool.inner().tmp.path().join(&self.name)
    }

    /// Gives the file its place in the queue; never onto a file that is there.
    fn move_to(&mut self, folder: &crate::folder::Folder, name: &str) -> Result<(), SpoolError> {
        let tmp = &self.spool.inner().tmp;
        tmp.move_to(&self.name, folder, name)
            .map_err(|error| SpoolError::io("move into the queue", self.path(), error))?;
        self.moved = true;
        Ok(())
    }

    /// Puts the file in the place of an older one.
    pub(crate) fn replace(mut self, folder: &crate::folder::Folder, name: &str) -> Result<(), SpoolError> {
        let tmp = &self.spool.inner().tmp;
        tmp.replace(&self.name, folder, name)
            .map_err(|error| SpoolError::io("move into the queue", self.path(), error))?;
        self.moved = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            // If this fails the next start removes it.
            let _ = self.spool.inner().tmp.unlink(&self.name);
        }
    }
}

/// The envelope's octets and their number.
fn encode_envelope(envelope: &Envelope) -> Result<(Vec<u8>, u32), SpoolError> {
    let field = "the envelope";
    let limit = usize::try_from(MAX_ENVELOPE).unwrap_or(usize::MAX);
    let bytes = postcard::to_stdvec(envelope).map_err(|_| EnvelopeError::Unwritable)?;
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= MAX_ENVELOPE => Ok((bytes, length)),
        _ => Err(EnvelopeError::TooLong { field, length: bytes.len(), limit }.into()),
    }
}

/// Writes all of `bytes` at `offset`.
pub(crate) fn write_at(fd: &OwnedFd, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::pwrite(fd, bytes, offset) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => {
                bytes = bytes.get(written..).unwrap_or_default();
                offset += u64::try_from(written).unwrap_or(0);
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Content is kept in memory up to this size; smaller messages take one write.
const FLUSH_AT: usize = 64 << 10;
const _: () = assert!(PREAMBLE as u64 == CONTENT_OFFSET);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::sample;
    use crate::testing::{Home, deposit};
    use crate::{Options, Recipient};

    #[test]
    fn nothing_remains_of_a_message_that_was_not_committed() {
        let home = Home::new();
        let spool = home.start();
        let mut incoming = spool.receive(None).unwrap();
        incoming.write(&[b'x'; 200_000]).unwrap();
        assert_eq!(home.names("tmp").len(), 1);
        drop(incoming);
        assert_eq!(home.names("tmp"), [""; 0]);
        assert_eq!(spool.messages().count(), 0);
    }

    #[test]
    fn what_a_crash_left_behind_is_removed_at_start_and_never_queued() {
        let home = Home::new();
        let spool = home.start();
        let mut incoming = spool.receive(None).unwrap();
        incoming.write(&[b'x'; 200_000]).unwrap();
        let left = home.path().join("tmp").join(&home.names("tmp")[0]);
        std::fs::copy(&left, home.path().join("tmp/left")).unwrap();
        let published = deposit(&spool, &["a@x"], b"x\r\n");
        // The state between two journal entries: the new name is there and the old one still is.
        std::fs::hard_link(home.file(&published), home.path().join("tmp/second-name")).unwrap();
        drop((incoming, spool, published));
        let spool = home.start();
        assert_eq!(home.names("tmp"), [""; 0]);
        assert_eq!(spool.messages().map(Result::unwrap).count(), 1);
    }

    #[test]
    fn an_envelope_that_cannot_be_queued_leaves_nothing() {
        let home = Home::new();
        let spool = home.start();
        for recipients in [vec![], vec!["a\r\nb"]] {
            let error = spool.receive(None).unwrap().commit(sample(&recipients)).unwrap_err();
            assert!(matches!(error, SpoolError::Envelope(_)), "{error}");
        }
        let mut before_1970 = sample(&["a@x"]);
        before_1970.arrival = SystemTime::UNIX_EPOCH - std::time::Duration::from_secs(1);
        let error = spool.receive(None).unwrap().commit(before_1970).unwrap_err();
        assert!(matches!(error, SpoolError::Envelope(EnvelopeError::Unwritable)), "{error}");
        assert_eq!((spool.messages().count(), home.names("tmp").len()), (0, 0));
    }

    #[test]
    fn facts_for_logs_are_one_short_line() {
        let home = Home::new();
        let spool = home.start();
        let mut envelope = sample(&["a@x"]);
        envelope.client.helo = "evil\r\nstatus=sent".into();
        envelope.message_id = Some("<\x1b[2J>".into());
        let message = spool.receive(None).unwrap().commit(envelope).unwrap();
        assert_eq!(message.envelope().client.helo, "evil??status=sent");
        assert_eq!(message.envelope().message_id.as_deref(), Some("<?[2J>"));
    }

    #[test]
    fn a_full_spool_says_so_before_anything_is_written() {
        let home = Home::new();
        let spool = Spool::open(&home.path(), Options { minfree: u64::MAX, ..Options::default() }).unwrap();
        let error = spool.receive(None).unwrap_err();
        assert!(error.is_full() && error.to_string().contains("octets free"), "{error}");
        drop(spool);
        let spool = home.start();
        assert!(spool.receive(Some(u64::MAX)).unwrap_err().is_full());
        assert!(spool.receive(Some(1000)).is_ok());
    }

    #[test]
    fn errors_of_a_full_disk_are_told_from_others() {
        for (error, full) in
            [(Errno::NOSPC, true), (Errno::DQUOT, true), (Errno::FBIG, true), (Errno::IO, false)]
        {
            assert_eq!(SpoolError::io("write", "x", error).is_full(), full, "{error}");
        }
    }

    #[test]
    fn a_write_that_fails_leaves_the_message_uncommittable() {
        let home = Home::new();
        let spool = home.start();
        let mut incoming = spool.receive(None).unwrap();
        incoming.fd = rustix::fs::open("/dev/full", OFlags::WRONLY, rustix::fs::Mode::empty()).unwrap();
        let error = incoming.write(&[b'x'; FLUSH_AT]).unwrap_err();
        assert!(error.is_full(), "{error}");
        incoming.fd = rustix::fs::open("/dev/null", OFlags::WRONLY, rustix::fs::Mode::empty()).unwrap();
        assert!(incoming.commit(sample(&["a@x"])).is_err());
        assert_eq!((spool.messages().count(), home.names("tmp").len()), (0, 0));
    }

    #[test]
    fn ids_differ_and_rise() {
        let home = Home::new();
        let spool = home.start();
        let open: Vec<_> = (0..500).map(|_| spool.receive(None).unwrap()).collect();
        assert!(open.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }

    #[test]
    fn a_large_envelope_is_read_back() {
        let home = Home::new();
        let spool = home.start();
        let mut envelope = sample(&["a@x"]);
        envelope.recipients = (0..50_000).map(|n| Recipient::plain(format!("user{n}@example.com"))).collect();
        let message = spool.receive(None).unwrap().commit(envelope).unwrap();
        assert_eq!(spool.get(message.id()).unwrap().envelope(), message.envelope());
    }
}
