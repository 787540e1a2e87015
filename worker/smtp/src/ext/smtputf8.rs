//! SMTPUTF8, RFC 6531: addresses and headers in UTF-8.

use super::set::Extension;
use super::{Discard, EhloFacts, Keyword, Remark, no_value};
use crate::envelope::{Envelope, Utf8};

pub(super) const KEYWORD: Keyword =
    Keyword { word: "SMTPUTF8", extension: Extension::SmtpUtf8, read: no_value };

/// A server with SMTPUTF8 must offer 8BITMIME, RFC 6531 §3.1 item 8.
pub(super) fn requires_eight_bit(facts: &mut EhloFacts, discard: &Discard, remarks: &mut Vec<Remark>) {
    if facts.offers(Extension::SmtpUtf8)
        && !facts.offers(Extension::EightBitMime)
        && !discard.contains(Extension::EightBitMime)
    {
        remarks.push(Remark::Utf8WithoutEightBit);
        facts.extensions.insert(Extension::EightBitMime);
    }
}

/// `SMTPUTF8` with MAIL, where the sender asked for it, needed or not.
pub(crate) fn mail_parameter(facts: &EhloFacts, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if facts.offers(Extension::SmtpUtf8) && envelope.utf8 != Utf8::NotAsked {
        out.extend_from_slice(b" SMTPUTF8");
    }
}
