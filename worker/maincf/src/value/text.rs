//! Texts, paths, and `transport:nexthop`.

use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;

use super::{Value, ValueError};

impl Value for String {
    const KIND: &'static str = "text";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        Ok(text.into())
    }
}

impl Value for PathBuf {
    const KIND: &'static str = "path";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Err(ValueError::Empty) } else { Ok(text.into()) }
    }
}

impl Value for Option<PathBuf> {
    const KIND: &'static str = "path or nothing";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        Ok((!text.is_empty()).then(|| text.into()))
    }
}

impl Value for Option<bool> {
    const KIND: &'static str = "yes, no or nothing";

    fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Ok(None) } else { bool::parse(text, default).map(Some) }
    }
}

/// A text with at least one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty(String);

impl Deref for NonEmpty {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NonEmpty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for NonEmpty {
    const KIND: &'static str = "text, not empty";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Err(ValueError::Empty) } else { Ok(Self(text.into())) }
    }
}

/// A transport and, where given, the next hop for it: `smtp:[mx.example]:25`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportNexthop {
    /// Name of the transport: `smtp`, `lmtp`.
    pub transport: String,
    /// `None` where the recipient's domain is the next hop.
    pub nexthop: Option<String>,
}

impl Value for TransportNexthop {
    const KIND: &'static str = "transport or transport:nexthop";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let (transport, nexthop) = text.split_once(':').unwrap_or((text, ""));
        if transport.is_empty() {
            return Err(ValueError::Empty);
        }
        Ok(Self { transport: transport.into(), nexthop: (!nexthop.is_empty()).then(|| nexthop.into()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_ends_the_transport() {
        let parsed = TransportNexthop::parse("smtp:[::1]:2525", "").unwrap();
        assert_eq!((parsed.transport.as_str(), parsed.nexthop.as_deref()), ("smtp", Some("[::1]:2525")));
        assert_eq!(TransportNexthop::parse("lmtp", "").unwrap().nexthop, None);
        assert_eq!(TransportNexthop::parse(":host", ""), Err(ValueError::Empty));
    }
}
