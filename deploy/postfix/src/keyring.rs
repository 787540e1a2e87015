//! The keys that all agents of a queue share: a file that is root's alone, read before privileges are given up.
//!
//! It lies in `pid/`, which belongs to root: nothing that runs as Postfix's account, the cache included, can read or replace
//! it. Whoever finds the current key too old draws the next; the one before it opens what is still parked.
//!
//! The file is replaced in one step, so that it is whole whoever dies and however full the disk is, and reading it needs no
//! lock. Who draws holds a lock, on another file: on this one it would go with the file that is replaced.

use proto::clock::Boottime;
use proto::deposit::{DepositKey, DepositKeys};
use proto::secret::Secret;
use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, flock, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};
use worker::supervisor::Keys;
use zeroize::Zeroizing;

/// The file's name.
pub const NAME: &str = "baton-keys";
/// How long a key is the current one; it opens for as long again.
pub const LIFE: Duration = Duration::from_secs(3600);
/// Its owner draws.
const LOCK: &str = "baton-keys.lock";
/// What will be the file. Only the owner of the lock writes it.
const NEXT: &str = "baton-keys.next";
/// Octets that the file may have.
const ROOM: usize = 512;
/// How long the lock is waited for. It is held for moments; whoever has it for longer is stopped, or its disk is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried: flock(2) has no time limit.
const BETWEEN: Duration = Duration::from_millis(10);

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The system's word.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Others could read or change them.
    #[error("{0} is not its owner's alone")]
    Exposed(&'static str),
    /// A process is drawing, and does not come to an end.
    #[error("another process holds {LOCK}")]
    Held,
    /// They do not fit into the file.
    #[error("cannot be written: {0}")]
    Encode(#[from] postcard::Error),
}

impl From<Errno> for KeyringError {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

/// What an agent seals and opens with.
#[derive(Debug)]
pub struct Ring {
    /// The keys.
    pub keys: Keys,
    /// When the current one was drawn.
    pub drawn: Boottime,
}

/// What is in the file: which boot the time is of, the time, and the keys.
type Content = (String, Boottime, Secret, DepositKeys);

/// The keys in this folder that are valid now; draws what is missing. The owner is root but in tests.
///
/// # Errors
/// [`KeyringError`], after some seconds at most.
pub fn open(folder: &Path, owner: u32, clock: impl Fn() -> Boottime) -> Result<Ring, KeyringError> {
    open_within(PATIENCE, folder, owner, clock)
}

fn open_within(
    patience: Duration,
    folder: &Path,
    owner: u32,
    clock: impl Fn() -> Boottime,
) -> Result<Ring, KeyringError> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::DIRECTORY;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    check(&folder, owner, FileType::Directory, Mode::WGRP | Mode::WOTH, "the folder")?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    // The clock is asked after the file was read: what another process draws meanwhile is not of the future.
    let known = || {
        let content = read(&folder, owner)?;
        let now = clock();
        Ok::<_, KeyringError>((content.filter(|(of, drawn, ..)| *of == boot && *drawn <= now), now))
    };
    if let (Some(content), now) = known()?
        && content.1.after(LIFE) > now
    {
        return Ok(ring(content));
    }
    let _lock = lock(&folder, owner, patience)?;
    let content = match known()? {
        (Some(content), now) if content.1.after(LIFE) > now => content,
        (Some((boot, _, secret, deposit)), now) => {
            write(&folder, (boot, now, secret, deposit.rotated(drawn_secret()?)))?
        }
        (None, now) => {
            let Keys { secret, deposit } = draw()?;
            write(&folder, (boot.clone(), now, secret, deposit))?
        }
    };
    Ok(ring(content))
}

fn ring((_, drawn, secret, deposit): Content) -> Ring {
    Ring { keys: Keys { secret, deposit }, drawn }
}

/// New keys that nobody else has.
///
/// # Errors
/// The kernel's word.
pub fn draw() -> io::Result<Keys> {
    let current = DepositKey { epoch: 1, key: drawn_secret()? };
    Ok(Keys { secret: drawn_secret()?, deposit: DepositKeys { current, previous: None } })
}

fn drawn_secret() -> io::Result<Secret> {
    Secret::drawn(|octets| getrandom::fill(octets)).map_err(io::Error::from)
}

pub(crate) fn check(
    of: impl AsFd,
    owner: u32,
    kind: FileType,
    closed: Mode,
    name: &'static str,
) -> Result<(), KeyringError> {
    let found = rustix::fs::fstat(of)?;
    let alone = found.st_uid == owner
        && FileType::from_raw_mode(found.st_mode) == kind
        && !Mode::from_raw_mode(found.st_mode).intersects(closed);
    if alone { Ok(()) } else { Err(KeyringError::Exposed(name)) }
}

/// `None`: there is none, or what is there are no keys.
fn read(folder: &OwnedFd, owner: u32) -> Result<Option<Content>, KeyringError> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::RDONLY;
    let mut file = match openat(folder, NAME, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    check(&file, owner, FileType::RegularFile, Mode::RWXG | Mode::RWXO, "the file")?;
    let mut buffer = Zeroizing::new([0; ROOM]);
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            count => length += count,
        }
    }
    let octets = buffer.get(..length).unwrap_or_default();
    let decoded = postcard::take_from_bytes::<Content>(octets).ok();
    Ok(decoded.and_then(|(content, rest)| rest.is_empty().then_some(content)))
}

