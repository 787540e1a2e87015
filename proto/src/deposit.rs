//! The keys under which workers seal what they deposit in scache, which never learns them.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// One key and its number. What is sealed names the number, so that who opens it knows which key was meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositKey {
    /// Counts the keys of one relay.
    pub epoch: u32,
    /// For AES-256-GCM.
    pub key: Secret,
}

/// The keys that are valid now: sealed is with the first, opened with either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositKeys {
    /// Seals and opens.
    pub current: DepositKey,
    /// Opens what was parked before the last rotation; `None` until there was one.
    pub previous: Option<DepositKey>,
}

impl DepositKeys {
    /// `new` becomes current, the current one previous, and the previous one is gone.
    #[must_use]
    pub fn rotated(self, new: Secret) -> Self {
        let epoch = self.current.epoch.wrapping_add(1);
        Self { current: DepositKey { epoch, key: new }, previous: Some(self.current) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(epoch: u32, byte: u8) -> DepositKey {
        DepositKey { epoch, key: Secret::new([byte; 32]) }
    }

    #[test]
    fn after_two_rotations_the_first_key_is_gone() {
        let first = DepositKeys { current: key(u32::MAX, 1), previous: None };
        let second = first.rotated(Secret::new([2; 32]));
        assert_eq!(second, DepositKeys { current: key(0, 2), previous: Some(key(u32::MAX, 1)) });
        let third = second.rotated(Secret::new([3; 32]));
        assert_eq!(third, DepositKeys { current: key(1, 3), previous: Some(key(0, 2)) });
    }

    #[test]
    fn debug_shows_epochs_and_no_key() {
        let shown = format!("{:?}", DepositKeys { current: key(8, 0xab), previous: Some(key(7, 0xcd)) });
        assert!(shown.contains("epoch: 8") && shown.contains("epoch: 7"), "{shown}");
        assert_eq!(shown.matches("key: ***").count(), 2, "{shown}");
    }
}
