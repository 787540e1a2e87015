//! The keys of deposits: drawn from the kernel, replaced in time, given to workers and never to scache.

use proto::deposit::{DepositKey, DepositKeys};
use proto::secret::Secret;
use std::time::{Duration, Instant};

/// How long a key is the current one. It opens deposits for as long again, so whoever learns a key reads what was parked
/// within two hours and nothing else. Shorter would cost handshakes: a session must be taken before its key is the last
/// but one. Longer would need a limit by number: AES-GCM allows 2^32 random nonces a key, a million deposits a second for
/// an hour.
pub const ROTATE_EVERY: Duration = Duration::from_secs(3600);
/// How soon a rotation that failed is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// A key, straight from the kernel's generator.
///
/// # Errors
/// The kernel's word.
pub fn new_secret() -> std::io::Result<Secret> {
    Secret::drawn(|octets| getrandom::fill(octets)).map_err(std::io::Error::from)
}

/// The valid keys, and when they change.
#[derive(Debug)]
pub(super) struct RotatingKeys {
    valid: DepositKeys,
    every: Duration,
    due: Instant,
}

impl RotatingKeys {
    pub(super) fn new(now: Instant, every: Duration) -> std::io::Result<Self> {
        let current = DepositKey { epoch: 1, key: new_secret()? };
        Ok(Self { valid: DepositKeys { current, previous: None }, every, due: now + every })
    }

    pub(super) fn valid(&self) -> &DepositKeys {
        &self.valid
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Rotates if it is time to; gives the keys that are valid then.
    pub(super) fn rotate(&mut self, now: Instant) -> Option<&DepositKeys> {
        if now < self.due {
            return None;
        }
        match new_secret() {
            Ok(key) => {
                self.due = now + self.every;
                self.valid = self.valid.clone().rotated(key);
                Some(&self.valid)
            }
            Err(error) => {
                tracing::warn!("the keys of parked sessions stay as they are for now: {error}");
                self.due = now + AGAIN;
                None
            }
        }
    }
}
