//! The question that shows whether the servers validate (`dnssec_probe`).

use std::str::FromStr;

use hickory_resolver::proto::rr::{Name, RecordType};

/// A type and a name whose records are known to be signed, as `ns:.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub(super) kind: RecordType,
    pub(super) name: Name,
}

/// `dnssec_probe` cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// No colon, or an unknown type before it.
    #[error("unknown DNS record type: {0}")]
    Type(String),
    /// What follows the colon is not a name.
    #[error("not a DNS name: {0}")]
    Name(String),
}

/// What a [`Probe`] showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeResult {
    /// The answer was validated, by a server that is believed.
    Validates,
    /// There was an answer, and it was not validated, or comes from servers that are not believed.
    DoesNotValidate,
    /// No answer, or one without records, which shows nothing.
    Unknown,
}

impl Probe {
    /// Reads `type:name`; the name is absolute with and without its final dot. `None` if `text` is empty: do not ask.
    ///
    /// # Errors
    /// [`ProbeError`].
    pub fn parse(text: &str) -> Result<Option<Self>, ProbeError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (kind, name) = text.split_once(':').ok_or_else(|| ProbeError::Type(text.into()))?;
        let known = RecordType::from_str(&kind.trim().to_ascii_uppercase());
        let kind = known.map_err(|_| ProbeError::Type(kind.into()))?;
        absolute(name.trim())
            .map(|name| Some(Self { kind, name }))
            .ok_or_else(|| ProbeError::Name(name.into()))
    }
}

/// From labels, so that no search list and no special name applies. `.` is the root.
fn absolute(text: &str) -> Option<Name> {
    let labels = text.strip_suffix('.').unwrap_or(text);
    let mut name = match (text, labels) {
        ("", _) => return None,
        (_, "") => Name::root(),
        _ if labels.split('.').any(str::is_empty) => return None,
        _ => Name::from_labels(labels.split('.').map(str::as_bytes)).ok()?,
    };
    name.set_fqdn(true);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_name_are_read() {
        let read =
            |text| Probe::parse(text).unwrap().map(|probe| (probe.kind.to_string(), probe.name.to_ascii()));
        let known = |kind: &str, name: &str| Some((kind.to_owned(), name.to_owned()));
        assert_eq!(read("ns:."), known("NS", "."));
        assert_eq!(read("DNSKEY:example.org"), known("DNSKEY", "example.org."));
        assert_eq!(read(" mx : example.org. "), known("MX", "example.org."));
        assert_eq!(read(""), None);
        assert_eq!(read("  "), None);
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for text in ["ns", ".", "nonsense:.", ":.", ":"] {
            assert!(matches!(Probe::parse(text), Err(ProbeError::Type(_))), "{text}");
        }
        let long = format!("ns:{}", "a".repeat(64));
        for text in ["ns:", "ns:a..b", "ns:..", "ns:.a", &long] {
            assert!(matches!(Probe::parse(text), Err(ProbeError::Name(_))), "{text}");
        }
    }
}
