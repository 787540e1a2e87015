//! The two names under which a session is parked: who asked for it, and where it is connected and how.
//!
//! A key is the HMAC-SHA-256 of length-prefixed fields under a secret that scache does not have, so that
//! nothing in a field (a credential least of all) can be guessed from it. Scopes are taken apart by
//! destructuring: a new field does not compile until the key contains it.

use crate::secret::Secret;
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Who asked: any session found under it may serve the same request again while its route is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DestinationKey([u8; 32]);

/// Where it is connected, and everything that was decided about the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointKey([u8; 32]);

/// What a message needs of a session beyond plain delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// RFC 6531: the message has UTF-8 in its envelope or header.
    pub smtputf8: bool,
    /// RFC 8689: the sender required TLS all the way.
    pub requiretls: bool,
}

/// Digest of a TLS policy: the level and whatever that level looks at.
pub type PolicyDigest = [u8; 32];

/// Everything that makes two requests interchangeable.
#[derive(Clone, Copy, Debug)]
pub struct DestinationScope<'a> {
    /// The transport's name in the log, `smtp` or as the operator called it.
    pub service: &'a str,
    /// The next hop as asked for, brackets and port included.
    pub nexthop: &'a str,
    /// The sender, only where credentials depend on it.
    pub sender: Option<&'a str>,
    /// Identity of the credentials that would be used, never the credentials.
    pub credential: Option<&'a [u8]>,
    /// The *configured* TLS policy of this destination.
    pub tls_policy: &'a PolicyDigest,
    /// What the message needs.
    pub needs: Needs,
}

/// Everything that makes two connections interchangeable.
#[derive(Clone, Copy, Debug)]
pub struct EndpointScope<'a> {
    /// The transport's name in the log.
    pub service: &'a str,
    /// `smtp` or `lmtp`.
    pub protocol: &'a str,
    /// The remote address as text: an IP address, or the path of a Unix socket.
    pub address: &'a str,
    /// The remote port; 0 for a Unix socket.
    pub port: u16,
    /// The local address it was bound to, if one was asked for.
    pub bind: Option<&'a str>,
    /// The name given in EHLO, HELO or LHLO.
    pub helo: &'a str,
    /// What else decides what is known of the server: extensions to ignore, workarounds.
    pub introduction: &'a str,
    /// The sender, only where credentials depend on it.
    pub sender: Option<&'a str>,
    /// Identity of the credentials in use, never the credentials.
    pub credential: Option<&'a [u8]>,
    /// The proxy the connection runs through, if any.
    pub proxy: Option<&'a str>,
    /// The *effective* TLS policy.
    pub tls_policy: &'a PolicyDigest,
    /// What the message needs.
    pub needs: Needs,
}

impl DestinationKey {
    /// The bytes of the key, to bind other data to it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of `scope` under `secret`.
    #[must_use]
    pub fn new(secret: &Secret, scope: &DestinationScope<'_>) -> Self {
        let DestinationScope { service, nexthop, sender, credential, tls_policy, needs } = scope;
        let mut fields = Fields::new(secret, b"destination");
        fields.text(service).text(nexthop).optional(sender.map(str::as_bytes)).optional(*credential);
        fields.bytes(&tls_policy[..]).needs(*needs);
        Self(fields.finish())
    }
}

impl EndpointKey {
    /// The key of `scope` under `secret`.
    #[must_use]
    pub fn new(secret: &Secret, scope: &EndpointScope<'_>) -> Self {
        let EndpointScope {
            service,
            protocol,
            address,
            port,
            bind,
            helo,
            introduction,
            sender,
            credential,
            proxy,
            tls_policy,
            needs,
        } = scope;
        let mut fields = Fields::new(secret, b"endpoint");
        fields.text(service).text(protocol).text(address).bytes(&port.to_be_bytes());
        fields
            .optional(bind.map(str::as_bytes))
            .text(helo)
            .text(introduction)
            .optional(sender.map(str::as_bytes));
        fields.optional(*credential).optional(proxy.map(str::as_bytes)).bytes(&tls_policy[..]).needs(*needs);
        Self(fields.finish())
    }

    /// The bytes of the key, to bind other data to it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Fields under construction: each with its length in front, so that no separator can be forged.
struct Fields(Hmac<Sha256>);

impl Fields {
    fn new(secret: &Secret, kind: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC accepts a key of any length")]
        let mac = Hmac::new_from_slice(secret.expose()).expect("any length is accepted");
        let mut fields = Self(mac);
        fields.bytes(kind);
        fields
    }

    fn bytes(&mut self, field: &[u8]) -> &mut Self {
        self.0.update(&(field.len() as u64).to_be_bytes());
        self.0.update(field);
        self
    }

    fn text(&mut self, field: &str) -> &mut Self {
        self.bytes(field.as_bytes())
    }

    fn optional(&mut self, field: Option<&[u8]>) -> &mut Self {
        self.0.update(&[u8::from(field.is_some())]);
        self.bytes(field.unwrap_or_default())
    }

    fn needs(&mut self, needs: Needs) -> &mut Self {
        let Needs { smtputf8, requiretls } = needs;
        self.bytes(&[u8::from(smtputf8), u8::from(requiretls)])
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new([7; 32])
    }

    fn base() -> EndpointScope<'static> {
        EndpointScope {
            service: "smtp",
            protocol: "smtp",
            address: "192.0.2.1",
            port: 25,
            bind: None,
            helo: "relay.example",
            introduction: "",
            sender: None,
            credential: None,
            proxy: None,
            tls_policy: &[0; 32],
            needs: Needs { smtputf8: false, requiretls: false },
        }
    }

    #[test]
    fn every_field_of_the_endpoint_changes_the_key() {
        let key = |scope: EndpointScope<'_>| EndpointKey::new(&secret(), &scope);
        let others = [
            EndpointScope { service: "relay", ..base() },
            EndpointScope { protocol: "lmtp", ..base() },
            EndpointScope { address: "192.0.2.2", ..base() },
            EndpointScope { port: 26, ..base() },
            EndpointScope { bind: Some("192.0.2.9"), ..base() },
            EndpointScope { bind: Some(""), ..base() },
            EndpointScope { helo: "other.example", ..base() },
            EndpointScope { introduction: "DSN", ..base() },
            EndpointScope { sender: Some("a@example"), ..base() },
            EndpointScope { credential: Some(b"user"), ..base() },
            EndpointScope { proxy: Some("p"), ..base() },
            EndpointScope { tls_policy: &[1; 32], ..base() },
            EndpointScope { needs: Needs { smtputf8: true, requiretls: false }, ..base() },
            EndpointScope { needs: Needs { smtputf8: false, requiretls: true }, ..base() },
        ];
        let mut keys: Vec<_> = others.into_iter().map(key).collect();
        keys.push(key(base()));
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
        assert_eq!(key(base()), key(base()));
    }

    #[test]
    fn fields_cannot_be_shifted_into_one_another() {
        let scope = |service, nexthop| DestinationScope {
            service,
            nexthop,
            sender: None,
            credential: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        let key = |s, n| DestinationKey::new(&secret(), &scope(s, n));
        assert_ne!(key("smtpa", "b.example"), key("smtp", "ab.example"));
        assert_ne!(
            DestinationKey::new(&Secret::new([1; 32]), &scope("smtp", "a")),
            DestinationKey::new(&secret(), &scope("smtp", "a")),
        );
    }
}
