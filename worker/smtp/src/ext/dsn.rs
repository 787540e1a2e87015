//! DSN, RFC 3461: who wants to hear what, passed on to a server that understands it.

use super::set::Extension;
use super::{EhloFacts, Keyword, no_value};
use crate::address::{Alphabet, Mailbox, Quoting};
use crate::envelope::{Envelope, Notify, Recipient, Ret, Utf8};
use crate::xtext;

pub(super) const KEYWORD: Keyword = Keyword { word: "DSN", extension: Extension::Dsn, read: no_value };

/// RFC 3461 §4.4: the longest ENVID, as sent.
const LONGEST_ENVID: usize = 100;
/// RFC 3461 §4.2: the longest ORCPT, as sent.
const LONGEST_ORCPT: usize = 500;

/// `ENVID=` and `RET=` with MAIL.
pub(crate) fn mail_parameter(facts: &EhloFacts, envelope: &Envelope<'_>, out: &mut Vec<u8>) {
    if !facts.offers(Extension::Dsn) {
        return;
    }
    if let Some(envid) = envelope.envid.filter(|envid| !envid.is_empty()) {
        append_bounded(out, b" ENVID=", LONGEST_ENVID, |out| xtext::append(out, envid));
    }
    match envelope.ret {
        Some(Ret::Full) => out.extend_from_slice(b" RET=FULL"),
        Some(Ret::Hdrs) => out.extend_from_slice(b" RET=HDRS"),
        None => {}
    }
}

/// `ORCPT=` and `NOTIFY=` with RCPT.
pub(crate) fn rcpt_parameter(
    facts: &EhloFacts,
    envelope: &Envelope<'_>,
    recipient: &Recipient<'_>,
    out: &mut Vec<u8>,
) {
    if !facts.offers(Extension::Dsn) {
        return;
    }
    match recipient.orcpt {
        Some(stored) => append_stored(stored, out),
        None => append_original(envelope.utf8, recipient.original, out),
    }
    if let Some(notify) = recipient.notify {
        append_notify(notify, out);
    }
}

/// `type;value` as the sender gave it, decoded. What is not of that form is not passed on.
fn append_stored(stored: &str, out: &mut Vec<u8>) {
    let Some((kind, value)) = stored.split_once(';') else { return };
    if kind.is_empty() || !kind.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-') {
        return;
    }
    append_bounded(out, b" ORCPT=", LONGEST_ORCPT, |out| {
        out.extend_from_slice(kind.as_bytes());
        out.push(b';');
        if kind.eq_ignore_ascii_case("utf-8") {
            xtext::append_unicode(out, value)
        } else {
            xtext::append(out, value)
        }
    });
}

/// The address before rewriting, when the sender said nothing. RFC 6533 §3 for addresses in UTF-8.
fn append_original(utf8: Utf8, original: &str, out: &mut Vec<u8>) {
    let alphabet = Alphabet::for_sender_that(utf8);
    let Ok(mailbox) = Mailbox::parse(original, Quoting::Rfc5321, alphabet) else { return };
    let mut quoted = Vec::with_capacity(original.len() + 2);
    mailbox.append(&mut quoted);
    let quoted = String::from_utf8_lossy(&quoted);
    append_bounded(out, b" ORCPT=", LONGEST_ORCPT, |out| {
        if utf8 != Utf8::NotAsked && !quoted.is_ascii() {
            out.extend_from_slice(b"utf-8;");
            xtext::append_unicode(out, &quoted);
        } else {
            out.extend_from_slice(b"rfc822;");
            xtext::append(out, &quoted);
        }
    });
}

fn append_notify(notify: Notify, out: &mut Vec<u8>) {
    out.extend_from_slice(b" NOTIFY=");
    let wanted = [(notify.success, "SUCCESS"), (notify.failure, "FAILURE"), (notify.delay, "DELAY")];
    let words: Vec<&str> = wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, word)| *word).collect();
    let words = if words.is_empty() { "NEVER".into() } else { words.join(",") };
    out.extend_from_slice(words.as_bytes());
}

/// A parameter that is left out when its value would be longer than its RFC allows.
fn append_bounded(out: &mut Vec<u8>, name: &[u8], longest: usize, value: impl FnOnce(&mut Vec<u8>)) {
    let before = out.len();
    out.extend_from_slice(name);
    let begin = out.len();
    value(out);
    if out.len() - begin > longest {
        out.truncate(before);
    }
}
