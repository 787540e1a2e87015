//! Bytes that must never reach a log.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A 256-bit key, wiped when it is dropped. Debug shows `***`; equality is for tests of distribution, not for checking
/// guesses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps key bytes that came from the kernel's generator.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key that `fill` writes in place, so that no copy of it is left on the stack.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn drawn<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self([0; 32]);
        fill(&mut secret.0)?;
        Ok(secret)
    }

    /// The key itself, for the primitive that uses it.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wiped_when_dropped<T: ZeroizeOnDrop>(_: &T) {}

    #[test]
    fn a_key_is_wiped_when_dropped_and_shows_nothing() {
        let drawn: Result<_, ()> = Secret::drawn(|octets| {
            octets.fill(5);
            Ok(())
        });
        assert_eq!(drawn, Ok(Secret::new([5; 32])));
        assert_eq!(Secret::drawn(|_| Err("no")), Err("no"));
        let mut secret = Secret::new([0xab; 32]);
        wiped_when_dropped(&secret);
        assert_eq!(format!("{secret:?}"), "***");
        secret.zeroize();
        assert_eq!(secret.expose(), &[0; 32]);
    }
}
