//! Headers that the last hop before a mail store puts in front of a message, and the loop that one of them shows.
//! Postfix's `flags=DOR`.

use super::Delivery;
use super::outgoing::failed;
use super::recipients::Failure;
use proto::job::Recipient;
use smtp::Abort;
use std::io;

/// How much of a message is looked at for its headers.
const MOST_HEADERS: usize = 1024 * 1024;
/// What of a line is looked at.
const LONGEST_LINE: usize = 2048;

/// Why a request cannot be carried at all, whatever the server: recipients that need messages of their own came
/// together, or the message was at its recipient before.
pub(super) fn obstacle(delivery: &Delivery<'_>) -> Option<Failure> {
    let flags = delivery.context.flags;
    let open = delivery.left.left();
    if flags.by_recipient() && open.len() > 1 {
        let service = &delivery.context.service;
        let flag = if flags.delivered_to { 'D' } else { 'O' };
        tracing::warn!("flag `{flag}' requires {service}_destination_recipient_limit = 1");
        return Some(Failure::new("4.3.5", "mail system configuration error"));
    }
    let recipient = delivery.left.at(*open.first()?).filter(|_| flags.delivered_to)?;
    match was_there(delivery, recipient) {
        Ok(false) => None,
        Ok(true) => Some(Failure::new("5.4.6", format!("mail forwarding loop for {}", recipient.address))),
        Err(_) => Some(Failure::new("4.3.0", "local data error while looking for a mail loop")),
    }
}

/// The headers for the one recipient that is left, in Postfix's order, with CRLF. Addresses are as generic maps say; where
/// `filter` rewrites headers, Return-Path is left to it.
pub(super) fn headers(delivery: &Delivery<'_>, open: &[usize]) -> Result<Vec<u8>, Abort> {
    let flags = delivery.context.flags;
    let mut headers = String::new();
    if flags.return_path {
        // Headers of this name are rewritten with all others.
        headers.push_str(&format!("Return-Path: <{}>\r\n", shown(&delivery.request.sender)));
    }
    let Some(recipient) = open.first().and_then(|at| delivery.left.at(*at)) else {
        return Ok(headers.into_bytes());
    };
    let Recipient { address, original, .. } = recipient;
    if flags.original_to {
        let original = if original.is_empty() { address } else { original };
        headers.push_str(&format!("X-Original-To: {}\r\n", rewritten(delivery, original)?));
    }
    if flags.delivered_to {
        headers.push_str(&format!("Delivered-To: {}\r\n", rewritten(delivery, address)?));
    }
    Ok(headers.into_bytes())
}

fn rewritten(delivery: &Delivery<'_>, address: &str) -> Result<String, Abort> {
    let Some(generic) = &delivery.context.generic else { return Ok(shown(address)) };
    let new = generic.rewrite(address).map_err(|error| failed(delivery, &error))?;
    Ok(shown(new.as_deref().unwrap_or(address)))
}

/// As a header has it; nothing in an address ends a line.
fn shown(address: &str) -> String {
    if address.is_empty() {
        return String::new();
    }
    mime::with_quotes(address).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

fn was_there(delivery: &Delivery<'_>, recipient: &Recipient) -> Result<bool, Abort> {
    let own = rewritten(delivery, &recipient.address)?.to_lowercase();
    delivered_to(delivery)
        .map(|all| all.contains(&own))
        .map_err(|error| super::outgoing::unreadable(delivery, &error))
}

/// The values of the message's own Delivered-To headers, in lower case.
fn delivered_to(delivery: &Delivery<'_>) -> io::Result<Vec<String>> {
    let mut reader = delivery.mail.reader();
    let mut lines = HeaderLines::default();
    let mut seen = 0;
    while !lines.ended && seen < MOST_HEADERS {
        let Some(chunk) = reader.next_chunk()? else { break };
        seen += chunk.len();
        lines.feed(chunk);
    }
    Ok(lines.found)
}

/// Delivered-To headers of a text that comes in pieces.
#[derive(Debug, Default)]
struct HeaderLines {
    line: Vec<u8>,
    found: Vec<String>,
    ended: bool,
}

impl HeaderLines {
    fn feed(&mut self, chunk: &[u8]) {
        for octet in chunk {
            match octet {
                _ if self.ended => return,
                b'\n' => self.end_line(),
                octet if self.line.len() < LONGEST_LINE => self.line.push(*octet),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        self.ended = text.is_empty();
        if let Some((name, value)) = text.split_once(':')
            && name.trim_end().eq_ignore_ascii_case("delivered-to")
        {
            self.found.push(value.trim_start().to_lowercase());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_however_the_text_is_cut_and_the_body_is_not_looked_at() {
        let text = b"Delivered-To: A@x\r\nSubject: Delivered-To: no@x\r\n folded: y\r\ndelivered-TO:b@x\r\n\r\nDelivered-To: no@x\r\n";
        for size in [1, 7, text.len()] {
            let mut lines = HeaderLines::default();
            text.chunks(size).for_each(|chunk| lines.feed(chunk));
            assert_eq!(lines.found, ["a@x", "b@x"]);
        }
    }

    #[test]
    fn an_address_never_ends_a_line() {
        assert_eq!(shown("a\r\nBcc: x@d"), mime::with_quotes("a\r\nBcc: x@d").replace(['\r', '\n'], "?"));
        assert_eq!(shown(""), "");
        assert_eq!(shown("a b@d.test"), "\"a b\"@d.test");
    }
}
