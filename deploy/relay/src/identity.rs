//! Under which account the relay runs: root only as long as it takes to bind and to make folders.

use nix::unistd::{Gid, Uid, User};
use std::path::Path;

/// Root could not be given up.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system refused.
    #[error("cannot become {0}: {1}")]
    Become(String, nix::Error),
    /// A folder could not be made or handed over.
    #[error("cannot prepare {0}: {1}")]
    Folder(String, std::io::Error),
}

/// Who the relay will be.
#[derive(Debug)]
pub enum Identity {
    /// Whoever started it.
    Unchanged,
    /// Started by root: this account from [`Identity::assume`] on.
    Account(Box<User>),
    /// Started by root, and the account does not exist.
    Root,
}

/// Who may look into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The account alone.
    Private,
    /// Everybody may read: `baton send` looks for the listener there.
    Readable,
}

impl Identity {
    /// Looks `mail_owner` up if root started us.
    #[must_use]
    pub fn of(mail_owner: &str) -> Self {
        if !Uid::effective().is_root() {
            return Self::Unchanged;
        }
        match User::from_name(mail_owner) {
            Ok(Some(user)) => Self::Account(Box::new(user)),
            Ok(None) | Err(_) => Self::Root,
        }
    }

    /// Makes a folder that belongs to the account the relay will be; one that is there keeps its mode.
    ///
    /// # Errors
    /// [`IdentityError::Folder`].
    pub fn prepare(&self, folder: &Path, access: Access) -> Result<(), IdentityError> {
        use std::os::unix::fs::DirBuilderExt;
        let mode = match access {
            Access::Private => 0o700,
            Access::Readable => 0o755,
        };
        let failed = |error| IdentityError::Folder(folder.display().to_string(), error);
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(failed)?;
        self.give(folder)
    }

    /// Hands a file or folder over to that account.
    ///
    /// # Errors
    /// [`IdentityError::Folder`].
    pub fn give(&self, path: &Path) -> Result<(), IdentityError> {
        let Self::Account(user) = self else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(|error| IdentityError::Folder(path.display().to_string(), error))
    }

    /// Becomes that account, for good. Call it while the process has one thread.
    ///
    /// # Errors
    /// [`IdentityError::Become`]; the process must not go on.
    pub fn assume(&self) -> Result<(), IdentityError> {
        match self {
            Self::Unchanged => {}
            Self::Root => tracing::warn!(
                "everything runs as root, because the account that mail_owner names does not exist"
            ),
            Self::Account(user) => {
                become_user(user.uid, user.gid)
                    .map_err(|error| IdentityError::Become(user.name.clone(), error))?;
            }
        }
        Ok(())
    }
}

fn become_user(uid: Uid, gid: Gid) -> nix::Result<()> {
    nix::unistd::setgroups(&[gid])?;
    nix::unistd::setresgid(gid, gid, gid)?;
    nix::unistd::setresuid(uid, uid, uid)
}
