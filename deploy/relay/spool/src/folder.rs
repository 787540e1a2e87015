//! The spool's folders: opened once, then every name is resolved relative to them, without following links.

use std::fs::DirBuilder;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use crate::error::SpoolError;

/// An open folder that is ours alone, and its path for messages.
#[derive(Debug)]
pub(crate) struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

/// Whether a call made the folder or found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    Now,
    Before,
}

impl Folder {
    /// The spool folder itself; it and its parents are made if they are not there.
    pub(crate) fn root(path: &Path) -> Result<Self, SpoolError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| SpoolError::io("make the folder", path, error))?;
        let folder = Self::open_at(CWD, path, path.to_owned())?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let parent_fd =
            rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        if let Ok(parent_fd) = parent_fd {
            // Not every parent can be synced by us (another owner's folder can); then it existed before us.
            let _ = rustix::fs::fsync(parent_fd);
        }
        Ok(folder)
    }

    /// The folder `name` in this one; made if it is not there.
    pub(crate) fn inner(&self, name: &str) -> Result<(Self, Made), SpoolError> {
        let path = self.path.join(name);
        let made = match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => Made::Now,
            Err(Errno::EXIST) => Made::Before,
            Err(error) => return Err(SpoolError::io("make the folder", path, error)),
        };
        Ok((Self::open_at(self.fd.as_fd(), name, path)?, made))
    }

    fn open_at(
        parent: BorrowedFd<'_>,
        name: impl rustix::path::Arg,
        path: PathBuf,
    ) -> Result<Self, SpoolError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => SpoolError::NotOurs {
                path: path.clone(),
                why: "is not a folder; links are not followed".into(),
            },
            other => SpoolError::io("open the folder", &path, other),
        })?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| SpoolError::io("look at", &path, error))?;
        check_owner(&stat, &path)?;
        if stat.st_mode & 0o077 != 0 {
            let why = format!("others have access; `chmod 700 {}` makes it private", path.display());
            return Err(SpoolError::NotOurs { path, why });
        }
        Ok(Self { fd, path })
    }

    /// For messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file below this folder, never through a link as last part.
    pub(crate) fn open(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)
    }

    /// Removes a file.
    pub(crate) fn unlink(&self, name: &str) -> Result<(), Errno> {
        rustix::fs::unlinkat(&self.fd, name, rustix::fs::AtFlags::empty())
    }

    /// Moves a file to another folder; never onto a file that is there.
    pub(crate) fn move_to(&self, name: &str, to: &Folder, new_name: &str) -> Result<(), Errno> {
        match rustix::fs::renameat_with(&self.fd, name, &to.fd, new_name, RenameFlags::NOREPLACE) {
            // The file system does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS) => {
                match rustix::fs::statat(&to.fd, new_name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
                    Err(Errno::NOENT) => rustix::fs::renameat(&self.fd, name, &to.fd, new_name),
                    Err(error) => Err(error),
                    Ok(_) => Err(Errno::EXIST),
                }
            }
            result => result,
        }
    }

    /// Moves a file over the one that is there.
    pub(crate) fn replace(&self, name: &str, to: &Folder, new_name: &str) -> Result<(), Errno> {
        rustix::fs::renameat(&self.fd, name, &to.fd, new_name)
    }

    /// Waits until the names in this folder are on stable storage.
    pub(crate) fn sync(&self) -> Result<(), SpoolError> {
        rustix::fs::fsync(&self.fd).map_err(|error| SpoolError::io("sync the folder", &self.path, error))
    }

    /// As [`Folder::sync`], for a folder in this one.
    pub(crate) fn sync_inner(&self, name: &str) -> Result<(), SpoolError> {
        let fail = |error| SpoolError::io("sync the folder", self.path.join(name), error);
        rustix::fs::fsync(self.open(name, OFlags::RDONLY | OFlags::DIRECTORY).map_err(fail)?).map_err(fail)
    }

    /// The names in a folder in this one (`.` for this one), without those that begin with a dot.
    pub(crate) fn names(&self, name: &str) -> Result<Vec<String>, SpoolError> {
        let fail = |error| SpoolError::io("list the folder", self.path.join(name), error);
        let fd = self.open(name, OFlags::RDONLY | OFlags::DIRECTORY).map_err(fail)?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(fd).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Octets that we may still write on this file system.
    pub(crate) fn free(&self) -> Result<u64, SpoolError> {
        let stat = rustix::fs::fstatvfs(&self.fd)
            .map_err(|error| SpoolError::io("ask for the free space of", &self.path, error))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// A folder or file of the spool must belong to the user that runs the relay.
pub(crate) fn check_owner(stat: &Stat, path: &Path) -> Result<(), SpoolError> {
    let us = rustix::process::geteuid().as_raw();
    if stat.st_uid == us {
        return Ok(());
    }
    let why = format!("belongs to user {}, this relay runs as user {us}", stat.st_uid);
    Err(SpoolError::NotOurs { path: path.to_owned(), why })
}
