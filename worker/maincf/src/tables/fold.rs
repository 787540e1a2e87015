//! Keys without their case, as Postfix folds them with the ICU library: Unicode's full case folding.

use std::borrow::Cow;

/// The key under which tables with fixed keys hold an entry: `ß` and `SS` are both `ss`.
pub(super) fn folded(key: &str) -> Cow<'_, str> {
    if !key.is_ascii() {
        return Cow::Owned(key.chars().flat_map(fold).collect());
    }
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Cow::Owned(key.to_ascii_lowercase());
    }
    Cow::Borrowed(key)
}

/// Folding is defined as the lower case of the upper case, but for letters that Unicode got a second case of later,
/// or that must not become another letter.
fn fold(c: char) -> Vec<char> {
    match c {
        // Without its dot it stays apart from the letter i.
        'ı' => vec![c],
        // Cherokee had capital letters only, and those are what is folded to.
        '\u{13a0}'..='\u{13fd}' | '\u{ab70}'..='\u{abbf}' => c.to_uppercase().collect(),
        // In lower case first: a capital sharp s is its own upper case.
        _ => c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_both_cases_are_one() {
        for (one, other) in [
            ("USER@Example.ORG", "user@example.org"),
            ("STRASSE", "straße"),
            ("STRAẞE", "strasse"),
            ("ΌΔΟΣ", "όδος"),
            ("Ꭰ", "ꭰ"),
            ("ﬀ", "FF"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("ı"), folded("i"));
        assert!(matches!(folded("a@b"), Cow::Borrowed("a@b")));
    }

    proptest::proptest! {
        #[test]
        fn what_is_folded_stays_as_it_is(key: String) {
            let once = folded(&key).into_owned();
            proptest::prop_assert_eq!(folded(&once), once.as_str());
        }
    }
}
