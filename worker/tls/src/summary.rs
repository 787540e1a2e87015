//! What was negotiated, as Postfix's log shows it.

use std::fmt;

use rustls::SignatureScheme;
use serde::{Deserialize, Serialize};

use crate::engine::Seen;
use crate::handshake::Negotiated;
use crate::policy::{groups, suites};
use crate::verify::certificate::{self, KeyKind};

/// One session's protocol, cipher, key exchange and signatures. [`fmt::Display`] is what stands behind
/// "TLS connection established to host[address]:port: ".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    protocol: u16,
    suite: u16,
    group: u16,
    server: Option<Signature>,
    client: Option<Signature>,
}

/// A signature's scheme and what is told of its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    scheme: u16,
    /// Of an RSA key.
    bits: Option<u16>,
    /// Of an ECDSA key: its group.
    curve: Option<u16>,
}

impl Summary {
    pub(crate) fn of(negotiated: &Negotiated, seen: &Seen) -> Self {
        let key = negotiated.chain.first().and_then(certificate::key);
        let signature =
            |scheme: SignatureScheme, key: Option<&[u8]>| Signature::of(scheme, key.unwrap_or_default());
        Self {
            protocol: negotiated.protocol,
            suite: negotiated.suite,
            group: negotiated.group,
            server: seen.scheme.map(|scheme| signature(scheme, key.as_deref())),
            client: seen.own.as_ref().map(|(scheme, key)| signature(*scheme, Some(key))),
        }
    }

    /// `TLSv1.2` or `TLSv1.3`.
    pub fn protocol(&self) -> &'static str {
        match self.protocol {
            0x0303 => "TLSv1.2",
            0x0304 => "TLSv1.3",
            _ => "unknown",
        }
    }

    /// The cipher suite's name in OpenSSL.
    pub fn cipher(&self) -> &'static str {
        suites::suite(self.suite).map_or("unknown", |suite| suite.name)
    }

    /// How long the cipher's key is.
    pub fn cipher_bits(&self) -> u16 {
        suites::suite(self.suite).map_or(0, |suite| suite.bits)
    }
}

impl Signature {
    fn of(scheme: SignatureScheme, key: &[u8]) -> Self {
        let (bits, curve) = match certificate::key_kind(key) {
            KeyKind::Rsa { bits } => (Some(bits), None),
            KeyKind::Curve(name) => (None, groups::number(name)),
            KeyKind::Other => (None, None),
        };
        Self { scheme: scheme.into(), bits, curve }
    }

    fn kind(&self) -> (&'static str, Option<&'static str>) {
        use SignatureScheme as S;
        match S::from(self.scheme) {
            S::RSA_PSS_SHA256 => ("RSA-PSS", Some("SHA256")),
            S::RSA_PSS_SHA384 => ("RSA-PSS", Some("SHA384")),
            S::RSA_PSS_SHA512 => ("RSA-PSS", Some("SHA512")),
            S::ECDSA_NISTP256_SHA256 => ("ECDSA", Some("SHA256")),
            S::ECDSA_NISTP384_SHA384 => ("ECDSA", Some("SHA384")),
            S::ECDSA_NISTP521_SHA512 => ("ECDSA", Some("SHA512")),
            S::ED25519 => ("ED25519", None),
            S::ED448 => ("ED448", None),
            _ => ("unknown", None),
        }
    }

    /// `side`: server or client.
    fn write(&self, side: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, digest) = self.kind();
        write!(f, " {side}-signature {kind}")?;
        match (self.bits, self.curve.and_then(groups::name)) {
            (Some(bits), _) => write!(f, " ({bits} bits)")?,
            (None, Some(curve)) => write!(f, " ({curve})")?,
            (None, None) => {}
        }
        digest.map_or(Ok(()), |digest| write!(f, " {side}-digest {digest}"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.cipher_bits();
        write!(f, "{} with cipher {} ({bits}/{bits} bits)", self.protocol(), self.cipher())?;
        // The original tells the rest of TLS 1.3 only, where the suite's name does not tell it.
        if self.protocol != 0x0304 {
            return Ok(());
        }
        match groups::name(self.group) {
            None => {}
            Some(name) if name.starts_with('X') => write!(f, " key-exchange {name}")?,
            Some(curve) => write!(f, " key-exchange ECDHE ({curve})")?,
        }
        self.server.as_ref().map_or(Ok(()), |signature| signature.write("server", f))?;
        self.client.as_ref().map_or(Ok(()), |signature| signature.write("client", f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(protocol: u16, suite: u16, group: u16, server: (u16, Option<u16>, Option<u16>)) -> Summary {
        let (scheme, bits, curve) = server;
        Summary { protocol, suite, group, server: Some(Signature { scheme, bits, curve }), client: None }
    }

    /// Lines that Debian's Postfix 3.7 wrote with OpenSSL 3.0.
    #[test]
    fn lines_are_those_of_postfix() {
        let rsa = (0x0804, Some(2048), None);
        for (summary, line) in [
            (
                summary(0x0304, 0x1302, 0x1D, rsa),
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256",
            ),
            (
                summary(0x0304, 0x1302, 0x1D, (0x0403, None, Some(0x17))),
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (prime256v1) server-digest SHA256",
            ),
            (
                summary(0x0304, 0x1302, 0x1D, (0x0503, None, Some(0x18))),
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ECDSA (secp384r1) server-digest SHA384",
            ),
            (
                summary(0x0304, 0x1302, 0x1D, (0x0807, None, None)),
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-signature ED25519",
            ),
            (
                summary(0x0304, 0x1302, 0x17, rsa),
                "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange ECDHE (prime256v1) server-signature RSA-PSS (2048 bits) server-digest SHA256",
            ),
            (
                summary(0x0304, 0x1303, 0x18, rsa),
                "TLSv1.3 with cipher TLS_CHACHA20_POLY1305_SHA256 (256/256 bits) key-exchange ECDHE (secp384r1) server-signature RSA-PSS (2048 bits) server-digest SHA256",
            ),
            (
                summary(0x0304, 0x1301, 0, rsa),
                "TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits) server-signature RSA-PSS (2048 bits) server-digest SHA256",
            ),
            (
                summary(0x0303, 0xC030, 0x1D, rsa),
                "TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits)",
            ),
            (
                summary(0x0303, 0xCCA8, 0x1D, rsa),
                "TLSv1.2 with cipher ECDHE-RSA-CHACHA20-POLY1305 (256/256 bits)",
            ),
        ] {
            assert_eq!(summary.to_string(), line);
        }
    }

    #[test]
    fn our_own_signature_comes_last() {
        let client = Some(Signature { scheme: 0x0403, bits: None, curve: Some(0x17) });
        let summary = Summary { client, ..summary(0x0304, 0x1302, 0x1D, (0x0804, Some(2048), None)) };
        assert!(
            summary
                .to_string()
                .ends_with(" server-digest SHA256 client-signature ECDSA (prime256v1) client-digest SHA256")
        );
    }
}
