//! Logins that servers refused, kept between deliveries: `*_sasl_auth_cache_name`, one small file for each.
//!
//! A file is written beside its place and renamed, so that workers need no lock: what they read is whole or not there.

use ::sasl::{CacheSecret, Credential, LoginKey, RefusedLogin, Void};
use rustix::fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most logins that are kept; then the oldest ones go.
const MOST: usize = 10_000;
/// More than the longest record.
const LONGEST: u64 = 4096;
/// What nobody but the owner of the folder may do.
const OTHERS: u32 = 0o077;
/// The file with the key of the records' hashes.
const SECRET: &str = "secret";
/// What a file is called before it is whole, before the process's number.
const UNFINISHED: &str = "new.";

/// Why a value of `*_sasl_auth_cache_name` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCacheName {
    /// More than one table.
    #[error("one table only")]
    Several,
    /// Postfix demands it, since its processes cannot share a table that is written to.
    #[error("the name of the table must begin with proxy:")]
    NotProxy,
    /// No kind of table that can be written, or no path.
    #[error("not a table that can be written to: proxy:btree:PATH")]
    Kind,
}

/// The store.
#[derive(Debug)]
pub struct RefusedLogins {
    folder: OwnedFd,
    secret: CacheSecret,
    lifetime: Duration,
    most: usize,
}

/// The folder that stands for the table of a `*_sasl_auth_cache_name`, which is Postfix's own and is left alone.
///
/// # Errors
/// [`BadCacheName`].
pub fn folder(name: &str, queue_directory: &Path) -> Result<PathBuf, BadCacheName> {
    if name.contains([',', ' ', '\t', '\n']) {
        return Err(BadCacheName::Several);
    }
    let table = name.strip_prefix("proxy:").ok_or(BadCacheName::NotProxy)?;
    match table.split_once(':') {
        Some(("btree" | "hash" | "lmdb" | "dbm" | "sdbm", path)) if !path.is_empty() => {
            Ok(queue_directory.join(format!("{path}.baton")))
        }
        _ => Err(BadCacheName::Kind),
    }
}

impl RefusedLogins {
    /// Opens the store, or makes it, readable for its owner only. The folder above must be there. One that others own or
    /// can open is not used: they could keep us from logging in, or try passwords against what is in it.
    ///
    /// # Errors
    /// The system's word.
    pub fn open(path: &Path, lifetime: Duration) -> std::io::Result<Self> {
        match rustix::fs::mkdir(path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let folder = rustix::fs::open(path, flags, Mode::empty())?;
        let about = rustix::fs::fstat(&folder)?;
        // Under Postfix it is opened before root becomes the mail owner, whose folder it may be.
        let user = rustix::process::geteuid();
        let is_ours = user.is_root() || about.st_uid == user.as_raw();
        if !is_ours || about.st_mode & OTHERS != 0 {
            return Err(Errno::PERM.into());
        }
        let secret = secret(&folder)?;
        Ok(Self { folder, secret, lifetime, most: MOST })
    }

    /// Gives the store to an account that this process is about to become; only root can. A folder that is not root's any
    /// more was given away already: what lies in it now may be a link to a file of root.
    ///
    /// # Errors
    /// The system's word.
    pub fn give_to(&self, user: Uid, group: Gid) -> std::io::Result<()> {
        if rustix::fs::fstat(&self.folder)?.st_uid != Uid::ROOT.as_raw() {
            return Ok(());
        }
        rustix::fs::chownat(&self.folder, SECRET, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(rustix::fs::fchown(&self.folder, Some(user), Some(group))?)
    }

    /// The refusal of this login that makes another try useless at `now`, in seconds since 1970.
    #[must_use]
    pub fn find(&self, host: &str, credential: &Credential, now: u64) -> Option<RefusedLogin> {
        let name = self.name(host, credential);
        let bytes = read(&self.folder, &name).ok()?;
        match RefusedLogin::open(&bytes, &self.secret, host, credential, now, self.lifetime) {
            Ok(refused) => Some(refused),
            Err(Void::Malformed | Void::OtherCredential | Void::Expired) => {
                let _gone_already = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
                None
            }
        }
    }

    /// Remembers a refusal.
    ///
    /// # Errors
    /// The system's word: it is not remembered.
    pub fn remember(
        &self,
        host: &str,
        credential: &Credential,
        refused: &RefusedLogin,
    ) -> std::io::Result<()> {
        self.make_room(refused.at)?;
        let bytes = refused.seal(&self.secret, host, credential);
        write(&self.folder, &self.name(host, credential), &bytes)
    }

    fn name(&self, host: &str, credential: &Credential) -> String {
        hex(LoginKey::new(&self.secret, host, credential).as_bytes())
    }

    /// What is out of date goes, and if that is not enough the oldest.
    fn make_room(&self, now: u64) -> std::io::Result<()> {
        let mut kept = self.kept()?;
        if kept.len() < self.most {
            return Ok(());
        }
        kept.sort_unstable();
        let surplus = kept.len() + 1 - self.most;
        for (at, (written, name)) in kept.into_iter().enumerate() {
            if at < surplus || now.saturating_sub(written) > self.lifetime.as_secs() {
                let _gone_already = rustix::fs::unlinkat(&self.folder, &name, AtFlags::empty());
            }
        }
        Ok(())
    }

    /// When each file was written, and its name.
    fn kept(&self) -> std::io::Result<Vec<(u64, CString)>> {
        let mut kept = Vec::new();
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let octets = name.to_bytes();
            let unfinished = octets.starts_with(UNFINISHED.as_bytes());
            if octets.starts_with(b".") || octets == SECRET.as_bytes() || unfinished {
                continue;
            }
            if let Ok(about) = rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                kept.push((u64::try_from(about.st_mtime).unwrap_or_default(), name.to_owned()));
            }
        }
        Ok(kept)
    }
}

/// The key of all workers: whoever comes first draws it.
fn secret(folder: &OwnedFd) -> std::io::Result<CacheSecret> {
    let known = || read(folder, SECRET).ok().and_then(|octets| <[u8; 32]>::try_from(octets).ok());
    if let Some(octets) = known() {
        return Ok(CacheSecret::new(octets));
    }
    let mut octets = [0; 32];
    getrandom::fill(&mut octets)?;
    write(folder, SECRET, &octets)?;
    // Somebody may have drawn another one meanwhile: the last one stands, and what was sealed before is void.
    Ok(CacheSecret::new(known().unwrap_or(octets)))
}

fn read(folder: &OwnedFd, name: &str) -> std::io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = std::fs::File::from(rustix::fs::openat(folder, name, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn write(folder: &OwnedFd, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = format!("{UNFINISHED}{}", std::process::id());
    // What a process of the same number left; never a file that somebody put there.
    let _none_as_a_rule = rustix::fs::unlinkat(folder, &unfinished, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut file = std::fs::File::from(rustix::fs::openat(folder, &unfinished, flags, mode)?);
    file.write_all(bytes)?;
    Ok(rustix::fs::renameat(folder, &unfinished, folder, name)?)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests;
