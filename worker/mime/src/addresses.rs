//! Addresses in the message's own headers, rewritten by whoever knows how (`smtp_generic_maps`).
//!
//! Comments, phrases and groups stay. A header without an address that changes stays as it is, octet by octet; one that
//! changes is wrapped anew as in Postfix: one address after the other on lines shorter than 70, continued with a tab.

mod list;
mod mailbox;
mod wrap;

use crate::editor::Editor;
use crate::header::{Block, Header, LineEnd};

/// Why an address could not be rewritten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError<E> {
    /// Whoever rewrites could not say.
    #[error("{0}")]
    Lookup(E),
    /// The operator's fault: the answer would break the header.
    #[error("the rewritten form of {address:?} has control characters: {answer:?}")]
    ControlCharacters {
        /// What was asked.
        address: String,
        /// What was answered.
        answer: String,
    },
    /// The operator's fault: the answer is none.
    #[error("the rewritten form of {address:?} is no address: {answer:?}")]
    NoAddress {
        /// What was asked.
        address: String,
        /// What was answered.
        answer: String,
    },
}

/// The headers with addresses of senders and recipients.
const NAMES: [&str; 18] = [
    "Apparently-To",
    "Bcc",
    "Cc",
    "Disposition-Notification-To",
    "Errors-To",
    "From",
    "Mail-Followup-To",
    "Reply-To",
    "Resent-Bcc",
    "Resent-Cc",
    "Resent-From",
    "Resent-Reply-To",
    "Resent-Sender",
    "Resent-To",
    "Return-Path",
    "Return-Receipt-To",
    "Sender",
    "To",
];

/// Whether addresses in this header are rewritten: those of the list, among the message's own headers.
#[must_use]
pub fn is_rewritten(header: &Header<'_>) -> bool {
    header.block == Block::Message && NAMES.iter().any(|name| header.is(name))
}

/// The header as it is to be written, if an address in it changes.
///
/// # Errors
/// An address could not be rewritten.
pub fn rewrite<A: Editor>(
    header: &Header<'_>,
    addresses: &mut A,
) -> Result<Option<Vec<u8>>, RewriteError<A::Error>> {
    if !is_rewritten(header) {
        return Ok(None);
    }
    let value = unfolded(header.value());
    let mut tokens = list::tokens(&value);
    let mut search = mailbox::Search::default();
    let mut changed = false;
    while let Some(found) = search.next(&tokens) {
        if let Some(new) = ask(&found.address, addresses)? {
            found.replace(&new, &mut tokens);
            changed = true;
        }
    }
    let end = header.end.unwrap_or_else(|| first_end(header.raw));
    let lines = || wrap::wrapped(header.name(), &tokens, end, header.end.is_some());
    Ok(changed.then(lines))
}

/// The new form, if there is one and it differs.
fn ask<A: Editor>(address: &str, addresses: &mut A) -> Result<Option<String>, RewriteError<A::Error>> {
    let Some(answer) = addresses.rewrite(address).map_err(RewriteError::Lookup)? else { return Ok(None) };
    let address = address.to_owned();
    if answer.contains(char::is_control) {
        return Err(RewriteError::ControlCharacters { address, answer });
    }
    match mailbox::first(&list::tokens(answer.as_bytes())) {
        Some(new) => Ok((new != address).then_some(new)),
        None => Err(RewriteError::NoAddress { address, answer }),
    }
}

/// The first address of a list, in the form that a header has.
#[must_use]
pub fn first_address(list: &str) -> Option<String> {
    mailbox::first(&list::tokens(list.as_bytes()))
}

/// An address in the form that an envelope has: its local part without quotes. `None` if that cannot be written.
#[must_use]
pub fn without_quotes(address: &str) -> Option<String> {
    with_local(address, |local| mailbox::unquoted(local.as_bytes()))
}

/// An address in the form that a header has: its local part quoted where it must be.
#[must_use]
pub fn with_quotes(address: &str) -> String {
    with_local(address, |local| Some(mailbox::quoted(local))).unwrap_or_default()
}

fn with_local(address: &str, change: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (local, domain) = address.split_at(address.rfind('@').unwrap_or(address.len()));
    Some(change(local)? + domain)
}

/// The value without the ends of its lines.
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines = value.split(|octet| *octet == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let flat = lines.collect::<Vec<_>>().concat();
    flat.into_iter().map(|octet| if octet == b'\r' { b' ' } else { octet }).collect()
}

fn first_end(raw: &[u8]) -> LineEnd {
    match memchr::memchr(b'\n', raw) {
        Some(at) if at == 0 || raw.get(at - 1) != Some(&b'\r') => LineEnd::Lf,
        Some(_) | None => LineEnd::CrLf,
    }
}

#[cfg(test)]
mod tests;
