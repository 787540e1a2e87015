//! Ports of services by name, as the operator lists them (`known_tcp_ports`).

use std::num::NonZeroU16;

use super::list::words;
use super::{Value, ValueError};

/// `name=port` or `name=name=port`, several times. The first entry of a name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPorts(Vec<(String, u16)>);

impl KnownPorts {
    /// Names in lower case, and their ports.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u16)> {
        self.0.iter().map(|(name, port)| (name.as_str(), *port))
    }
}

impl Value for KnownPorts {
    const KIND: &'static str = "list of name=port";

    fn parse(text: &str, _default: &str) -> Result<Self, ValueError> {
        let mut known = Vec::new();
        for word in words(text)? {
            let wrong = || ValueError::NotAService(word.into());
            let (names, port) = word.rsplit_once('=').ok_or_else(wrong)?;
            let port: NonZeroU16 = port.parse().map_err(|_| wrong())?;
            for name in names.split('=') {
                if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
                    return Err(wrong());
                }
                known.push((name.to_ascii_lowercase(), port.get()));
            }
        }
        Ok(Self(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_names_may_share_a_port() {
        let known = KnownPorts::parse("a=1, b=C=2", "").unwrap();
        assert_eq!(known.iter().collect::<Vec<_>>(), [("a", 1), ("b", 2), ("c", 2)]);
        assert_eq!(KnownPorts::parse("", "").unwrap().iter().count(), 0);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["a", "a=", "=1", "a=0", "a=65536", "a=b", "1=2", "a==1"] {
            assert_eq!(KnownPorts::parse(text, ""), Err(ValueError::NotAService(text.into())), "{text}");
        }
    }
}
