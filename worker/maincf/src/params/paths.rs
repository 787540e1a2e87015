//! Folders, and who owns them.

use std::path::PathBuf;

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::NonEmpty;

params! {
    /// Folders, and who owns them.
    Paths {
        /// The queue.
        queue_directory: PathBuf = "queue_directory", "/var/spool/postfix", Shared, Act;
        /// Sockets.
        run_directory: PathBuf = "baton_run_directory", "/run/baton", Shared, Act;
        /// The account that owns the queue.
        mail_owner: NonEmpty = "mail_owner", "postfix", Shared, Act;
    }
}
