//! Texts, paths, and `transport:nexthop`.

use std::fmt;
use std::io;
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

impl Value for char {
    const KIND: &'static str = "one character";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(ValueError::Empty),
            (Some(_), Some(_)) => {
                Err(ValueError::NotOneOf { word: text.into(), allowed: &["a single character"] })
            }
        }
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

/// A domain, as written or in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainSource {
    /// The domain itself.
    Domain(String),
    /// A file whose first line is the domain.
    File(PathBuf),
}

impl DomainSource {
    /// The domain, read from the file where there is one.
    ///
    /// Errors: the file cannot be read, or its first line is empty.
    pub fn read(&self) -> io::Result<String> {
        let path = match self {
            Self::Domain(domain) => return Ok(domain.clone()),
            Self::File(path) => path,
        };
        let text = std::fs::read_to_string(path)?;
        match text.lines().next().map(str::trim) {
            Some(domain) if !domain.is_empty() => Ok(domain.into()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the first line is empty")),
        }
    }
}

impl Value for DomainSource {
    const KIND: &'static str = "domain, or /file that has it";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        match text {
            "" => Err(ValueError::Empty),
            path if path.starts_with('/') => Ok(Self::File(path.into())),
            domain => Ok(Self::Domain(domain.into())),
        }
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

/// `None` where nothing is written.
impl Value for Option<TransportNexthop> {
    const KIND: &'static str = "transport or transport:nexthop, or nothing";

    fn parse(text: &str, default: &str) -> Result<Self, ValueError> {
        if text.is_empty() { Ok(None) } else { TransportNexthop::parse(text, default).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_may_stand_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let source = DomainSource::parse(file.path().to_str().unwrap(), "").unwrap();
        assert!(source.read().is_err());
        std::fs::write(file.path(), "example.org \nother\n").unwrap();
        assert_eq!(source.read().unwrap(), "example.org");
        assert_eq!(DomainSource::parse("example.net", "").unwrap().read().unwrap(), "example.net");
    }

    #[test]
    fn the_first_colon_ends_the_transport() {
        let parsed = TransportNexthop::parse("smtp:[::1]:2525", "").unwrap();
        assert_eq!((parsed.transport.as_str(), parsed.nexthop.as_deref()), ("smtp", Some("[::1]:2525")));
        assert_eq!(TransportNexthop::parse("lmtp", "").unwrap().nexthop, None);
        assert_eq!(TransportNexthop::parse(":host", ""), Err(ValueError::Empty));
    }
}
