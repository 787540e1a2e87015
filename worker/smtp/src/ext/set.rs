//! A set of extensions, small enough to travel with a session.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! extensions {
    ($($name:ident = $word:literal, $doc:literal;)*) => {
        /// An extension that a server may offer, or that the administrator may name in a discard list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Extension {
            $(#[doc = $doc] $name,)*
        }

        impl Extension {
            /// All there are, in the order in which the log names them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The EHLO keyword.
            #[must_use]
            pub const fn keyword(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

extensions! {
    EightBitMime = "8BITMIME", "RFC 6152.";
    Auth = "AUTH", "RFC 4954.";
    Etrn = "ETRN", "RFC 1985; not used by a client that delivers.";
    Pipelining = "PIPELINING", "RFC 2920.";
    Size = "SIZE", "RFC 1870.";
    Verp = "VERP", "Not used by a client that delivers.";
    Vrfy = "VRFY", "RFC 5321; not used by a client that delivers.";
    Xclient = "XCLIENT", "Not used by a client that delivers.";
    Xforward = "XFORWARD", "Client information for content filters.";
    StartTls = "STARTTLS", "RFC 3207.";
    EnhancedStatusCodes = "ENHANCEDSTATUSCODES", "RFC 2034.";
    Dsn = "DSN", "RFC 3461.";
    SmtpUtf8 = "SMTPUTF8", "RFC 6531.";
    Chunking = "CHUNKING", "RFC 3030.";
    RequireTls = "REQUIRETLS", "RFC 8689.";
}

/// Some of the extensions there are.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extensions(u32);

impl Extensions {
    /// Adds one.
    pub const fn insert(&mut self, extension: Extension) {
        self.0 |= 1 << extension as u32;
    }

    /// Whether it is among them.
    #[must_use]
    pub const fn contains(self, extension: Extension) -> bool {
        self.0 & (1 << extension as u32) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them once.
    pub fn iter(self) -> impl Iterator<Item = Extension> {
        Extension::ALL.iter().copied().filter(move |extension| self.contains(*extension))
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        let mut set = Self::default();
        extensions.into_iter().for_each(|extension| set.insert(extension));
        set
    }
}

/// The keywords, separated by spaces.
impl fmt::Display for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, extension) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { " " };
            write!(f, "{separator}{}", extension.keyword())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({self})")
    }
}
