//! How strictly TLS is used.

use crate::param::Mirror::Same;
use crate::param::Today::{self, Act, ByValue, Refuse, Warn};
use crate::param::params;
use crate::value::{SecurityLevel, Value};

params! {
    /// How strictly TLS is used.
    Tls {
        /// The level where no policy says otherwise.
        security_level: SecurityLevel = "tls_security_level", "", Same, ByValue(level_today);
    }
}

/// Mail that must be encrypted is not sent in the clear because the code is not there yet.
fn level_today(value: &str) -> Today {
    match SecurityLevel::parse(value, "") {
        Ok(SecurityLevel::May) => Warn("TLS is not built yet: mail is sent in plaintext"),
        Ok(level) if level > SecurityLevel::May => {
            Refuse("TLS is not built yet, and this level forbids plaintext; only none and may can be set")
        }
        // A word that is no level is an error of its own.
        _ => Act,
    }
}
