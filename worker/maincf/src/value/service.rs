//! Ports by number or by service name.

use std::num::NonZeroU16;

use super::{Value, ValueError};

/// A TCP port as the administrator wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Service {
    /// By number.
    Number(NonZeroU16),
    /// By name, in lower case.
    Name(String),
}

/// Names that need no services file (`known_tcp_ports`).
const KNOWN: &[(&str, u16)] =
    &[("lmtp", 24), ("smtp", 25), ("smtps", 465), ("submissions", 465), ("submission", 587)];

impl Service {
    /// The port number; `None` for a name that only the system's services file may know.
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Number(port) => Some(port.get()),
            Self::Name(name) => KNOWN.iter().find(|(known, _)| known == name).map(|&(_, port)| port),
        }
    }
}

impl Value for Service {
    const KIND: &'static str = "port or service name";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::NotAService(text.into());
        match text.chars().next() {
            None => Err(ValueError::Empty),
            // What begins with a digit must be all digits: `25smtp` is a mistake, not a name.
            Some(c) if c.is_ascii_digit() => text.parse().map(Self::Number).map_err(|_| wrong()),
            Some(_) if text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+*".contains(c)) => {
                Ok(Self::Name(text.to_ascii_lowercase()))
            }
            Some(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_known_names_have_ports() {
        assert_eq!(Service::parse("24", "").unwrap().port(), Some(24));
        assert_eq!(Service::parse("SMTP", "").unwrap().port(), Some(25));
        assert_eq!(Service::parse("uucp", "").unwrap().port(), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["0", "65536", "25smtp", "a b", "a:b"] {
            assert_eq!(Service::parse(text, ""), Err(ValueError::NotAService(text.into())));
        }
        assert_eq!(Service::parse("", ""), Err(ValueError::Empty));
    }
}
