//! master.cf and what is kept beside it, read with a bound and replaced in one step.

use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

/// No master.cf is as long.
const LONGEST: u64 = 1 << 20;
/// As it was before.
const BEFORE: &str = "master.cf.before-baton";
/// As the installation left it.
const APPLIED: &str = "master.cf.with-baton";
/// Being written.
const NEW: &str = "master.cf.baton-new";

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system's word.
    #[error("{}: {error}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// That is no master.cf.
    #[error("{}: longer than {LONGEST} octets", .0.display())]
    Long(PathBuf),
    /// Another installation is at work.
    #[error("{}: another installation is at work there", .0.display())]
    Busy(PathBuf),
    /// An editor was faster.
    #[error("{} was changed in the meantime; nothing was done", .0.display())]
    Changed(PathBuf),
}

/// The folder of master.cf, for one installation at a time.
#[derive(Debug)]
pub struct Files {
    folder: PathBuf,
    master_cf: PathBuf,
    /// Locked while it is open.
    lock: File,
}

/// What an installation left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// master.cf before it.
    pub before: Vec<u8>,
    /// master.cf after it.
    pub applied: Vec<u8>,
}

impl Files {
    /// A symbolic link is followed, so that it stays one.
    ///
    /// # Errors
    /// There is no master.cf, or somebody has it.
    pub fn open(configuration: &Path) -> Result<Self, FileError> {
        let name = configuration.join("master.cf");
        let master_cf = name.canonicalize().map_err(at(&name))?;
        let folder = master_cf.parent().unwrap_or(configuration).to_owned();
        let lock = File::open(&folder).map_err(at(&folder))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| FileError::Busy(folder.clone()))?;
        Ok(Self { folder, master_cf, lock })
    }

    /// Where master.cf is.
    #[must_use]
    pub fn master_cf(&self) -> &Path {
        &self.master_cf
    }

    /// Where it is kept as it was.
    #[must_use]
    pub fn before(&self) -> PathBuf {
        self.folder.join(BEFORE)
    }

    /// Its octets.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(&self) -> Result<Vec<u8>, FileError> {
        read(&self.master_cf)
    }

    /// What the last installation left; `None`: there was none, or it has been undone.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn kept(&self) -> Result<Option<Kept>, FileError> {
        let applied = self.folder.join(APPLIED);
        if !applied.try_exists().map_err(at(&applied))? {
            return Ok(None);
        }
        Ok(Some(Kept { before: read(&self.before())?, applied: read(&applied)? }))
    }

    /// Keeps `old` and puts `new` in its place. A crash in between leaves `old` in its place.
    ///
    /// # Errors
    /// [`FileError`]; `old` is in its place.
    pub fn install(&self, old: &[u8], new: &[u8]) -> Result<(), FileError> {
        // The second of the two says that there are both, and that they belong together: so it goes first.
        let applied = self.folder.join(APPLIED);
        remove(&applied)?;
        self.replace(&self.before(), old)?;
        self.replace(&applied, new)?;
        self.exchange(old, new)
    }

    /// Puts `new` in the place of `old`.
    ///
    /// # Errors
    /// [`FileError`]; `old` is in its place.
    pub fn exchange(&self, old: &[u8], new: &[u8]) -> Result<(), FileError> {
        if self.read()? != old {
            return Err(FileError::Changed(self.master_cf.clone()));
        }
        self.replace(&self.master_cf, new)
    }

    /// What was kept is of no use any more.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn forget(&self) -> Result<(), FileError> {
        remove(&self.folder.join(APPLIED))?;
        remove(&self.before())?;
        // Of a run that was killed.
        remove(&self.folder.join(NEW))?;
        self.lock.sync_all().map_err(at(&self.folder))
    }

    /// As a whole or not at all, and for good; owner and mode are those of master.cf.
    fn replace(&self, path: &Path, octets: &[u8]) -> Result<(), FileError> {
        let like = fs::metadata(&self.master_cf).map_err(at(&self.master_cf))?;
        let new = self.folder.join(NEW);
        let written = write(&new, octets, &like).and_then(|()| fs::rename(&new, path));
        if let Err(error) = written {
            // It may not even be there.
            let _gone = fs::remove_file(&new);
            return Err(at(path)(error));
        }
        self.lock.sync_all().map_err(at(&self.folder))
    }
}

fn write(path: &Path, octets: &[u8], like: &Metadata) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(octets)?;
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
        fchown(&file, Some(like.uid()), Some(like.gid()))?;
    }
    file.set_permissions(like.permissions())?;
    file.sync_all()
}

/// If it is there.
fn remove(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut octets = Vec::new();
    let file = File::open(path).map_err(at(path))?;
    file.take(LONGEST + 1).read_to_end(&mut octets).map_err(at(path))?;
    if octets.len() as u64 > LONGEST { Err(FileError::Long(path.to_owned())) } else { Ok(octets) }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |error| FileError::System { path: path.to_owned(), error }
}
