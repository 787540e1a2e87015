//! The keys that all agents of a queue share: a file that is root's alone, read before privileges are given up.
//!
//! It lies in `pid/`, which belongs to root: nothing that runs as Postfix's account, the cache included, can read or replace
//! it. Whoever finds the current key too old draws the next; the one before it opens what is still parked.

use proto::clock::Boottime;
use proto::deposit::{DepositKey, DepositKeys};
use proto::secret::Secret;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags};
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;
use worker::supervisor::Keys;
use zeroize::Zeroizing;

/// The file's name.
pub const NAME: &str = "baton-keys";
/// How long a key is the current one; it opens for as long again.
pub const LIFE: Duration = Duration::from_secs(3600);
/// Octets that the file may have.
const ROOM: usize = 512;

/// The keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The system's word.
    #[error(transparent)]
    System(#[from] io::Error),
    /// Others could read or change them.
    #[error("{0} is not its owner's alone")]
    Exposed(&'static str),
    /// They do not fit into the file.
    #[error("cannot be written: {0}")]
    Encode(#[from] postcard::Error),
}

impl From<rustix::io::Errno> for KeyringError {
    fn from(error: rustix::io::Errno) -> Self {
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
/// [`KeyringError`].
pub fn open(folder: &Path, owner: u32, now: Boottime) -> Result<Ring, KeyringError> {
    let flags = OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let folder = rustix::fs::open(folder, flags | OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    check(&folder, owner, FileType::Directory, Mode::WGRP | Mode::WOTH, "the folder")?;
    let flags = flags | OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::openat(&folder, NAME, flags, Mode::RUSR | Mode::WUSR)?);
    check(&file, owner, FileType::RegularFile, Mode::RWXG | Mode::RWXO, "the file")?;
    rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::LockExclusive))?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let known = read(&file)?.filter(|(of, drawn, ..)| *of == boot && *drawn <= now);
    let content = match known {
        Some(content) if content.1.after(LIFE) > now => content,
        Some((boot, _, secret, deposit)) => {
            write(&file, (boot, now, secret, deposit.rotated(drawn_secret()?)))?
        }
        None => {
            let Keys { secret, deposit } = draw()?;
            write(&file, (boot, now, secret, deposit))?
        }
    };
    let (_, drawn, secret, deposit) = content;
    Ok(Ring { keys: Keys { secret, deposit }, drawn })
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

/// `None`: it is new, or whoever wrote it died over it.
fn read(file: &File) -> io::Result<Option<Content>> {
    let mut buffer = Zeroizing::new([0; ROOM]);
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, length as u64)? {
            0 => break,
            count => length += count,
        }
    }
    let octets = buffer.get(..length).unwrap_or_default();
    let decoded = postcard::take_from_bytes::<Content>(octets).ok();
    Ok(decoded.and_then(|(content, rest)| rest.is_empty().then_some(content)))
}

fn write(file: &File, content: Content) -> Result<Content, KeyringError> {
    let mut buffer = Zeroizing::new([0; ROOM]);
    let octets = postcard::to_slice(&content, &mut buffer[..])?;
    file.set_len(0)?;
    file.write_all_at(octets, 0)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let open = |now| open(folder.path(), own(), now).unwrap();
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
        let open = |now| open(folder.path(), own(), now).unwrap();
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
        let refused = |owner| matches!(open(folder.path(), owner, START), Err(KeyringError::Exposed(_)));
        assert!(!refused(own()));
        assert!(refused(own() + 1));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(refused(own()));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(refused(own()));
    }
}
