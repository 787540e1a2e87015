//! Lists of protocol versions (`smtp_tls_protocols`), and what of them the library has.

/// The versions that are offered; the library has no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Versions {
    /// TLS 1.2.
    pub(crate) tls12: bool,
    /// TLS 1.3.
    pub(crate) tls13: bool,
}

/// What is wrong with a list of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtocolsError {
    /// A word that names no version.
    #[error("invalid TLS protocol list {list:?}: {word:?} is not a protocol version")]
    Unknown {
        /// The whole list.
        list: String,
        /// The word.
        word: String,
    },
    /// Nothing is left at all.
    #[error("TLS protocol list {list:?} allows nothing")]
    Nothing {
        /// The whole list.
        list: String,
    },
    /// What is left is older than what the library has.
    #[error("TLS protocol list {list:?} allows neither TLSv1.2 nor TLSv1.3, and there are no others here")]
    Empty {
        /// The whole list.
        list: String,
    },
}

/// Names in the order of age, and their number on the wire.
const NAMES: [(&str, u16); 6] = [
    ("SSLv2", 0x0002),
    ("SSLv3", 0x0300),
    ("TLSv1", 0x0301),
    ("TLSv1.1", 0x0302),
    ("TLSv1.2", 0x0303),
    ("TLSv1.3", 0x0304),
];

/// Where in [`NAMES`] the versions begin that libraries still have: those before do not count for contiguity.
const OLDEST: usize = 2;

/// Reads a list: `!name` excludes, `name` includes (and excludes all that are not named), `>=name` and `<=name` are bounds.
///
/// The versions of a client are contiguous: what is above a gap is not offered, as in the original.
pub(crate) fn versions(list: &str) -> Result<Versions, ProtocolsError> {
    let mut included = [false; 6];
    let mut excluded = [false; 6];
    let (mut floor, mut ceiling) = (0u16, u16::MAX);
    let unknown = |word: &str| ProtocolsError::Unknown { list: list.into(), word: word.into() };
    for word in words(list) {
        if let Some(bound) = word.strip_prefix(">=") {
            floor = wire_number(bound).ok_or_else(|| unknown(&word))?;
        } else if let Some(bound) = word.strip_prefix("<=") {
            // A ceiling of zero is none, as in the library that the original uses.
            ceiling = wire_number(bound).filter(|number| *number != 0).unwrap_or(u16::MAX);
            wire_number(bound).ok_or_else(|| unknown(&word))?;
        } else {
            let (set, name) = match word.strip_prefix('!') {
                Some(name) => (&mut excluded, name),
                None => (&mut included, word.as_str()),
            };
            *position(name).and_then(|at| set.get_mut(at)).ok_or_else(|| unknown(&word))? = true;
        }
    }
    let inclusive = included.contains(&true);
    let offered: Vec<bool> = NAMES
        .iter()
        .zip(included.iter().zip(excluded))
        .map(|((_, number), (included, excluded))| {
            (!inclusive || *included) && !excluded && (floor..=ceiling).contains(number)
        })
        .collect();
    intersect(list, &offered)
}

/// Words, with a bound's sign joined to what follows it.
fn words(list: &str) -> Vec<String> {
    let spaced = list.replace(">= ", ">=").replace("<= ", "<=");
    spaced
        .split([' ', '\t', '\n', '\r', ',', ':'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn position(name: &str) -> Option<usize> {
    NAMES.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
}

/// A name, or a number in hexadecimal with or without `0x`.
fn wire_number(text: &str) -> Option<u16> {
    if let Some((_, number)) = position(text).and_then(|at| NAMES.get(at)) {
        return Some(*number);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    u16::from_str_radix(digits, 16).ok()
}

fn intersect(list: &str, offered: &[bool]) -> Result<Versions, ProtocolsError> {
    let run: Vec<usize> = offered
        .iter()
        .enumerate()
        .skip(OLDEST)
        .skip_while(|(_, offered)| !**offered)
        .take_while(|(_, offered)| **offered)
        .map(|(at, _)| at)
        .collect();
    let versions = Versions { tls12: run.contains(&4), tls13: run.contains(&5) };
    if versions.tls12 || versions.tls13 {
        Ok(versions)
    } else if run.is_empty() {
        Err(ProtocolsError::Nothing { list: list.into() })
    } else {
        Err(ProtocolsError::Empty { list: list.into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Versions = Versions { tls12: true, tls13: true };
    const ONLY12: Versions = Versions { tls12: true, tls13: false };
    const ONLY13: Versions = Versions { tls12: false, tls13: true };

    #[test]
    fn lists_and_what_they_offer() {
        for (list, expected) in [
            ("", BOTH),
            ("!SSLv2, !SSLv3", BOTH),
            (">=TLSv1", BOTH),
            ("!SSLv2:!SSLv3:!TLSv1:!TLSv1.1", BOTH),
            (">=TLSv1.2", BOTH),
            (">=TLSv1.3", ONLY13),
            (">= TLSv1.3", ONLY13),
            (">=0304", ONLY13),
            (">=0x0304", ONLY13),
            ("<=TLSv1.2", ONLY12),
            ("<=0303", ONLY12),
            ("<=0", BOTH),
            ("!TLSv1.3", ONLY12),
            ("TLSv1.2", ONLY12),
            ("tlsv1.2 TLSv1.3", BOTH),
            ("TLSv1.2, TLSv1.3, !TLSv1.3", ONLY12),
            (">=TLSv1.2 <=TLSv1.2", ONLY12),
            ("!TLSv1", BOTH),
        ] {
            assert_eq!(versions(list), Ok(expected), "{list:?}");
        }
    }

    #[test]
    fn what_is_above_a_gap_is_not_offered() {
        assert!(matches!(versions("!TLSv1.1"), Err(ProtocolsError::Empty { .. })));
        assert!(matches!(versions("TLSv1 TLSv1.2"), Err(ProtocolsError::Empty { .. })));
        assert!(matches!(versions("TLSv1.1, TLSv1.3"), Err(ProtocolsError::Empty { .. })));
        assert_eq!(versions("TLSv1.1 TLSv1.2"), Ok(ONLY12));
    }

    #[test]
    fn what_the_library_does_not_have_leaves_nothing() {
        for list in ["TLSv1", "<=TLSv1.1", "!TLSv1.2 !TLSv1.3"] {
            assert!(matches!(versions(list), Err(ProtocolsError::Empty { .. })), "{list}");
        }
    }

    #[test]
    fn what_allows_nothing_is_a_mistake() {
        for list in ["SSLv2 SSLv3", "!TLSv1 !TLSv1.1 !TLSv1.2 !TLSv1.3", "TLSv1.2 !TLSv1.2"] {
            assert!(matches!(versions(list), Err(ProtocolsError::Nothing { .. })), "{list}");
        }
    }

    #[test]
    fn unknown_names_are_errors() {
        for list in ["TLSv2", "!TLSv1.4", ">=", ">=banana", "<=TLS1.2x", "SSLv3 nonsense"] {
            assert!(matches!(versions(list), Err(ProtocolsError::Unknown { .. })), "{list}");
        }
    }
}
