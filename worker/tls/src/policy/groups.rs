//! Key exchange groups by the names that OpenSSL gives them (`tls_eecdh_auto_curves`).

/// Numbers on the wire and names; the first name is the one of the log.
const GROUPS: &[(u16, &[&str])] = &[
    (0x001D, &["X25519"]),
    (0x001E, &["X448"]),
    (0x0017, &["prime256v1", "P-256", "secp256r1"]),
    (0x0019, &["secp521r1", "P-521"]),
    (0x0018, &["secp384r1", "P-384"]),
    (0x11EC, &["X25519MLKEM768"]),
];

/// The groups that hold a post-quantum share. One of them alone in the first flight makes it longer than a segment.
const LONG: &[u16] = &[0x11EC];

/// The group's name in OpenSSL.
pub(crate) fn name(group: u16) -> Option<&'static str> {
    GROUPS.iter().find(|(number, _)| *number == group).and_then(|(_, names)| names.first()).copied()
}

/// The groups that are offered, best first, and the names that nobody knows. `available`: what the library has.
///
/// An empty list, `DEFAULT` or a list of nothing that the library has is everything that it has.
pub(crate) fn select(list: &[String], available: &[u16]) -> (Vec<u16>, Vec<String>) {
    let (mut chosen, mut unknown) = (Vec::new(), Vec::new());
    for word in list.iter().flat_map(|item| item.split([':', '/'])).filter(|word| !word.is_empty()) {
        let name = word.trim_start_matches(['?', '*']);
        if name.eq_ignore_ascii_case("DEFAULT") {
            chosen.extend(GROUPS.iter().map(|(number, _)| *number));
        } else if let Some(found) = number(name) {
            chosen.push(found);
        } else if !word.starts_with('?') {
            unknown.push(word.to_owned());
        }
    }
    let mut offered: Vec<u16> = Vec::new();
    for number in chosen {
        if available.contains(&number) && !offered.contains(&number) {
            offered.push(number);
        }
    }
    if offered.is_empty() {
        offered = available.to_vec();
    }
    // The first group's share is sent unasked: a short one.
    if let Some(short) = offered.iter().position(|number| !LONG.contains(number)) {
        let first = offered.remove(short);
        offered.insert(0, first);
    }
    (offered, unknown)
}

/// The number of a group by any of its names.
pub(crate) fn number(name: &str) -> Option<u16> {
    let named = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    GROUPS.iter().find(|(_, names)| named(names)).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: &[u16] = &[0x001D, 0x0017, 0x0018];

    fn words(list: &str) -> Vec<String> {
        list.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn the_default_is_what_the_library_has_of_it() {
        let (offered, unknown) = select(&words("X25519 X448 prime256v1 secp521r1 secp384r1"), RING);
        assert_eq!(offered, [0x001D, 0x0017, 0x0018]);
        assert!(unknown.is_empty());
    }

    #[test]
    fn order_aliases_and_unknown_names() {
        assert_eq!(select(&words("P-384 P-256"), RING).0, [0x0018, 0x0017]);
        assert_eq!(select(&words("sect571r1 secp384r1"), RING), (vec![0x0018], vec!["sect571r1".to_owned()]));
        assert_eq!(select(&words("X448"), RING).0, RING);
        assert_eq!(select(&[], RING).0, RING);
    }

    #[test]
    fn a_long_share_is_not_sent_unasked() {
        let available = [0x11EC, 0x001D, 0x0017];
        assert_eq!(select(&words("?X25519MLKEM768:DEFAULT"), &available).0, [0x001D, 0x11EC, 0x0017]);
        assert_eq!(select(&[], &available).0, [0x001D, 0x11EC, 0x0017]);
    }
}
