//! Base64, RFC 4648 §4, in its strict form: one way to write a string, no line ends, padding at the end only.

use data_encoding::BASE64;
use zeroize::Zeroizing;

pub(crate) fn encode(octets: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(BASE64.encode(octets))
}

pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    // The decoder would take several padded strings in a row.
    if text.trim_end_matches('=').contains('=') {
        return None;
    }
    BASE64.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn there_is_one_way_to_write_a_string() {
        assert_eq!(decode("").as_deref(), Some(&b""[..]));
        assert_eq!(decode("AA==").as_deref(), Some(&[0][..]));
        for odd in
            ["A", "AA", "AAA", "AA=", "A===", "AAAA=", "AB==", "AAB=", "AA==AA==", "AA AA", "=", "AA-_", "é"]
        {
            assert_eq!(decode(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn what_decodes_is_what_would_be_encoded(text in "[A-Da-d+/=]{0,12}") {
            if let Some(octets) = decode(&text) {
                prop_assert_eq!(&*encode(&octets), &text);
            }
        }
    }
}
