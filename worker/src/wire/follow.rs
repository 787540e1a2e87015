//! The dialogue in the log, for peers that are watched (`debug_peer_list`). Secrets are not shown.

use super::Wire;
use smtp::Stage;
use std::time::Duration;

/// Who is watched, and how closely.
#[derive(Debug)]
pub(super) struct Followed {
    peer: String,
    level: u32,
}

/// What may be shown of commands and replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discretion {
    /// All of it.
    Open,
    /// A login: the first word of a command and the code of a reply, since both may hold secrets.
    Secret,
}

impl Discretion {
    /// By what is waited for.
    #[must_use]
    pub fn at(stage: Stage) -> Self {
        if stage == Stage::Auth { Self::Secret } else { Self::Open }
    }
}

impl Wire {
    /// From now on what is said goes into the log, as a dialogue with `peer`; `level` is that of
    /// `debug_peer_level`.
    pub fn follow(&mut self, peer: String, level: u32) {
        self.replies.keep_heard();
        self.followed = Some(Followed { peer, level });
    }

    /// Logs the replies that were given out since the last call.
    pub fn log_heard(&mut self, discretion: Discretion) {
        let Some(Followed { peer, .. }) = &self.followed else { return };
        for reply in self.replies.take_heard() {
            match discretion {
                Discretion::Secret => {
                    tracing::info!("< {peer}: {} [not shown]", reply.text.get(..3).unwrap_or_default())
                }
                Discretion::Open => {
                    reply.text.lines().for_each(|line| tracing::info!("< {peer}: {line}"));
                }
            }
        }
    }

    /// Logs the commands that are outgoing from this octet on.
    pub fn log_said(&self, from: usize, discretion: Discretion) {
        let Some(Followed { peer, .. }) = &self.followed else { return };
        let said = self.outgoing.get(from..).unwrap_or_default();
        for line in said.split_inclusive(|octet| *octet == b'\n') {
            let shown = match (discretion, line.starts_with(b"AUTH ")) {
                (Discretion::Open, _) => line,
                // The mechanism.
                (Discretion::Secret, true) => {
                    line.splitn(3, |octet| *octet == b' ').nth(1).unwrap_or_default()
                }
                (Discretion::Secret, false) => &[],
            };
            let shown = String::from_utf8_lossy(shown.trim_ascii_end());
            match (discretion, shown.is_empty()) {
                (Discretion::Open, _) => tracing::info!("> {peer}: {shown}"),
                (Discretion::Secret, false) => tracing::info!("> {peer}: AUTH {shown} [not shown]"),
                (Discretion::Secret, true) => tracing::info!("> {peer}: [not shown]"),
            }
        }
    }

    /// Logs what is waited for.
    pub fn log_wait(&self, stage: Stage, patience: Duration) {
        if let Some(Followed { peer, level: 2.. }) = &self.followed {
            tracing::info!("{peer}: waiting for at most {}s while {}", patience.as_secs(), stage.doing());
        }
    }
}
