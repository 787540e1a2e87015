//! Logins that were refused for their user name or password, remembered so that they are not tried for every message.
//! `smtp_sasl_auth_cache_name`, `smtp_sasl_auth_cache_time`. Storage is the caller's.

use crate::credential::Credential;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The longest reply that is remembered, in octets; more is cut.
const LONGEST_REPLY: usize = 2048;
/// The longest status, `5.ddd.ddd`.
const LONGEST_STATUS: usize = 9;
/// The form of the bytes below.
const VERSION: u8 = 1;

/// The key of all hashes here: 256 random bits that whoever reads the store does not have.
pub struct CacheSecret(Zeroizing<[u8; 32]>);

/// Where the record of a login is stored: host and user, in no readable form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoginKey([u8; 32]);

/// One refused login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLogin {
    /// When, in seconds since 1970.
    pub at: u64,
    /// The enhanced status of the reply, as it was.
    pub status: String,
    /// The reply in one line: [`crate::Refusal::text`], so without secrets.
    pub reply: String,
}

/// Why a stored record says nothing about a login. It is to be removed, and the login to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// Cut short, of another version, or never one of ours.
    #[error("not a record of a refused login")]
    Malformed,
    /// The password is another one now, or somebody changed the record. It cannot be told which.
    #[error("a record for another password")]
    OtherCredential,
    /// Older than it may be, or from the future.
    #[error("a record out of date")]
    Expired,
}

impl CacheSecret {
    /// Of random octets, the same for as long as the store is used.
    #[must_use]
    pub fn new(octets: [u8; 32]) -> Self {
        Self(Zeroizing::new(octets))
    }

    fn hash(&self, fields: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut hash = Hmac::<Sha256>::new_from_slice(&self.0[..]).expect("any length");
        for field in fields {
            hash.update(&(field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        hash.finalize().into_bytes().into()
    }
}

impl LoginKey {
    /// Of a server's name, in any case, and a user.
    #[must_use]
    pub fn new(secret: &CacheSecret, host: &str, credential: &Credential) -> Self {
        let host = host.to_ascii_lowercase();
        Self(secret.hash(&[b"login", host.as_bytes(), credential.user().as_bytes()]))
    }

    /// The key of the caller's store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl RefusedLogin {
    /// The bytes to be stored under the [`LoginKey`]: version, time, status, reply, and a keyed hash over these and
    /// host, user and password.
    #[must_use]
    pub fn seal(&self, secret: &CacheSecret, host: &str, credential: &Credential) -> Vec<u8> {
        let status = self.status.get(..LONGEST_STATUS).unwrap_or(&self.status);
        let reply = self.reply.get(..self.reply.floor_char_boundary(LONGEST_REPLY)).unwrap_or_default();
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.at.to_be_bytes());
        bytes.push(u8::try_from(status.len()).unwrap_or_default());
        bytes.extend_from_slice(status.as_bytes());
        bytes.extend_from_slice(reply.as_bytes());
        let tag = tag(secret, host, credential, &bytes);
        bytes.extend_from_slice(&tag);
        bytes
    }

    /// Reads stored bytes for a login that is about to be tried at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// [`Void`].
    pub fn open(
        bytes: &[u8],
        secret: &CacheSecret,
        host: &str,
        credential: &Credential,
        now: u64,
        lifetime: Duration,
    ) -> Result<Self, Void> {
        let (said, theirs) = bytes.split_last_chunk::<32>().ok_or(Void::Malformed)?;
        let refused = Self::parse(said).ok_or(Void::Malformed)?;
        if !bool::from(tag(secret, host, credential, said).ct_eq(theirs)) {
            return Err(Void::OtherCredential);
        }
        match now.checked_sub(refused.at) {
            Some(age) if age <= lifetime.as_secs() => Ok(refused),
            Some(_) | None => Err(Void::Expired),
        }
    }

    /// One line for the log, in place of a login. The status is [`RefusedLogin::status`], softened if
    /// `smtp_sasl_auth_soft_bounce`.
    #[must_use]
    pub fn reason(&self, peer: &str) -> String {
        format!("SASL [CACHED] authentication failed; server {peer} said: {}", self.reply.replace('\n', " "))
    }

    fn parse(said: &[u8]) -> Option<Self> {
        let said = said.strip_prefix(&[VERSION])?;
        let (at, said) = said.split_first_chunk::<8>()?;
        let (length, said) = said.split_first()?;
        let (status, reply) = said.split_at_checked(usize::from(*length))?;
        if status.len() > LONGEST_STATUS || reply.len() > LONGEST_REPLY {
            return None;
        }
        let text = |octets| std::str::from_utf8(octets).ok().map(str::to_owned);
        Some(Self { at: u64::from_be_bytes(*at), status: text(status)?, reply: text(reply)? })
    }
}

fn tag(secret: &CacheSecret, host: &str, credential: &Credential, said: &[u8]) -> [u8; 32] {
    let host = host.to_ascii_lowercase();
    let user = credential.user().as_bytes();
    secret.hash(&[b"refused", host.as_bytes(), user, credential.secret().as_bytes(), said])
}

impl fmt::Debug for CacheSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheSecret(***)")
    }
}

#[cfg(test)]
mod tests;
