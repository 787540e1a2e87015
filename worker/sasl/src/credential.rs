//! Who logs in, and with what secret. The secret is never shown, and does not outlive its owner.

use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The longest user name, password or authorization identity, in octets: three of them encoded as base64 stay within
/// the 12288 octets of a response line, RFC 4954 §4.
pub const LONGEST_FIELD: usize = 3000;

/// A user name with its password, or with the token of [`crate::Mechanism::OauthBearer`] and
/// [`crate::Mechanism::Xoauth2`].
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    user: String,
    secret: Zeroizing<String>,
    authzid: Option<String>,
}

/// Whether the user name is sent as authorization identity too: `send_cyrus_sasl_authzid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authzid {
    /// `no`: it is left empty.
    Omit,
    /// `yes`: the user name once more, in mechanisms that have a field for it.
    User,
}

/// An entry of a password map that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredential {
    /// NUL separates the fields of PLAIN.
    #[error("a user name or password with NUL in it")]
    Nul,
    /// There is no room for it in a response.
    #[error("a user name or password of more than {LONGEST_FIELD} octets")]
    TooLong,
}

/// A digest of everything in a credential, to tell sessions apart. Somebody who has it can try passwords against it,
/// so it goes into a keyed hash (proto's keys, field `credential`) and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity(Zeroizing<[u8; 32]>);

impl Credential {
    /// Of its parts.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn new(user: &str, secret: &str, authzid: Authzid) -> Result<Self, BadCredential> {
        for field in [user, secret] {
            if field.len() > LONGEST_FIELD {
                return Err(BadCredential::TooLong);
            }
            if field.contains('\0') {
                return Err(BadCredential::Nul);
            }
        }
        Ok(Self {
            user: user.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            authzid: (authzid == Authzid::User).then(|| user.to_owned()),
        })
    }

    /// Of a value in `smtp_sasl_password_maps`: `user:password`, cut at the first `delimiter`
    /// (`smtp_sasl_password_result_delimiter`). Without one the password is empty.
    ///
    /// # Errors
    /// [`BadCredential`].
    pub fn of_map_value(value: &str, delimiter: char, authzid: Authzid) -> Result<Self, BadCredential> {
        let (user, secret) = value.split_once(delimiter).unwrap_or((value, ""));
        Self::new(user, secret, authzid)
    }

    /// The authentication identity.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// See [`Identity`].
    #[must_use]
    pub fn identity(&self) -> Identity {
        let mut hash = Sha256::new();
        let authzid = self.authzid();
        for field in [self.user.as_str(), self.secret.as_str(), authzid] {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Identity(Zeroizing::new(hash.finalize().into()))
    }

    /// The password or token.
    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The authorization identity; empty if it is that of the user.
    pub(crate) fn authzid(&self) -> &str {
        self.authzid.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("user", &self.user).field("secret", &"***").finish_non_exhaustive()
    }
}

impl Identity {
    /// The field of a cache key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &str) -> Credential {
        Credential::of_map_value(value, ':', Authzid::Omit).unwrap()
    }

    #[test]
    fn a_map_value_is_cut_at_the_first_delimiter() {
        for (value, user, secret) in
            [("user:pa:ss", "user", "pa:ss"), ("user", "user", ""), (":x", "", "x"), ("u: p ", "u", " p ")]
        {
            let credential = of(value);
            assert_eq!((credential.user(), credential.secret()), (user, secret), "{value}");
        }
        let other = Credential::of_map_value("a:b|c|d", '|', Authzid::Omit).unwrap();
        assert_eq!((other.user(), other.secret()), ("a:b", "c|d"));
    }

    #[test]
    fn the_authorization_identity_is_the_user_or_nothing() {
        assert_eq!(Credential::new("u", "p", Authzid::User).unwrap().authzid(), "u");
        assert_eq!(Credential::new("u", "p", Authzid::Omit).unwrap().authzid(), "");
    }

    #[test]
    fn what_does_not_fit_a_response_is_refused() {
        let long = "x".repeat(LONGEST_FIELD + 1);
        assert_eq!(Credential::new(&long, "p", Authzid::Omit), Err(BadCredential::TooLong));
        assert_eq!(Credential::new("u", "a\0b", Authzid::Omit), Err(BadCredential::Nul));
    }

    #[test]
    fn every_part_of_a_credential_changes_its_identity() {
        let with = |user, secret, authzid| Credential::new(user, secret, authzid).unwrap().identity();
        let base = with("ab", "c", Authzid::Omit);
        assert!(base == with("ab", "c", Authzid::Omit));
        for other in [
            with("a", "bc", Authzid::Omit),
            with("ab", "d", Authzid::Omit),
            with("xb", "c", Authzid::Omit),
            with("ab", "c", Authzid::User),
        ] {
            assert!(base != other);
        }
    }

    proptest! {
        #[test]
        fn debug_output_shows_no_secret(user in "[a-z]{1,8}", secret in "[A-Z0-9]{6,40}") {
            let credential = Credential::new(&user, &secret, Authzid::Omit).unwrap();
            let shown = format!("{credential:?} {credential:#?} {:?}", credential.identity());
            prop_assert!(!shown.contains(&secret), "{}", shown);
            prop_assert!(shown.contains("***"));
        }
    }
}
