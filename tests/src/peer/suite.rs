//! The cipher suites a session may have, as each kind of server names them.

use std::fmt;
use std::str::FromStr;

/// A protocol version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// The kind of key in the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// ECDSA on P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Aes128,
    Aes256,
    Chacha20,
}

/// A suite, and with it the protocol version and the kind of certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// The version it belongs to.
    pub protocol: Protocol,
    /// The certificate to use with it. Under TLS 1.3 any will do.
    pub key: Key,
    cipher: Cipher,
}

/// All suites that Baton speaks.
pub const ALL: [Suite; 9] = [
    Suite { protocol: Protocol::Tls13, key: Key::Ecdsa, cipher: Cipher::Aes128 },
    Suite { protocol: Protocol::Tls13, key: Key::Rsa, cipher: Cipher::Aes256 },
    Suite { protocol: Protocol::Tls13, key: Key::Ecdsa, cipher: Cipher::Chacha20 },
    Suite { protocol: Protocol::Tls12, key: Key::Ecdsa, cipher: Cipher::Aes128 },
    Suite { protocol: Protocol::Tls12, key: Key::Ecdsa, cipher: Cipher::Aes256 },
    Suite { protocol: Protocol::Tls12, key: Key::Ecdsa, cipher: Cipher::Chacha20 },
    Suite { protocol: Protocol::Tls12, key: Key::Rsa, cipher: Cipher::Aes128 },
    Suite { protocol: Protocol::Tls12, key: Key::Rsa, cipher: Cipher::Aes256 },
    Suite { protocol: Protocol::Tls12, key: Key::Rsa, cipher: Cipher::Chacha20 },
];

impl Suite {
    /// Its name in the registry of IANA; rustls uses it too.
    pub fn iana(self) -> String {
        let key = match (self.protocol, self.key) {
            (Protocol::Tls13, _) => "",
            (Protocol::Tls12, Key::Ecdsa) => "ECDHE_ECDSA_WITH_",
            (Protocol::Tls12, Key::Rsa) => "ECDHE_RSA_WITH_",
        };
        let cipher = match self.cipher {
            Cipher::Aes128 => "AES_128_GCM_SHA256",
            Cipher::Aes256 => "AES_256_GCM_SHA384",
            Cipher::Chacha20 => "CHACHA20_POLY1305_SHA256",
        };
        format!("TLS_{key}{cipher}")
    }

    /// What OpenSSL calls it.
    pub fn openssl(self) -> String {
        if self.protocol == Protocol::Tls13 {
            return self.iana();
        }
        let cipher = match self.cipher {
            Cipher::Aes128 => "AES128-GCM-SHA256",
            Cipher::Aes256 => "AES256-GCM-SHA384",
            Cipher::Chacha20 => "CHACHA20-POLY1305",
        };
        format!("ECDHE-{}-{cipher}", self.key)
    }

    /// What GnuTLS calls the cipher.
    pub(super) fn gnutls_cipher(self) -> &'static str {
        match self.cipher {
            Cipher::Aes128 => "AES-128-GCM",
            Cipher::Aes256 => "AES-256-GCM",
            Cipher::Chacha20 => "CHACHA20-POLY1305",
        }
    }

    /// A priority string of GnuTLS that leaves nothing but this.
    pub fn gnutls(self) -> String {
        let protocol = match self.protocol {
            Protocol::Tls12 => "TLS1.2",
            Protocol::Tls13 => "TLS1.3",
        };
        let (cipher, key) = (self.gnutls_cipher(), self.key);
        format!("NORMAL:-VERS-ALL:+VERS-{protocol}:-CIPHER-ALL:+{cipher}:-KX-ALL:+ECDHE-{key}")
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iana())
    }
}

impl FromStr for Suite {
    type Err = String;

    /// The name of IANA or of OpenSSL.
    fn from_str(name: &str) -> Result<Self, String> {
        let found = ALL.into_iter().find(|suite| suite.iana() == name || suite.openssl() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = ALL.into_iter().map(Self::iana).collect();
            format!("no such suite; there are {}", names.join(", "))
        })
    }
}

impl fmt::Display for Protocol {
    /// As logs have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ecdsa => "ECDSA",
            Self::Rsa => "RSA",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_found_by_either_name() {
        for suite in ALL {
            assert_eq!(suite.iana().parse(), Ok(suite));
            assert_eq!(suite.openssl().parse(), Ok(suite));
        }
        assert!(
            "TLS_RSA_WITH_AES_128_CBC_SHA".parse::<Suite>().unwrap_err().contains("TLS_AES_128_GCM_SHA256")
        );
    }

    #[test]
    fn each_library_has_its_own_names() {
        let suite = ALL[8];
        assert_eq!(suite.iana(), "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
        assert_eq!(suite.openssl(), "ECDHE-RSA-CHACHA20-POLY1305");
        assert!(suite.gnutls().ends_with(":+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305:-KX-ALL:+ECDHE-RSA"));
    }
}
