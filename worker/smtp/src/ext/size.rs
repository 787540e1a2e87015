//! SIZE, RFC 1870: the server's limit, and the message's size with MAIL.

use super::set::Extension;
use super::{EhloFacts, Keyword, Remark};
use crate::envelope::{Body, Envelope};

pub(super) const KEYWORD: Keyword = Keyword { word: "SIZE", extension: Extension::Size, read };

/// No number and 0 both mean no fixed limit (RFC 1870 §4); a number too large to count is as good as none.
fn read(facts: &mut EhloFacts, value: &str, remarks: &mut Vec<Remark>) {
    let number = value.split_ascii_whitespace().next().unwrap_or_default();
    if number.bytes().any(|octet| !octet.is_ascii_digit()) {
        remarks.push(Remark::BadSizeLimit(number.to_owned()));
        return;
    }
    // All digits: what does not parse is empty or beyond u64.
    facts.size_limit = number.parse().ok().filter(|limit| *limit > 0);
}

/// The limit that a message of `size` octets exceeds.
pub(crate) fn exceeded(facts: &EhloFacts, size: u64) -> Option<u64> {
    facts.size_limit.filter(|limit| size > *limit)
}

/// `SIZE=n` with MAIL, where the size is known.
pub(crate) fn mail_parameter(facts: &EhloFacts, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if facts.offers(Extension::Size) && envelope.body != Body::Converted {
        out.extend_from_slice(b" SIZE=");
        out.extend_from_slice(envelope.size.to_string().as_bytes());
    }
}
