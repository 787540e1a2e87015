//! What a server says in SCRAM, read without trust. RFC 5802 §5.1 and §7.

use crate::base64;
use crate::failure::{Fault, MOST_ITERATIONS};
use crate::mechanism::Mechanism;

/// `server-first-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct First<'a> {
    /// All of it, for the signatures.
    pub(super) text: &'a str,
    /// Ours and theirs.
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

/// `server-final-message`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Final {
    /// To be compared with what we expect.
    Signature(Vec<u8>),
    /// Some error: the password is wrong, say.
    Error,
}

impl<'a> First<'a> {
    /// Extensions that may be ignored are ignored.
    pub(super) fn parse(message: &'a [u8], ours: &str, mechanism: Mechanism) -> Result<Self, Fault> {
        let malformed = Fault::Malformed(mechanism);
        let text = std::str::from_utf8(message).map_err(|_| malformed)?;
        let mut attributes = text.split(',');
        let mut next = |key| attributes.next().and_then(|attribute| attribute.strip_prefix(key));
        if text.starts_with("m=") {
            return Err(Fault::Extension);
        }
        let nonce = next("r=").ok_or(malformed)?;
        if nonce.strip_prefix(ours).is_none_or(str::is_empty) {
            return Err(Fault::ForeignNonce);
        }
        if !nonce.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(malformed);
        }
        let salt = next("s=").and_then(base64::decode).ok_or(malformed)?;
        if salt.is_empty() {
            return Err(malformed);
        }
        let iterations = iterations(next("i=").ok_or(malformed)?).ok_or(malformed)?;
        if !(1..=MOST_ITERATIONS).contains(&iterations) {
            return Err(Fault::Iterations);
        }
        Ok(Self { text, nonce, salt, iterations })
    }
}

/// A number without sign; what does not fit is more than may be.
fn iterations(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}

impl Final {
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let first = text.split(',').next()?;
        if first.starts_with("e=") {
            return Some(Self::Error);
        }
        base64::decode(first.strip_prefix("v=")?).map(Self::Signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MALFORMED: Fault = Fault::Malformed(Mechanism::ScramSha256);

    fn parse(text: &str) -> Result<First<'_>, Fault> {
        First::parse(text.as_bytes(), "abc", Mechanism::ScramSha256)
    }

    #[test]
    fn a_first_message_within_bounds_is_read() {
        let read = parse("r=abcX,s=AAEC,i=1000000,x=ignored").unwrap();
        assert_eq!((read.nonce, read.salt.as_slice(), read.iterations), ("abcX", &[0, 1, 2][..], 1_000_000));
        assert_eq!(parse("r=abcX,s=AAEC,i=1").unwrap().iterations, 1);
    }

    #[test]
    fn every_other_first_message_is_a_fault() {
        let table = [
            ("", MALFORMED),
            ("r=abcX", MALFORMED),
            ("r=abcX,s=AAEC", MALFORMED),
            ("s=AAEC,r=abcX,i=1", MALFORMED),
            ("r=abcX,s=AAE,i=1", MALFORMED),
            ("r=abcX,s=,i=1", MALFORMED),
            ("r=abc\u{7f}X,s=AAEC,i=1", MALFORMED),
            ("r=abcé,s=AAEC,i=1", MALFORMED),
            ("r=abcX,s=AAEC,i=", MALFORMED),
            ("r=abcX,s=AAEC,i=-1", MALFORMED),
            ("r=abcX,s=AAEC,i=+1", MALFORMED),
            ("r=abc,s=AAEC,i=1", Fault::ForeignNonce),
            ("r=abX,s=AAEC,i=1", Fault::ForeignNonce),
            ("r=,s=AAEC,i=1", Fault::ForeignNonce),
            ("r=Xabc,s=AAEC,i=1", Fault::ForeignNonce),
            ("r=abcX,s=AAEC,i=0", Fault::Iterations),
            ("r=abcX,s=AAEC,i=1000001", Fault::Iterations),
            ("r=abcX,s=AAEC,i=99999999999999999999", Fault::Iterations),
            ("m=new,r=abcX,s=AAEC,i=1", Fault::Extension),
        ];
        for (text, fault) in table {
            assert_eq!(parse(text), Err(fault), "{text}");
        }
        assert_eq!(First::parse(b"r=abc\xff,s=AAEC,i=1", "abc", Mechanism::ScramSha256), Err(MALFORMED));
    }

    #[test]
    fn a_final_message_is_a_signature_or_an_error() {
        assert_eq!(Final::parse(b"v=AAEC,x=y"), Some(Final::Signature(vec![0, 1, 2])));
        assert_eq!(Final::parse(b"e=invalid-proof"), Some(Final::Error));
        for odd in [&b""[..], b"v", b"v=AAE", b"x=AAEC", b"\xff", b"AAEC"] {
            assert_eq!(Final::parse(odd), None);
        }
    }

    proptest! {
        #[test]
        fn no_message_is_read_with_a_foreign_nonce_or_a_count_out_of_bounds(
            message in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..80),
                "r=(abc)?[ -~]{0,8},s=[A-Za-z0-9+/=]{0,8},i=[0-9]{0,9}".prop_map(String::into_bytes),
            ]
        ) {
            if let Ok(read) = First::parse(&message, "abc", Mechanism::ScramSha256) {
                prop_assert!(read.nonce.len() > 3 && read.nonce.starts_with("abc"));
                prop_assert!((1..=MOST_ITERATIONS).contains(&read.iterations));
            }
            let _ = Final::parse(&message);
        }
    }
}