/// The lock, which ends with this. Only the owner can open its file, so nobody else can hold it.
fn lock(folder: &OwnedFd, owner: u32, patience: Duration) -> Result<OwnedFd, KeyringError> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::RDWR | OFlags::CREATE;
    let lock = openat(folder, LOCK, flags, Mode::RUSR | Mode::WUSR)?;
    check(&lock, owner, FileType::RegularFile, Mode::RWXG | Mode::RWXO, "the lock")?;
    let until = Instant::now() + patience;
    loop {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(lock),
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if Instant::now() < until => std::thread::sleep(BETWEEN),
            Err(Errno::WOULDBLOCK) => return Err(KeyringError::Held),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Under the lock. Not synced: what was written before the machine went down is of another boot.
fn write(folder: &OwnedFd, content: Content) -> Result<Content, KeyringError> {
    let mut buffer = Zeroizing::new([0; ROOM]);
    let octets = postcard::to_slice(&content, &mut buffer[..])?;
    match unlinkat(folder, NEXT, AtFlags::empty()) {
        // Somebody died over it.
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let mut next = File::from(openat(folder, NEXT, flags, Mode::RUSR | Mode::WUSR)?);
    next.write_all(octets)?;
    renameat(folder, NEXT, folder, NAME)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const START: Boottime = Boottime(10_000_000);

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    fn epochs(ring: &Ring) -> (u32, Option<u32>) {
        let DepositKeys { current, previous } = &ring.keys.deposit;
        (current.epoch, previous.as_ref().map(|key| key.epoch))
    }

    #[test]
    fn everybody_gets_the_same_keys_and_after_an_hour_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| open(folder.path(), own(), || now).unwrap();
        let (first, second) = (open(START), open(START.after(LIFE / 2)));
        assert_eq!(first.keys.secret, second.keys.secret);
        assert_eq!(first.keys.deposit, second.keys.deposit);
        assert_eq!(second.drawn, START);
        let later = open(START.after(LIFE));
        assert_eq!((epochs(&later), later.drawn), ((2, Some(1)), START.after(LIFE)));
        assert_eq!(later.keys.secret, first.keys.secret);
        let mode = fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_time_that_has_not_come_is_of_another_boot_and_what_is_damaged_is_drawn_anew() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| open(folder.path(), own(), || now).unwrap();
        let first = open(START);
        let other = open(Boottime(1));
        assert_ne!(first.keys.secret, other.keys.secret);
        for damaged in ["", "x", &"y".repeat(600)] {
            fs::write(folder.path().join(NAME), damaged).unwrap();
            let drawn = open(START);
            assert_eq!(epochs(&drawn), (1, None));
            assert_eq!(open(START).keys.secret, drawn.keys.secret, "and it is written down");
        }
    }

    #[test]
    fn keys_that_others_could_read_or_replace_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let refused = |owner| matches!(open(folder.path(), owner, || START), Err(KeyringError::Exposed(_)));
        assert!(!refused(own()));
        assert!(refused(own() + 1));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(refused(own()));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(refused(own()));
    }

    #[test]
    fn a_process_that_holds_the_lock_for_ever_keeps_nobody_from_keys_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| open_within(Duration::from_millis(50), folder.path(), own(), || now);
        let first = open(START).unwrap();
        let path = folder.path().join(LOCK);
        let stopped = File::open(path).unwrap();
        flock(&stopped, FlockOperation::LockExclusive).unwrap();
        assert_eq!(open(START.after(LIFE / 2)).unwrap().keys.secret, first.keys.secret);
        assert!(matches!(open(START.after(LIFE)), Err(KeyringError::Held)), "nor for ever from the rest");
        drop(stopped);
        assert_eq!(epochs(&open(START.after(LIFE)).unwrap()), (2, Some(1)));
    }

    #[test]
    fn keys_that_cannot_be_written_leave_those_before_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| open(folder.path(), own(), || now);
        let (first, later) = (open(START).unwrap(), START.after(LIFE));
        // No file can have this name now, as if the disk were full.
        fs::create_dir(folder.path().join(NEXT)).unwrap();
        assert!(matches!(open(later), Err(KeyringError::System(_))));
        fs::remove_dir(folder.path().join(NEXT)).unwrap();
        // Of a process that was killed in the middle.
        fs::write(folder.path().join(NEXT), "half").unwrap();
        let second = open(later).unwrap();
        assert_eq!(second.keys.secret, first.keys.secret);
        assert_eq!(epochs(&second), (2, Some(1)));
        assert!(!folder.path().join(NEXT).exists());
    }

    #[test]
    fn what_another_process_draws_meanwhile_is_not_of_the_future() {
        let folder = tempfile::tempdir().unwrap();
        let (others, later) = (Cell::new(None), START.after(LIFE / 2));
        let clock = || match others.take() {
            // The other asks its clock after this one, and is faster.
            None => {
                others.set(Some(open(folder.path(), own(), || later).unwrap()));
                START
            }
            known => {
                others.set(known);
                later
            }
        };
        let ours = open(folder.path(), own(), clock).unwrap();
        assert_eq!(others.take().unwrap().keys.secret, ours.keys.secret);
    }
}
