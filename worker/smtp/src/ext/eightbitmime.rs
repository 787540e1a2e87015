//! 8BITMIME, RFC 6152: content with octets above 127.

use super::set::Extension;
use super::{EhloFacts, Keyword, no_value};
use crate::envelope::{Body, Envelope};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "8BITMIME", extension: Extension::EightBitMime, read: no_value };

/// `BODY=` with MAIL, where the sender declared something.
pub(crate) fn mail_parameter(facts: &EhloFacts, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if facts.offers(Extension::EightBitMime) {
        out.extend_from_slice(match envelope.body {
            Body::Undeclared | Body::Converted => b"",
            Body::SevenBit => b" BODY=7BIT",
            Body::EightBitMime => b" BODY=8BITMIME",
        });
    }
}
